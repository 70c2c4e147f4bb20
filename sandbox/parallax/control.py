"""The double's controls over HTTP, on its own port, for a control panel or another process.

`GET /_sandbox/cluster` answers the state, `GET /_sandbox/requests` the log of chat requests.
`POST /_sandbox/cluster` with `{"action": …}` does one thing and answers the state; the other keys are the
arguments of the control of the same name::

    {"action": "add_node", "name": "spare", "gpu": "RTX 4090", "memory": 24, "ready": false}
    {"action": "remove_node" | "kill_node" | "mend_front", "name": "spare"}
    {"action": "crash_front", "name": "spare", "seconds": 20}    (without seconds: until mend_front)
    {"action": "set_ready", "name": "spare", "ready": false}     (its pipeline is not whole: 503 after 5 s)
    {"action": "set_capacity", "slots": 2}     {"action": "set_speed", "tokens_per_second": 10}
    {"action": "dialect", "dialect": "documented"}   {"action": "lag", "lag": false}
    {"action": "thinking", "thinking": true}   {"action": "busy", "slots": 4}
    {"action": "break_streams"}  {"action": "freeze"}  {"action": "unfreeze"}
    {"action": "restart", "initialise": true, "ready": true}
    {"action": "unreachable", "seconds": 5}    (opens again by itself, for nobody could ask it to)
    {"action": "script", "tokens": ["Hi", [" there", 0.5]], "reasoning": [], "finish": "stop",
     "fault": "stall@1", "delay": 0, "prompt_tokens": 7, "match": "hello"}
    {"action": "replay", "name": "30_stream_full"}

A wrong request is answered with 400 and `{"error": …}`. The controls work while the scheduler is frozen, and
they are not in `calls`.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Protocol

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sandbox.parallax.endpoints import Dialect
from sandbox.parallax.log import ChatRecord
from sandbox.parallax.nodes import Node
from sandbox.parallax.recording import Recording
from sandbox.parallax.wire import JsonObject, compact

__all__ = ["Control", "Controllable"]


class Controllable(Protocol):
    """The part of the double that can be controlled from outside."""

    @property
    def requests(self) -> list[ChatRecord]: ...
    @property
    def nodes(self) -> dict[str, Node]: ...
    @property
    def status(self) -> JsonObject: ...
    @property
    def dialect(self) -> Dialect: ...
    @property
    def time_scale(self) -> float: ...
    @property
    def active(self) -> int: ...
    @property
    def frozen(self) -> bool: ...
    @property
    def hung(self) -> bool: ...
    @property
    def speed(self) -> float: ...
    @property
    def slots(self) -> int: ...
    @property
    def lag(self) -> bool: ...

    def add_node(self, name: str, gpu: str = ..., memory: float = ..., ready: bool = ...) -> None: ...
    def remove_node(self, name: str) -> None: ...
    def kill_node(self, name: str) -> None: ...
    def crash_front(self, name: str, seconds: float | None = ...) -> None: ...
    def mend_front(self, name: str) -> None: ...
    def set_ready(self, name: str, ready: bool) -> None: ...
    def set_capacity(self, slots: int) -> None: ...
    def set_speed(self, tokens_per_second: float) -> None: ...
    def set_lag(self, lag: bool) -> None: ...
    def set_thinking(self, thinking: bool | None) -> None: ...
    def set_dialect(self, dialect: str) -> None: ...
    def busy(self, slots: int) -> None: ...
    def break_streams(self) -> None: ...
    def freeze(self) -> None: ...
    def unfreeze(self) -> None: ...
    async def restart(self, *, initialise: bool = ..., ready: bool = ...) -> None: ...
    async def unreachable_for(self, seconds: float) -> None: ...
    def script(
        self,
        tokens: list[str | tuple[str, float]],
        *,
        reasoning: list[str] = ...,
        finish: str = ...,
        fault: str | None = ...,
        delay: float | None = ...,
        prompt_tokens: int | None = ...,
        match: str | None = ...,
    ) -> None: ...
    def replay(self, source: str) -> Recording: ...


class _Command(BaseModel, ABC):
    """One control; an unknown key is refused, so that a typing mistake cannot pass for success."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @abstractmethod
    async def apply(self, double: Controllable) -> None:
        """Do it. Raises KeyError, ValueError or OSError when it cannot be done."""


class _Named(_Command):
    name: str


class _AddNode(_Named):
    gpu: str = "NVIDIA GeForce RTX 4090"
    memory: float = Field(24.0, gt=0)
    ready: bool = False

    async def apply(self, double: Controllable) -> None:
        double.add_node(self.name, self.gpu, self.memory, self.ready)


class _RemoveNode(_Named):
    async def apply(self, double: Controllable) -> None:
        double.remove_node(self.name)


class _KillNode(_Named):
    async def apply(self, double: Controllable) -> None:
        double.kill_node(self.name)


class _CrashFront(_Named):
    seconds: float | None = Field(None, gt=0)

    async def apply(self, double: Controllable) -> None:
        double.crash_front(self.name, self.seconds)


class _MendFront(_Named):
    async def apply(self, double: Controllable) -> None:
        double.mend_front(self.name)


class _SetReady(_Named):
    ready: bool

    async def apply(self, double: Controllable) -> None:
        double.set_ready(self.name, self.ready)


class _SetCapacity(_Command):
    slots: int = Field(ge=0)

    async def apply(self, double: Controllable) -> None:
        double.set_capacity(self.slots)


class _Busy(_Command):
    slots: int = Field(ge=0)

    async def apply(self, double: Controllable) -> None:
        double.busy(self.slots)


class _SetSpeed(_Command):
    tokens_per_second: float = Field(gt=0)

    async def apply(self, double: Controllable) -> None:
        double.set_speed(self.tokens_per_second)


class _Lag(_Command):
    lag: bool

    async def apply(self, double: Controllable) -> None:
        double.set_lag(self.lag)


class _Thinking(_Command):
    thinking: bool | None = None

    async def apply(self, double: Controllable) -> None:
        double.set_thinking(self.thinking)


class _SetDialect(_Command):
    dialect: Dialect

    async def apply(self, double: Controllable) -> None:
        double.set_dialect(self.dialect)


class _BreakStreams(_Command):
    async def apply(self, double: Controllable) -> None:
        double.break_streams()


class _Freeze(_Command):
    async def apply(self, double: Controllable) -> None:
        double.freeze()


class _Unfreeze(_Command):
    async def apply(self, double: Controllable) -> None:
        double.unfreeze()


class _Restart(_Command):
    initialise: bool = True
    ready: bool = True

    async def apply(self, double: Controllable) -> None:
        await double.restart(initialise=self.initialise, ready=self.ready)


class _Unreachable(_Command):
    seconds: float = Field(5.0, gt=0)

    async def apply(self, double: Controllable) -> None:
        await double.unreachable_for(self.seconds)


class _Script(_Command):
    tokens: list[str | tuple[str, float]]
    reasoning: list[str] = Field(default_factory=list)
    finish: str = "stop"
    fault: str | None = None
    delay: float | None = None
    prompt_tokens: int | None = None
    match: str | None = None

    async def apply(self, double: Controllable) -> None:
        double.script(
            self.tokens,
            reasoning=self.reasoning,
            finish=self.finish,
            fault=self.fault,
            delay=self.delay,
            prompt_tokens=self.prompt_tokens,
            match=self.match,
        )


class _Replay(_Named):
    async def apply(self, double: Controllable) -> None:
        double.replay(self.name)


_COMMANDS: dict[str, type[_Command]] = {
    "add_node": _AddNode,
    "remove_node": _RemoveNode,
    "kill_node": _KillNode,
    "crash_front": _CrashFront,
    "mend_front": _MendFront,
    "set_ready": _SetReady,
    "set_capacity": _SetCapacity,
    "set_speed": _SetSpeed,
    "lag": _Lag,
    "thinking": _Thinking,
    "dialect": _SetDialect,
    "busy": _Busy,
    "break_streams": _BreakStreams,
    "freeze": _Freeze,
    "unfreeze": _Unfreeze,
    "restart": _Restart,
    "unreachable": _Unreachable,
    "script": _Script,
    "replay": _Replay,
}


class Control:
    """Answers the control requests of one double."""

    def __init__(self, double: Controllable) -> None:
        self._double = double

    async def answer(self, method: str, path: str, body: bytes) -> web.Response:
        """The answer to a control request; never raises for what a client may get wrong."""
        routes: dict[tuple[str, str], Callable[[bytes], Awaitable[web.Response]]] = {
            ("GET", "/_sandbox/cluster"): self._state,
            ("GET", "/_sandbox/requests"): self._requests,
            ("POST", "/_sandbox/cluster"): self._act,
        }
        if method == "OPTIONS":
            return _preflight()
        route = routes.get((method, path))
        return await route(body) if route else _json(404, {"error": f"no {method} {path}"})

    async def _state(self, _: bytes) -> web.Response:
        return _json(200, self._described())

    async def _requests(self, _: bytes) -> web.Response:
        return _json(200, {"requests": [record.as_json() for record in self._double.requests]})

    async def _act(self, body: bytes) -> web.Response:
        try:
            asked = json.loads(body)
        except ValueError as problem:
            return _json(400, {"error": f"not JSON: {problem}"})
        action = asked.pop("action", None) if isinstance(asked, dict) else None
        command = _COMMANDS.get(action) if isinstance(action, str) else None
        if command is None:
            return _json(400, {"error": f"action must be one of {', '.join(_COMMANDS)}"})
        try:
            await command.model_validate(asked).apply(self._double)
        except ValidationError as problem:
            return _json(400, {"error": problem.json(include_url=False, include_input=False)})
        except KeyError as problem:
            return _json(400, {"error": f"there is no {problem}"})
        except (ValueError, OSError) as problem:
            return _json(400, {"error": str(problem)})
        return _json(200, self._described())

    def _described(self) -> JsonObject:
        double = self._double
        return {
            "dialect": double.dialect.value,
            "status": double.status["data"],
            "nodes": [_node(node) for node in double.nodes.values()],
            "slots": double.slots,
            "tokens_per_second": double.speed,
            "lag": double.lag,
            "time_scale": double.time_scale,
            "active": double.active,
            "frozen": double.frozen,
            "hung": double.hung,
            "requests": len(double.requests),
        }


def _node(node: Node) -> JsonObject:
    return {
        "name": node.name,
        "gpu": node.gpu,
        "memory": node.memory,
        "state": node.state.value,
        "alive": node.alive,
        "front_alive": node.front_alive,
        "running": node.running,
        "counted": node.counted,
        "others": node.others,
    }


def _preflight() -> web.Response:
    """What a browser asks before it posts JSON from the sandbox's page, which has another port."""
    return web.Response(
        headers={
            "access-control-allow-origin": "*",
            "access-control-allow-methods": "GET, POST",
            "access-control-allow-headers": "content-type",
        }
    )


def _json(status: int, value: JsonObject) -> web.Response:
    return web.Response(
        status=status,
        body=compact(value),
        content_type="application/json",
        headers={"access-control-allow-origin": "*"},
    )
