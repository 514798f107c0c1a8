"""A server on stdio of an older revision that ends when its first message is no
`initialize`; on the standard library alone.

    python3 fragile.py LOG [always]

Each line of LOG is a start, or a line that was received. `always`: it ends
whatever it receives.
"""

import json
import sys

log = open(sys.argv[1], "a", buffering=1)
log.write('{"method":"started"}\n')
always = sys.argv[2:] == ["always"]
greeted = False
TOOL = {"name": "t", "inputSchema": {"type": "object"}}
RESULTS = {
    "initialize": {
        "protocolVersion": "2024-11-05",
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "fragile", "version": "1"},
    },
    "tools/list": {"tools": [TOOL]},
    "tools/call": {"content": [{"type": "text", "text": "done"}]},
}
for line in sys.stdin:
    log.write(line)
    message = json.loads(line)
    greeted = greeted or message["method"] == "initialize"
    if always or not greeted:
        print("RuntimeError: Received request before initialization", file=sys.stderr)
        sys.exit(3)
    if "id" in message:
        answer = {"jsonrpc": "2.0", "id": message["id"], "result": RESULTS[message["method"]]}
        print(json.dumps(answer), flush=True)
