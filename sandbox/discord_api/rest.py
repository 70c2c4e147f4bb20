"""The REST endpoint: reads a request, applies it half a round trip later, answers after the other half."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson
from aiohttp import web

from sandbox.discord_api import bodies, routes_application, routes_expressions, routes_messages
from sandbox.discord_api.bodies import Body
from sandbox.discord_api.faults import Fault, Faults
from sandbox.discord_api.interactions import Interactions
from sandbox.discord_api.limits import WEBHOOK, Ask, Limits
from sandbox.discord_api.message_rules import Form
from sandbox.discord_api.routing import Call, Reply, Route, Router, Services
from sandbox.discord_api.wire import JSON, ApiError, error_for, refuse
from sandbox.discord_api.world import World

PREFIX = "/api/v10"
_VERSIONED = re.compile(r"^/api(?:/v(\d+))?(?=/|$)")
_VERSIONS = ("9", "10")
_MAX_TRACE = 20_000
_OLD_SECONDS = 3600.0


class Traced(NamedTuple):
    """A request that was served: ``at`` is the real monotonic second at which it was applied."""

    at: float
    method: str
    path: str
    status: int
    bucket: str
    remaining: int | None
    code: int | None


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: JSON | list[JSON] | None
    headers: dict[str, str] = field(default_factory=dict)


class _BrokenError(Exception):
    """The connection is to be cut instead of answered."""


class Rest:
    """All routes below ``/api``, ``/api/v9`` and ``/api/v10``, which do the same here."""

    def __init__(
        self,
        services: Services,
        token: str,
        limits: Limits,
        faults: Faults,
    ) -> None:
        self._services = services
        self._token = token
        self._limits = limits
        self._faults = faults
        self.trace: deque[Traced] = deque(maxlen=_MAX_TRACE)

    @property
    def _world(self) -> World:
        return self._services.world

    @property
    def _interactions(self) -> Interactions:
        return self._services.interactions

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one request."""
        path = _VERSIONED.sub("", request.rel_url.raw_path)
        body = await bodies.read(request)
        half = self._faults.latency / 2
        await asyncio.sleep(half)
        applied_at = self._world.clock.monotonic()
        try:
            answer = self._answer(request, path, body)
        except _BrokenError:
            self._record(applied_at, request.method, path, _Answer(0, None))
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=502)
        self._record(applied_at, request.method, path, answer)
        await asyncio.sleep(half)
        return _response(answer)

    def _record(self, at: float, method: str, path: str, answer: _Answer) -> None:
        remaining = answer.headers.get("X-RateLimit-Remaining")
        code = answer.body.get("code") if isinstance(answer.body, dict) and answer.status >= 400 else None
        self.trace.append(
            Traced(
                at,
                method,
                path,
                answer.status,
                answer.headers.get("X-RateLimit-Bucket", ""),
                int(remaining) if remaining is not None else None,
                code,
            )
        )
        self._limits.count_invalid(answer.status, answer.headers.get("X-RateLimit-Scope"))
        self._world.touch()

    # -- deciding ------------------------------------------------------------------------------------------

    def _answer(self, request: web.Request, path: str, body: Body) -> _Answer:
        outage = self._faults.in_outage
        if outage == "reset":
            raise _BrokenError
        if outage is not None:
            return _Answer(503, {"message": "503: Service Unavailable", "code": 0})
        if self._limits.banned:
            return _Answer(429, None, {"Retry-After": "600"})
        headers: dict[str, str] = {}
        try:
            _check_version(request)
            route, params = _ROUTER.match(request.method, path)
            self._authorize(request, route)
            verdict = self._limits.check(self._ask(request.method, path, route, params))
            headers = verdict.headers
            if verdict.refusal is not None:
                return _Answer(429, verdict.refusal, headers)
            call = self._call(request, params, body)
            reply = self._serve(route, call, self._faults.take(request.method, path))
        except ApiError as error:
            return _Answer(error.status, error.body(), headers)
        return _Answer(reply.status, reply.body, headers)

    def _authorize(self, request: web.Request, route: Route) -> None:
        if route.authorized and request.headers.get("Authorization") != f"Bot {self._token}":
            raise ApiError(401, 0, "401: Unauthorized")

    def _serve(self, route: Route, call: Call, fault: Fault | None) -> Reply:
        if fault is None:
            return route.handler(call)
        if fault.applied:
            route.handler(call)
        if fault.answer == "reset":
            raise _BrokenError
        if fault.answer < 1000:
            raise ApiError(fault.answer, 0, f"{fault.answer}: Scripted fault")
        raise error_for(fault.answer)

    def _call(self, request: web.Request, params: dict[str, str], body: Body) -> Call:
        if isinstance(body, ApiError):
            raise body
        query = dict(request.query)
        if isinstance(body, list):
            return Call(self._services, params, Form(), query, tuple(body))
        return Call(self._services, params, body, query)

    def _ask(self, method: str, path: str, route: Route, params: dict[str, str]) -> Ask:
        old, channel = False, None
        if method == "PATCH" and "message_id" in params and params["message_id"].isdecimal():
            message = self._world.messages.get(int(params["message_id"]))
            old = message is not None and self._world.clock.now() - message.created_at > _OLD_SECONDS
        if route.rule is WEBHOOK:
            interaction = self._interactions.by_token(params["token"])
            channel = str(interaction.channel.id) if interaction is not None else None
        return Ask(method, path, route.rule, params.get(route.major, ""), old, channel)


def _check_version(request: web.Request) -> None:
    """Raises 50041 for a version that is not spoken. Without one Discord still speaks its sixth; this does not."""
    found = _VERSIONED.match(request.rel_url.raw_path)
    if found is not None and found.group(1) is not None and found.group(1) not in _VERSIONS:
        raise refuse(50041)


def _response(answer: _Answer) -> web.Response:
    if answer.body is None:
        return web.Response(status=answer.status, headers=answer.headers)
    # Exactly this value: discord.py compares the header with it (http.py, json_or_text).
    headers = {**answer.headers, "Content-Type": "application/json"}
    return web.Response(status=answer.status, headers=headers, body=orjson.dumps(answer.body))


def _join(*routers: Router) -> Router:
    joined = Router()
    for router in routers:
        joined.include(router)
    return joined


_ROUTER = _join(routes_application.router, routes_messages.router, routes_expressions.router)
