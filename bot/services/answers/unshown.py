"""Which ends are not shown yet, and when that is tried again."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from bot.clock import Clock
from bot.domain.queue.store import UnshownEnds
from bot.errors import StorageError

log = structlog.get_logger(__name__)

FIRST_AGAIN, LONGEST_AGAIN = 30.0, 3600.0
"""Seconds between two attempts: after the first one, and at most; each wait is twice the one before."""


@dataclass(slots=True)
class _Attempts:
    failed: int
    due: float


class Unshown:
    """The questions that have ended, and whose messages may still offer to cancel or stop them.

    :mod:`bot.services.answers.late_ends` shows them.
    """

    def __init__(self, store: UnshownEnds, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._attempts: dict[str, _Attempts] = {}
        self.changed = asyncio.Event()
        """Set when something may be due earlier than before."""

    def due(self) -> tuple[str, ...]:
        """What is to be tried now."""
        now = self._clock.monotonic()
        return tuple(request_id for request_id, one in self._attempts.items() if one.due <= now)

    def due_in(self) -> float | None:
        """Seconds until something is due; None when nothing is left."""
        earliest = min((one.due for one in self._attempts.values()), default=None)
        return None if earliest is None else max(0.0, earliest - self._clock.monotonic())

    def found(self, request_id: str) -> None:
        """Note an end that is to be shown now."""
        self._attempts[request_id] = _Attempts(0, self._clock.monotonic())
        self.changed.set()

    def knows(self, request_id: str) -> bool:
        """Whether this end is tried here again by itself."""
        return request_id in self._attempts

    def failed(self, request_id: str) -> None:
        """Note that an end could not be shown, at least not in all messages; it is tried again later."""
        before = self._attempts.get(request_id)
        failed = before.failed + 1 if before is not None else 1
        wait = min(FIRST_AGAIN * 2.0 ** min(failed - 1, 10), LONGEST_AGAIN)
        self._attempts[request_id] = _Attempts(failed, self._clock.monotonic() + wait)
        self.changed.set()

    def reconsider(self) -> None:
        """Try everything now: Discord has come back."""
        for one in self._attempts.values():
            one.due = self._clock.monotonic()
        self.changed.set()

    def forget(self, request_id: str) -> None:
        """Do not try again."""
        self._attempts.pop(request_id, None)

    async def shown(self, request_id: str) -> None:
        """Note that an end is shown, or can never be. Never raises: what the disk does not take, the next start
        finds and shows again."""
        self.forget(request_id)
        try:
            await self._store.remove(request_id)
        except StorageError as error:
            log.info("end.not_noted", request_id=request_id, detail=str(error))

    async def left(self, request_id: str) -> None:
        """Note that a question which has ended has a further message. Raises :class:`StorageError`."""
        await self._store.add(request_id, now=self._clock.now())
        self.found(request_id)
