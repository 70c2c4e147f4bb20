"""The queue in memory and the queue on each database behave the same, for any steps."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.conversation.store import ConversationKey
from bot.domain.queue.store import Place, QueueLimits, QueuePause, RequestStore
from bot.errors import AdmissionError
from bot.storage.database import Database
from tests.fakes.clocks import always
from tests.fakes.databases import ENGINES, empty_database
from tests.fakes.questions import answer, question
from tests.fakes.requests import MemoryRequests

LIMITS = QueueLimits(per_user=4, total=9)
CLUSTERS = ("studio", "office")


@dataclass(frozen=True)
class Step:
    """Something that happens at ``now``; each kind uses the fields it needs."""

    kind: str
    which: int
    user: int
    conversation: int
    tokens: int
    weight: float
    owner: str
    alone: bool
    room: int | None
    cluster: str
    wanted: str | None


async def _ask(store: RequestStore, step: Step, now: float) -> object:
    asked = question(
        str(int(now)),
        user=step.user,
        conversation=step.conversation,
        cost=step.tokens,
        weight=step.weight,
        at=now,
    )
    try:
        return await store.enqueue(replace(asked, wanted_cluster=step.wanted), LIMITS)
    except AdmissionError as exc:
        return type(exc), exc.params


KINDS: dict[str, Callable[[RequestStore, Step, float], Awaitable[object]]] = {
    "ask": _ask,
    "claim": lambda store, step, now: store.claim(
        step.owner, now=always(now), lease=5, room=step.room, place=Place(step.cluster, CLUSTERS)
    ),
    "pause": lambda store, step, now: store.pause(QueuePause("", 7, now), step.cluster),
    "resume": lambda store, step, _: store.pause(None, step.cluster),
    "running at": lambda store, step, _: store.running_at(step.cluster),
    "wanted": lambda store, _, __: store.wanted(),
    "release": lambda store, step, now: store.release(str(step.which), step.owner, now=now),
    "cancel": lambda store, step, now: store.mark_cancelled(str(step.which), now=now),
    "fail": lambda store, step, now: store.mark_failed(str(step.which), "error.scheduler", now=now),
    "deliver": lambda store, step, now: store.mark_delivered(str(step.which), now=now),
    "answer": lambda store, step, now: store.mark_answered(
        str(step.which), step.owner, answer(tokens=step.tokens), now=now
    ),
    "renew": lambda store, step, now: store.renew(step.owner, [str(step.which)], now=always(now), lease=5),
    "running ids": lambda store, step, _: store.running_ids(step.owner),
    "expire": lambda store, step, now: store.expire(before=float(step.which), now=now),
    "recover": lambda store, step, now: store.recover(
        step.owner, now=always(now), is_alive=lambda _: not step.alone
    ),
}

# Half of all steps ask or claim, or the queue would be empty most of the time. Whole numbers and weights that
# are powers of two: their sums are exact in whatever order they are made.
_steps = st.builds(
    Step,
    kind=st.one_of(st.sampled_from(["ask", "claim"]), st.sampled_from(sorted(KINDS))),
    which=st.integers(1, 30),
    user=st.integers(1, 3),
    conversation=st.integers(1, 3),
    tokens=st.integers(1, 50),
    weight=st.sampled_from([0.5, 1.0, 2.0]),
    owner=st.sampled_from(["me", "you"]),
    alone=st.booleans(),
    room=st.one_of(st.none(), st.integers(0, 3)),
    cluster=st.sampled_from(CLUSTERS),
    wanted=st.sampled_from([None, None, *CLUSTERS, "attic"]),
)


async def _compare(steps: Sequence[Step], url: str) -> None:
    memory = MemoryRequests()
    async with Database.open(url) as database:
        for number in (1, 2, 3):
            await database.conversations.conversation(ConversationKey(number))
        for number, step in enumerate(steps, start=1):
            happens = KINDS[step.kind]
            expected = await happens(memory, step, float(number))
            assert await happens(database.requests, step, float(number)) == expected
            assert await database.requests.queue() == await memory.queue()
        assert await database.requests.running() == await memory.running()
        assert await database.requests.counts() == await memory.counts()


@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=25, deadline=None)
@given(st.lists(_steps, max_size=40))
def test_both_queues_agree(engine: str, steps: list[Step]) -> None:
    """Every result, the order of the queue after every step, and the end are equal."""

    async def compare() -> None:
        with tempfile.TemporaryDirectory() as folder:
            await _compare(steps, await empty_database(engine, Path(folder)))

    asyncio.run(compare())
