"""Tasks nobody waits for: what a shutdown waits for, and what it does not."""

from __future__ import annotations

import asyncio

import pytest

from bot.tasks.background import Background

LONG = 60.0


async def test_a_shutdown_waits_for_what_ends_by_itself() -> None:
    """A shutdown waits for the last edit."""
    background, go, done = Background(), asyncio.Event(), []

    async def last_edit() -> None:
        await go.wait()
        done.append("edit")

    background.spawn(last_edit(), name="edit")
    settled = asyncio.create_task(background.settled(LONG))
    await asyncio.sleep(0)
    assert not settled.done()
    go.set()
    await settled
    assert done == ["edit"]


@pytest.mark.timeout(10)
async def test_a_shutdown_does_not_wait_for_what_follows_something() -> None:
    """A live card is followed for ten minutes: a shutdown cancels it instead of waiting."""
    background, ended = Background(), asyncio.Event()

    async def follow() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    background.follow(follow(), name="live")
    await asyncio.sleep(0)
    await background.settled(LONG)
    assert not ended.is_set()
    await background.aclose()
    assert ended.is_set()
