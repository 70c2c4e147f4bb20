"""Channels are read newest first, in parts, slowly, and not further than needed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import discord
import pytest

from bot.discord_io.history import MOST_READ, PAGE, READ_EVERY, HistoryReader
from bot.discord_io.outgoing import Outgoing
from bot.errors import DeliveryError
from bot.telemetry.metrics import Metrics
from tests.fakes.clocks import HastyClock


class Channel:
    """A channel with messages of these ids; ``refusals`` are raised by the next calls."""

    def __init__(self, ids: range, *refusals: Exception) -> None:
        self.ids = ids
        self.refusals = list(refusals)
        self.calls = 0
        self.last_message_id = ids[-1] if ids else None

    async def history(self, *, limit: int, before: discord.Object | None) -> AsyncIterator[Any]:
        """One part, newest first."""
        self.calls += 1
        if self.refusals:
            raise self.refusals.pop()
        for number in [one for one in reversed(self.ids) if before is None or one < before.id][:limit]:
            yield SimpleNamespace(id=number)


def refusal(status: int, code: int) -> discord.HTTPException:
    """As the library raises it."""
    response = cast("Any", SimpleNamespace(status=status, reason=""))
    kind = {403: discord.Forbidden, 404: discord.NotFound}.get(status, discord.HTTPException)
    return kind(response, {"code": code, "message": ""})


@pytest.fixture
def clock() -> HastyClock:
    return HastyClock()


@pytest.fixture
def reader(clock: HastyClock) -> HistoryReader:
    return HistoryReader(cast("Any", None), Outgoing(clock, Metrics()), clock)


async def numbers(reader: HistoryReader, channel: Channel, since: int) -> list[int]:
    """The ids of what is read."""
    return [message.id for message in await reader.read(cast("Any", channel), since)]


@pytest.mark.parametrize(
    ("ids", "since", "calls"),
    [
        (range(10), 4, 1),
        (range(10), 10, 0),
        (range(0), 4, 1),
        (range(PAGE), 0, 2),
        (range(250), 200, 1),
        (range(250), 100, 2),
        (range(250), 0, 3),
    ],
)
async def test_no_more_is_read_than_needed(reader: HistoryReader, ids: range, since: int, calls: int) -> None:
    """Nothing where Discord has told that nothing is new."""
    channel = Channel(ids)
    assert await numbers(reader, channel, since) == [one for one in reversed(ids) if one >= since]
    assert channel.calls == calls


async def test_a_busy_channel_is_read_in_part(reader: HistoryReader, clock: HastyClock) -> None:
    """The newest messages, with ten calls in a second."""
    began, channel = clock.at, Channel(range(5 * MOST_READ))
    assert await numbers(reader, channel, 0) == list(reversed(channel.ids))[:MOST_READ]
    assert channel.calls == MOST_READ // PAGE
    assert clock.at - began >= (channel.calls - 1) * READ_EVERY * 0.99


@pytest.mark.parametrize("lost", [refusal(403, 50001), refusal(403, 50013), refusal(404, 10003)])
async def test_what_may_not_be_read_is_left(reader: HistoryReader, lost: discord.HTTPException) -> None:
    """Without a word; what Discord does not answer is another thing."""
    assert await numbers(reader, Channel(range(10), lost), 0) == []
    with pytest.raises(DeliveryError):
        await numbers(reader, Channel(range(10), refusal(503, 0)), 0)


async def test_a_member_is_known_or_has_left(reader: HistoryReader) -> None:
    """Anything else is no answer."""
    for error, is_answer in ((refusal(404, 10007), True), (refusal(404, 10004), False), (refusal(500, 0), False)):

        async def fetch_member(_: int, error: Exception = error) -> Any:
            raise error

        guild = cast("Any", SimpleNamespace(fetch_member=fetch_member))
        if is_answer:
            assert await reader.member(guild, 7) is None
        else:
            with pytest.raises(DeliveryError):
                await reader.member(guild, 7)
