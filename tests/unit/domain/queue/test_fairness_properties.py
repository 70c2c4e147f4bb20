"""The guarantees of the fair queue for any questions, on a simulated cluster of k slots.

The queue is the one in memory; tests/contract/storage/test_fairness_properties.py asks the same of SQLite's.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import Counter, defaultdict
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.queue.request import StoredRequest
from bot.domain.queue.store import RequestStore
from tests.fakes.clocks import always
from tests.fakes.questions import WIDE, answer, question
from tests.fakes.requests import MemoryRequests


@dataclass(frozen=True)
class Plan:
    """A question to come: asked before the ``after``-th claim, estimated at ``cost``, taking ``measured``, by
    somebody whose share is ``weight``."""

    user: int
    conversation: int
    cost: int
    measured: int
    after: int = 0
    refused: bool = False
    weight: float = 1.0


@dataclass
class Cluster:
    """Runs a plan on ``slots`` slots; a token takes a second. Keeps what happened."""

    slots: int
    plans: Sequence[Plan]
    store: RequestStore = field(default_factory=MemoryRequests)
    claims: list[StoredRequest] = field(default_factory=list)
    waiting_at_claim: list[Counter[int]] = field(default_factory=list)
    idle_while_waiting: bool = False
    now: float = 0.0

    def plan(self, request: StoredRequest) -> Plan:
        return self.plans[int(request.request_id)]

    async def run(self) -> None:
        coming = sorted(enumerate(self.plans), key=lambda pair: (pair[1].after, pair[0]))
        ends: list[tuple[float, int, StoredRequest]] = []
        refused: set[str] = set()
        tie = itertools.count()
        waiting = Counter[int]()
        while True:
            coming = await self._arrive(coming, everybody=not ends and not await self.store.queue())
            claimed = None
            if len(ends) < self.slots:
                waiting = Counter(entry.asker.user_id for entry in await self.store.queue())
                claimed = await self.store.claim("me", now=always(self.now), lease=1e9)
                await self._check_idle(claimed)
            if claimed is None:
                if not ends:
                    break
                self.now, _, request = heapq.heappop(ends)
                done = answer(tokens=self.plan(request).measured)
                assert await self.store.mark_answered(request.request_id, "me", done, now=self.now)
            elif self.plan(claimed).refused and claimed.request_id not in refused:
                refused.add(claimed.request_id)
                assert await self.store.release(claimed.request_id, "me", now=self.now)
            else:
                self.claims.append(claimed)
                self.waiting_at_claim.append(waiting)
                heapq.heappush(ends, (self.now + self.plan(claimed).measured, next(tie), claimed))

    async def _arrive(self, coming: Sequence[tuple[int, Plan]], *, everybody: bool) -> list[tuple[int, Plan]]:
        late = [pair for pair in coming if pair[1].after > len(self.claims) and not everybody]
        for number, plan in coming:
            if plan.after <= len(self.claims) or everybody:
                asked = question(
                    str(number),
                    user=plan.user,
                    conversation=plan.conversation,
                    cost=plan.cost,
                    weight=plan.weight,
                    at=self.now,
                )
                await self.store.enqueue(asked, WIDE)
        return late

    async def _check_idle(self, claimed: StoredRequest | None) -> None:
        if claimed is None:
            busy = {
                (one.question.asker.user_id, one.question.conversation_id) for one in await self.store.running()
            }
            waiting = {(entry.asker.user_id, entry.conversation_id) for entry in await self.store.queue()}
            self.idle_while_waiting = self.idle_while_waiting or bool(waiting - busy)


def _run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def check_work(cluster: Cluster) -> None:
    """No slot was idle while a question could run, and every question ran exactly once."""
    assert not cluster.idle_while_waiting
    assert Counter(int(one.request_id) for one in cluster.claims) == Counter(range(len(cluster.plans)))


def check_order(cluster: Cluster) -> None:
    """Each person's questions in one conversation ran in the order in which they were asked."""
    by_conversation = defaultdict(list)
    for one in cluster.claims:
        by_conversation[one.question.asker.user_id, one.question.conversation_id].append(one.sequence)
    for sequences in by_conversation.values():
        assert sequences == sorted(sequences)


def check_gaps(cluster: Cluster) -> None:
    """While two people both waited, what each got for their weight differed by at most a question of each."""
    for first, second in itertools.combinations({plan.user for plan in cluster.plans}, 2):
        bound = sum(
            max(plan.cost / plan.weight for plan in cluster.plans if plan.user == user) for user in (first, second)
        )
        assert _largest_gap(cluster, first, second) <= bound


_costs = st.integers(1, 60)


@st.composite
def plans(draw: st.DrawFn, *, separate: bool = False, exact: bool = False, weighted: bool = False) -> list[Plan]:
    """Up to 30 questions of up to 4 people; each in a conversation of its own when ``separate``."""
    found = []
    weights = [draw(st.sampled_from([0.5, 1.0, 2.0, 4.0])) if weighted else 1.0 for _ in range(4)]
    for number in range(draw(st.integers(1, 30))):
        cost, user = draw(_costs), draw(st.integers(1, 4))
        found.append(
            Plan(
                user=user,
                conversation=100 + number if separate else draw(st.integers(1, 3)),
                cost=cost,
                measured=cost if exact else draw(_costs),
                after=draw(st.integers(0, 10)),
                refused=draw(st.booleans()) and not exact,
                weight=weights[user - 1],
            )
        )
    return found


_examples = settings(max_examples=60, deadline=None)


@_examples
@given(plans(), st.integers(1, 4))
def test_work_conservation_and_no_starvation(planned: list[Plan], slots: int) -> None:
    """No slot idles while a question may run, and every question runs exactly once in the end."""
    cluster = Cluster(slots, planned)

    _run(cluster.run())

    check_work(cluster)


@_examples
@given(plans(), st.integers(1, 4))
def test_order_within_a_persons_conversation(planned: list[Plan], slots: int) -> None:
    """A person's questions in one conversation run in the order they were asked, also after refusals."""
    cluster = Cluster(slots, planned)

    _run(cluster.run())

    check_order(cluster)


@_examples
@given(plans(separate=True, exact=True), st.integers(1, 4))
def test_bounded_unfairness(planned: list[Plan], slots: int) -> None:
    """While two people both wait, what each was given differs by at most one question of each."""
    cluster = Cluster(slots, planned)

    _run(cluster.run())

    check_gaps(cluster)


@_examples
@given(plans(separate=True, exact=True, weighted=True), st.integers(1, 4))
def test_weighted_bounded_unfairness(planned: list[Plan], slots: int) -> None:
    """While two people both wait, what each was given for their weight differs by at most a question of each."""
    cluster = Cluster(slots, planned)

    _run(cluster.run())

    check_gaps(cluster)


@_examples
@given(plans(separate=True), st.integers(1, 4))
def test_bounded_unfairness_when_estimates_are_wrong(planned: list[Plan], slots: int) -> None:
    """Wrong estimates add no more than what can be in flight before they are corrected."""
    fair = [Plan(one.user, one.conversation, one.cost, one.measured) for one in planned]
    cluster = Cluster(slots, fair)

    _run(cluster.run())

    largest = max(max(plan.cost, plan.measured) for plan in fair)
    for first, second in itertools.combinations({plan.user for plan in fair}, 2):
        assert _largest_gap(cluster, first, second) <= 2 * largest + 2 * slots * largest


@_examples
@given(plans(separate=True, exact=True), st.integers(1, 4), st.integers(1, 8))
def test_a_newcomer_waits_for_one_question_of_each_other_person(
    planned: list[Plan], slots: int, after: int
) -> None:
    """For any length of the queue, a first question is taken after at most one more question of everybody."""
    backlog = [Plan(one.user, one.conversation, one.cost, one.measured) for one in planned]
    cluster = Cluster(slots, [*backlog, Plan(user=9, conversation=9, cost=60, measured=60, after=after)])

    _run(cluster.run())

    users = [one.question.asker.user_id for one in cluster.claims]
    position = users.index(9)
    assert max(Counter(users[min(after, position) : position]).values(), default=0) <= 1


def _largest_gap(cluster: Cluster, first: int, second: int) -> float:
    """The largest difference of measured work for their weight given to two people, over any stretch in which
    both waited."""
    worst, low, high, gap = 0.0, 0.0, 0.0, 0.0
    for claimed, waiting in zip(cluster.claims, cluster.waiting_at_claim, strict=True):
        if not (waiting[first] and waiting[second]):
            low = high = gap = 0.0
            continue
        user, plan = claimed.question.asker.user_id, cluster.plan(claimed)
        gap += plan.measured / plan.weight * ((user == first) - (user == second))
        low, high = min(low, gap), max(high, gap)
        worst = max(worst, high - gap, gap - low)
    return worst
