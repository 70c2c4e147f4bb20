"""Ends many waiting questions together: those that an operator clears, those that waited too long."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial

from bot.clock import Clock
from bot.domain.queue.request import StoredRequest
from bot.domain.queue.store import RequestStore
from bot.services.answers.completion import Completion
from bot.services.answers.live import LiveAnswer, LiveAnswers
from bot.tasks.background import Background

# So many messages get their last form at a time.
ENDED_AT_ONCE = 20

# Seconds between two searches for questions that waited too long; shorter where they may wait less than 5 minutes.
LOOK_EVERY = 30.0

_Show = Callable[[StoredRequest, LiveAnswer], Awaitable[None]]


class Expiry:
    """Ends questions in one transaction, then shows that in their messages in the background."""

    def __init__(
        self,
        *,
        store: RequestStore,
        live_answers: LiveAnswers,
        completion: Completion,
        background: Background,
        clock: Clock,
        question_ttl: float,
    ) -> None:
        """``question_ttl`` is how many seconds a question may wait."""
        self._store = store
        self._live_answers = live_answers
        self._completion = completion
        self._background = background
        self._clock = clock
        self._question_ttl = question_ttl
        self._every = min(LOOK_EVERY, question_ttl / 10)

    async def run(self) -> None:
        """End questions that waited longer than they may, until cancelled. Raises :class:`StorageError`."""
        while True:
            await self._clock.sleep(self._every)
            await self.expire()

    async def expire(self) -> None:
        """End questions that waited longer than they may. Raises :class:`StorageError`."""
        now = self._clock.now()
        expired = await self._store.expire(before=now - self._question_ttl, now=now)
        self._show_each(expired, partial(self._completion.show_expired, now=now))

    async def clear(self, *, by: int) -> int:
        """Cancel everything that waits, for the operator ``by``; returns how many. Raises
        :class:`StorageError`."""
        cleared = await self._completion.clear(by=by)
        self._show_each(cleared, partial(self._completion.show_cancelled, by=by))
        return len(cleared)

    def _show_each(self, ended: Sequence[StoredRequest], show: _Show) -> None:
        remaining = iter(ended)
        for number in range(min(len(ended), ENDED_AT_ONCE)):
            self._background.spawn(self._show(remaining, show), name=f"ended-{number}")

    async def _show(self, remaining: Iterator[StoredRequest], show: _Show) -> None:
        for request in remaining:
            live = self._live_answers.reopen(request)
            live.is_ending = True
            await show(request, live)
            await self._live_answers.close(request.request_id)
