"""Asks the questions of schedules when they are due, in the process that leads.

Exactly once: a run's question gets an id made of the schedule and the time that it is due at, and the queue takes
an id once. What it is due at next is stored after that. So a process that is killed between the two, or hangs
while another one takes over, leads to a second try, which finds the question in the queue.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

import structlog

from bot.clock import Clock, woken
from bot.domain.schedules.schedule import Ran, Schedule, ScheduleStore
from bot.errors import (
    AdmissionError,
    BotError,
    DeliveryError,
    Draining,
    NothingSaid,
    QuotaUsed,
    StorageError,
    UserError,
)
from bot.i18n.catalogue import say
from bot.presentation.page import escape_inline
from bot.services.cluster.leadership import Leadership
from bot.services.requests.scheduled_questions import Channels

log = structlog.get_logger(__name__)

LOOK_EVERY = 2.0
"""Seconds: so late may be noticed what another process has changed."""
AT_ONCE = 100
"""Schedules that are asked side by side."""
PUNCTUAL = 90.0
"""Seconds within which a time is not missed."""
TRY_AGAIN_AFTER = 30.0
"""Seconds after which a question is tried again that could not be asked."""
KEPT_PAUSED = 90 * 86_400.0
"""Seconds for which a schedule is kept that the bot itself has paused."""
EXPIRED_EVERY = 3_600.0

UNKNOWN_RIGHTS = "error.roles_unknown"


class Questions(Protocol):
    """Puts the questions of schedules into the queue."""

    async def ask(self, kept: Schedule, heard_as: int | str, *, at: float) -> None:
        """Ask the question for the run ``at`` this moment, once for each ``heard_as``, in whatever process. Raises
        :class:`BotError`."""
        ...


def run_of(schedule_id: int, at: float) -> str:
    """The name of a schedule's run for the time ``at``: the same whether that was read as a whole number or
    not."""
    return f"schedule:{schedule_id}:{at:.3f}"


class ScheduleRuns:
    """The loop that looks for what is due. One for a process; no schedule has a task or a timer of its own."""

    def __init__(
        self,
        store: ScheduleStore,
        questions: Questions,
        channels: Channels,
        leadership: Leadership,
        changed: asyncio.Event,
        clock: Clock,
        *,
        made_up_within: float,
    ) -> None:
        """``changed`` is set when something may be due earlier; ``made_up_within``: seconds for which a time that
        was missed is made up for."""
        self._store = store
        self._questions = questions
        self._channels = channels
        self._leadership = leadership
        self._changed = changed
        self._clock = clock
        self._made_up_within = made_up_within
        self._expired_at: float | None = None

    async def run(self) -> None:
        """Ask what is due, until cancelled."""
        while True:
            pause = LOOK_EVERY
            try:
                if await self._leadership.is_ours():
                    pause = await self.ask_due()
                    await self._expire()
            except StorageError as error:
                log.warning("schedules.not_read", detail=str(error))
            await woken(self._changed, self._clock, pause)

    async def ask_due(self) -> float:
        """Ask what is due, at most :data:`AT_ONCE`; returns after how many seconds to look again. Raises
        :class:`StorageError`."""
        now = self._clock.now()
        due = await self._store.to_try(now, AT_ONCE)
        if due:
            went = await asyncio.gather(*(self._run_one(schedule) for schedule in due))
            # Only once their questions are in the queue, and in one transaction: a thousand may be due at once.
            await self._store.ran([one for one in went if isinstance(one, Ran)])
            return 0.0 if any(went) else LOOK_EVERY
        following = await self._store.next_try()
        return LOOK_EVERY if following is None else min(LOOK_EVERY, max(0.0, following - now))

    async def _run_one(self, schedule: Schedule) -> Ran | bool:
        """Ask a schedule's question; returns how that went. True: that is noted already; False: it is still to be
        tried now."""
        try:
            return await self._ask(schedule)
        except StorageError as error:
            log.warning("schedule.not_stored", schedule=schedule.schedule_id, detail=str(error))
        except Exception:
            # One schedule holds up no other, does not end the bot, and does not stand before others at each look.
            log.exception("schedule.crashed", schedule=schedule.schedule_id)
            later = self._clock.now() + TRY_AGAIN_AFTER
            await self._store.try_again(schedule.schedule_id, schedule.due_at or 0.0, at=later)
            return True
        return False

    async def _ask(self, schedule: Schedule) -> Ran | bool:
        now, due_at = self._clock.now(), schedule.due_at or 0.0
        at = self._occurrence(schedule, now)
        if at is None:
            return self._ran(schedule, due_at, "schedule.skipped_late")
        try:
            await self._questions.ask(schedule, run_of(schedule.schedule_id, at), at=at)
        except Draining:
            # This process ends: another one, or the next start, asks it.
            return False
        except QuotaUsed:
            return self._ran(schedule, due_at, "schedule.skipped_quota")
        except NothingSaid:
            return self._ran(schedule, due_at, "schedule.skipped_silence", read_to=at)
        except (AdmissionError, DeliveryError, UserError) as error:
            if isinstance(error, UserError) and error.key != UNKNOWN_RIGHTS:
                return await self._pause(schedule, error)
            log.info("schedule.not_asked", schedule=schedule.schedule_id, error=type(error).__name__)
            await self._store.try_again(schedule.schedule_id, due_at, at=now + TRY_AGAIN_AFTER)
            return True
        log.info("schedule.asked", schedule=schedule.schedule_id, late=round(now - at, 1))
        return self._ran(schedule, due_at, None, read_to=at)

    def _ran(self, schedule: Schedule, due_at: float, key: str | None, *, read_to: float | None = None) -> Ran:
        now = self._clock.now()
        if key is not None:
            log.info("schedule.skipped", schedule=schedule.schedule_id, why=key)
        following = schedule.after(max(now, due_at))
        return Ran(schedule.schedule_id, due_at, following, now, key, read_to)

    def _occurrence(self, schedule: Schedule, now: float) -> float | None:
        """The time that is to be asked for: the newest of those that have passed. None when it was missed, and is
        not made up for."""
        due_at = schedule.due_at or 0.0
        within = self._made_up_within if schedule.new.catch_up else 0.0
        # What could not be asked in time has not been missed.
        within = max(within, PUNCTUAL, TRY_AGAIN_AFTER + PUNCTUAL if schedule.try_at != due_at else 0.0)
        at: float | None = due_at if now - due_at <= within else schedule.after(now - within)
        if at is None or at > now:
            return None
        while (following := schedule.after(at)) is not None and following <= now:
            at = following
        return at

    async def _pause(self, schedule: Schedule, error: BotError) -> bool:
        """Pause a schedule whose owner may not ask its question any more, and tell them once."""
        key = "error.schedule_refused" if error.params else error.key
        if not await self._store.pause(schedule.schedule_id, key, now=self._clock.now()):
            return True
        new = schedule.new
        log.warning("schedule.paused", schedule=schedule.schedule_id, user=new.asker.user_id, why=key)
        locale = new.asker.locale
        said = say(
            locale,
            "schedule.paused_told",
            owner=f"<@{new.asker.user_id}>",
            when=escape_inline(new.words),
            channel=f"<#{new.channel_id}>",
            why=say(locale, key),
        )
        try:
            await self._channels.tell(new.asker.user_id, new.channel_id, said)
        except DeliveryError as failure:
            log.info("schedule.pause_not_told", schedule=schedule.schedule_id, detail=str(failure))
        return True

    async def _expire(self) -> None:
        """Remove what has been paused for so long that nobody needs it."""
        since = self._expired_at
        if since is not None and self._clock.monotonic() - since < EXPIRED_EVERY:
            return
        self._expired_at = self._clock.monotonic()
        await self._store.expire(before=self._clock.now() - KEPT_PAUSED)
