"""One timer limits all waits of a reader."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

import pytest

from bot.parallax.alarm import Alarm
from tests.fakes.loops import VirtualTimeLoop, passing


def run(main: Coroutine[object, object, None]) -> None:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(main)


def now() -> float:
    return asyncio.get_running_loop().time()


def test_a_wait_ends_at_its_limit_and_not_at_that_of_an_earlier_one() -> None:
    async def main() -> None:
        alarm, began = Alarm(), now()
        for _ in range(10):
            with alarm.set_for(now() + 5):
                await passing(1)
        with pytest.raises(TimeoutError), alarm.set_for(now() + 5):
            await passing(100)
        assert now() == pytest.approx(began + 15)
        with pytest.raises(TimeoutError), alarm.set_for(now() + 2):
            await passing(100)
        assert now() == pytest.approx(began + 17)

    run(main())


def test_an_earlier_limit_than_the_one_before_counts() -> None:
    async def main() -> None:
        alarm, began = Alarm(), now()
        with alarm.set_for(now() + 60):
            await passing(1)
        with pytest.raises(TimeoutError), alarm.set_for(now() + 2):
            await passing(100)
        assert now() == pytest.approx(began + 3)

    run(main())


def test_nothing_is_cancelled_between_waits() -> None:
    async def main() -> None:
        alarm, began = Alarm(), now()
        with alarm.set_for(now() + 5):
            await passing(1)
        await passing(30)
        with alarm.set_for(None):
            await passing(30)
        assert now() == pytest.approx(began + 61)

    run(main())


def test_a_cancellation_from_outside_stays_one() -> None:
    async def main() -> None:
        async def waiting() -> None:
            with Alarm().set_for(now() + 50):
                await passing(100)

        began = now()
        task = asyncio.create_task(waiting())
        await passing(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert now() == pytest.approx(began + 1)

    run(main())


def test_a_stopped_alarm_leaves_no_timer() -> None:
    async def main() -> None:
        alarm = Alarm()
        with alarm.set_for(now() + 5):
            await passing(1)
        alarm.stop()
        alarm.stop()
        await passing(30)

    run(main())
