"""Plays a scenario with the Python SDK of the first generation as client and
prints what it saw.

    python drive_1.py SCENARIO -- COMMAND ARG...
    python drive_1.py SCENARIO -- URL

SCENARIO is a JSON file (see tests/e2e/scenario.rs). The transcript on stdout is
that of drive.mjs.
"""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mcp import ClientSession, McpError, StdioServerParameters, stdio_client, types
from mcp.client.streamable_http import streamable_http_client
from playing import Play, plain, play


class Request(types.Request[dict[str, Any] | None, str]):
    """Any request."""


class Drive(Play):
    types = types
    error = McpError
    any_request = Request

    @asynccontextmanager
    async def connected(self, command: list[str]) -> AsyncIterator[tuple[Any, dict[str, Any]]]:
        if command[0].startswith("http"):
            transport: Any = streamable_http_client(command[0])
        else:
            transport = stdio_client(
                StdioServerParameters(command=command[0], args=command[1:], env=dict(os.environ))
            )
        async with (
            transport as (read, write, *_),
            ClientSession(
                read,
                write,
                client_info=types.Implementation(name="drive", version="1.0.0"),
                message_handler=self.message,
                **self.handlers(),
            ) as session,
        ):
            server = await session.initialize()
            yield session, {
                "info": plain(server.serverInfo),
                "capabilities": plain(server.capabilities),
                "instructions": server.instructions,
                "version": server.protocolVersion,
            }


play(Drive, *sys.argv[1:])
