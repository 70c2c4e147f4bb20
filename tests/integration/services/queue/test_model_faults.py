"""What waiting people read while the model that the scheduler names cannot run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

from bot.domain.status import ClusterStatus, JoinCommand, Node, NodeState
from bot.services.cluster.monitor import ClusterService
from tests.fakes.schedulers import MODEL, NO_MODEL, ready
from tests.integration.services.process import RunningQueue, running

JOIN = JoinCommand("parallax join", public=False)
UNLISTED = replace(NO_MODEL, model="no/such-model", init_nodes=1)
REFUSED = replace(NO_MODEL, model=MODEL, init_nodes=1)
WAITS = replace(REFUSED, join=JOIN)
JOINING = replace(UNLISTED, nodes=(Node("node", NodeState.WAITING),))


@asynccontextmanager
async def watched(status: ClusterStatus) -> AsyncIterator[RunningQueue]:
    """A queue whose process also looks at the model."""
    async with running(status) as queue:
        cluster = ClusterService(queue.scheduler, queue.monitor, "", queue.clock)
        looking = asyncio.create_task(cluster.run())
        try:
            yield queue
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking


async def test_p16_a_question_waits_for_a_model_that_is_not_listed() -> None:
    """Not "starting": that would not end. It goes on by itself with a model that runs."""
    async with watched(UNLISTED) as queue:
        asked = await queue.asks(1, "?")
        await queue.until_shows(asked, "kept: the model that was set cannot run; an operator sets another one")
        queue.scheduler.report(ready(1))
        (await queue.scheduler.asked(1)).end("fine")
        await queue.until_shows(asked, "fine")
        assert queue.gate.hold() is None
        await queue.until_settled()


async def test_p16_a_question_waits_for_a_model_that_was_refused() -> None:
    """It is listed, but its init failed; a question that waits already reads it, too."""
    async with watched(WAITS) as queue:
        asked = await queue.asks(1, "?")
        await queue.until_shows(asked, "kept: the cluster is starting (0 of 1 nodes)")
        queue.scheduler.report(REFUSED)
        await queue.until_shows(asked, "kept: the scheduler did not accept its model; an operator sets it again")
        queue.scheduler.report(WAITS)
        await queue.until_shows(asked, "kept: the cluster is starting (0 of 1 nodes)")


async def test_p16_a_model_that_nodes_have_joined_is_starting() -> None:
    """Whatever the list says: the nodes may run it."""
    async with watched(UNLISTED) as queue:
        asked = await queue.asks(1, "?")
        await queue.until_shows(asked, "cannot run")
        queue.scheduler.report(JOINING)
        await queue.until_shows(asked, "kept: the cluster is starting (0 of 1 nodes)")
        assert queue.monitor.view().fault is None
