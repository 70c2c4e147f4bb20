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
    {"action": "unreachable", "seconds": 5}    (opens again by itself, because no request could reach it)
    {"action": "script", "tokens": ["Hi", [" there", 0.5]], "reasoning": [], "finish": "stop",
     "fault": "stall@1", "delay": 0, "prompt_tokens": 7, "match": "hello"}
    {"action": "replay", "name": "30_stream_full"}

A wrong request is answered with 400 and `{"error": …}`. The controls work while the scheduler is frozen, and
they are not in `calls`.
"""

import inspect
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web
from pydantic import ValidationError, validate_call

from sandbox.parallax.wire import JsonObject, compact

if TYPE_CHECKING:
    from sandbox.parallax.double import ParallaxDouble

__all__ = ["Control"]


class Control:
    """Answers the control requests of one double.

    A control is a method of the double; its signature says which keys a request may have. An unknown key is
    refused, so that a typing mistake is noticed.
    """

    def __init__(self, double: "ParallaxDouble") -> None:
        self._double = double
        self._controls: dict[str, Callable[..., object]] = {
            "add_node": partial(double.add_node, ready=False),
            "remove_node": double.remove_node,
            "kill_node": double.kill_node,
            "crash_front": double.crash_front,
            "mend_front": double.mend_front,
            "set_ready": double.set_ready,
            "set_capacity": double.set_capacity,
            "set_speed": double.set_speed,
            "lag": double.set_lag,
            "thinking": double.set_thinking,
            "dialect": double.set_dialect,
            "busy": double.busy,
            "break_streams": double.break_streams,
            "freeze": double.freeze,
            "unfreeze": double.unfreeze,
            "restart": double.restart,
            "unreachable": partial(double.unreachable_for, seconds=5.0),
            "script": double.script,
            "replay": self._replay,
        }

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

    def _replay(self, name: str) -> None:
        self._double.replay(name)

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
        control = self._controls.get(action) if isinstance(action, str) else None
        if control is None:
            return _json(400, {"error": f"action must be one of {', '.join(self._controls)}"})
        try:
            done = validate_call(control)(**asked)
            if inspect.isawaitable(done):
                await done
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
            "nodes": [asdict(node) for node in double.nodes.values()],
            "slots": double.slots,
            "tokens_per_second": double.speed,
            "lag": double.lag,
            "time_scale": double.time_scale,
            "active": double.active,
            "frozen": double.frozen,
            "hung": double.hung,
            "requests": len(double.requests),
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
