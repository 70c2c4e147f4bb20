"""The REST endpoint: reads a request, applies it half a round trip later, answers after the other half."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import unquote

from aiohttp import web

from sandbox import json_text
from sandbox.discord_api import bodies, shapes
from sandbox.discord_api.answered import Answered
from sandbox.discord_api.bodies import Body
from sandbox.discord_api.faults import Fault, Faults
from sandbox.discord_api.interactions import Interactions
from sandbox.discord_api.limits import WEBHOOK, Ask, Limits
from sandbox.discord_api.message_rules import Form
from sandbox.discord_api.routes import ROUTER
from sandbox.discord_api.routing import Call, LackingError, Reply, Route, Services
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
class Incoming:
    """A request as it came in; ``path`` is below the version, ``reason`` is for the audit log."""

    method: str
    path: str
    body: Body
    query: Mapping[str, str] = field(default_factory=dict)
    authorization: str = ""
    version: str = _VERSIONS[-1]
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request is answered with."""

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
        calls: Answered,
    ) -> None:
        self._services = services
        self._token = token
        self._limits = limits
        self._faults = faults
        self._calls = calls
        self.trace: deque[Traced] = deque(maxlen=_MAX_TRACE)
        self.lacking: dict[str, None] = {}
        """The operations of Discord's that were asked for and are missing here, in the order of the first time."""

    @property
    def _world(self) -> World:
        return self._services.world

    @property
    def _interactions(self) -> Interactions:
        return self._services.interactions

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one request."""
        incoming = _incoming(request, await bodies.read(request))
        half = self._faults.latency / 2
        await asyncio.sleep(half)
        applied_at = self._world.clock.monotonic()
        answer: Answer | None = None
        with self._calls.applying() as call, contextlib.suppress(_BrokenError):
            answer = self.answer(incoming)
        try:
            self._record(applied_at, incoming, answer or Answer(0, None))
            if answer is None:
                if request.transport is not None:
                    request.transport.abort()
                return web.Response(status=502)
            await asyncio.sleep(half)
            return await _sent(request, _response(answer))
        finally:
            call.answered.set()

    def _record(self, at: float, incoming: Incoming, answer: Answer) -> None:
        remaining = answer.headers.get("X-RateLimit-Remaining")
        code = answer.body.get("code") if isinstance(answer.body, dict) and answer.status >= 400 else None
        self.trace.append(
            Traced(
                at,
                incoming.method,
                incoming.path,
                answer.status,
                answer.headers.get("X-RateLimit-Bucket", ""),
                int(remaining) if remaining is not None else None,
                code,
            )
        )
        self._limits.count_invalid(answer.status, answer.headers.get("X-RateLimit-Scope"))
        self._world.touch()

    # -- deciding ------------------------------------------------------------------------------------------

    def answer(self, incoming: Incoming) -> Answer:
        """Decide what a request is answered with, and do what it asks for."""
        outage = self._faults.in_outage
        if outage == "reset":
            raise _BrokenError
        if outage is not None:
            return Answer(503, {"message": "503: Service Unavailable", "code": 0})
        if self._limits.banned:
            return Answer(429, None, {"Retry-After": "600"})
        headers: dict[str, str] = {}
        try:
            route, params = self._route(incoming)
            verdict = self._limits.check(self._ask(incoming, route, params))
            headers = verdict.headers
            if verdict.refusal is not None:
                return Answer(429, verdict.refusal, headers)
            call = self._call(incoming, route, params)
            reply = self._serve(route, call, self._faults.take(incoming.method, incoming.path))
        except ApiError as error:
            return Answer(error.status, error.body(), headers)
        return Answer(reply.status, reply.body, headers)

    def _route(self, incoming: Incoming) -> tuple[Route, dict[str, str]]:
        if incoming.version not in _VERSIONS:
            raise refuse(50041)
        try:
            route, params = ROUTER.match(incoming.method, incoming.path)
        except LackingError as error:
            self.lacking[error.operation] = None
            raise
        if route.authorized and incoming.authorization != f"Bot {self._token}":
            raise ApiError(401, 0, "401: Unauthorized")
        return route, params

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

    def _call(self, incoming: Incoming, route: Route, params: dict[str, str]) -> Call:
        """Everything the route reads, by its tables. Raises 50035 and 50109."""
        body = incoming.body
        if isinstance(body, ApiError):
            raise body
        query = shapes.read(route.query, dict(incoming.query))
        if route.listed is not None:
            listed = shapes.read_all(route.listed, body if isinstance(body, list) else body.body or [])
            return Call(self._services, params, Form(), query, tuple(listed), incoming.reason)
        if isinstance(body, list):
            raise shapes.object_expected()
        form = Form(shapes.read(route.body, body.body), body.files)
        return Call(self._services, params, form, query, (), incoming.reason)

    def _ask(self, incoming: Incoming, route: Route, params: dict[str, str]) -> Ask:
        method, old, channel = incoming.method, False, None
        if method == "PATCH" and "message_id" in params and params["message_id"].isdecimal():
            message = self._world.messages.get(int(params["message_id"]))
            old = message is not None and self._world.clock.now() - message.created_at > _OLD_SECONDS
        if route.rule is WEBHOOK:
            interaction = self._interactions.by_token(params["token"])
            channel = str(interaction.channel.id) if interaction is not None else None
        return Ask(method, incoming.path, route.rule, params.get(route.major, ""), old, channel)


def _incoming(request: web.Request, body: Body) -> Incoming:
    path = request.rel_url.raw_path
    found = _VERSIONED.match(path)
    reason = request.headers.get("X-Audit-Log-Reason")
    return Incoming(
        request.method,
        path[found.end() :] if found is not None else path,
        body,
        dict(request.query),
        request.headers.get("Authorization", ""),
        found.group(1) or _VERSIONS[-1] if found is not None else _VERSIONS[-1],
        unquote(reason) if reason is not None else None,
    )


async def _sent(request: web.Request, response: web.Response) -> web.Response:
    """Send the answer here, where it is known when it has left; aiohttp sees that it has."""
    with contextlib.suppress(ConnectionError):  # whoever asked is gone
        await response.prepare(request)
        await response.write_eof()
    return response


def _response(answer: Answer) -> web.Response:
    if answer.body is None:
        return web.Response(status=answer.status, headers=answer.headers)
    # Exactly this value: discord.py compares the header with it (http.py, json_or_text).
    headers = {**answer.headers, "Content-Type": "application/json"}
    return web.Response(status=answer.status, headers=headers, body=json_text.dumps(answer.body))
