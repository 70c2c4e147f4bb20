"""A time limit for waits that follow each other by the thousand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Alarm:
    """As ``asyncio.timeout_at``, with one timer for all waits of a reader.

    A wait whose limit is later than that of the timer leaves the timer as it is, and one that rings too early is
    set anew. A stream thus needs a timer a minute instead of one for each token. For one task at a time; call
    :meth:`stop` at the end.
    """

    def __init__(self, hurry: Callable[[], bool] | None = None) -> None:
        """``hurry`` returns whether there is something to wait for no longer: then the wait ends by itself in the
        next turn of the event loop, and is not over its limit."""
        self._hurry = hurry
        self._loop = asyncio.get_running_loop()
        self._until: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = 0.0
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0
        self._rang = False

    def set_for(self, until: float | None) -> Self:
        """The limit of the wait that follows, as a context: seconds of the event loop, None for no limit."""
        self._until = until
        return self

    def stop(self) -> None:
        """Forget the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def __enter__(self) -> None:
        until = self._until
        if until is None:
            return
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # only a task can wait
        self._task, self._cancelling = task, task.cancelling()
        if self._timer is None or self._rings_at > until:
            self._set(until)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raises TimeoutError in place of the cancellation by this alarm."""
        task, self._task = self._task, None
        if self._rang and task is not None:
            self._rang = False
            if task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
                raise TimeoutError from error

    def _set(self, when: float) -> None:
        self.stop()
        self._rings_at = when
        self._timer = self._loop.call_at(when, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._task is None or self._until is None:
            return
        if self._loop.time() < self._until:
            self._set(self._until)
        elif self._hurry is None or not self._hurry():
            self._rang = True
            self._task.cancel()
