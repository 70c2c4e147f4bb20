"""Schedules as they are kept, and the port to their store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from zoneinfo import ZoneInfo

from bot.domain.conversation.profile import ScopeChain
from bot.domain.queue.request import Asker
from bot.domain.schedules.rules import Rule

BY_PERSON = "person"
"""Why a schedule is paused that somebody paused; otherwise that is the key of a sentence under ``error.``."""

MARK = "⏰"
"""With which every answer to a schedule begins, in every language."""

ZONE_LIMIT = 64
"""Characters of a zone's name."""


@dataclass(frozen=True, slots=True)
class NewSchedule:
    """A schedule before it is kept.

    ``asker`` is its owner, as they were called when they made it. ``place`` are the scopes of the channel where
    the answers are shown. ``words`` say when, as they were typed (untrusted text), and ``rule`` what they mean in
    ``zone``. ``catch_up``: a time that was missed is made up for, once. ``with_summary``: the question is about
    what was said in the channel since the last run. Times in epoch seconds.
    """

    asker: Asker
    application_id: int
    channel_id: int
    guild_id: int | None
    place: ScopeChain
    words: str
    rule: Rule
    zone: ZoneInfo
    question: str
    catch_up: bool
    created_at: float
    due_at: float
    with_summary: bool = False


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule as it is kept. Times in epoch seconds.

    ``due_at`` is the time that it runs for next, ``try_at`` when that is tried; None for both while it is paused.
    ``paused_why``: :data:`BY_PERSON` or the key of a sentence; None while it is not. ``last_at`` is when it ran
    last, and ``last_key`` the key of the sentence why nothing was asked then; None: it was. ``read_to``: the time
    of the last run that was asked, or had nothing to ask about.
    """

    schedule_id: int
    new: NewSchedule
    due_at: float | None
    try_at: float | None
    paused_why: str | None = None
    paused_at: float | None = None
    last_at: float | None = None
    last_key: str | None = None
    read_to: float | None = None

    @property
    def read_from(self) -> float:
        """From when on its channel is read for the next run."""
        return self.new.created_at if self.read_to is None else self.read_to

    def after(self, moment: float) -> float | None:
        """The first time after ``moment``; None: there is none."""
        return self.new.rule.after(moment, self.new.zone, since=self.new.created_at)


@dataclass(frozen=True, slots=True)
class Ran:
    """How the run of a schedule for ``due_at`` went: it is due at ``following`` next (None: never), ran ``at``
    this moment, or was left out for the reason ``key``. ``read_to`` as in :class:`Schedule`; None: as it was."""

    schedule_id: int
    due_at: float
    following: float | None
    at: float
    key: str | None = None
    read_to: float | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """How many schedules there may be: of a person, in a channel, in a server."""

    person: int
    channel: int
    server: int


class ScheduleStore(Protocol):
    """Schedules. Every change is one transaction; raises only :class:`StorageError`."""

    async def add(self, new: NewSchedule, limits: Limits) -> Schedule | str:
        """Keep a schedule; the name of the field of ``limits`` that is reached, when one is."""
        ...

    async def get(self, schedule_id: int) -> Schedule | None:
        """The schedule, or None."""
        ...

    async def of_user(self, user_id: int) -> Sequence[Schedule]:
        """A person's schedules, oldest first."""
        ...

    async def of_server(self, guild_id: int) -> Sequence[Schedule]:
        """The schedules in a server, oldest first."""
        ...

    async def to_try(self, now: float, limit: int) -> Sequence[Schedule]:
        """The first ``limit`` of what is to be tried ``now``, in order. The cost does not depend on how many
        others there are."""
        ...

    async def next_try(self) -> float | None:
        """When the next one is to be tried; None when none is."""
        ...

    async def ran(self, runs: Sequence[Ran]) -> None:
        """Note how runs went, and when their schedules are due next. What is not due at ``due_at`` any more stays
        as it is."""
        ...

    async def try_again(self, schedule_id: int, due_at: float, *, at: float) -> None:
        """Try a schedule ``at`` a later time for the same ``due_at``; no-op when it is not due then any more."""
        ...

    async def pause(self, schedule_id: int, why: str, *, now: float) -> bool:
        """Pause a schedule; False when it is paused already, or gone."""
        ...

    async def resume(self, schedule_id: int, due_at: float) -> bool:
        """Let a paused schedule be due again; False when it is not paused, or gone."""
        ...

    async def remove(self, schedule_id: int) -> bool:
        """Remove a schedule; False when there is none."""
        ...

    async def expire(self, *, before: float) -> int:
        """Remove what was paused before ``before``, but not by a person; returns how many."""
        ...
