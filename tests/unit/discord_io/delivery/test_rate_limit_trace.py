"""Every attempt of a call is counted in the bucket that Discord counts it in, whatever comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import discord
import pytest
import yarl
from multidict import CIMultiDict

from bot.discord_io.delivery.edit_pacing import Bucket
from bot.discord_io.delivery.rate_limit_trace import WireCall, WireObserver, current_call, written_channel
from bot.discord_io.outgoing import Outgoing, calls_for
from bot.domain.discord_calls.brake import HOLDS_BACK
from bot.domain.discord_calls.priority import CallPriority
from bot.errors import HeldBack
from bot.telemetry.metrics import Metrics
from tests.fakes.clocks import LoopClock

CHANNEL = 77
EDIT = f"/channels/{CHANNEL}/messages/1"
SEND = f"/channels/{CHANNEL}/messages"
RESPONSE = "/webhooks/9/token/messages/@original"


def told(remaining: int, *, limit: int = 5, reset_after: float = 5.0) -> Mapping[str, str]:
    """The headers of an answer."""
    return {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset-After": f"{reset_after:.3f}",
    }


@dataclass(eq=False)
class Library:
    """What the library does on the wire, as its trace sees it."""

    outgoing: Outgoing = field(default_factory=lambda: Outgoing(LoopClock(), Metrics()))

    def __post_init__(self) -> None:
        self._trace: Any = WireObserver(LoopClock(), Metrics(), self.outgoing).trace_config()

    @property
    def edits(self) -> Bucket:
        """The bucket of the channel's edits."""
        return self.outgoing.channel_buckets.of(CHANNEL).bucket

    def counting(self, method: str) -> Bucket:
        """The channel's bucket of a method."""
        return self.outgoing.channel_buckets.of(CHANNEL).counting(method)

    async def leaves(self, method: str, path: str) -> SimpleNamespace:
        """Begin an attempt; returns when it has left."""
        attempt = SimpleNamespace()
        url = yarl.URL(f"{discord.http.Route.BASE}{path}")
        params = aiohttp.TraceRequestStartParams(method=method, url=url, headers=CIMultiDict())
        await self._trace.on_request_start[0](cast("Any", None), attempt, params)
        attempt.url = url
        return attempt

    async def answered(self, attempt: SimpleNamespace, status: int, headers: Mapping[str, str]) -> None:
        """Its answer's headers arrive."""
        response = SimpleNamespace(status=status, headers=headers)
        await self._trace.on_request_end[0](None, attempt, SimpleNamespace(url=attempt.url, response=response))

    async def broke(self, attempt: SimpleNamespace) -> None:
        """Its connection breaks."""
        await self._trace.on_request_exception[0](None, attempt, None)

    async def made(self, method: str, path: str, status: int, headers: Mapping[str, str]) -> None:
        """An attempt and its answer."""
        await self.answered(await self.leaves(method, path), status, headers)

    def slot(self, bucket: Bucket | None = None) -> WireCall:
        """A call for which a delivery has taken a slot, which the running task makes next."""
        call = WireCall(self.edits if bucket is None else bucket)
        call.bucket.sent(now())
        current_call.set(call)
        return call


def now() -> float:
    """Seconds of the loop."""
    return LoopClock().monotonic()


async def took(work: asyncio.Task[Any]) -> float:
    """The seconds until ``work`` has ended."""
    began = now()
    await work
    return now() - began


async def test_a_repetition_waits_for_a_slot_of_its_own() -> None:
    """The library repeats after a 500 when its pause is over; others have filled the window meanwhile."""
    library = Library()
    library.slot()
    await library.made("PATCH", EDIT, 500, told(4))
    for _ in range(4):
        library.edits.sent(now())
        library.edits.observed(now(), limit=5, remaining=0, reset_after=5.0)
    waited = await took(asyncio.create_task(library.leaves("PATCH", EDIT)))
    assert 5.0 <= waited <= 5.1
    assert library.edits.free(now()) == 4


@pytest.mark.parametrize("lost", ["broken", "answered by a gateway"])
async def test_an_attempt_stays_counted_when_nothing_tells_of_it(lost: str) -> None:
    """For a whole window from then on: Discord may have counted it at the last moment."""
    library = Library()
    library.slot()
    attempt = await library.leaves("PATCH", EDIT)
    await asyncio.sleep(2.0)
    if lost == "broken":
        await library.broke(attempt)
    else:
        await library.answered(attempt, 503, {})
    assert library.edits.free(now()) == 4
    await asyncio.sleep(4.9)
    assert library.edits.free(now()) == 4
    await asyncio.sleep(0.2)
    assert library.edits.free(now()) == 5


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [("POST", SEND, told(4)), ("DELETE", EDIT, told(4, reset_after=1.0))],
    ids=["a message", "a deletion"],
)
@pytest.mark.parametrize("delivered", [True, False], ids=["by a delivery", "by a command"])
async def test_edits_are_counted_apart_from_other_calls(
    method: str, path: str, headers: Mapping[str, str], delivered: bool
) -> None:
    """The headers of the others tell nothing of the edits' window, neither its slots nor its end."""
    library = Library()
    for remaining in (4, 3, 2):
        await library.made("PATCH", EDIT, 200, told(remaining))
    await asyncio.sleep(2.0)
    if delivered:
        library.slot()
    await library.made(method, path, 200, headers)
    assert library.edits.free(now()) == 2
    assert library.counting(method).free(now()) == 4
    await asyncio.sleep(2.9)
    assert library.edits.free(now()) == 2


async def test_a_refusal_with_headers_counts_as_they_say() -> None:
    """A limit that is not this bucket's refuses, and the bucket has counted the request."""
    library = Library()
    library.slot()
    await library.made("PATCH", EDIT, 429, {**told(1), "Retry-After": "2"})
    assert library.edits.free(now()) == 1
    assert library.edits.next_final(now()) == pytest.approx(now() + 2.0, abs=0.01)


async def test_a_refusal_without_headers_only_makes_wait() -> None:
    """As of a proxy before Discord."""
    library = Library()
    library.slot()
    await library.made("PATCH", EDIT, 429, {"Retry-After": "2"})
    assert library.edits.next_final(now()) == pytest.approx(now() + 2.0, abs=0.01)


@pytest.mark.parametrize("strange", ["inf", "nan", "many"])
async def test_headers_that_are_no_numbers_tell_nothing(strange: str) -> None:
    """The attempt counts as one without an answer."""
    library = Library()
    library.slot()
    await library.made("PATCH", EDIT, 200, {**told(4), "X-RateLimit-Limit": strange})
    assert library.edits.free(now()) == 4


async def test_what_the_brake_holds_back_has_used_nothing() -> None:
    """It did not leave."""
    library = Library()
    ticket = library.outgoing.ask(CallPriority.OPERATORS, interaction=True)
    for _ in range(HOLDS_BACK):
        library.outgoing.answered(ticket, 403)
    library.slot()
    with calls_for(CallPriority.TEXT), pytest.raises(HeldBack):
        await library.leaves("PATCH", EDIT)
    assert library.edits.free(now()) == 5


async def test_a_call_without_any_attempt_gives_its_slot_back() -> None:
    """For example because the id of its message is not known."""
    library = Library()
    library.slot().ended(None)
    assert library.edits.free(now()) == 5
    call = library.slot()
    await library.made("PATCH", EDIT, 200, told(4))
    call.ended(None)
    assert library.edits.free(now()) == 4


async def test_the_bucket_of_a_token_counts_all_of_its_calls() -> None:
    """Whatever their method, repetitions too."""
    library, token = Library(), Bucket(limit=5, window=2.0)
    library.slot(token)
    await library.made("POST", "/webhooks/9/token", 500, told(4, reset_after=2.0))
    await library.made("POST", "/webhooks/9/token", 200, told(3, reset_after=1.9))
    library.slot(token)
    await library.made("PATCH", RESPONSE, 200, told(2, reset_after=1.8))
    assert token.free(now()) == 2
    assert library.edits.free(now()) == 5


@pytest.mark.parametrize(
    ("method", "path", "channel"),
    [
        ("PATCH", EDIT, CHANNEL),
        ("POST", f"{SEND}?wait=true", CHANNEL),
        ("DELETE", EDIT, CHANNEL),
        ("GET", SEND, None),
        ("PUT", f"{EDIT}/reactions/x/@me", None),
        ("PATCH", RESPONSE, None),
    ],
)
def test_which_calls_write_in_a_channel(method: str, path: str, channel: int | None) -> None:
    assert written_channel(method, yarl.URL(f"{discord.http.Route.BASE}{path}")) == channel


async def test_a_channel_taken_over_is_edited_when_no_earlier_window_can_be_open() -> None:
    """The process that wrote there may have filled one just before it ended; messages are sent at once."""
    library = Library()
    began = now()
    library.outgoing.channel_buckets.take_over(CHANNEL)
    await library.leaves("POST", SEND)
    assert now() == began
    await library.leaves("PATCH", EDIT)
    assert now() == began + 5.0


async def test_a_channel_taken_over_later_is_edited_at_once() -> None:
    """A regeneration, for example."""
    library = Library()
    await asyncio.sleep(6.0)
    began = now()
    library.outgoing.channel_buckets.take_over(CHANNEL)
    await library.leaves("PATCH", EDIT)
    assert now() == began
