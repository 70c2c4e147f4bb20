"""Virtual time passes for what waits in the loop, and not for what a thread still does."""

from __future__ import annotations

import asyncio
import threading
import time

from tests.fakes.loops import VirtualTimeLoop


def test_a_wait_is_skipped() -> None:
    """An hour costs nothing."""

    async def waiting() -> float:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await asyncio.wait({loop.create_future()}, timeout=3600.0)
        return loop.time() - began

    began = time.monotonic()
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        assert 3600.0 <= runner.run(waiting()) < 3601.0
    assert time.monotonic() - began < 60.0


def test_a_thread_of_an_executor_is_waited_for() -> None:
    """On a busy machine it gets a processor late: a limit of a second must not be over before that."""

    async def looked_up() -> bool:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(1.0):
            return await loop.run_in_executor(None, threading.Event().wait, 0.1)

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        assert runner.run(looked_up()) is False
