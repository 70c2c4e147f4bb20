"""Text about schedules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.domain.schedules.schedule import BY_PERSON, Schedule
from bot.i18n.catalogue import say
from bot.presentation.page import escape_inline

QUESTION_SHOWN = 120
CHOICE_LIMIT = 100
"""Characters of a choice's name (Discord docs, interactions/application-commands)."""


def moments(times: Sequence[float]) -> str:
    """The times, which Discord shows each reader in their own zone."""
    return " · ".join(f"<t:{int(one)}:f>" for one in times)


def previewed(words: str, times: Sequence[float], zone: str, locale: str) -> str:
    """The words with the times that they mean, as plain text: Discord shows no markup in a choice."""
    at = ZoneInfo(zone)
    shown = ", ".join(datetime.fromtimestamp(one, at).strftime("%Y-%m-%d %H:%M") for one in times)
    said = say(locale, "schedule.next", times=shown) if shown else say(locale, "schedule.never")
    return f"{said} ({zone}) · {words}"[:CHOICE_LIMIT]


def schedule_text(locale: str, schedule: Schedule, *, with_owner: bool) -> str:
    """A schedule in a list: when, where, what; when it is due, or why it is paused; how it went last."""
    new = schedule.new
    owner = f" · <@{new.asker.user_id}>" if with_owner else ""
    head = f"**{escape_inline(new.words)}** · {new.zone.key} · <#{new.channel_id}>{owner}"
    cut = "…" if len(new.question) > QUESTION_SHOWN else ""
    question = escape_inline(new.question[:QUESTION_SHOWN]) + cut
    parts = [_state(locale, schedule)]
    if new.with_summary:
        parts.append(say(locale, "schedule.about_said"))
    if schedule.last_at is not None:
        parts.append(say(locale, "schedule.last", when=f"<t:{int(schedule.last_at)}:R>"))
    if schedule.last_key is not None:
        parts.append(say(locale, schedule.last_key))
    return f"{head}\n{question}\n-# {' · '.join(parts)}"


def _state(locale: str, schedule: Schedule) -> str:
    if schedule.paused_why == BY_PERSON:
        return say(locale, "schedule.paused")
    if schedule.paused_why is not None:
        return say(locale, "schedule.paused_why", why=say(locale, schedule.paused_why))
    if schedule.due_at is None:
        return say(locale, "schedule.never")
    return say(locale, "schedule.next", times=f"<t:{int(schedule.due_at)}:f> (<t:{int(schedule.due_at)}:R>)")
