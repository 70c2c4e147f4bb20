"""The last state of an answer is shown, whatever Discord does to its message."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence

import pytest

from bot.clock import Clock
from bot.discord_io.delivery.repeats import FINAL_ATTEMPTS, FIRST_RETRY, LONGEST_RETRY
from bot.discord_io.delivery.routes import RouteKind
from bot.errors import DeliveryError
from bot.presentation.page import Page
from tests.fakes.channels import Call
from tests.fakes.clocks import LoopClock
from tests.unit.discord_io.delivery.conftest import Room

CLOCK: Clock = LoopClock()


async def test_a_message_that_takes_no_edit_any_more_is_replaced(room: Room) -> None:
    """The rest is in the channel once, in a new message, whose id is reported and stored."""
    answer = room.attempts()
    room.channel.refuses = lambda call: call.message_id == answer.first
    answer.source.say("the whole answer")
    await answer.delivery.finish()

    (sent,) = room.channel.made("send")
    assert sent.route is RouteKind.CHANNEL
    (anew,) = room.channel.messages.keys() - {answer.first}
    assert room.channel.messages == {answer.first: "question", anew: "the whole answer"}
    # The old one takes no deletion either.
    assert answer.sent == [(0, anew), (1, answer.first), (1, None)]
    assert answer.delivery.message_ids == (anew,)
    assert len(room.channel.made("edit")) == FINAL_ATTEMPTS


async def test_only_the_page_that_takes_no_edit_is_replaced(room: Room) -> None:
    """The answer's other messages stay, and the tail is not sent a second time."""
    answer = room.attempts()
    answer.say("begin", "tail")
    await room.channel.until_shown("tail")
    (second,) = room.channel.messages.keys() - {answer.first}
    room.channel.refuses = lambda call: call.message_id == second
    answer.source.say("begin", "tail and its end")
    await answer.delivery.finish()

    anew = answer.delivery.message_ids[1]
    assert answer.delivery.message_ids == (answer.first, anew)
    assert answer.sent == [(1, second), (1, anew), (2, second), (2, None)]
    assert sorted(room.channel.messages.values()) == ["begin", "tail", "tail and its end"]


async def test_a_replaced_message_is_the_one_that_is_edited_from_then_on(room: Room) -> None:
    """The interaction still names the message that was given up, so its route is not used any more."""
    answer = room.attempts()
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
    """No new message is sent while the edit may still succeed; the pauses grow, up to half a minute."""
    answer = room.attempts()
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


async def test_failures_count_anew_after_each_success(room: Room) -> None:
    """Three messages whose edits fail for a while, one after the other: none of them is given up."""
    answer = room.attempts()
    answer.say("one", "two", "three")
    await room.channel.until_shown("three")
    left = dict.fromkeys(room.channel.messages, FINAL_ATTEMPTS - 1)

    def refuses(call: Call) -> bool:
        left[call.message_id or 0] -= 1
        return left[call.message_id or 0] >= 0

    room.channel.refuses = refuses
    answer.source.say("ONE", "TWO", "THREE")
    await answer.delivery.finish()
    assert list(room.channel.messages.values()) == ["ONE", "TWO", "THREE"]


@pytest.mark.parametrize("ends_after", [60.0, 180.0])
async def test_an_outage_while_the_answer_grows_is_survived(room: Room, ends_after: float) -> None:
    """However long: the answer is shown when Discord is back, in its message, whether or not it still grows."""
    answer = room.attempts()
    back = CLOCK.monotonic() + 100.0
    room.channel.refuses = lambda _call: CLOCK.monotonic() < back
    began = CLOCK.monotonic()
    while CLOCK.monotonic() < began + ends_after:
        answer.say(f"after {CLOCK.monotonic() - began:.0f} s")
        await asyncio.sleep(1.0)
    answer.source.say("the whole answer")
    await answer.delivery.finish()
    assert room.channel.messages == {answer.first: "the whole answer"}


async def test_pages_that_another_process_left_are_used_or_removed(room: Room) -> None:
    """It had begun to answer what waits here, in more messages than the new answer needs."""
    answer = room.attempts()
    second, third = room.channel.new_message("its second page"), room.channel.new_message("its third page")
    answer.delivery.learned([answer.first, second, third])
    answer.source.say("begin", "end")
    await answer.delivery.finish()
    assert room.channel.messages == {answer.first: "begin", second: "end"}
    assert room.channel.made("send") == []
    assert answer.sent == [(2, None)]


async def test_sending_anew_is_tried_again_too(room: Room) -> None:
    """A tail that was refused twice is there once."""
    answer = room.attempts()
    left = iter(range(2))
    room.channel.refuses = lambda call: (
        call.message_id == answer.first or (call.what == "send" and next(left, None) is not None)
    )
    answer.source.say("the whole answer")
    await answer.delivery.finish()
    assert sorted(room.channel.messages.values()) == ["question", "the whole answer"]
    assert len(room.channel.made("send")) == 3


async def test_what_cannot_be_sent_anew_either_is_told(room: Room) -> None:
    """The caller that waits for the last state learns that it is not shown."""
    answer = room.attempts()
    room.channel.refuses = lambda _call: True
    answer.source.say("the whole answer")
    began = CLOCK.monotonic()
    with pytest.raises(DeliveryError):
        await answer.delivery.finish()
    assert CLOCK.monotonic() - began < 120


async def test_a_delivery_tells_whether_all_is_shown(room: Room) -> None:
    """Whoever closes deliveries to save memory closes no other."""
    answer = room.attempts()
    answer.say("3rd in the queue")
    assert not answer.delivery.is_current
    await room.channel.until_shown("3rd in the queue")
    assert not answer.delivery.is_current, "the call is still under way"
    await asyncio.sleep(1.0)
    assert answer.delivery.is_current
    answer.source.say("2nd in the queue")
    assert not answer.delivery.is_current


async def test_text_that_shows_nothing_new_costs_no_call_and_no_slot(room: Room) -> None:
    """White space at the end, for example: it counts as grown, and the pages are as before."""
    answer = room.attempts()
    for number in range(4):
        answer.source.grown += 1
        answer.say(f"state {number}")
        await room.channel.until_shown(f"state {number}")
    calls = len(room.channel.calls)
    for _ in range(10):
        answer.source.grown += 1
        answer.delivery.changed()
        await asyncio.sleep(0.5)
    assert len(room.channel.calls) == calls
    for number in range(4, 9):
        answer.source.grown += 1
        answer.say(f"state {number}")
        asked = CLOCK.monotonic()
        await room.channel.until_shown(f"state {number}")
        assert CLOCK.monotonic() - asked < 0.6


async def test_text_that_grows_is_rendered_once_for_each_edit(room: Room) -> None:
    """However often it is told to have changed meanwhile."""
    answer = room.attempts()
    rendered: list[float] = []
    render = answer.source.render

    def counted() -> Sequence[Page]:
        rendered.append(CLOCK.monotonic())
        return render()

    answer.source.render = counted  # type: ignore[method-assign]  # counts the calls of the original
    for number in range(100):
        answer.source.grown += 1
        answer.say(f"state {number}")
        await asyncio.sleep(0.05)
    await room.channel.until_shown("state 99")
    edits = len(room.channel.made("edit"))
    assert 10 <= edits <= 16
    assert len(rendered) <= edits + 1
