"""Many questions at the same moment."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.queue.request import NewQuestion, StoredRequest
from bot.domain.queue.store import QueueLimits
from tests.fakes.conversations import MemoryConversations
from tests.fakes.requests import MemoryRequests
from tests.fakes.schedulers import ready
from tests.integration.services.process import running


class SlowDisk(MemoryRequests):
    """A store that commits questions only when the test allows it."""

    def __init__(self, conversations: MemoryConversations) -> None:
        super().__init__(conversations)
        self.arrived: list[str] = []
        self._free = asyncio.Semaphore(0)

    async def enqueue(self, question: NewQuestion, limits: QueueLimits) -> StoredRequest:
        """Wait until the test allows it."""
        self.arrived.append(question.prompt)
        await self._free.acquire()
        return await super().enqueue(question, limits)

    def keep(self, count: int) -> None:
        """Allow this many more commits."""
        for _ in range(count):
            self._free.release()


async def test_a_burst_is_taken_in_the_order_it_came() -> None:
    """The first questions reach the cluster while the last are still being taken."""
    conversations = MemoryConversations()
    disk = SlowDisk(conversations)
    async with running(ready(2), disk, conversations) as queue:
        asked = [asyncio.create_task(queue.asks(user, f"{user}")) for user in range(1, 13)]
        disk.keep(2)
        first = await queue.scheduler.asked(2)

        assert first.question == "user 2: 2"
        assert disk.arrived == [str(number) for number in range(1, 13)]
        assert [task.done() for task in asked[:3]] == [True, True, False]

        disk.keep(10)
        await asyncio.gather(*asked)
        assert disk.arrived == [str(number) for number in range(1, 13)]


async def test_nobody_takes_every_pipeline_with_a_burst() -> None:
    """Another person's first question goes before the second of somebody who asked a moment earlier."""
    conversations = MemoryConversations()
    disk = SlowDisk(conversations)
    async with running(ready(4), disk, conversations) as queue:
        burst = [(1, f"mine {n}") for n in range(3)] + [(2, "other"), (3, "third"), (1, "mine 3")]
        asked = [asyncio.create_task(queue.asks(user, prompt)) for user, prompt in burst]
        await asyncio.wait(asked, timeout=0)
        disk.keep(len(burst))
        await asyncio.gather(*asked)

        assert disk.arrived == ["mine 0", "other", "third", "mine 1", "mine 2", "mine 3"]


@given(st.lists(st.integers(1, 4), min_size=1, max_size=12))
@settings(max_examples=25, deadline=None)
def test_everybodys_first_question_is_taken_before_anybodys_second(who: list[int]) -> None:
    """And everybody's second before anybody's third, in the order in which people came."""

    async def burst() -> None:
        conversations = MemoryConversations()
        disk = SlowDisk(conversations)
        async with running(ready(4), disk, conversations) as queue:
            numbered = [(user, who[:at].count(user)) for at, user in enumerate(who)]
            asked = [
                asyncio.create_task(queue.asks(user, f"{number} of {user}", channel=100 * user + number))
                for user, number in numbered
            ]
            await asyncio.wait(asked, timeout=0)
            disk.keep(len(asked))
            await asyncio.gather(*asked)
            people = list(dict.fromkeys(who))
            rounds = sorted(numbered, key=lambda one: (one[1], people.index(one[0])))
            assert disk.arrived == [f"{number} of {user}" for user, number in rounds]

    asyncio.run(burst())


async def test_a_cancelled_wait_leaves_room() -> None:
    """Cancelled before or after its turn came, a wait delays nobody else."""
    conversations = MemoryConversations()
    disk = SlowDisk(conversations)
    async with running(ready(4), disk, conversations) as queue:
        inside = asyncio.create_task(queue.asks(1, "inside"))
        waits = asyncio.create_task(queue.asks(1, "waits"))
        await asyncio.wait({inside, waits}, timeout=0)
        inside.cancel()
        waits.cancel()
        await asyncio.wait({inside, waits})

        last = asyncio.create_task(queue.asks(1, "last"))
        disk.keep(1)
        await last
        assert disk.arrived[-1] == "last"
        assert "waits" not in disk.arrived


async def test_the_length_of_the_queue_is_measured_after_the_burst_too() -> None:
    """The gauge falls when questions leave, not only when the next one comes."""
    async with running(ready(1)) as queue:
        lengths: list[float | None] = []
        ages: list[float | None] = []
        for user in range(1, 4):
            await queue.asks(user, "?")
        for number in range(1, 4):
            stream = await queue.scheduler.asked(number)
            await queue.positions.refresh()
            lengths.append(queue.metrics.registry.get_sample_value("parallax_questions_waiting"))
            ages.append(queue.metrics.registry.get_sample_value("parallax_oldest_question_seconds"))
            stream.end("!")
        await queue.until_settled()
        assert lengths == [2, 1, 0]
        assert [age is not None and age > 0 for age in ages] == [True, True, False]
