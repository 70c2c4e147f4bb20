"""What a program reads when something fails while its stream is open."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.api.chat import ChatEndpoints
from bot.api.guarding import Guarding
from bot.domain.conversation.profile import Profile
from bot.errors import BotError, StorageError
from bot.services.access.keys import Owner
from bot.services.access.operators import Person
from bot.services.answers.programs import WaitingProgram
from bot.services.requests.program_requests import Place
from tests.fakes.clocks import FastClock

SECRET = "the database's own words"


class OneOwner:
    """Stands for the keys: whoever asks is the same person."""

    async def owner(self, secret: str) -> Owner:  # as the service's
        """Somebody without limits."""
        return Owner(cast("Any", None), Person(1, 8), cast("Any", None), Profile("", 1_000, 100))


class OneModel:
    """Stands for what runs."""

    def running(self, wanted: str | None, cluster: str) -> str:  # as the endpoint's
        """The only model."""
        return "a-model"


class FailingRequests:
    """Stands for the requests of programs: the first look at a position succeeds, every other one fails."""

    limit = 20

    def __init__(self, error: Exception) -> None:
        self._error = error
        self._looks = 0
        self.were_left = 0

    def waiting_of(self, user_id: int) -> int:  # as the service's
        """None."""
        return 0

    async def allowance(self, owner: Owner) -> None:
        """Nobody has a limit."""

    def program(self, owner: Owner, body: dict[str, object], recipient: Any) -> WaitingProgram:
        """A request."""
        return WaitingProgram("a" * 16, owner.person.user_id, body, 1, recipient, asked_at=1_000.0)

    async def submit(self, owner: Owner, program: WaitingProgram) -> None:  # as the service's
        """It waits."""

    async def place(self, program: WaitingProgram) -> Place:  # as the service's
        """Its place, once."""
        self._looks += 1
        if self._looks > 1:
            raise self._error
        return Place(1, None, None)

    def left(self, program: WaitingProgram) -> None:  # as the service's
        """Count that its connection has ended."""
        self.were_left += 1


@asynccontextmanager
async def served(requests: FailingRequests) -> AsyncIterator[httpx.AsyncClient]:
    """A program's connection to the endpoint."""
    clock = FastClock(20.0)
    hosts: set[str] = set()
    guarding = Guarding(hosts, frozenset(), cast("Any", OneOwner()), clock)

    @web.middleware
    async def guard(request: web.Request, handler: Any) -> web.StreamResponse:  # as aiohttp's
        return await guarding.pass_on(request, handler)

    application = web.Application(middlewares=[guard])
    endpoints = ChatEndpoints(cast("Any", requests), cast("Any", OneModel()), guarding, clock)
    application.add_routes(endpoints.routes())
    async with TestServer(application) as server:
        hosts.add(f"{server.host}:{server.port}")
        async with httpx.AsyncClient(
            base_url=str(server.make_url("/")), headers={"Authorization": "Bearer x"}
        ) as program:
            yield program


@pytest.mark.parametrize(
    ("error", "code"), [(StorageError(SECRET), "storage"), (RuntimeError(SECRET), "internal_error")]
)
async def test_a_stream_that_fails_ends_with_one_event(error: BotError | RuntimeError, code: str) -> None:
    """Its status was sent: a second response would be read as a part of the answer."""
    requests = FailingRequests(error)
    async with served(requests) as program:
        response = await program.post(
            "/v1/chat/completions", json={"messages": [{"role": "user", "content": "Why?"}], "stream": True}
        )
        assert response.status_code == 200
        assert "HTTP/1.1" not in response.text
        comment, event, _ = response.text.split("\n\n")
        assert comment == ": position 1 in the queue"
        assert event.startswith("data: {")
        assert f'"code":"{code}"' in event
        assert SECRET not in response.text
        assert requests.were_left == 1
        # The connection takes further requests.
        assert (await program.post("/v1/chat/completions", json={})).status_code == 400
