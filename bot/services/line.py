"""What people in the line see: their place, how long it may take, and why it does not move."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from bot.clock import Clock
from bot.queueing.ports import RequestStore
from bot.queueing.request import LineEntry
from bot.services.admission import Hold
from bot.services.desk import AnswerDesk, LiveAnswer

log = structlog.get_logger(__name__)

# Places are shown again at most this often: the edits of running answers come first.
REFRESH_EVERY = 2.0


class LineKeeper:
    """Keeps the waiting messages true, with few edits."""

    def __init__(
        self,
        store: RequestStore,
        desk: AnswerDesk,
        clock: Clock,
        *,
        hold: Callable[[], Hold | None],
        wait_for: Callable[[int], float | None],
    ) -> None:
        """``hold()`` says why the line stands still, ``wait_for(place)`` estimates a wait in seconds."""
        self._store = store
        self._desk = desk
        self._clock = clock
        self._hold = hold
        self._wait_for = wait_for
        self._wake = asyncio.Event()

    def changed(self) -> None:
        """Places or reasons may have changed."""
        self._wake.set()

    async def run(self) -> None:
        """Refresh after changes until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self.refresh()
            await self._clock.sleep(REFRESH_EVERY)

    async def refresh(self) -> None:
        """Bring every waiting message of this process up to date."""
        hold = self._hold()
        for entry in await self._store.line():
            live = self._desk.get(entry.request_id)
            if live is not None and live.view.is_waiting:
                self._show(live, entry, hold)

    async def place(self, live: LiveAnswer) -> None:
        """Show one question's place now (its acknowledgement is about to be sent)."""
        hold = self._hold()
        for entry in await self._store.line():
            if entry.request_id == live.question.request_id:
                self._show(live, entry, hold)
                return

    def held_by_restart(self) -> None:
        """Tell everybody who waits that the bot restarts and keeps their question."""
        for live in self._desk.all():
            if live.view.is_waiting:
                live.view.held("held.restarting")
                live.show()

    def _show(self, live: LiveAnswer, entry: LineEntry, hold: Hold | None) -> None:
        if hold is not None:
            live.view.held(hold.key, **dict(hold.params))
        else:
            live.view.waiting(entry.place, self._wait_for(entry.place))
        live.show()
