"""Settings: how questions wait."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings


class QueueSettings(BaseSettings):
    """How questions wait."""

    capacity_reserve: int = Field(0, ge=0, description="Pipelines left free for other clients of the cluster.")
    queue_max_per_user: int = Field(5, ge=1, description="Questions one person may have waiting.")
    queue_max_total: int = Field(500, ge=1, description="Questions that may wait in all.")
    command_burst: int = Field(
        10,
        ge=1,
        description="Commands and messages one person may send at once; twice as many presses.",
    )
    commands_per_second: float = Field(
        1.0, gt=0, description="How many more of them one person may send in every second; twice as many presses."
    )
    question_ttl: float = Field(86_400.0, gt=0, description="How long a question may wait before it expires.")
    catch_up_hours: float = Field(
        12.0,
        ge=0,
        le=72,
        description="How old a question may be, in hours, that was written while the bot was not connected and is "
        "answered when it is again; 0: none is.",
    )
    catch_up_days: int = Field(
        7,
        ge=1,
        le=90,
        description="Such questions are looked for in channels, threads and direct messages in which the bot was "
        "asked within so many days.",
    )
    announce_after: float = Field(
        60.0, ge=0, description="After a wait this long the asker is pinged once when the answer is there."
    )
    operator_weight: float = Field(
        1.0, gt=0, le=100, description="Operators' share of the cluster, where everybody else's is 1."
    )
    shutdown_grace: float = Field(20.0, ge=0, description="How long running answers may finish at shutdown.")
