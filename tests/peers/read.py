"""Reads length-prefixed messages as a Python peer does; see read.mjs."""

import json
import struct
import sys
from typing import Any


def canon(value: Any) -> str:
    if value is None:
        return "n"
    if value is True:
        return "t"
    if value is False:
        return "f"
    if isinstance(value, (int, float)):
        return "d" + struct.pack(">d", float(value) + 0.0).hex()
    if isinstance(value, str):
        return "s" + value.encode("utf-8", "surrogatepass").hex()
    if isinstance(value, list):
        return "[" + ",".join(map(canon, value)) + "]"
    members = sorted((key.encode("utf-8", "surrogatepass").hex(), canon(of)) for key, of in value.items())
    return "{" + ",".join(f"{key}:{of}" for key, of in members) + "}"


def part(value: Any) -> str:
    return "-" if value is None else canon(value)


def digest(data: bytes) -> str:
    try:
        message = json.loads(data)
        if not isinstance(message, dict):
            return "!"
        params = message.get("params")
        params = params if isinstance(params, dict) else {}
        parts = [message.get("method"), message.get("id"), params.get("name"), params.get("uri"), params.get("arguments")]
        return "|".join(map(part, parts))
    except (ValueError, RecursionError, OverflowError):
        return "!"


source, sink = sys.stdin.buffer, sys.stdout.buffer
while len(length := source.read(4)) == 4:
    data = source.read(int.from_bytes(length, "big"))
    sink.write(digest(data).encode() + b"\n")
    sink.flush()
