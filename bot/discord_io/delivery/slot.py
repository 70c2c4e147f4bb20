"""The wait of one answer for its next edit: for its turn on a route, then for the budget of the bot's token."""

from __future__ import annotations

import asyncio
from typing import Protocol

from bot.clock import Clock, woken
from bot.discord_io.delivery.routes import MessageRoutes, RouteKind
from bot.discord_io.delivery.shared_bucket import SharedBucket
from bot.discord_io.outgoing import Ticket
from bot.domain.discord_calls.priority import CallPriority

_ROUTES = tuple(RouteKind)


class Waiting(Protocol):
    """Whoever waits for a slot."""

    @property
    def priority(self) -> CallPriority:
        """What its next edit is for."""
        ...

    @property
    def stale_since(self) -> float | None:
        """Since when it has something that is not shown (monotonic seconds); None: from now on."""
        ...

    @property
    def knows_ids(self) -> bool:
        """Whether the ids of all its messages are known, so that either route can edit them."""
        ...


class Slot:
    """The next slot of one answer, for whoever waits for it. It does not hold on to who that is: a circle of
    objects lives on, with all that an answer consists of, until the garbage collector finds it."""

    def __init__(self, destination: MessageRoutes, clock: Clock) -> None:
        self._destination = destination
        self._clock = clock
        self._look = asyncio.Event()
        self._waits_for: CallPriority | None = None

    def look(self) -> None:
        """Look for a route again: another one may have become possible."""
        self._look.set()

    def reconsider(self, who: Waiting) -> None:
        """Let ``who``, if it waits, go before others if its edit has become more urgent meanwhile."""
        if self._waits_for is not None and who.priority < self._waits_for:
            self._look.set()

    async def take(self, who: Waiting) -> tuple[RouteKind, Ticket]:
        """Wait until an edit of ``who`` may leave; returns the route whose slot was taken, and the ticket for the
        call.

        Raises :class:`TokenExpired` when no route is left.
        """
        shared_bucket: SharedBucket | None = None
        ticket: Ticket | None = None
        outgoing = self._destination.outgoing
        try:
            while True:
                self._look.clear()
                self._waits_for = priority = who.priority
                route, at = self._destination.earliest(who, priority, known=who.knows_ids)
                if shared_bucket is not (shared_bucket := self._destination.shared_bucket(route)):
                    self._leave(who)
                now = self._clock.monotonic()
                since = who.stale_since
                shared_bucket.wants(who, since=now if since is None else since, priority=priority, turn=self._look)
                mine = shared_bucket.is_turn(who)
                if mine and at <= now:
                    ticket = outgoing.ask(
                        priority, interaction=route is RouteKind.INTERACTION, instead=ticket, wake=self._look
                    )
                    if ticket.granted.is_set():
                        shared_bucket.bucket.sent(now)
                        taken, ticket = ticket, None
                        return route, taken
                    await self._look.wait()
                    continue
                outgoing.end(ticket)
                ticket = None
                # The first one waits for the bucket's time; the others wait until those before them have left.
                await self._looked(at - now if mine else self._destination.own_slot_in(route))
        finally:
            self._waits_for = None
            outgoing.end(ticket)
            self._leave(who)

    async def _looked(self, seconds: float | None) -> None:
        if seconds is None:
            await self._look.wait()
        else:
            await woken(self._look, self._clock, seconds)

    def _leave(self, who: Waiting) -> None:
        for route in _ROUTES:
            self._destination.shared_bucket(route).leave(who)
