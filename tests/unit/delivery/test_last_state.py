"""The last state of an answer is shown, whatever Discord does to its message."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from bot.clock import Clock
from bot.delivery.answer import FINAL_ATTEMPTS, FIRST_RETRY, LONGEST_RETRY
from bot.delivery.surface import RouteKind
from bot.errors import DeliveryError
from tests.fakes.loops import LoopClock
from tests.unit.delivery.conftest import Room

CLOCK: Clock = LoopClock()


async def test_a_message_that_takes_no_edit_any_more_is_replaced(room: Room) -> None:
    """The tail stands in the channel once, in a new message, whose id is told and kept."""
    answer = room.answering()
    room.channel.refuses = lambda call: call.message_id == answer.first
    answer.source.say("the whole answer")
    await answer.delivery.finish()

    (sent,) = room.channel.made("send")
    assert sent.route is RouteKind.CHANNEL
    (anew,) = room.channel.messages.keys() - {answer.first}
    assert room.channel.messages == {answer.first: "question", anew: "the whole answer"}
    assert answer.sent == [(0, anew)]
    assert answer.delivery.message_ids == (anew,)
    assert len(room.channel.made("edit")) == FINAL_ATTEMPTS


async def test_only_the_page_that_takes_no_edit_is_replaced(room: Room) -> None:
    """The answer's other messages stay, and the tail is not sent a second time."""
    answer = room.answering()
    answer.say("begin", "tail")
    await room.channel.until_shown("tail")
    (second,) = room.channel.messages.keys() - {answer.first}
    room.channel.refuses = lambda call: call.message_id == second
    answer.source.say("begin", "tail and its end")
    await answer.delivery.finish()

    anew = answer.delivery.message_ids[1]
    assert answer.delivery.message_ids == (answer.first, anew)
    assert answer.sent == [(1, second), (1, anew)]
    assert sorted(room.channel.messages.values()) == ["begin", "tail", "tail and its end"]


async def test_a_replaced_message_is_the_one_that_is_edited_from_then_on(room: Room) -> None:
    """The interaction still names the message that was given up, so its route is not used any more."""
    answer = room.answering()
    room.channel.refuses = lambda call: call.message_id == answer.first
    answer.source.say("begin")
    ending = asyncio.create_task(answer.delivery.finish())
    await room.channel.until_shown("begin")
    answer.say("begin and end")
    await ending

    assert list(room.channel.messages.values()) == ["question", "begin and end"]
    assert room.channel.calls[-1].route is RouteKind.CHANNEL
    assert len(room.channel.made("send")) == 1


@pytest.mark.parametrize("failures", [1, 3, FINAL_ATTEMPTS - 1])
async def test_an_edit_that_fails_for_a_while_is_repeated_ever_more_rarely(room: Room, failures: int) -> None:
    """Nothing is sent anew while there is hope; the pauses grow, up to half a minute."""
    answer = room.answering()
    left = iter(range(failures))
    room.channel.refuses = lambda _call: next(left, None) is not None
    answer.source.say("the whole answer")
    await answer.delivery.finish()

    edits = room.channel.made("edit")
    pauses = [after.at - before.at for before, after in itertools.pairwise(edits)]
    promised = [min(FIRST_RETRY * 2.0**number, LONGEST_RETRY) for number in range(failures)]
    assert all(least <= pause <= least + 1.5 for pause, least in zip(pauses, promised, strict=True))
    assert room.channel.messages == {answer.first: "the whole answer"}
    assert room.channel.made("send") == []
    assert answer.sent == []


async def test_a_failure_in_between_counts_from_the_start_again(room: Room) -> None:
    """What went well since is no reason to give a message up."""
    answer = room.answering()
    for number in range(3):
        left = iter(range(FINAL_ATTEMPTS - 1))
        room.channel.refuses = lambda _call, left=left: next(left, None) is not None  # type: ignore[misc]
        answer.say(f"state {number}")
        await room.channel.until_shown(f"state {number}")
    room.channel.refuses = lambda _call: False
    await answer.delivery.finish()
    assert room.channel.made("send") == []


async def test_what_cannot_be_sent_anew_either_is_told(room: Room) -> None:
    """Nobody is left waiting: whoever asked for the last state learns that it is not shown."""
    answer = room.answering()
    room.channel.refuses = lambda _call: True
    answer.source.say("the whole answer")
    began = CLOCK.monotonic()
    with pytest.raises(DeliveryError):
        await answer.delivery.finish()
    assert CLOCK.monotonic() - began < 120
