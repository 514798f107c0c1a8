// The client that the official conformance suite wants to meet, on the
// TypeScript SDK, directly or through a program that stands in between:
//
//   node conform.mjs PEERS URL
//   node conform.mjs PEERS -- COMMAND ARG... URL
//   node conform.mjs PEERS --serve COMMAND ARG... URL
//
// The suite appends URL, and names the scenario and the revision in the
// environment. With COMMAND, the client starts that and speaks to it on stdio,
// or over HTTP at the address that COMMAND prints.
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [peers, ...rest] = process.argv.slice(2);
const [kind, command, ...args] = rest;
const require = createRequire(join(peers, "package.json"));
const { Client, StreamableHTTPClientTransport } = require("@modelcontextprotocol/client");
const { StdioClientTransport } = require("@modelcontextprotocol/client/stdio");

const scenario = process.env.MCP_CONFORMANCE_SCENARIO;
const modern = process.env.MCP_CONFORMANCE_PROTOCOL_VERSION === "2026-07-28";
const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? "{}");
const info = { name: "conform", version: "1.0.0" };

let server;

function served() {
  server?.kill();
  server = spawn(command, args, { stdio: ["ignore", "inherit", "pipe"] });
  return new Promise((resolve, reject) => {
    let said = "";
    server.stderr.on("data", (chunk) => {
      process.stderr.write(chunk);
      said += chunk;
      const found = /listening on (http\S+)/.exec(said);
      if (found) resolve(`${found[1]}/mcp`);
    });
    server.on("exit", () => reject(new Error(`${command} has ended`)));
  });
}

async function way() {
  if (kind === "--") return new StdioClientTransport({ command, args, env: process.env, stderr: "inherit" });
  const url = kind === "--serve" ? await served() : kind;
  return new StreamableHTTPClientTransport(new URL(url));
}

// Some of the suite's servers speak 2026-07-28 but do not know
// `server/discover`: for those it is answered here.
function discovered(transport) {
  const send = transport.send.bind(transport);
  const capabilities = { tools: {}, resources: {}, prompts: {} };
  transport.send = async (message, options) => {
    if (message.method !== "server/discover") return send(message, options);
    const _meta = { "io.modelcontextprotocol/serverInfo": info };
    const result = { resultType: "complete", supportedVersions: ["2026-07-28"], capabilities, _meta };
    transport.onmessage({ jsonrpc: "2.0", id: message.id, result });
  };
  return transport;
}

async function connected(capabilities, { discover, era = modern } = {}) {
  const client = new Client(info, { capabilities, ...(era && { versionNegotiation: { mode: "auto" } }) });
  if (capabilities.elicitation) {
    const content = scenario.includes("defaults") ? {} : { confirmed: true };
    client.setRequestHandler("elicitation/create", async () => ({ action: "accept", content }));
  }
  const transport = await way();
  await client.connect(discover ? discovered(transport) : transport);
  return client;
}

async function callAll(client, calls) {
  const { tools } = await client.listTools();
  for (const call of calls(tools)) {
    await client.callTool(call).catch((error) => console.error(`${call.name}: ${error.message}`));
  }
}

const scenarios = {
  async initialize() {
    const client = await connected({});
    await client.listTools();
    return client;
  },
  async tools_call() {
    const client = await connected({});
    await callAll(client, () => [{ name: "add_numbers", arguments: { a: 5, b: 3 } }]);
    return client;
  },
  async "elicitation-sep1034-client-defaults"() {
    const client = await connected({ elicitation: { form: { applyDefaults: true } } });
    await callAll(client, () => [{ name: "test_client_elicitation_defaults", arguments: {} }]);
    return client;
  },
  async "sse-retry"() {
    const client = await connected({});
    await callAll(client, () => [{ name: "test_reconnection", arguments: {} }]);
    return client;
  },
  async "request-metadata"() {
    return connected({ roots: { listChanged: true }, sampling: {}, elicitation: {} }, { era: true });
  },
  async "http-standard-headers"() {
    const client = await connected({}, { discover: true, era: true });
    await callAll(client, ([tool]) => [{ name: tool.name, arguments: {} }]);
    const { resources } = await client.listResources();
    await client.readResource({ uri: resources[0].uri });
    const { prompts } = await client.listPrompts();
    await client.getPrompt({ name: prompts[0].name, arguments: {} });
    return client;
  },
  async "http-custom-headers"() {
    const client = await connected({}, { discover: true, era: true });
    await callAll(client, () => context.toolCalls);
    return client;
  },
  async "http-invalid-tool-headers"() {
    const client = await connected({}, { discover: true, era: true });
    await callAll(client, (tools) => tools.map(({ name }) => ({ name, arguments: { region: "us-west1" } })));
    return client;
  },
  async "sep-2322-client-request-state"() {
    const client = await connected({ elicitation: {} }, { discover: true, era: true });
    const names = ["echo_state", "no_state", "unrelated", "no_result_type"];
    await callAll(client, () => names.map((name) => ({ name: `test_mrtr_${name}`, arguments: {} })));
    return client;
  },
  async "json-schema-ref-no-deref"() {
    const client = await connected({}, { era: false });
    await client.listTools();
    return client;
  },
  async "json-schema-2020-12-preservation"() {
    const client = await connected({});
    await callAll(client, (tools) => {
      const schema = tools.find(({ name }) => name === "json_schema_2020_12_tool").inputSchema;
      return [{ name: "json_schema_echo", arguments: { schema } }];
    });
    return client;
  },
};

// What the operator of lockgate would write into the policy by hand.
async function written() {
  const config = args[args.indexOf("--config") + 1];
  let policy = readFileSync(config, "utf8");
  if (policy.includes("ISSUER")) {
    const metadata = new URL("/.well-known/oauth-protected-resource/mcp", args.at(-1));
    const { authorization_servers } = await (await fetch(metadata)).json();
    policy = policy.replaceAll("ISSUER", authorization_servers[0]);
  }
  writeFileSync(config, policy.replaceAll("CLIENT_ID", context.client_id));
  if (context.client_secret) process.env.CLIENT_SECRET = context.client_secret;
  if (context.private_key_pem) process.env.PRIVATE_KEY = context.private_key_pem;
  return config;
}

// `lockgate login`, and a browser in which everybody says yes.
async function login(config) {
  const words = ["login", "--no-browser", "--config", config, "--url", args.at(-1), "reference"];
  const process = spawn(command, words, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => process.on("exit", resolve));
  let said = "";
  for await (const chunk of process.stdout) {
    said += chunk;
    if (said.endsWith("\n")) await fetch(said.trim()).then((page) => page.text());
  }
  if ((await ended) !== 0) throw new Error("nobody is logged in");
}

// Logs in, and again whenever lockgate says that it takes that, but not for ever.
async function loggedIn() {
  const config = await written();
  const byHand = readFileSync(config, "utf8").includes("login = true");
  if (byHand) await login(config);
  const done = async (work, left) => {
    try {
      return await work();
    } catch (error) {
      if (!byHand || !left || !error.message.includes("lockgate login")) throw error;
      await login(config);
      return done(work, left - 1);
    }
  };
  const client = await done(() => connected({}), 2);
  await done(() => client.listTools(), 2);
  await done(() => client.callTool({ name: "test-tool", arguments: {} }), 2);
  return client;
}

try {
  const client = scenario.startsWith("auth/") ? await loggedIn() : await scenarios[scenario]();
  await client.transport.terminateSession?.();
  await client.close();
} finally {
  server?.kill();
}
