"""Scaled waiting and waking by changes."""

import asyncio

import pytest

from sandbox.parallax.clock import Changes, ScaledClock
from sandbox.parallax.gate import Gate
from sandbox.parallax.tasks import Tasks


async def test_scheduler_seconds_are_shorter_at_a_larger_scale() -> None:
    """5 s at scale 100 are 50 ms."""
    clock = ScaledClock(100)
    before = clock.now()
    await clock.sleep(5)
    assert clock.now() - before == pytest.approx(0.05, abs=0.04)
    assert clock.after(10.0, 50) == 10.5
    await clock.sleep_until(before)


@pytest.mark.parametrize("scale", [0, -1])
def test_a_scale_must_be_above_zero(scale: float) -> None:
    """Time does not stand still."""
    with pytest.raises(ValueError, match="time_scale"):
        ScaledClock(scale)


async def test_a_waiter_is_woken_by_a_change_and_by_nothing_else() -> None:
    """The predicate is looked at once per change."""
    changes, looks, ready = Changes(), 0, False

    def predicate() -> bool:
        nonlocal looks
        looks += 1
        return ready

    waiting = asyncio.create_task(changes.wait_until(predicate, timeout=5))
    await asyncio.sleep(0)
    changes.notify()
    await asyncio.sleep(0)
    ready = True
    changes.notify()
    await waiting
    assert looks == 3
    with pytest.raises(TimeoutError):
        await changes.wait_until(lambda: False, timeout=0.01)


async def test_a_gate_opens_when_its_last_reason_goes() -> None:
    """Two reasons to freeze are two."""
    gate = Gate()
    gate.close("a")
    gate.close("b")
    waiting = asyncio.create_task(gate.passed())
    gate.open("a")
    await asyncio.sleep(0)
    assert not waiting.done()
    gate.open("b")
    await waiting
    assert gate.reasons == frozenset()


async def test_a_failure_of_the_doubles_own_is_raised_at_its_end() -> None:
    """So that it cannot pass for the client's mistake."""

    async def fail() -> None:
        raise RuntimeError("a bug")

    tasks = Tasks()
    task = tasks.start(fail(), "failing")
    await asyncio.wait({task})
    with pytest.raises(ExceptionGroup) as raised:
        await tasks.close()
    assert isinstance(raised.value.exceptions[0], RuntimeError)
