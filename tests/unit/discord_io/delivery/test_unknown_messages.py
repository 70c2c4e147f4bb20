"""Messages of an answer whose ids are not known: used when they are found, and never left behind."""

from __future__ import annotations

import asyncio

import pytest

from bot.clock import Clock
from bot.discord_io.delivery.repeats import FINAL_ATTEMPTS
from bot.errors import MessageGone
from bot.presentation.page import Page
from tests.fakes.clocks import LoopClock
from tests.unit.discord_io.delivery.conftest import Room

CLOCK: Clock = LoopClock()


async def test_nothing_is_sent_before_discord_tells_what_is_there(room: Room) -> None:
    """The first message exists, its id was lost, and Discord is out for minutes: it is used in the end."""
    first = room.channel.new_message("question")
    room.channel.marked.append((0, first))
    answer = room.opened(token_lives=0.0)
    answer.delivery.acknowledged(None)
    back = CLOCK.monotonic() + 300.0
    room.channel.refuses = lambda _call: CLOCK.monotonic() < back
    answer.say("begin")
    await asyncio.sleep(200.0)
    assert len(room.channel.made("find")) > FINAL_ATTEMPTS
    await room.channel.until_shown("begin")
    answer.source.say("the whole answer")
    await answer.delivery.finish()

    assert room.channel.messages == {first: "the whole answer"}
    assert room.channel.made("send") == []
    assert answer.sent == [(0, first)]


async def test_of_a_message_that_comes_late_and_the_one_sent_meanwhile_one_is_left(room: Room) -> None:
    """Discord was slow with the acknowledgement, and it was looked for in vain."""
    answer = room.opened(token_lives=0.0)
    answer.delivery.acknowledged(None)
    answer.say("begin")
    await room.channel.until_shown("begin")
    late = room.channel.new_message("question")
    answer.delivery.acknowledged(late, Page("question"))
    answer.source.say("the whole answer")
    await answer.delivery.finish()
    assert list(room.channel.messages.values()) == ["the whole answer"]


async def test_so_is_one_that_only_the_gateway_tells_of(room: Room) -> None:
    """Its sending had failed for the bot."""
    answer = room.attempts()
    answer.delivery.seen(answer.first)
    stray = room.channel.new_message("question")
    answer.delivery.seen(stray)
    answer.source.say("the whole answer")
    await answer.delivery.finish()
    assert room.channel.messages == {answer.first: "the whole answer"}
    assert answer.sent == [(1, stray), (1, None)]


async def test_of_two_first_messages_one_is_left(room: Room) -> None:
    """An earlier process sent a second one; the older one is known."""
    first, second = room.channel.new_message("question"), room.channel.new_message("question")
    room.channel.marked += [(0, first), (0, second)]
    answer = room.opened(first, token_lives=0.0, may_be_more=True)
    answer.source.say("the whole answer")
    await answer.delivery.finish()
    assert room.channel.messages == {first: "the whole answer"}


async def test_a_further_message_of_an_earlier_process_is_not_left_behind(room: Room) -> None:
    """It died before it stored the id, and this answer needs no second message."""
    first, second = room.channel.new_message("begin"), room.channel.new_message("end")
    room.channel.marked += [(0, first), (1, second)]
    answer = room.opened(first, token_lives=0.0, may_be_more=True)
    answer.source.say("stopped")
    await answer.delivery.finish()
    assert room.channel.messages == {first: "stopped"}


async def test_a_token_that_names_another_message_is_not_used(room: Room) -> None:
    """The acknowledgement came late, after the answer had got a message of its own, which was stored."""
    late, own = room.channel.new_message("question"), room.channel.new_message("question")
    room.channel.marked += [(0, late), (0, own)]
    answer = room.opened(own, original=late, may_be_more=True)
    answer.source.say("the whole answer")
    await answer.delivery.finish()
    assert room.channel.messages == {own: "the whole answer"}


async def test_a_first_message_that_is_no_answer_to_the_interaction_is_used(room: Room) -> None:
    """The interaction's own one was a sentence that it takes longer, and is gone; the answer's id was lost."""
    sentence, first = room.channel.new_message("a sentence"), room.channel.new_message("question")
    room.channel.marked.append((0, first))
    del room.channel.messages[sentence]
    answer = room.opened(original=sentence)
    answer.delivery.acknowledged(None)
    answer.source.say("the whole answer")
    await answer.delivery.finish()
    assert room.channel.messages == {first: "the whole answer"}
    assert room.channel.made("send") == []


async def test_where_no_other_is_found_somebody_has_deleted_it(room: Room) -> None:
    """The answer is for nobody then."""
    first = room.channel.new_message("question")
    del room.channel.messages[first]
    answer = room.opened(original=first)
    answer.delivery.acknowledged(None)
    answer.source.say("the whole answer")
    with pytest.raises(MessageGone):
        await answer.delivery.finish()
    assert room.channel.messages == {}


async def test_without_doubt_nothing_is_looked_for(room: Room) -> None:
    """Ordinary answers cost no search."""
    answer = room.attempts()
    answer.source.say("begin", "end")
    await answer.delivery.finish()
    assert room.channel.made("find") == []


async def test_what_is_told_after_the_last_state_is_shown_too(room: Room) -> None:
    """At a restart all messages say that the bot restarts; then somebody cancels a question."""
    answer = room.attempts()
    answer.source.say("kept: the bot is restarting")
    await answer.delivery.finish()
    answer.source.say("cancelled")
    await answer.delivery.finish()
    assert room.channel.messages == {answer.first: "cancelled"}
