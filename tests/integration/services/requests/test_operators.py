"""What operators do to the queue and to other people's answers: done, and kept in the audit log."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bot.domain.queue.request import QueueEntry, RequestState
from bot.errors import NotAllowed
from bot.services.access.operators import Operators, Person
from bot.services.access.rules import Act
from bot.services.requests.actions import AnswerActions
from bot.services.requests.overview import QueueOverview
from tests.fakes.audit import MemoryAudit
from tests.fakes.clocks import FastClock
from tests.fakes.conversations import MemoryConversations
from tests.fakes.deliveries import NoAnnouncements
from tests.fakes.requests import MemoryRequests
from tests.fakes.schedulers import NO_MODEL, ready
from tests.integration.services.process import RunningQueue, running

OPERATOR, ASKER, CHANNEL = 99, 1, 71
NOW = 20.0


def overview(queue: RunningQueue, audit: MemoryAudit) -> QueueOverview:
    """The queue, as operators run it."""
    return QueueOverview(
        queue.store,
        NoAnnouncements(),
        queue.gate,
        queue.parts.slots,
        queue.in_flight,
        queue.cancellation,
        audit,
        FastClock(NOW),
    )


class NoThumbs:
    """A :class:`bot.services.ports.Feedback` that fails the test when it is called."""

    async def give(self, request_id: str, user_id: int, value: int, *, now: float) -> None:
        """Fail: no test here rates an answer."""
        raise AssertionError((request_id, user_id, value, now))


class UncommittedIds(MemoryRequests):
    """A store in which the ids of messages are never committed."""

    async def attach_message(self, request_id: str, page: int, message_id: int) -> None:
        """Drop the id."""


class BegunMeanwhile(MemoryRequests):
    """A store in which a question begins right after a look at what waits, once ``is_next`` is set."""

    is_next = False

    async def queue(self) -> Sequence[QueueEntry]:
        """What waits, before the first of it begins."""
        waiting = await super().queue()
        if self.is_next:
            self.is_next = False
            await self.claim("another process", now=lambda: NOW, lease=1e9)
        return waiting


def actions(queue: RunningQueue, audit: MemoryAudit) -> AnswerActions:
    """The buttons under the answers of this process."""
    operators = Operators(user_ids=[OPERATOR], role_ids=[], guild_ids=[])
    return AnswerActions(
        queue.store,
        queue.live_answers,
        queue.cancellation,
        queue.parts.views,
        operators,
        NoThumbs(),
        audit,
        FastClock(NOW),
    )


async def test_pausing_and_resuming_is_kept() -> None:
    """Also when an operator resumes a queue that was not paused."""
    audit = MemoryAudit()
    async with running(NO_MODEL) as queue:
        service = overview(queue, audit)
        await service.pause("lunch", by=OPERATOR)
        assert await service.is_paused()
        assert await service.resume(by=OPERATOR)
        assert not await service.is_paused()
        assert not await service.resume(by=OPERATOR)
    assert audit.noted == [
        (OPERATOR, "line.pause", {"reason": "lunch"}),
        (OPERATOR, "line.resume", {}),
        (OPERATOR, "line.resume", {}),
    ]
    assert all(entry.at >= NOW for entry in audit.entries)


async def test_holding_the_queue_for_something_else_is_no_row_of_its_own() -> None:
    """A switch of the model writes its own entry."""
    audit = MemoryAudit()
    async with running(NO_MODEL) as queue:
        service = overview(queue, audit)
        await service.hold("switching", by=OPERATOR)
        assert await service.is_paused()
        assert await service.release(by=OPERATOR)
        assert not await service.is_paused()
    assert audit.noted == []


async def test_cancelling_is_kept_with_what_had_not_ended() -> None:
    """All questions that were chosen together make one entry."""
    audit = MemoryAudit()
    async with running(NO_MODEL) as queue:
        asked = [await queue.asks(user, f"question {user}") for user in (1, 2, 3)]
        service = overview(queue, audit)
        assert await service.cancel([asked[1]], by=OPERATOR) == 1
        assert await service.cancel(asked[:2], by=OPERATOR) == 1
        states = [await queue.state(one) for one in asked]
    assert states == [RequestState.CANCELLED, RequestState.CANCELLED, RequestState.QUEUED]
    assert audit.noted == [
        (OPERATOR, "line.cancel", {"questions": 1, "ids": asked[1]}),
        (OPERATOR, "line.cancel", {"questions": 1, "ids": " ".join(sorted(asked[:2]))}),
    ]


async def test_clearing_is_kept_with_how_many_there_were() -> None:
    """The entry says how many questions waited."""
    audit = MemoryAudit()
    async with running(NO_MODEL) as queue:
        for user in (1, 2, 3):
            await queue.asks(user, f"question {user}")
        assert await overview(queue, audit).clear(by=OPERATOR) == 3
    assert audit.noted == [(OPERATOR, "line.clear", {"questions": 3})]


async def test_stopping_somebody_elses_answer_is_kept() -> None:
    """There is no entry when askers stop their own answers, nor for an answer that had already ended."""
    audit = MemoryAudit()
    async with running(ready(1)) as queue:
        own, other = await queue.asks(ASKER, "one"), await queue.asks(ASKER, "two")
        service = actions(queue, audit)
        assert await service.stop(own, Person(ASKER, 8), None)
        assert audit.noted == []
        assert await service.stop(other, Person(OPERATOR, 8), None)
        assert not await service.stop(other, Person(OPERATOR, 8), None)
        (await queue.scheduler.asked(1)).end("taken too late")
        await queue.until_settled()
    assert audit.noted == [(OPERATOR, "answer.stop", {"asker": f"<@{ASKER}>"})]


async def test_a_message_is_known_before_its_id_is_committed() -> None:
    """People reply to an answer as soon as they see it."""
    conversations = MemoryConversations()
    async with running(ready(1), UncommittedIds(conversations), conversations) as queue:
        asked = await queue.asks(ASKER, "one")
        live = queue.live_answers.get(asked)
        assert live is not None
        (message_id,) = live.delivery.message_ids
        assert message_id is not None
        found = await actions(queue, MemoryAudit()).shown_in(message_id)
        assert found is not None
        assert found.request_id == asked
        assert await actions(queue, MemoryAudit()).shown_in(message_id + 1) is None
        (await queue.scheduler.asked(1)).end("done")
        await queue.until_settled()


async def test_what_begins_during_a_look_at_the_queue_is_seen_once() -> None:
    """Discord refuses a menu that offers the same question twice."""
    store = BegunMeanwhile()
    async with running(NO_MODEL, store) as queue:
        first, second = [await queue.asks(person, "why?") for person in (1, 2)]
        store.is_next = True
        begun, waiting = await overview(queue, MemoryAudit()).queue()
        assert [one.request_id for one in begun] == [first]
        assert [(one.request_id, one.position) for one in waiting] == [(second, 2)]


@pytest.mark.parametrize(
    ("who", "private", "channel", "allowed"),
    [
        ("asker", False, 0, True),
        ("asker", True, 0, True),
        ("operator", False, 0, True),
        ("operator", True, CHANNEL, False),
        ("other", False, CHANNEL, True),
        ("other", False, 0, False),
        ("other", True, CHANNEL, False),
    ],
)
async def test_a5_who_reads_what_belongs_to_an_answer(
    who: str, private: bool, channel: int, allowed: bool
) -> None:
    """A private answer's file, reasoning and thumbs are its asker's; a public one's belong to its channel."""
    person = Person({"asker": ASKER, "operator": OPERATOR, "other": 3}[who], 8)
    async with running(ready(1)) as queue:
        asked = await queue.asks(ASKER, "one", private=private)
        (await queue.scheduler.asked(1)).end("the answer")
        await queue.until_settled()
        service = actions(queue, MemoryAudit())
        if allowed:
            assert (await service.version(asked, person, channel_id=channel)).text == "the answer"
        else:
            with pytest.raises(NotAllowed) as raised:
                await service.version(asked, person, channel_id=channel)
            assert raised.value.key == "error.not_yours"


async def test_a5_an_operator_stops_a_private_answer_and_does_not_repeat_it() -> None:
    """It holds a pipeline of everybody's; its content is for its asker."""
    async with running(ready(1)) as queue:
        asked = await queue.asks(ASKER, "one", private=True)
        service = actions(queue, MemoryAudit())
        with pytest.raises(NotAllowed):
            await service.permitted(Act.REPEAT, asked, Person(OPERATOR, 8))
        assert await service.stop(asked, Person(OPERATOR, 8), None)
        await queue.until_settled()
