"""What the two drivers of the Python SDK share: a scenario, step by step.

See drive.py and drive_1.py.
"""

import json
import sys
import warnings
from contextlib import AbstractAsyncContextManager
from typing import Any

import anyio
from pydantic import BaseModel, ConfigDict, TypeAdapter

warnings.simplefilter("ignore")

STEP_SECONDS = 20


class Whole(BaseModel):
    """A result as it came, unknown members included."""

    model_config = ConfigDict(extra="allow")


def plain(model: BaseModel | None) -> Any:
    return None if model is None else model.model_dump(by_alias=True, mode="json", exclude_none=True)


class Play:
    """One client with what it is to do. Each generation of the SDK says how it
    connects, and how a request goes out."""

    # The SDK's types, its error, and its request of any method.
    types: Any
    error: type[Exception]
    any_request: Any

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
            "sampling/createMessage": ("sampling_callback", self.types.CreateMessageResult),
            "elicitation/create": ("elicitation_callback", self.types.ElicitResult),
            "roots/list": ("list_roots_callback", self.types.ListRootsResult),
        }
        return {name: answering(method, shape) for method, (name, shape) in known.items() if method in answers}

    async def request(self, session: Any, step: dict[str, Any]) -> dict[str, Any]:
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
            if step.get("driven"):
                return plain(await self.driven(params))
            request = self.any_request(method=step["request"], params=params)
            return plain(await session.send_request(request, Whole, **options))

        with scope:
            try:
                pages = [await ask(step.get("params"))]
                while step.get("pages") and pages[-1].get("nextCursor"):
                    pages.append(await ask({**(step.get("params") or {}), "cursor": pages[-1]["nextCursor"]}))
                entry["result"] = pages if step.get("pages") else pages[0]
            except self.error as error:
                entry["error"] = plain(error.error)
        if scope.cancelled_caught:
            entry["error"] = "cancelled"
        return entry

    async def step(self, session: Any, step: dict[str, Any]) -> Any:
        if "request" in step:
            return await self.request(session, step)
        if "wait" in step:
            return await self.until(step["wait"], step.get("count", 1))
        if "notify" in step:
            # The SDK's only notification of its own accord.
            assert step["notify"] == "notifications/roots/list_changed", step
            return await session.send_roots_list_changed()
        return await anyio.sleep(step["sleep"] / 1000)

    async def driven(self, params: dict[str, Any]) -> Any:
        """Calls a tool with the client that answers what the server asks for in
        its results: a raw request is not made again."""
        raise NotImplementedError

    def connected(self, command: list[str]) -> AbstractAsyncContextManager[tuple[Any, dict[str, Any]]]:
        """The session, and what the server says of itself."""
        raise NotImplementedError

    async def run(self, command: list[str]) -> dict[str, Any]:
        steps = []
        async with self.connected(command) as (session, about):
            for step in self.scenario["steps"]:
                try:
                    with anyio.fail_after(STEP_SECONDS):
                        entry = await self.step(session, step)
                except TimeoutError:
                    sys.exit(f"stuck at {step}; received {list(self.received)}")
                if "request" in step:
                    steps.append(entry)
        return {"about": about, "steps": steps, "received": self.received}


def play(made: type[Play], *args: str) -> None:
    """Runs the scenario of the command line, and prints the transcript."""
    *more, file = args[: args.index("--")]
    command = list(args[args.index("--") + 1 :])
    assert command, "no command, and no URL"
    with open(file, encoding="utf-8") as scenario:
        one = made(json.load(scenario), *more)
    print(json.dumps(anyio.run(one.run, command)))
