"""Settings: schedules."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings

from bot.settings.types import Ids


class ScheduleSettings(BaseSettings):
    """Schedules (docs/schedules.md)."""

    schedule_roles: Ids = Field(
        frozenset(), description="Roles that may have schedules, comma-separated; empty: whoever may ask."
    )
    schedules_per_user: int = Field(
        10, ge=0, le=1000, description="Schedules one person may have; 0: there are none."
    )
    schedules_per_channel: int = Field(10, ge=1, le=1000, description="Schedules a channel may have.")
    schedules_per_server: int = Field(100, ge=1, le=10_000, description="Schedules a server may have.")
    schedule_min_interval: int = Field(900, ge=1, description="Seconds between two times of a schedule, at least.")
    schedule_made_up_within: int = Field(
        21_600, ge=0, description="Seconds for which a missed time of a schedule is made up for."
    )
