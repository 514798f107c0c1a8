"""Plays a scenario with the Python SDK of the first generation as client and
prints what it saw.

    python drive_1.py SCENARIO -- COMMAND ARG...
    python drive_1.py SCENARIO -- URL

SCENARIO is a JSON file (see tests/e2e/scenario.rs). The transcript on stdout is
that of drive.mjs.
"""

import json
import os
import sys
import warnings
from typing import Any

import anyio
from mcp import ClientSession, McpError, StdioServerParameters, stdio_client, types
from mcp.client.streamable_http import streamable_http_client
from pydantic import BaseModel, ConfigDict, TypeAdapter

warnings.simplefilter("ignore")

STEP_SECONDS = 20


class Whole(BaseModel):
    """A result as it came, unknown members included."""

    model_config = ConfigDict(extra="allow")


class Request(types.Request[dict[str, Any] | None, str]):
    """Any request."""


def plain(model: BaseModel | None) -> Any:
    return None if model is None else model.model_dump(by_alias=True, mode="json", exclude_none=True)


class Play:
    def __init__(self, scenario: dict[str, Any]) -> None:
        self.scenario = scenario
        self.received: dict[str, list[Any]] = {}
        self.news = anyio.Event()

    def note(self, method: str, params: Any) -> None:
        self.received.setdefault(method, []).append(params)
        self.news.set()
        self.news = anyio.Event()

    async def until(self, method: str, count: int) -> None:
        while len(self.received.get(method, [])) < count:
            await self.news.wait()

    async def message(self, message: Any) -> None:
        if isinstance(message, Exception):
            raise message
        message = getattr(message, "root", message)
        if hasattr(message, "method") and message.method != "notifications/progress":
            self.note(message.method, plain(getattr(message, "params", None)))

    def handlers(self) -> dict[str, Any]:
        """The client's callbacks for what the scenario answers."""

        def answering(method: str, shape: Any) -> Any:
            answer = TypeAdapter(shape).validate_python(self.scenario["answers"][method])

            async def callback(context: Any, params: Any = None) -> Any:
                self.note(method, plain(params))
                return answer

            return callback

        answers = self.scenario.get("answers", {})
        known = {
            "sampling/createMessage": ("sampling_callback", types.CreateMessageResult),
            "elicitation/create": ("elicitation_callback", types.ElicitResult),
            "roots/list": ("list_roots_callback", types.ListRootsResult),
        }
        return {name: answering(method, shape) for method, (name, shape) in known.items() if method in answers}

    async def request(self, client: ClientSession, step: dict[str, Any]) -> dict[str, Any]:
        entry: dict[str, Any] = {"request": step["request"]}
        scope = anyio.CancelScope()
        options: dict[str, Any] = {}
        if step.get("progress") or step.get("cancel_at"):
            entry["progress"] = []

            async def progressed(progress: float, total: float | None, message: str | None) -> None:
                if scope.cancel_called:
                    return
                entry["progress"].append([progress, total, message])
                if len(entry["progress"]) == step.get("cancel_at"):
                    scope.cancel()

            options["progress_callback"] = progressed

        async def ask(params: Any) -> Any:
            request = Request(method=step["request"], params=params)
            return plain(await client.send_request(request, Whole, **options))

        with scope:
            try:
                pages = [await ask(step.get("params"))]
                while step.get("pages") and pages[-1].get("nextCursor"):
                    pages.append(await ask({**(step.get("params") or {}), "cursor": pages[-1]["nextCursor"]}))
                entry["result"] = pages if step.get("pages") else pages[0]
            except McpError as error:
                entry["error"] = plain(error.error)
        if scope.cancelled_caught:
            entry["error"] = "cancelled"
        return entry

    async def step(self, client: ClientSession, step: dict[str, Any]) -> Any:
        if "request" in step:
            return await self.request(client, step)
        if "wait" in step:
            return await self.until(step["wait"], step.get("count", 1))
        if "notify" in step:
            # The SDK's only notification of its own accord.
            assert step["notify"] == "notifications/roots/list_changed", step
            return await client.send_roots_list_changed()
        return await anyio.sleep(step["sleep"] / 1000)

    async def run(self, command: list[str]) -> dict[str, Any]:
        if command[0].startswith("http"):
            transport: Any = streamable_http_client(command[0])
        else:
            transport = stdio_client(
                StdioServerParameters(command=command[0], args=command[1:], env=dict(os.environ))
            )
        steps = []
        async with (
            transport as (read, write, *_),
            ClientSession(
                read,
                write,
                client_info=types.Implementation(name="drive", version="1.0.0"),
                message_handler=self.message,
                **self.handlers(),
            ) as client,
        ):
            server = await client.initialize()
            for step in self.scenario["steps"]:
                try:
                    with anyio.fail_after(STEP_SECONDS):
                        entry = await self.step(client, step)
                except TimeoutError:
                    sys.exit(f"drive_1.py: stuck at {step}; received {list(self.received)}")
                if "request" in step:
                    steps.append(entry)
            about = {
                "info": plain(server.serverInfo),
                "capabilities": plain(server.capabilities),
                "instructions": server.instructions,
                "version": server.protocolVersion,
            }
        return {"about": about, "steps": steps, "received": self.received}


def main() -> None:
    file, dashes, *command = sys.argv[1:]
    assert dashes == "--" and command, "usage: drive_1.py SCENARIO -- COMMAND ARG..."
    with open(file, encoding="utf-8") as scenario:
        play = Play(json.load(scenario))
    print(json.dumps(anyio.run(play.run, command)))


main()
