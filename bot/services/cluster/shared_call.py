"""One call in flight, whose answer all share who want the same at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from bot.clock import Clock

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Answer(Generic[T]):
    value: T
    asked_at: float


@dataclass(eq=False, slots=True)
class _Flight(Generic[T]):
    task: asyncio.Task[T]
    waiters: int = 0


class SharedCall(Generic[T]):
    """Makes ``call`` once for everybody who waits for it. For tasks of one event loop.

    Who gives up waiting leaves the call to the others; with the last of them it is cancelled. Everybody who waited
    gets what it raises, which is not kept.
    """

    def __init__(self, call: Callable[[], Awaitable[T]], clock: Clock) -> None:
        self._call = call
        self._clock = clock
        self._flight: _Flight[T] | None = None
        self._answer: _Answer[T] | None = None

    async def get(self, *, fresh: float = 0.0) -> T:
        """The answer of the call that is in flight or, when there is none, of a new one.

        An answer to a call that began at most ``fresh`` seconds ago will do as well. Raises what the call raises.
        """
        answer = self._answer
        if answer is not None and self._clock.monotonic() - answer.asked_at < fresh:
            return answer.value
        flight = self._flight
        if flight is None:
            flight = self._flight = _Flight(asyncio.create_task(self._made()))
            flight.task.add_done_callback(_look_at)
        flight.waiters += 1
        try:
            # A waiter that is cancelled must not take the call with it.
            return await asyncio.shield(flight.task)
        finally:
            flight.waiters -= 1
            self._left(flight)

    def _left(self, flight: _Flight[T]) -> None:
        if flight.waiters == 0 and not flight.task.done():
            flight.task.cancel()
            # Who comes now must not wait for what is being cancelled.
            if self._flight is flight:
                self._flight = None

    async def _made(self) -> T:
        asked_at = self._clock.monotonic()
        try:
            value = await self._call()
        finally:
            if self._flight is not None and self._flight.task is asyncio.current_task():
                self._flight = None
        self._answer = _Answer(value, asked_at)
        return value


def _look_at(task: asyncio.Task[T]) -> None:
    # An error that nobody waits for any more is nobody's: asyncio would log it as forgotten.
    if not task.cancelled():
        task.exception()
