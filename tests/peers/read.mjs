// Reads length-prefixed messages as a Node peer does and answers each with one
// line: what it took method, id, name, uri and arguments to be, in the form
// that tests/differential/digest.rs describes, or `!` where it refuses.
import { readSync, writeSync } from "node:fs";

function canon(value) {
  if (value === null) return "n";
  if (value === true) return "t";
  if (value === false) return "f";
  if (typeof value === "number") {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleBE(value + 0);
    return `d${bytes.toString("hex")}`;
  }
  if (typeof value === "string") return `s${Buffer.from(value).toString("hex")}`;
  if (Array.isArray(value)) return `[${value.map(canon).join(",")}]`;
  const members = Object.keys(value).map((key) => [Buffer.from(key).toString("hex"), canon(value[key])]);
  members.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, of]) => `${key}:${of}`).join(",")}}`;
}

const part = (value) => (value === undefined || value === null ? "-" : canon(value));

function digest(text) {
  let message;
  try {
    message = JSON.parse(text);
  } catch {
    return "!";
  }
  if (typeof message !== "object" || message === null || Array.isArray(message)) return "!";
  const { method, id, params } = message;
  return [method, id, params?.name, params?.uri, params?.arguments].map(part).join("|");
}

function exactly(length) {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; ) {
    const read = readSync(0, bytes, at, length - at);
    if (read === 0) process.exit(0);
    at += read;
  }
  return bytes;
}

for (;;) {
  const bytes = exactly(exactly(4).readUInt32BE());
  writeSync(1, `${digest(bytes.toString("utf8"))}\n`);
}
