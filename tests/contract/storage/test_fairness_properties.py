"""The guarantees of the fair queue on databases: the checks are those of the queue in memory."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.conversation.store import ConversationKey
from bot.storage.database import Database
from tests.fakes.databases import ENGINES, empty_database
from tests.unit.domain.queue.test_fairness_properties import (
    Cluster,
    Plan,
    check_gaps,
    check_order,
    check_work,
    plans,
)

# Each example is a database of its own.
_examples = settings(max_examples=5, deadline=None)
CONVERSATIONS = 130
"""As many as the plans name."""


def simulated(engine: str, planned: Sequence[Plan], slots: int, *checks: Callable[[Cluster], None]) -> None:
    """Run a plan on a new database, then check what happened."""

    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with Database.open(await empty_database(engine, Path(folder))) as database:
                # Claims that run together share commits.
                ids = await asyncio.gather(
                    *(
                        database.conversations.conversation(ConversationKey(1000 + number))
                        for number in range(CONVERSATIONS)
                    )
                )
                assert sorted(ids) == list(range(1, CONVERSATIONS + 1))
                cluster = Cluster(slots, planned, database.requests)
                await cluster.run()
        for check in checks:
            check(cluster)

    asyncio.run(run())


@pytest.mark.parametrize("engine", ENGINES)
@_examples
@given(plans(), st.integers(1, 4))
def test_every_question_runs_once_and_in_order(engine: str, planned: list[Plan], slots: int) -> None:
    """No slot is idle while a question may run, also after refusals."""
    simulated(engine, planned, slots, check_work, check_order)


@pytest.mark.parametrize("engine", ENGINES)
@_examples
@given(plans(separate=True, exact=True, weighted=True), st.integers(1, 4))
def test_weighted_bounded_unfairness(engine: str, planned: list[Plan], slots: int) -> None:
    """While two people both wait, neither gets more than a question of each ahead of the other."""
    simulated(engine, planned, slots, check_gaps)
