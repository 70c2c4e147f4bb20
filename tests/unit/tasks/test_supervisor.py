"""Lasting tasks: which failures they survive, and which end the process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bot.errors import StorageError
from bot.tasks.supervisor import AGAIN_AFTER, FAILURES, WITHIN, Endurance, Supervisor
from tests.fakes.clocks import HandClock

PATIENCE = 5.0


@dataclass(eq=False)
class Work:
    """A task that fails when the test says so, and otherwise runs until it is cancelled."""

    fails: list[Exception] = field(default_factory=list)
    begun: int = 0

    async def run(self) -> None:
        """Fail, or go on."""
        self.begun += 1
        if self.fails:
            raise self.fails.pop(0)
        await asyncio.Event().wait()


async def passes(clock: HandClock, seconds: float, until: Callable[[], bool]) -> None:
    """Advance the clock once the supervisor sleeps, and wait until the condition is true."""
    await clock.asleep()
    clock.advance(seconds)
    async with asyncio.timeout(PATIENCE):
        while not until():
            await clock.sleep(0)


async def test_q4_an_unexpected_failure_is_logged_and_the_task_goes_on() -> None:
    """It is logged with its traceback, because it is a bug."""
    clock, work = HandClock(), Work([OverflowError("int too large to convert to float")])
    with capture_logs() as logs:
        task = asyncio.create_task(Supervisor(clock).keep("line", work.run))
        await passes(clock, AGAIN_AFTER, lambda: work.begun == 2)
    assert not task.done()
    task.cancel()
    (entry,) = logs
    assert (entry["event"], entry["task"], entry["log_level"]) == ("task.crashed", "line", "error")
    assert isinstance(entry["exc_info"], OverflowError)


async def test_a_known_error_never_ends_a_task() -> None:
    """A disk may be busy for any time; each try is logged as one event without a traceback."""
    clock, work = HandClock(), Work([StorageError("busy") for _ in range(3 * FAILURES)])
    with capture_logs() as logs:
        task = asyncio.create_task(Supervisor(clock).keep("line", work.run))
        for number in range(3 * FAILURES):
            await passes(clock, AGAIN_AFTER, lambda: work.begun == number + 2)  # noqa: B023  # it is called before the next number
    task.cancel()
    assert [entry["event"] for entry in logs] == ["task.failed"] * 3 * FAILURES
    assert not any("exc_info" in entry for entry in logs)


async def test_a_task_that_fails_again_and_again_ends_the_process() -> None:
    """With its last error. The tries get rarer, and are logged once."""
    clock, work = HandClock(), Work([OverflowError(str(number)) for number in range(2 * FAILURES)])
    with capture_logs() as logs:
        task = asyncio.create_task(Supervisor(clock).keep("line", work.run))
        for number in range(FAILURES - 1):
            await passes(clock, AGAIN_AFTER * 2**number, lambda: work.begun == number + 2)  # noqa: B023  # it is called before the next number
        with pytest.raises(OverflowError, match=str(FAILURES - 1)):
            await asyncio.wait_for(task, PATIENCE)
    assert [entry["event"] for entry in logs] == ["task.crashed", "task.given_up"]


async def test_a_failure_now_and_then_is_survived_for_ever() -> None:
    """It is logged unless it was logged within the last minute."""
    clock, work = HandClock(), Work([OverflowError() for _ in range(4 * FAILURES)])
    with capture_logs() as logs:
        task = asyncio.create_task(Supervisor(clock).keep("line", work.run))
        for number in range(4 * FAILURES):
            await passes(clock, WITHIN / 2, lambda: work.begun == number + 2)  # noqa: B023  # it is called before the next number
    assert not task.done()
    task.cancel()
    crashed = [entry for entry in logs if entry["event"] == "task.crashed"]
    assert len(crashed) == 2 * FAILURES
    assert [entry["unsaid"] for entry in crashed] == [0, *[1] * (2 * FAILURES - 1)]


async def test_a_cancelled_task_is_not_begun_again() -> None:
    """The process is about to end."""
    work = Work()
    task = asyncio.create_task(Supervisor(HandClock()).keep("line", work.run))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert work.begun == 1


@given(st.lists(st.floats(0.0, 200.0), min_size=1, max_size=40))
def test_a_task_is_given_up_after_so_many_failures_within_the_window(gaps: list[float]) -> None:
    """The waits double with each failure within the window."""
    endurance, now, before = Endurance(), 0.0, []
    for gap in gaps:
        now += gap
        before.append(now)
        recent = [at for at in before if now - at <= WITHIN]
        wait = endurance.failed(now)
        assert wait == (None if len(recent) >= FAILURES else AGAIN_AFTER * 2 ** (len(recent) - 1))
        if wait is None:
            return
