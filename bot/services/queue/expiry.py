"""Ends many waiting questions together: those that an operator clears, those that waited too long."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence

from bot.clock import Clock
from bot.domain.queue.request import StoredRequest
from bot.domain.queue.store import RequestStore
from bot.services.answers.completion import Completion
from bot.services.answers.live import LiveAnswer, LiveAnswers
from bot.tasks.background import Background

# So many messages are brought to their last form at a time.
ENDED_AT_ONCE = 20

# Seconds between two looks for what waited too long, or a tenth of what it may wait.
LOOK_EVERY = 30.0

_Say = Callable[[StoredRequest, LiveAnswer], Awaitable[None]]


class Expiry:
    """Ends questions in one transaction and says so in their messages afterwards, without being waited for."""

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

        async def say(request: StoredRequest, live: LiveAnswer) -> None:
            await self._completion.show_expired(request, live, waited=now - request.question.asked_at)

        self._say_each(await self._store.expire(before=now - self._question_ttl, now=now), say)

    async def clear(self, *, by: int) -> int:
        """Withdraw everything that waits; returns how much. Raises :class:`StorageError`."""

        async def say(request: StoredRequest, live: LiveAnswer) -> None:
            await self._completion.show_cancelled(request, live, by=by)

        cleared = await self._completion.clear(by=by)
        self._say_each(cleared, say)
        return len(cleared)

    def _say_each(self, ended: Sequence[StoredRequest], say: _Say) -> None:
        unsaid = iter(ended)
        for number in range(min(len(ended), ENDED_AT_ONCE)):
            self._background.spawn(self._said(unsaid, say), name=f"ended-{number}")

    async def _said(self, unsaid: Iterator[StoredRequest], say: _Say) -> None:
        for request in unsaid:
            await say(request, self._live_answers.reopen(request))
            await self._live_answers.close(request.request_id)
