// A benign server whose lists come in pages: none of the published servers
// that the tests run has more than one page. Seven tools, five resources, five
// prompts, two to a page; cursors are opaque to the client.
//
//   node pages.mjs PEERS        (PEERS: the directory with node_modules)
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.argv[2], "package.json"));
const { Server } = require("@modelcontextprotocol/sdk/server/index.js");
const { StdioServerTransport } = require("@modelcontextprotocol/sdk/server/stdio.js");
const types = require("@modelcontextprotocol/sdk/types.js");

const PER_PAGE = 2;
const numbers = (count) => Array.from({ length: count }, (_, n) => n + 1);

const lists = {
  tools: numbers(7).map((n) => ({
    name: `number_${n}`,
    description: `Returns the number ${n} times \`factor\`.`,
    inputSchema: { type: "object", properties: { factor: { type: "integer" } }, required: ["factor"] },
    // No revision defines this member: it has to come through all the same.
    "x-order": n,
  })),
  resources: numbers(5).map((n) => ({ uri: `pages://leaf/${n}`, name: `leaf ${n}` })),
  prompts: numbers(5).map((n) => ({ name: `prompt_${n}`, description: `Prompt number ${n}.` })),
};

function page(list, cursor) {
  const start = cursor ? Number(Buffer.from(cursor, "base64url").toString().split(":")[1]) : 0;
  const end = start + PER_PAGE;
  const next = end < lists[list].length && Buffer.from(`${list}:${end}`).toString("base64url");
  return { [list]: lists[list].slice(start, end), ...(next && { nextCursor: next }) };
}

const server = new Server(
  { name: "pages", version: "1.0.0" },
  { capabilities: { tools: {}, resources: {}, prompts: {} } },
);
server.setRequestHandler(types.ListToolsRequestSchema, ({ params }) => page("tools", params?.cursor));
server.setRequestHandler(types.ListResourcesRequestSchema, ({ params }) => page("resources", params?.cursor));
server.setRequestHandler(types.ListPromptsRequestSchema, ({ params }) => page("prompts", params?.cursor));
server.setRequestHandler(types.CallToolRequestSchema, ({ params }) => ({
  content: [{ type: "text", text: String(Number(params.name.split("_")[1]) * params.arguments.factor) }],
}));
await server.connect(new StdioServerTransport());
