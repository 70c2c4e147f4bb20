"""The gate for all requests to Discord's API: the budget of the bot's token, and the brake on invalid answers.

The bot's own calls ask here before they reach discord.py, so that no call waits while it holds one of the
library's locks. For calls that the library makes by itself the trace
(:mod:`bot.discord_io.delivery.rate_limit_trace`) asks when the request begins.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import ContextVar

import structlog

from bot.clock import Clock, first_of, woken
from bot.discord_io.delivery.edit_turns import EditQueue
from bot.discord_io.delivery.shared_bucket import ChannelBuckets
from bot.domain.discord_calls.brake import InvalidAnswers, Level
from bot.domain.discord_calls.budget import CallBudget
from bot.domain.discord_calls.priority import CallPriority
from bot.errors import HeldBack
from bot.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

# Seconds. A timer that fires a moment early must not make the gate spin.
SHORTEST_WAIT = 0.001
# Seconds that the calls of the bot's token are held back at most because one was refused.
LONGEST_PAUSE = 120.0
# The scopes of a 429 that concerns all routes: the token's limit, and what stands before Discord and names none.
_EVERYWHERE = frozenset({"global", ""})


class Ticket:
    """The permission for one request. ``granted`` is set when the request may be made."""

    def __init__(self, priority: CallPriority, *, interaction: bool, wake: asyncio.Event | None = None) -> None:
        """``interaction``: the request goes to an interaction's endpoint, which the global limit does not
        count. ``wake`` is set together with ``granted``, for one who waits for several things."""
        self.priority = priority
        self.interaction = interaction
        self.granted = asyncio.Event()
        self.used = False
        self._wake = wake

    def grant(self) -> None:
        """Permit the request."""
        self.granted.set()
        if self._wake is not None:
            self._wake.set()


# The priority of the running task's calls, and the ticket that the next of them has already.
_priority: ContextVar[CallPriority] = ContextVar("call_priority", default=CallPriority.OTHER)
_ticket: ContextVar[Ticket | None] = ContextVar("call_ticket", default=None)


@contextlib.contextmanager
def calls_for(priority: CallPriority, ticket: Ticket | None = None) -> Iterator[None]:
    """Give calls begun inside the block this priority; the first of them uses ``ticket``."""
    urgency_before, ticket_before = _priority.set(priority), _ticket.set(ticket)
    try:
        yield
    finally:
        _ticket.reset(ticket_before)
        _priority.reset(urgency_before)


def for_operators() -> None:
    """Give all further calls of the running task, and of tasks that it starts, the priority of operators."""
    _priority.set(CallPriority.OPERATORS)


class Outgoing:
    """Decides whether and when each request to Discord is made."""

    def __init__(self, clock: Clock, metrics: Metrics, others: Callable[[], int] = lambda: 0) -> None:
        """``others`` tells how many other processes make calls with the bot's token."""
        self._others = others
        self.channel_buckets = ChannelBuckets(clock.monotonic())
        self.edits = EditQueue(clock)
        self._clock = clock
        self._metrics = metrics
        self._budget: CallBudget[Ticket] = CallBudget()
        self._invalid = InvalidAnswers()
        self._told = 0  # what the metric shows
        self._level = Level.OPEN
        self._held: dict[Ticket, None] = {}
        self._changed = asyncio.Event()
        self._wake = asyncio.Event()
        self._timer: asyncio.Task[None] | None = None
        metrics.limits.waiting_are(self._budget.__len__)

    def level(self) -> Level:
        """Which calls may be made now. Logs a change and updates both metrics."""
        now = self._clock.monotonic()
        self._invalid.sharers = self._budget.sharers = 1 + self._others()
        level, before = self._invalid.level(now), self._level
        if (within := self._invalid.within(now)) != self._told:
            self._told = within
            self._metrics.invalid_answers.set(within)
        if level is not before:
            self._level = level
            self._metrics.brake_level.set(level.value)
            self._tell(level, rising=level > before)
            self._sort_out()
        return level

    def ask(
        self,
        priority: CallPriority,
        *,
        interaction: bool,
        instead: Ticket | None = None,
        wake: asyncio.Event | None = None,
    ) -> Ticket:
        """Ask for a ticket, which may be granted at once. A caller that does not use it returns it with
        :meth:`end`.

        ``instead`` is a ticket asked for before: it is returned if it is for the same purpose, else given back.
        ``wake`` is set when the ticket is granted.
        """
        if instead is not None and (instead.priority, instead.interaction) == (priority, interaction):
            return instead
        self.end(instead)
        ticket = Ticket(priority, interaction=interaction, wake=wake)
        self._admit(ticket, self.level())
        self._grant()
        return ticket

    def end(self, ticket: Ticket | None) -> None:
        """Give back the ticket of a request that will not be made; no-op once the request was sent."""
        if ticket is None or ticket.used:
            return
        self._held.pop(ticket, None)
        self._budget.forget(ticket)
        self._grant()

    @contextlib.asynccontextmanager
    async def turn(self, priority: CallPriority) -> AsyncIterator[None]:
        """Wait for a slot for calls with the bot's token; the first call may be made as soon as the block begins.

        Raises :class:`HeldBack` instead of waiting until the brake is released.
        """
        ticket = await self._granted(priority, interaction=False)
        try:
            with calls_for(priority, ticket):
                yield
        finally:
            self.end(ticket)

    async def leave(self, *, interaction: bool) -> Ticket:
        """Wait until the running task may make its next request.

        Raises :class:`HeldBack` when the brake does not permit it.
        """
        ticket, priority = _ticket.get(), _priority.get()
        self._require(priority, interaction=interaction)
        if (
            ticket is None
            or ticket.used
            or ticket.interaction is not interaction
            or not (interaction or self._budget.holds(ticket, self._clock.monotonic()))
        ):
            ticket = await self._granted(priority, interaction=interaction)
        ticket.used = True
        if not interaction:
            self._budget.left(ticket, self._clock.monotonic())
        return ticket

    def answered(
        self, ticket: Ticket, status: int | None, *, scope: str = "", retry_after: float | None = None
    ) -> None:
        """Note that a request was answered (``status`` None: its connection broke). ``scope`` and ``retry_after``
        (seconds) are those of a 429.

        Where Discord's own limits refuse a call, the answer names its scope. Without one it comes from the network
        before Discord, which refuses the machine's address: each further call would be refused too.
        """
        now = self._clock.monotonic()
        if status == 429 and scope in _EVERYWHERE and retry_after is not None:
            self._budget.refused(now, retry_after=min(retry_after, LONGEST_PAUSE))
        self._budget.answered(ticket, now)
        if status is not None and self._invalid.count(status, now, scope=scope):
            self.level()
        self._grant()

    def applied(self, route: str, priority: CallPriority, *, stale_since: float | None) -> None:
        """Count an edit that Discord applied. ``stale_since``: when the text that it shows came (monotonic
        seconds); None when it shows no streamed text."""
        age = None if stale_since is None else self._clock.monotonic() - stale_since
        self._metrics.edits.applied(route, priority.name.lower(), text_age=age)

    async def aclose(self) -> None:
        """Stop granting tickets."""
        if self._timer is not None:
            self._timer.cancel()
            await asyncio.wait({self._timer})

    async def _granted(self, priority: CallPriority, *, interaction: bool) -> Ticket:
        self._require(priority, interaction=interaction)
        ticket = self.ask(priority, interaction=interaction)
        try:
            while not ticket.granted.is_set():
                # The level may have risen during the wait.
                self._require(priority, interaction=interaction)
                await first_of(self._clock, None, ticket.granted, self._changed)
        except BaseException:
            self.end(ticket)
            raise
        return ticket

    def _require(self, priority: CallPriority, *, interaction: bool) -> None:
        if not (level := self.level()).permits(priority, interaction=interaction):
            raise HeldBack(level.name)

    def _admit(self, ticket: Ticket, level: Level) -> None:
        if not level.permits(ticket.priority, interaction=ticket.interaction):
            self._held[ticket] = None
        elif ticket.interaction:
            ticket.grant()
        else:
            self._budget.wants(ticket, ticket.priority)

    def _sort_out(self) -> None:
        """Decide again about all waiting tickets, because the level has changed: one that waited for the level may
        now have to wait for a slot, or the reverse."""
        waiting = [*self._held, *self._budget.waiting()]
        self._held.clear()
        for ticket in waiting:
            self._budget.forget(ticket)
            self._admit(ticket, self._level)
        self._changed.set()
        self._changed = asyncio.Event()
        self._grant()

    def _grant(self) -> None:
        if not len(self._budget) and not self._held:
            return
        for ticket in self._budget.granted(self._clock.monotonic()):
            ticket.grant()
        if self._look_at() is None:
            return
        if self._timer is None or self._timer.done():
            self._timer = asyncio.create_task(self._keep_granting(), name="outgoing")
        else:
            self._wake.set()

    async def _keep_granting(self) -> None:
        while (at := self._look_at()) is not None:
            await woken(self._wake, self._clock, max(SHORTEST_WAIT, at - self._clock.monotonic()))
            self.level()
            for ticket in self._budget.granted(self._clock.monotonic()):
                ticket.grant()

    def _look_at(self) -> float | None:
        now = self._clock.monotonic()
        eases = self._invalid.eases_at(now) if self._held else None
        return min((at for at in (self._budget.look_at(now), eases) if at is not None), default=None)

    def _tell(self, level: Level, *, rising: bool) -> None:
        emit = (log.critical if level is Level.CUT_OFF else log.warning) if rising else log.info
        emit(
            "discord.brake_changed",
            level=level.name.lower(),
            invalid_answers=self._invalid.within(self._clock.monotonic()),
        )
