"""Requests without a trace are observed like those with one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.clock import SystemClock
from bot.discord_io.delivery.edit_pacing import Bucket
from bot.discord_io.delivery.observed_session import ObservedSession
from bot.discord_io.delivery.rate_limit_trace import WireCall, WireObserver, current_call
from bot.discord_io.outgoing import Outgoing
from bot.domain.discord_calls.brake import CUTS_OFF
from bot.domain.discord_calls.budget import CALLS
from bot.errors import HeldBack
from bot.telemetry.metrics import Metrics

CLOCK = SystemClock()
PATH = "/webhooks/1/token/messages/@original"


@dataclass(eq=False)
class Place:
    """A Discord that answers with ``status`` and these headers, or breaks the connection (status 0)."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    queries: list[str] = field(default_factory=list)
    metrics: Metrics = field(default_factory=Metrics)
    outgoing: Outgoing = field(init=False)
    session: ObservedSession = field(init=False)
    url: str = ""

    def __post_init__(self) -> None:
        self.outgoing = Outgoing(CLOCK, self.metrics)

    async def answer(self, request: web.Request) -> web.Response:
        """Answer a request."""
        self.queries.append(request.query_string)
        if not self.status:
            assert request.transport is not None
            request.transport.abort()
        return web.json_response({"id": "5"}, status=self.status or 200, headers=self.headers)

    async def edit(self) -> int:
        """Make a request; returns the status."""
        async with self.session.request(
            "PATCH", self.url, params={"with_components": 1}, data="{}", headers={}
        ) as response:
            assert await response.json() == {"id": "5"}
            return response.status

    def counted(self, status: str) -> float | None:
        """How many requests had this end."""
        return self.metrics.registry.get_sample_value("discord_requests_total", {"status": status})


@asynccontextmanager
async def opened() -> AsyncIterator[Place]:
    """A Discord, and a session to it."""
    place = Place()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", place.answer)
    async with TestServer(application) as server, aiohttp.ClientSession() as client:
        place.url = str(server.make_url(PATH))
        place.session = ObservedSession(client, WireObserver(CLOCK, place.metrics, place.outgoing))
        yield place
        await place.outgoing.aclose()


async def test_the_headers_of_an_answer_fill_the_bucket_of_its_call() -> None:
    """And the call counts as applied before its body is read."""
    call = WireCall(Bucket(limit=5, window=2.0))
    async with opened() as place:
        place.headers = {
            "X-RateLimit-Limit": "5",
            "X-RateLimit-Remaining": "2",
            "X-RateLimit-Reset-After": "1.5",
        }
        call.bucket.sent(CLOCK.monotonic())
        reset = current_call.set(call)
        assert await place.edit() == 200
        current_call.reset(reset)
        assert call.applied.done()
        assert call.attempts == 1
        assert call.bucket.free(CLOCK.monotonic()) == 2
        assert place.counted("200") == 1
        assert place.queries == ["with_components=1"]


async def test_a_broken_connection_may_have_been_counted() -> None:
    """Its slot is free only when the window is surely over."""
    call = WireCall(Bucket(limit=5, window=2.0))
    async with opened() as place:
        place.status = 0
        call.bucket.sent(CLOCK.monotonic())
        reset = current_call.set(call)
        with pytest.raises(aiohttp.ClientConnectionError):
            await place.edit()
        current_call.reset(reset)
        assert call.bucket.free(CLOCK.monotonic()) == 4
        assert place.counted("none") == 1


async def test_what_is_refused_counts_towards_the_brake() -> None:
    """Beyond it nothing is sent."""
    async with opened() as place:
        place.status = 404
        place.headers = {}
        for _ in range(2):
            assert await place.edit() == 404
        assert place.metrics.registry.get_sample_value("discord_invalid_answers") == 2
        invalid = place.outgoing._invalid
        for _ in range(CUTS_OFF):
            invalid.count(404, CLOCK.monotonic())
        with pytest.raises(HeldBack):
            await place.edit()
        assert place.counted("404") == 2


async def test_an_interactions_calls_need_no_slot_of_the_bots_budget() -> None:
    """All leave at once."""
    async with opened() as place:
        async with asyncio.timeout(10):
            statuses = await asyncio.gather(*(place.edit() for _ in range(2 * CALLS)))
        assert statuses == [200] * 2 * CALLS
