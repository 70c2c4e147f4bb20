"""Builds what makes schedules, and what runs them."""

from __future__ import annotations

from dataclasses import dataclass

from bot.clock import Clock
from bot.discord_io.schedule_channels import ScheduleChannels
from bot.domain.schedules.schedule import Limits
from bot.services.access.operators import Operators
from bot.services.access.profiles import Profiles
from bot.services.access.rules import Access, Members
from bot.services.cluster.leadership import Leadership
from bot.services.requests.ask import AskService
from bot.services.requests.schedule_runs import ScheduleRuns
from bot.services.requests.scheduled_questions import ScheduledQuestions
from bot.services.requests.schedules import Schedules
from bot.settings import Settings
from bot.storage.database import Database


@dataclass(frozen=True, slots=True)
class ScheduleParts:
    """The services that schedules share with other ways to ask."""

    ask: AskService
    access: Access
    operators: Operators
    profiles: Profiles
    members: Members
    channels: ScheduleChannels
    leadership: Leadership
    clock: Clock


def build_schedules(
    settings: Settings, database: Database, parts: ScheduleParts
) -> tuple[Schedules, ScheduleRuns] | None:
    """The service for commands, and the loop that asks; None when nobody may have a schedule."""
    if not settings.schedules_per_user:
        return None
    questions = ScheduledQuestions(
        parts.ask,
        parts.access,
        parts.operators,
        parts.profiles,
        parts.members,
        parts.channels,
        allowed_guild_ids=settings.allowed_guild_ids,
    )
    schedules = Schedules(
        database.schedules,
        questions,
        parts.operators,
        database.audit,
        parts.clock,
        Limits(settings.schedules_per_user, settings.schedules_per_channel, settings.schedules_per_server),
        min_interval=settings.schedule_min_interval,
    )
    runs = ScheduleRuns(
        database.schedules,
        questions,
        parts.channels,
        parts.leadership,
        schedules.changed,
        parts.clock,
        made_up_within=float(settings.schedule_made_up_within),
    )
    return schedules, runs
