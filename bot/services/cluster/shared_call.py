"""One call in flight whose result everybody shares who asks for the same at the same time."""

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

    A waiter that is cancelled does not cancel the call, unless it is the last one. An error is raised for
    everybody who waited, and is not kept.
    """

    def __init__(self, call: Callable[[], Awaitable[T]], clock: Clock) -> None:
        self._call = call
        self._clock = clock
        self._flight: _Flight[T] | None = None
        self._answer: _Answer[T] | None = None

    async def get(self, *, fresh: float = 0.0) -> T:
        """The result of the call in flight, or of a new one.

        The last result is returned at once if its call began less than ``fresh`` seconds ago. Raises what the call
        raises.
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
            # The cancellation of a waiter must not cancel the call.
            return await asyncio.shield(flight.task)
        finally:
            flight.waiters -= 1
            self._left(flight)

    def _left(self, flight: _Flight[T]) -> None:
        if flight.waiters == 0 and not flight.task.done():
            flight.task.cancel()
            # The next caller must not wait for a cancelled task.
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
    # asyncio would log an error that no waiter is left to receive.
    if not task.cancelled():
        task.exception()
