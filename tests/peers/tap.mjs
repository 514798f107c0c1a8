// A tee on stdio: starts COMMAND and records the exact bytes that it receives
// and sends, before they are passed on. Each start gets files of its own.
//
//   node tap.mjs PREFIX -- COMMAND ARG...   ->   PREFIX.0.in  PREFIX.0.out
import { spawn } from "node:child_process";
import { openSync, writeSync } from "node:fs";

const [prefix, dashes, command, ...args] = process.argv.slice(2);
if (dashes !== "--" || !command) throw new Error("usage: tap.mjs PREFIX -- COMMAND ARG...");

function open() {
  for (let start = 0; ; start++) {
    try {
      return [openSync(`${prefix}.${start}.in`, "wx"), openSync(`${prefix}.${start}.out`, "w")];
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
  }
}

function record(file, chunk) {
  for (let at = 0; at < chunk.length; ) at += writeSync(file, chunk, at);
}

function tee(from, to, file) {
  from.on("data", (chunk) => {
    record(file, chunk);
    if (!to.write(chunk)) {
      from.pause();
      to.once("drain", () => from.resume());
    }
  });
  from.on("end", () => to.end());
  // Whoever reads may be gone first; the record is what counts.
  to.on("error", () => {});
  from.on("error", () => {});
}

const [input, output] = open();
const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
tee(process.stdin, child.stdin, input);
tee(child.stdout, process.stdout, output);
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("error", (error) => {
  console.error(`tap: cannot start ${command}: ${error.message}`);
  process.exit(127);
});
child.on("close", (code) => process.exit(code ?? 1));
