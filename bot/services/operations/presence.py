"""The text under the bot's name: the model and how many questions wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from bot.clock import Clock, woken
from bot.errors import DeliveryError, StorageError
from bot.i18n.catalogue import say
from bot.services.cluster.monitor import Availability, ClusterService
from bot.services.requests.overview import QueueOverview

# In seconds. The gateway takes 120 messages a minute in all, and nobody needs this text to the second.
UPDATE_EVERY = 60.0
TRY_EVERY = 5.0


class Status(Protocol):
    """Sets the bot's presence. Raises only :class:`DeliveryError`."""

    async def set_presence(self, text: str, *, usable: bool) -> None:
        """Show ``text`` under the bot's name."""
        ...

    def on_session(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` at the begin of every session with Discord: it shows no text yet."""
        ...


class Presence:
    """Updates the presence when it has changed, at most once a minute."""

    def __init__(
        self, clusters: Sequence[ClusterService], queue: QueueOverview, status: Status, clock: Clock
    ) -> None:
        """``clusters``: at least one."""
        self._clusters = clusters
        self._queue = queue
        self._status = status
        self._clock = clock
        self._shown: tuple[str, bool] | None = None
        self._forgotten = asyncio.Event()
        status.on_session(self._forget)

    async def run(self) -> None:
        """Update the presence until cancelled."""
        while True:
            try:
                wanted = await self._wanted()
                if wanted != self._shown and self._is_known:
                    self._shown = wanted
                    await self._status.set_presence(wanted[0], usable=wanted[1])
                    await woken(self._forgotten, self._clock, UPDATE_EVERY)
                    continue
            except (DeliveryError, StorageError):
                # The bot may not be connected yet, or not at this moment: try again.
                self._shown = None
            await woken(self._forgotten, self._clock, TRY_EVERY)

    def _forget(self) -> None:
        self._shown = None
        self._forgotten.set()

    @property
    def _is_known(self) -> bool:
        return any(one.view().availability is not Availability.UNKNOWN for one in self._clusters)

    async def _wanted(self) -> tuple[str, bool]:
        views = [cluster.view() for cluster in self._clusters]
        usable = [view.status for view in views if view.availability is Availability.USABLE]
        models = [status.model.rpartition("/")[2] for status in usable if status is not None and status.model]
        if not models:
            return say(None, f"status.{views[0].fault or views[0].availability}"), bool(usable)
        load = await self._queue.load()
        model = " + ".join(dict.fromkeys(models))[:60]
        return say(None, "presence.load", model=model, waiting=load.waiting), True
