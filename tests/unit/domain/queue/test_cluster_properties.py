"""What holds for any questions, clusters and processes: nobody is overtaken without need, no cluster is too
full."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.queue.request import NewQuestion, StoredRequest
from bot.domain.queue.store import Place
from tests.fakes.clocks import always
from tests.fakes.questions import WIDE, answer, question
from tests.fakes.requests import MemoryRequests

CAPACITIES = {"studio": 2, "office": 1, "attic": 3}
NAMES = tuple(CAPACITIES)
OWNERS = ("one process", "another")


@dataclass(frozen=True)
class Asks:
    """Somebody asks."""

    user: int
    conversation: int
    wanted: str | None
    cost: int


@dataclass(frozen=True)
class Claims:
    """A process claims for a cluster as far as it has room, by what it knows of itself."""

    owner: str
    cluster: str


@dataclass(frozen=True)
class Ends:
    """A running question, chosen by number, ends: with an answer, or back at the head of the queue."""

    which: int
    answered: bool


Step = Asks | Claims | Ends

_steps = st.one_of(
    st.builds(
        Asks,
        user=st.integers(1, 4),
        conversation=st.integers(1, 2),
        wanted=st.sampled_from([None, None, *NAMES, "gone"]),
        cost=st.integers(1, 50),
    ),
    st.builds(Claims, owner=st.sampled_from(OWNERS), cluster=st.sampled_from(NAMES)),
    st.builds(Ends, which=st.integers(0, 5), answered=st.booleans()),
)


def may_go(asked: NewQuestion, cluster: str) -> bool:
    """Whether this cluster may answer the question."""
    return asked.wanted_cluster in {None, cluster} or asked.wanted_cluster not in NAMES


@dataclass
class World:
    """The queue, and what the processes have of it."""

    store: MemoryRequests = field(default_factory=MemoryRequests)
    running: list[StoredRequest] = field(default_factory=list)
    asked: int = 0

    async def happens(self, step: Step) -> None:
        """Let one thing happen, and check what must hold."""
        match step:
            case Asks():
                self.asked += 1
                asked = question(str(self.asked), user=step.user, conversation=step.conversation, cost=step.cost)
                await self.store.enqueue(replace(asked, wanted_cluster=step.wanted), WIDE)
            case Claims():
                await self._claim(step.owner, step.cluster)
            case Ends() if self.running:
                one = self.running.pop(step.which % len(self.running))
                owner = one.lease_owner or ""
                if step.answered:
                    assert await self.store.mark_answered(one.request_id, owner, answer(), now=2.0)
                else:
                    assert await self.store.release(one.request_id, owner, now=2.0)
        for name, capacity in CAPACITIES.items():
            assert await self.store.running_at(name) <= capacity

    async def _claim(self, owner: str, cluster: str) -> None:
        mine = sum((one.lease_owner, one.cluster) == (owner, cluster) for one in self.running)
        room = CAPACITIES[cluster] - mine
        before = [await self.store.get(entry.request_id) for entry in await self.store.queue()]
        waiting = [one.question for one in before if one is not None]
        busy = {(one.question.asker.user_id, one.question.conversation_id) for one in self.running}
        claimed = None
        if room > 0:
            place = Place(cluster, NAMES)
            claimed = await self.store.claim(owner, now=always(1.0), lease=30, room=room, place=place)
        passed = waiting if claimed is None else waiting[: waiting.index(claimed.question)]
        everywhere = await self.store.running_at(cluster) - (claimed is not None)
        for one in passed if everywhere < CAPACITIES[cluster] else ():
            own = one.asker.user_id, one.conversation_id
            assert own in busy or not may_go(one, cluster)
            if not may_go(one, cluster):
                # What its asker says after it in the same conversation waits with it.
                busy.add(own)
        if claimed is not None:
            assert may_go(claimed.question, cluster)
            self.running.append(claimed)


@settings(max_examples=300, deadline=None)
@given(st.lists(_steps, max_size=60))
def test_nobody_is_overtaken_without_need_and_no_cluster_is_too_full(steps: Sequence[Step]) -> None:
    """For a cluster with a free slot, nothing is passed that may go there; each has at most what it takes."""

    async def run() -> None:
        world = World()
        for step in steps:
            await world.happens(step)

    asyncio.run(run())


@settings(max_examples=100, deadline=None)
@given(st.lists(_steps, max_size=40))
def test_everything_is_answered_in_the_end(steps: Sequence[Step]) -> None:
    """Whatever happened before: with every cluster working, nothing stays behind."""

    async def run() -> None:
        world = World()
        for step in steps:
            await world.happens(step)
        for _ in range(world.asked + 1):
            for name in NAMES:
                await world.happens(Claims(OWNERS[0], name))
            while world.running:
                await world.happens(Ends(0, answered=True))
        assert await world.store.queue() == []

    asyncio.run(run())
