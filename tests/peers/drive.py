"""Plays a scenario with the Python SDK as client and prints what it saw.

    python drive.py MODE SCENARIO -- COMMAND ARG...
    python drive.py MODE SCENARIO -- URL

MODE is the client's (auto, legacy, or a revision), SCENARIO a JSON file (see
tests/e2e/scenario.rs). The transcript on stdout is that of drive.mjs.
"""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import mcp_types as types
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp.shared.exceptions import MCPError
from playing import Play, plain, play


class Request(types.Request[dict[str, Any] | None, str]):
    """Any request."""


class Drive(Play):
    types = types
    error = MCPError
    any_request = Request

    def __init__(self, scenario: dict[str, Any], mode: str) -> None:
        super().__init__(scenario)
        self.mode = mode
        self.client: Client | None = None

    async def driven(self, params: dict[str, Any]) -> Any:
        assert self.client is not None
        return await self.client.call_tool(params["name"], params["arguments"])

    @asynccontextmanager
    async def connected(self, command: list[str]) -> AsyncIterator[tuple[Any, dict[str, Any]]]:
        server: Any = StdioServerParameters(command=command[0], args=command[1:], env=dict(os.environ))
        if command[0].startswith("http"):
            server = command[0]
        async with Client(
            server,
            mode=self.mode,
            cache=None,
            client_info=types.Implementation(name="drive", version="1.0.0"),
            message_handler=self.message,
            **self.handlers(),
        ) as client:
            self.client = client
            yield client.session, {
                "info": plain(client.server_info),
                "capabilities": plain(client.server_capabilities),
                "instructions": client.instructions,
                "version": client.protocol_version,
            }


play(Drive, *sys.argv[1:])
