// A server that answers a call of its one tool, `say`, with whatever bytes the
// call asks for (`hex`; ID stands for the call's id), line end added. An empty
// `hex` is answered honestly.
import { createInterface } from "node:readline";

const tool = {
  name: "say",
  description: "Returns a greeting.",
  inputSchema: { type: "object", properties: { hex: { type: "string" } }, required: ["hex"] },
};
const results = {
  initialize: {
    protocolVersion: "2025-11-25",
    capabilities: { tools: {} },
    serverInfo: { name: "hostile", version: "1" },
  },
  "tools/list": { tools: [tool] },
  "tools/call": { content: [{ type: "text", text: "honest" }] },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) continue;
  const hex = params?.arguments?.hex;
  if (hex) {
    const said = Buffer.from(hex, "hex").toString("latin1").replace("ID", JSON.stringify(id));
    process.stdout.write(Buffer.from(`${said}\n`, "latin1"));
  } else {
    process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", id, result: results[method] })}\n`);
  }
}
