"""Calls to interactions' endpoints whose connection breaks."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import discord
import pytest
from discord.http import Route

from bot.discord_io.interaction_calls import AT_ONCE, Departures, RepeatingAdapter

CALLBACK = Route("POST", "/interactions/{webhook_id}/{webhook_token}/callback", webhook_id=7, webhook_token="t")
FOLLOW_UP = Route("POST", "/webhooks/{webhook_id}/{webhook_token}", webhook_id=7, webhook_token="t")
EDIT = Route("PATCH", "/webhooks/{webhook_id}/{webhook_token}/messages/@original", webhook_id=7, webhook_token="t")
UNREACHED = aiohttp.ClientConnectorError(
    cast("Any", SimpleNamespace(host="h", port=1, ssl=True)), OSError(111, "no")
)


class Session:
    """A session whose calls fail like these, one after the other, and then are answered."""

    def __init__(self, *failures: Exception | int, body: str = '{"done": true}') -> None:
        self._failures = list(failures)
        self._body = body
        self.calls = 0

    def request(self, *_: Any, **__: Any) -> AbstractAsyncContextManager[Any]:
        """Make a call."""
        return self._call()

    @asynccontextmanager
    async def _call(self) -> AsyncIterator[Any]:
        self.calls += 1
        failure = self._failures.pop(0) if self._failures else 200
        if isinstance(failure, Exception):
            raise failure

        async def text(**_: Any) -> str:
            return '{"code": 40060, "message": "already"}' if failure == 400 else self._body

        headers = {"content-type": "application/json"}
        yield SimpleNamespace(status=failure, headers=headers, text=text, reason="")


async def call(route: Route, session: Session) -> Any:
    """Make a call through the adapter."""
    adapter = RepeatingAdapter()
    return await adapter.request(route, cast("aiohttp.ClientSession", session), payload={})


@pytest.mark.parametrize("route", [CALLBACK, EDIT], ids=["first answer", "edit"])
@pytest.mark.parametrize(
    "broken", [aiohttp.ServerDisconnectedError(), aiohttp.ClientOSError(104, "reset")], ids=repr
)
async def test_q17_a_harmless_call_is_repeated_once(route: Route, broken: Exception) -> None:
    """And only once: whatever breaks twice is told."""
    session = Session(broken)
    assert await call(route, session) == {"done": True}
    assert session.calls == 2
    session = Session(broken, broken)
    with pytest.raises(aiohttp.ClientConnectionError):
        await call(route, session)
    assert session.calls == 2


async def test_first_answers_of_a_burst_go_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """They use each other's connections. When those before do not arrive, they go all the same."""
    adapter, session, held = RepeatingAdapter(), Session(), asyncio.Event()
    begun = 0

    async def hold(*_: object, **__: object) -> dict[str, object]:
        nonlocal begun
        begun += 1
        await held.wait()
        return {}

    monkeypatch.setattr(adapter, "_repeated", hold)
    calls = [
        asyncio.create_task(adapter.request(CALLBACK, cast("aiohttp.ClientSession", session)))
        for _ in range(AT_ONCE + 5)
    ]
    edit = asyncio.create_task(adapter.request(EDIT, cast("aiohttp.ClientSession", session)))
    await asyncio.wait(calls, timeout=0)
    assert begun == AT_ONCE + 1
    monkeypatch.setattr("bot.discord_io.interaction_calls.PATIENCE", 0.0)
    late = asyncio.create_task(adapter.request(CALLBACK, cast("aiohttp.ClientSession", session)))
    await asyncio.wait({late}, timeout=0.01)
    assert begun == AT_ONCE + 2
    held.set()
    await asyncio.gather(*calls, edit, late)
    assert begun == AT_ONCE + 7


async def test_late_first_answers_leave_before_others() -> None:
    """More of them at once; and of each kind those of the oldest interactions first."""
    departures, left = Departures(at_once=1, late_at_once=2), list[int]()

    async def leave(interaction_id: int, *, late: bool = False) -> None:
        assert await departures.take_turn(interaction_id, late=late)
        left.append(interaction_id)

    waiting = [asyncio.create_task(leave(number)) for number in (1, 9, 5)]
    waiting += [asyncio.create_task(leave(number, late=True)) for number in (8, 7, 6)]
    await asyncio.sleep(0)
    assert left == [1, 8]
    for _ in waiting:
        departures.give_back()
        for _ in range(3):
            await asyncio.sleep(0)
    assert left == [1, 8, 6, 7, 5, 9]


async def test_a_first_answer_that_is_given_up_holds_up_nobody() -> None:
    """Whether its turn has come at that moment or not."""
    departures = Departures(at_once=1, late_at_once=1)
    assert await departures.take_turn(1, late=False)
    given_up = [asyncio.create_task(departures.take_turn(number, late=False)) for number in (2, 3)]
    last = asyncio.create_task(departures.take_turn(4, late=False))
    await asyncio.sleep(0)
    given_up[0].cancel()
    departures.give_back()
    given_up[1].cancel()
    await asyncio.gather(*given_up, return_exceptions=True)
    assert await last


async def test_of_a_first_answer_only_the_messages_id_is_kept() -> None:
    """The library would build the whole message of the rest, for nobody. Other answers are whole."""
    body = '{"interaction": {"response_message_id": "5"}, "resource": {"type": 4, "message": {}}}'
    assert await call(CALLBACK, Session(body=body)) == {"interaction": {"response_message_id": "5"}}
    assert "resource" in await call(EDIT, Session(body=body))


async def test_q17_a_further_message_is_not_sent_twice() -> None:
    """Unless the first call never left."""
    session = Session(aiohttp.ServerDisconnectedError())
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await call(FOLLOW_UP, session)
    assert session.calls == 1
    session = Session(UNREACHED)
    assert await call(FOLLOW_UP, session) == {"done": True}


async def test_q17_a_first_answer_that_had_arrived_counts() -> None:
    """Discord refuses the second one; a refusal without a broken call before stands."""
    session = Session(aiohttp.ServerDisconnectedError(), 400)
    assert (await call(CALLBACK, session))["interaction"]["id"] == "7"
    with pytest.raises(discord.HTTPException):
        await call(CALLBACK, Session(400))


async def test_q17_only_a_repeated_first_answer_may_be_refused() -> None:
    """Of an edit the same refusal is a failure."""
    with pytest.raises(discord.HTTPException):
        await call(EDIT, Session(aiohttp.ServerDisconnectedError(), 400))


async def test_q17_files_are_sent_whole_again() -> None:
    """The broken call may have read them to their ends."""
    file = discord.File(io.BytesIO(b"an answer"), "answer.md")
    read: list[bytes] = []

    class Reading(Session):
        def request(self, *arguments: Any, **options: Any) -> AbstractAsyncContextManager[Any]:
            """Read the file, as a connection does."""
            read.append(file.fp.read())
            return super().request(*arguments, **options)

    session = Reading(aiohttp.ServerDisconnectedError())
    adapter = RepeatingAdapter()
    await adapter.request(EDIT, cast("aiohttp.ClientSession", session), files=[file], payload={})
    assert read == [b"an answer", b"an answer"]
