// Plays a scenario with a TypeScript SDK as client and prints what it saw.
//
//   node drive.mjs PEERS MAJOR SCENARIO -- COMMAND ARG...
//   node drive.mjs PEERS MAJOR SCENARIO -- URL
//
// PEERS is the directory with node_modules, MAJOR the SDK's (1, 2, or 2-legacy
// for the second one without probing), SCENARIO
// a JSON file (see tests/e2e/scenario.rs). The transcript goes to stdout as
// JSON: what the server said of itself, one entry per step, and by method all
// that the server sent on its own.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const [peers, major, file, dashes, command, ...args] = process.argv.slice(2);
if (dashes !== "--" || !command) throw new Error("usage: drive.mjs PEERS MAJOR SCENARIO -- COMMAND ARG...");
const require = createRequire(join(peers, "package.json"));
const scenario = JSON.parse(readFileSync(file, "utf8"));

const received = {};
const waiting = [];
const seen = (method) => received[method]?.length ?? 0;

function note(method, params) {
  (received[method] ??= []).push(params ?? null);
  for (const { method, count, resolve } of waiting) if (seen(method) >= count) resolve();
}

function until(method, count) {
  if (seen(method) >= count) return undefined;
  return new Promise((resolve) => waiting.push({ method, count, resolve }));
}

function capabilities() {
  const answers = scenario.answers ?? {};
  return {
    ...(answers["sampling/createMessage"] && { sampling: {} }),
    ...(answers["elicitation/create"] && { elicitation: {} }),
    ...(answers["roots/list"] && { roots: { listChanged: true } }),
  };
}

const info = { name: "drive", version: "1.0.0" };
const server = { command, args, env: process.env, stderr: "inherit" };
const remote = /^https?:/.test(command) && new URL(command);

// What differs between the SDK's two generations.
function sdk1() {
  const { Client } = require("@modelcontextprotocol/sdk/client/index.js");
  const { StdioClientTransport } = require("@modelcontextprotocol/sdk/client/stdio.js");
  const { ResultSchema } = require("@modelcontextprotocol/sdk/types.js");
  const client = new Client(info, { capabilities: capabilities() });
  const { StreamableHTTPClientTransport } = require("@modelcontextprotocol/sdk/client/streamableHttp.js");
  const { SSEClientTransport } = require("@modelcontextprotocol/sdk/client/sse.js");
  const Http = remote?.pathname?.startsWith("/sse") ? SSEClientTransport : StreamableHTTPClientTransport;
  const transport = remote ? new Http(remote) : new StdioClientTransport(server);
  return { client, transport, any: ResultSchema };
}

function sdk2() {
  const { Client, StreamableHTTPClientTransport } = require("@modelcontextprotocol/client");
  const { StdioClientTransport } = require("@modelcontextprotocol/client/stdio");
  const probing = major === "2" && { versionNegotiation: { mode: scenario.mode ?? "auto" } };
  const client = new Client(info, { capabilities: capabilities(), ...probing });
  const any = { "~standard": { version: 1, vendor: "drive", validate: (value) => ({ value }) } };
  const transport = remote ? new StreamableHTTPClientTransport(remote) : new StdioClientTransport(server);
  return { client, transport, any };
}

const { client, transport, any } = major === "1" ? sdk1() : sdk2();

client.fallbackNotificationHandler = async ({ method, params }) => note(method, params);
client.fallbackRequestHandler = async ({ method, params }) => {
  note(method, params);
  const answer = scenario.answers?.[method];
  if (!answer) throw new Error(`no answer to ${method} in the scenario`);
  return answer;
};

// In the modern era the SDK asks for a handler of that very method.
if (scenario.mode) {
  for (const method of Object.keys(scenario.answers ?? {})) {
    client.setRequestHandler(method, ({ params }) => client.fallbackRequestHandler({ method, params }));
  }
}

async function request(step) {
  const entry = { request: step.request };
  const abort = new AbortController();
  const options = { signal: abort.signal };
  if (step.progress || step.cancel_at) {
    entry.progress = [];
    options.onprogress = (told) => {
      if (abort.signal.aborted) return;
      entry.progress.push(told);
      if (step.cancel_at === entry.progress.length) abort.abort("enough");
    };
  }
  const ask = (params) => client.request({ method: step.request, params }, any, options);
  try {
    const pages = [await ask(step.params)];
    while (step.pages && pages.at(-1).nextCursor) {
      pages.push(await ask({ ...step.params, cursor: pages.at(-1).nextCursor }));
    }
    entry.result = step.pages ? pages : pages[0];
  } catch (error) {
    entry.error = { code: error.code ?? error.name, message: error.message ?? String(error), data: error.data };
  }
  return entry;
}

async function play(step) {
  if (step.request) return request(step);
  if (step.wait) return until(step.wait, step.count ?? 1);
  if (step.notify) return client.notification({ method: step.notify, params: step.params });
  if (step.sleep) return new Promise((resolve) => setTimeout(resolve, step.sleep));
  throw new Error(`no such step: ${JSON.stringify(step)}`);
}

await client.connect(transport);
const steps = [];
for (const step of scenario.steps) {
  const late = setTimeout(() => {
    console.error(`drive.mjs: stuck at ${JSON.stringify(step)}; received ${JSON.stringify(Object.keys(received))}`);
    process.exit(3);
  }, 20_000);
  const entry = await play(step);
  clearTimeout(late);
  if (step.request) steps.push(entry);
}
const about = {
  info: client.getServerVersion(),
  capabilities: client.getServerCapabilities(),
  instructions: client.getInstructions(),
};
if (remote) await transport.terminateSession?.();
await client.close();
delete received["notifications/progress"];
console.log(JSON.stringify({ about, steps, received }));
