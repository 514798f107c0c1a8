"""A server on stdio that does what its tools are told and writes down what it
receives; on the standard library alone, so that it starts at once.

    python3 stage.py legacy|modern|hesitant LOG

Each line of LOG is the process and the line that it received. `wait` is
answered once LOG.NAME is there. `hesitant` is `modern`, whose first process never
says so.
"""

import json
import os
import sys
import threading
import time

era, log = sys.argv[1:3]
lock = threading.Lock()
received = open(log, "a", buffering=1)
MODERN = "2026-07-28"
hesitates = False
if era == "hesitant":
    era = "modern"
    try:
        os.close(os.open(f"{log}.first", os.O_CREAT | os.O_EXCL))
        hesitates = True
    except FileExistsError:
        pass
CAPABILITIES = {"tools": {"listChanged": True}, "logging": {}}


def say(message: dict) -> None:
    with lock:
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        sys.stdout.flush()


def tool(name: str, /, **properties: dict) -> dict:
    return {"name": name, "description": "Does.", "inputSchema": {"type": "object", "properties": properties}}


TEXT = {"type": "string"}
TOOLS = [
    tool("echo", text=TEXT),
    tool("secret", text=TEXT),
    tool("wait", name=TEXT),
    tool("die"),
    tool("flood", count={"type": "integer"}),
    tool("state"),
    tool("where", region={**TEXT, "x-mcp-header": "Region"}),
]


def call(params: dict) -> dict | None:
    name, arguments = params["name"], params.get("arguments") or {}
    token = (params.get("_meta") or {}).get("progressToken")
    note = {"progressToken": token, "progress": 1}
    text = arguments.get("text", name)
    if name == "wait":
        if token is not None:
            say({"method": "notifications/progress", "params": note})
        while not os.path.exists(f"{log}.{arguments['name']}"):
            time.sleep(0.005)
        text = arguments["name"]
    elif name == "die":
        os._exit(7)
    elif name == "flood":
        for count in range(arguments["count"]):
            more = {"progress": count, "message": "x" * 100_000}
            say({"method": "notifications/progress", "params": {**note, **more}})
    elif name == "where":
        text = arguments["region"]
    elif name == "state" and "requestState" not in params:
        form = {"mode": "form", "message": "Sure?", "requestedSchema": {"type": "object", "properties": {}}}
        asked = {"sure": {"method": "elicitation/create", "params": form}}
        return {"resultType": "input_required", "inputRequests": asked, "requestState": "the-state"}
    elif name == "state":
        text = params["requestState"]
    return {"content": [{"type": "text", "text": text}]}


def answer(method: str, params: dict) -> dict | None:
    if method == "initialize" and era == "legacy":
        return {
            "protocolVersion": params["protocolVersion"],
            "capabilities": CAPABILITIES,
            "serverInfo": {"name": "stage", "version": "1"},
        }
    if method == "server/discover" and era == "modern":
        return {"supportedVersions": [MODERN], "capabilities": CAPABILITIES, "ttlMs": 0, "cacheScope": "private"}
    if method == "tools/list":
        return {"tools": TOOLS, **({"ttlMs": 0, "cacheScope": "private"} if era == "modern" else {})}
    if method == "tools/call":
        return call(params)
    return {} if method == "ping" and era == "legacy" else None


def serve(message: dict) -> None:
    if hesitates and message["method"] == "server/discover":
        return
    if message["method"] == "subscriptions/listen" and era == "modern":
        subscription = {"io.modelcontextprotocol/subscriptionId": message["id"]}
        asked = message["params"]["notifications"]
        say({"method": "notifications/subscriptions/acknowledged", "params": {"_meta": subscription, "notifications": asked}})
        return
    result = answer(message["method"], message.get("params") or {})
    if result is None:
        say({"id": message["id"], "error": {"code": -32601, "message": "no such method"}})
        return
    if era == "modern":
        result = {"resultType": "complete", **result}
    say({"id": message["id"], "result": result})
    if message["method"] == "tools/call" and message["params"]["name"] == "echo":
        if message["params"].get("arguments", {}).get("text") == "and then":
            say({"method": "notifications/tools/list_changed"})


for line in sys.stdin:
    received.write(f"{os.getpid()} {line}")
    message = json.loads(line)
    if "method" in message and "id" in message:
        threading.Thread(target=serve, args=(message,), daemon=True).start()
