"""Two processes on one queue, as on a database that several may share: which one holds a question, and when the
other may take it. Each sees changes of the other at its heartbeat."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from bot.domain.queue.request import RequestState
from bot.domain.queue.store import QueuePause, Recovered
from bot.errors import DeliveryError, StorageError
from tests.fakes.clocks import LoopClock
from tests.fakes.conversations import MemoryConversations
from tests.fakes.questions import WIDE, question
from tests.fakes.requests import MemoryRequests
from tests.fakes.schedulers import ready
from tests.integration.services.process import RunningQueue, Settings, running

LEASE = 30.0
HEARTBEAT = LEASE / 3
SOON = 1.5


@asynccontextmanager
async def two(capacity: int) -> AsyncIterator[tuple[RunningQueue, RunningQueue, set[str]]]:
    """Two processes on one queue, and the names of those that live."""
    conversations = MemoryConversations()
    store = MemoryRequests(conversations)
    alive = {"first", "second"}
    first = Settings("first", alive, LoopClock())
    second = Settings("second", alive, LoopClock())
    async with (
        running(ready(capacity), store, conversations, first) as one,
        running(ready(capacity), store, conversations, second) as other,
    ):
        # Both have read the queue once and wait for a signal.
        await LoopClock().sleep(1.0)
        yield one, other, alive


async def test_a_living_process_keeps_what_it_answers() -> None:
    """However long it takes: its heartbeat renews the lease, and the question is asked once."""
    async with two(1) as (one, other, _):
        asked = await one.asks(1, "long")
        stream = await one.scheduler.asked(1)
        stream.begin()
        for _ in range(5):
            await LoopClock().sleep(LEASE)
            until = (await one.stored(asked)).lease_until
            assert until is not None
            assert until >= LoopClock().now() + LEASE - HEARTBEAT
        stream.end("at last")
        await one.until_shows(asked, "at last")
        await one.until_settled()
        assert other.scheduler.streams == []
        assert await one.state(asked) is RequestState.DELIVERED


async def test_what_a_process_leaves_behind_is_answered_by_the_other() -> None:
    """What it was answering is asked again, what it had not shown is shown; no question is asked twice by the
    other."""
    conversations = MemoryConversations()
    store = MemoryRequests(conversations)
    alive = {"first", "second"}
    async with running(ready(2), store, conversations, Settings("second", alive, LoopClock())) as other:
        async with running(ready(2), store, conversations, Settings("first", alive, LoopClock())) as one:
            one.shown.error = DeliveryError("Discord is down")
            shown = await one.asks(1, "complete")
            (await one.scheduler.asked(1)).end("all of it")
            ran = await one.asks(2, "ran")
            (await one.scheduler.asked(2)).begin()
            await LoopClock().sleep(2 * LEASE)
            assert other.scheduler.streams == []
        alive.remove("first")

        stream = await other.scheduler.asked(1, timeout=HEARTBEAT + SOON)
        assert stream.question == "user 2: ran"
        stream.end("again")
        await other.until_shows(ran, "again")
        await other.until_shows(shown, "all of it")
        await other.until_settled()
        assert {await other.state(one) for one in (shown, ran)} == {RequestState.DELIVERED}


async def test_a_process_that_hangs_loses_its_questions_with_its_lease() -> None:
    """It lives but renews nothing: the other takes them with its first heartbeat after the lease."""
    conversations = MemoryConversations()
    store = MemoryRequests(conversations)
    settings = Settings("second", {"hanging"}, LoopClock())
    async with running(ready(1), store, conversations, Settings("hanging", (), LoopClock())) as one:
        asked = await one.asks(1, "?")
        await one.scheduler.asked(1)
    began = LoopClock().monotonic()
    async with running(ready(1), store, conversations, settings) as other:
        (await other.scheduler.asked(1, timeout=2 * LEASE)).end("here")
        assert LEASE - SOON <= LoopClock().monotonic() - began <= LEASE + HEARTBEAT + SOON
        await other.until_shows(asked, "here")


async def test_both_together_send_no_more_than_the_cluster_takes() -> None:
    """What waits is asked once, when one of them has freed a slot."""
    async with two(2) as (one, other, _):
        for user in (1, 2):
            await one.asks(user, "?")
        await one.scheduler.asked(2)
        await other.asks(3, "and me?")
        await LoopClock().sleep(HEARTBEAT)
        assert other.scheduler.streams == []

        one.scheduler.streams[0].end("done")
        await LoopClock().sleep(HEARTBEAT + SOON)
        streams = [*one.scheduler.streams, *other.scheduler.streams]
        assert [stream.question for stream in streams].count("user 3: and me?") == 1
        assert len(streams) == 3


async def test_a_question_that_one_only_kept_is_seen_by_the_other() -> None:
    """Its process ended before it could ask; the other sees the question at its heartbeat."""
    async with two(1) as (one, other, alive):
        await one.dispatcher.drain(grace=0.0)
        await one.store.enqueue(question("kept"), WIDE)
        alive.remove("first")
        await other.scheduler.asked(1, timeout=HEARTBEAT + SOON)


async def test_a_pause_that_one_sets_holds_the_other() -> None:
    """It reads the pause with its next heartbeat, and that it ended with the one after."""
    async with two(1) as (one, other, _):
        await one.gate.pause(QueuePause("new disks", by=7, since=0.0))
        await LoopClock().sleep(HEARTBEAT + SOON)
        asked = await other.asks(1, "and now?")
        assert "kept: the queue is paused: new disks" in other.answer(asked).text
        assert await one.gate.resume()
        assert not await one.gate.resume()
        await LoopClock().sleep(HEARTBEAT + SOON)
        assert len(one.scheduler.streams) + len(other.scheduler.streams) == 1


class Unrecovering(MemoryRequests):
    """A store that fails the first recoveries."""

    failures = 3

    async def recover(self, owner: str, *, now: Callable[[], float], is_alive: Callable[[str], bool]) -> Recovered:
        """Fail, or do it."""
        if self.failures:
            self.failures -= 1
            raise StorageError("database is locked")
        return await super().recover(owner, now=now, is_alive=is_alive)


async def test_nothing_is_sent_before_what_was_left_behind_is_back() -> None:
    """It was asked first, so it goes first, however long the disk fails at the start."""
    conversations = MemoryConversations()
    store = Unrecovering(conversations)
    await store.enqueue(question("left behind", user=1), WIDE)
    left = await store.claim("gone", now=LoopClock().now, lease=LEASE, room=1)
    assert left is not None
    async with running(ready(1), store, conversations, Settings("next", {"next"}, LoopClock())) as queue:
        later = await queue.asks(2, "and me?")
        await LoopClock().sleep(1.0)
        assert queue.scheduler.streams == []
        await queue.scheduler.asked(1, timeout=5.0)
        assert await queue.state("left behind") is RequestState.RUNNING
        assert await queue.state(later) is RequestState.QUEUED
