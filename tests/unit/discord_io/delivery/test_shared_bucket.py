"""Answers of one channel: whose turn it is on the route they share, and who may count on it for the last edit."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.clock import Clock
from bot.discord_io.delivery.edit_pacing import Bucket
from bot.discord_io.delivery.routes import RouteKind
from bot.discord_io.delivery.shared_bucket import SharedBucket
from bot.domain.discord_calls.priority import CallPriority
from tests.fakes.clocks import LoopClock
from tests.unit.discord_io.delivery.conftest import Attempts, Room

CLOCK: Clock = LoopClock()
OWN_WINDOW = 2.0
"""Seconds of the window of an interaction's token, which takes five edits."""


async def streaming(answers: list[Attempts], seconds: float) -> None:
    """Change all of these answers ten times a second."""
    until = CLOCK.monotonic() + seconds
    for number in itertools.count():
        if CLOCK.monotonic() >= until:
            return
        for index, answer in enumerate(answers):
            answer.say(f"{index}: state {number}")
        await asyncio.sleep(0.1)


def whose(room: Room, *, since: float = 0.0) -> list[int]:
    """Which answer each edit was of."""
    firsts = {answer.first: index for index, answer in enumerate(room.answers)}
    return [firsts[call.message_id or 0] for call in room.channel.made("edit") if call.at >= since]


async def test_answers_that_share_a_route_take_turns(room: Room) -> None:
    """Nobody has two edits while another waits, and Discord refuses none."""
    answers = [room.attempts(token_lives=0.0) for _ in range(3)]
    await streaming(answers, 30.0)
    edits = whose(room)
    assert len(edits) >= 24
    assert all(sorted(edits[at : at + 3]) == [0, 1, 2] for at in range(0, len(edits) - 2, 3))
    assert room.channel.window.refused == 0


async def test_the_one_that_waits_longest_goes_first(room: Room) -> None:
    """A single change is shown before an answer that grows all the time gets its second turn."""
    talker, quiet = room.attempts(token_lives=0.0), room.attempts(token_lives=0.0)
    await streaming([talker], 10.0)
    quiet.say("once")
    asked = CLOCK.monotonic()
    await streaming([talker], 5.0)
    assert 1 in whose(room, since=asked)[:2]
    assert whose(room).count(1) == 1


async def test_a_last_edit_goes_before_all_others(room: Room) -> None:
    """However long the others have waited."""
    answers = [room.attempts(token_lives=0.0) for _ in range(5)]
    await streaming(answers, 12.0)
    answers[2].source.say("the end")
    asked = CLOCK.monotonic()
    ending = asyncio.create_task(answers[2].delivery.finish())
    await streaming([*answers[:2], *answers[3:]], 5.0)
    await ending
    assert whose(room, since=asked)[0] == 2
    assert "the end" in room.channel.messages.values()


async def test_an_answer_that_leaves_lets_the_next_one_go(room: Room) -> None:
    """A delivery that is closed during its turn does not hold up the others."""
    gone, staying = room.attempts(token_lives=0.0), room.attempts(token_lives=0.0)
    await streaming([gone, staying], 5.0)
    await gone.delivery.aclose()
    staying.source.say("to the end")
    async with asyncio.timeout(6.0):
        await staying.delivery.finish()
    assert room.channel.messages[staying.first] == "to the end"


async def test_with_a_second_route_streaming_uses_the_whole_budget(room: Room) -> None:
    """Five edits in each two seconds through the token; the last one leaves by whichever route is free."""
    answer = room.attempts()
    await streaming([answer], 20.0)
    edits = [call for call in room.channel.made("edit") if call.route is RouteKind.INTERACTION]
    assert len(edits) >= 5 * 20.0 / (OWN_WINDOW + 2 * room.channel.latency)
    assert len(edits) == len(room.channel.calls)


async def test_no_more_answers_count_on_the_second_route_than_it_has_slots_for(room: Room) -> None:
    """The others keep one of their own slots until some have ended; Discord refuses nothing to any of them."""
    answers = [room.attempts() for _ in range(9)]
    first_six, others = answers[:6], answers[6:]
    await streaming(answers, 12.0)
    edits = [whose(room).count(index) for index in range(9)]
    assert min(edits[:6]) > 1.15 * max(edits[6:])

    for index, answer in enumerate(first_six):
        answer.source.say(f"{index}: the end")
    began = CLOCK.monotonic()
    await asyncio.gather(*(answer.delivery.finish() for answer in first_six))
    assert CLOCK.monotonic() - began < 1.0
    assert {call.route for call in room.channel.calls if call.at >= began} == set(RouteKind)

    began = CLOCK.monotonic()
    await streaming(others, 12.0)
    now_covered = [whose(room, since=began).count(index) for index in range(6, 9)]
    assert min(now_covered) > 1.08 * max(edits[6:])
    assert room.channel.window.refused == 0


@pytest.mark.parametrize(("spent", "covered"), [(0, 6), (1, 5), (2, 3), (5, 0)])
def test_as_many_are_covered_as_there_are_free_slots_and_a_quarter(spent: int, covered: int) -> None:
    """In the order in which they first asked."""
    shared_bucket = SharedBucket(Bucket(limit=5, window=5.0))
    for at in range(spent):
        shared_bucket.bucket.sent(float(at) / 10)
    answers = [object() for _ in range(8)]
    for answer in answers:
        shared_bucket.covers(answer, 1.0)
    assert [shared_bucket.covers(answer, 1.0) for answer in reversed(answers)] == [
        index < covered for index in reversed(range(8))
    ]


def test_who_needs_no_cover_makes_room() -> None:
    """The next in the order is covered."""
    shared_bucket = SharedBucket(Bucket(limit=1, window=5.0))
    first, second = object(), object()
    assert shared_bucket.covers(first, 0.0)
    assert not shared_bucket.covers(second, 0.0)
    shared_bucket.uncover(first)
    assert shared_bucket.covers(second, 0.0)


def bucket_with(**waiting: tuple[float, CallPriority]) -> SharedBucket:
    """A bucket for which these wait: since when, and for what."""
    shared_bucket = SharedBucket(Bucket(limit=5, window=5.0))
    for who, (since, priority) in waiting.items():
        shared_bucket.wants(who, since=since, priority=priority)
    return shared_bucket


def test_the_oldest_unseen_text_goes_first_after_last_states() -> None:
    """Asking again does not lose the turn."""
    shared_bucket = bucket_with(a=(3.0, CallPriority.TEXT), b=(1.0, CallPriority.TEXT), c=(5.0, CallPriority.LAST))
    shared_bucket.wants("b", since=9.0, priority=CallPriority.TEXT)
    for who in ("c", "b", "a"):
        assert [one for one in "abc" if shared_bucket.is_turn(one)] == [who]
        shared_bucket.leave(who)


def test_a_position_in_the_queue_waits_for_every_text() -> None:
    """However old it is; it goes when no text wants the turn, or when it has become a text itself."""
    shared_bucket = bucket_with(waiting=(0.0, CallPriority.POSITION), streaming=(8.0, CallPriority.TEXT))
    assert shared_bucket.is_turn("streaming")
    shared_bucket.leave("streaming")
    assert shared_bucket.is_turn("waiting")
    shared_bucket.wants("streaming", since=9.0, priority=CallPriority.TEXT)
    shared_bucket.wants("waiting", since=9.0, priority=CallPriority.TEXT)
    assert shared_bucket.is_turn("waiting")


def test_only_the_next_one_is_woken() -> None:
    """Of all that wait in a channel; the others keep sleeping until their turn."""
    shared_bucket = SharedBucket(Bucket(limit=5, window=5.0))
    turns = {who: asyncio.Event() for who in "abc"}
    for since, (who, turn) in enumerate(turns.items()):
        shared_bucket.wants(who, since=float(since), priority=CallPriority.TEXT, turn=turn)
    shared_bucket.leave("a")
    assert [who for who, turn in turns.items() if turn.is_set()] == ["b"]
    shared_bucket.leave("a")
    shared_bucket.leave("c")
    assert not turns["c"].is_set()


async def test_who_becomes_more_urgent_goes_before_the_others(room: Room) -> None:
    """A question that left the queue while its position waited to be shown."""
    streams = [room.attempts(token_lives=0.0) for _ in range(3)]
    asked = room.attempts(token_lives=0.0)
    growing = asyncio.create_task(streaming(streams, 20.0))
    await asyncio.sleep(10.0)
    asked.source.is_waiting = True
    asked.say("3rd in the queue")
    await asyncio.sleep(3.0)
    assert room.channel.messages[asked.first] == "question"
    asked.source.is_waiting, asked.source.has_text = False, True
    asked.say("Hello")
    began = CLOCK.monotonic()
    await room.channel.until_shown("Hello")
    assert CLOCK.monotonic() - began < 2.0
    await growing


async def test_a_last_edit_does_not_wait_for_others_while_its_own_token_is_free(room: Room) -> None:
    """It looked at the channel's route because that was free sooner; others were before it there."""
    others = [room.attempts(token_lives=0.0) for _ in range(8)]
    answer = room.attempts()
    await streaming([answer], 9.0)
    for index, other in enumerate(others):
        other.source.say(f"{index}: the end")
    endings = [asyncio.create_task(other.delivery.finish()) for other in others]
    await asyncio.sleep(0)
    answer.source.say("the end")
    began = CLOCK.monotonic()
    await answer.delivery.finish()
    assert CLOCK.monotonic() - began < OWN_WINDOW + 0.2
    await asyncio.gather(*endings)
    assert room.channel.window.refused == 0


@given(st.integers(2, 8))
def test_turns_are_shared_evenly(streams: int) -> None:
    """Answers that always have new text get the same number of turns, give or take one."""
    shared_bucket = SharedBucket(Bucket(limit=5, window=5.0))
    served = dict.fromkeys(range(streams), 0)
    for who in served:
        shared_bucket.wants(who, since=0.0, priority=CallPriority.TEXT)
    for step in range(200):
        (first,) = filter(shared_bucket.is_turn, served)
        shared_bucket.leave(first)
        served[first] += 1
        shared_bucket.wants(first, since=step + 1.0, priority=CallPriority.TEXT)
    assert max(served.values()) - min(served.values()) <= 1
