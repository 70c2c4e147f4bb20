"""What waiting people are shown, and when the queue moves again."""

from __future__ import annotations

import re

from bot.domain.queue.request import RequestState
from bot.domain.queue.store import QueueLimits
from bot.errors import ClusterBusy
from bot.services.queue.positions import OPEN_AT_MOST
from tests.fakes.clocks import FastClock
from tests.fakes.conversations import MemoryConversations
from tests.fakes.questions import question
from tests.fakes.requests import MemoryRequests
from tests.fakes.schedulers import NO_MODEL, ready
from tests.integration.services.process import RunningQueue, running

_POSITION = re.compile(r"(next|\d+(?:st|nd|rd|th)) in the queue")
WIDE = QueueLimits(per_user=1000, total=1000)


def position_of(queue: RunningQueue, request_id: str) -> int | None:
    """The position that a message shows; None when there is no message (yet) or it shows none."""
    shown = queue.shown.answers.get(request_id)
    found = _POSITION.search(shown.text) if shown is not None else None
    if found is None:
        return None
    return 1 if found.group(1) == "next" else int(found.group(1)[:-2])


async def test_positions_follow_the_queue() -> None:
    """Everybody moves up when a question is taken, and when somebody in front leaves."""
    async with running(ready(1)) as queue:
        asked = [await queue.asks(user, f"question {user}") for user in range(1, 6)]
        first = await queue.scheduler.asked(1)
        await queue.until(lambda: [position_of(queue, one) for one in asked[1:]] == [1, 2, 3, 4])

        assert await queue.cancellation.stop(asked[2], by=3)
        await queue.until(lambda: [position_of(queue, asked[index]) for index in (1, 3, 4)] == [1, 2, 3])
        first.end("done")
        await queue.scheduler.asked(2)
        await queue.until(lambda: [position_of(queue, asked[index]) for index in (3, 4)] == [1, 2])


async def test_a_follow_up_waits_for_the_answer_before_it() -> None:
    """A pipeline is free, but not for it: its message soon says that it waits."""
    async with running(ready(2)) as queue:
        await queue.asks(1, "first", channel=5)
        stream = await queue.scheduler.asked(1)
        follow_up = await queue.asks(1, "second", channel=5)
        await queue.until(lambda: position_of(queue, follow_up) == 1)
        stream.end("done")
        await queue.scheduler.asked(2)
        await queue.until_shows(follow_up, "asking")


async def test_a_question_that_comes_back_shows_its_position_anew() -> None:
    """It was 1st, was taken, was refused, and is 1st again while somebody else has the slot."""
    async with running(ready(2)) as queue:
        first, second = await queue.asks(1, "first"), await queue.asks(2, "second")
        await queue.scheduler.asked(2)
        queue.scheduler.report(ready(1))
        queue.scheduler.streams[1].fail(ClusterBusy("429", status=429))
        await queue.until(lambda: position_of(queue, second) == 1)
        queue.scheduler.streams[0].end("done")
        (await queue.scheduler.asked(3)).end("done too")
        await queue.until_shows(first, "done")
        await queue.until_shows(second, "done too")


async def test_a_slot_that_becomes_free_ends_the_wait_that_the_cluster_asked_for() -> None:
    """There is certainly room; the refused question goes first."""
    async with running(ready(2)) as queue:
        clock = FastClock(20.0)
        await queue.asks(1, "refused")
        await queue.asks(2, "answered")
        await queue.scheduler.asked(2)
        refused_at = clock.monotonic()
        queue.scheduler.streams[0].fail(ClusterBusy("429", status=429, retry_after=20.0))
        queue.scheduler.streams[1].end("done")
        again = await queue.scheduler.asked(3)
        assert again.question == "user 1: refused"
        assert clock.monotonic() - refused_at < 20.0


async def test_a_long_queue_of_another_process_is_taken_over() -> None:
    """Every message shows its position in the end, though not all are kept open."""
    conversations = MemoryConversations()
    store = MemoryRequests(conversations)
    names = [f"request {number}" for number in range(OPEN_AT_MOST + 60)]
    for number, name in enumerate(names):
        await store.enqueue(question(name, user=number, conversation=number, at=1.0), WIDE)
        await store.attach_message(name, 0, number)
    async with running(ready(1), store, conversations) as queue:
        await queue.scheduler.asked(1)
        await queue.until(lambda: [position_of(queue, name) for name in names[1:21]] == list(range(1, 21)))
        await queue.until(lambda: [position_of(queue, name) for name in names[1:]] == list(range(1, len(names))))
        await queue.until(lambda: len(queue.shown.open_now) <= OPEN_AT_MOST + 1)
        # What is not open can be withdrawn, and is told so.
        assert names[-1] not in queue.shown.open_now
        assert await queue.cancellation.stop(names[-1], by=1)
        assert await queue.state(names[-1]) is RequestState.CANCELLED
        assert "in the queue" not in queue.answer(names[-1]).text


async def test_everybody_is_told_why_the_queue_does_not_move() -> None:
    """Also those who asked before the cluster went away; and they read of its return."""
    async with running(ready(1)) as queue:
        asked = [await queue.asks(user, "?") for user in range(1, 4)]
        await queue.scheduler.asked(1)
        queue.scheduler.report(NO_MODEL)
        await queue.until(lambda: all("no model yet" in queue.answer(one).text for one in asked[1:]))
        queue.scheduler.report(ready(1))
        await queue.until(lambda: [position_of(queue, one) for one in asked[1:]] == [1, 2])
