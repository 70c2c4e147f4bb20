"""Settings: how the process runs and what it tells of itself."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from bot.event_loop import LoopChoice


class ProcessSettings(BaseSettings):
    """How the process runs and what it tells of itself."""

    event_loop: LoopChoice = Field(
        "auto", description="auto: uvloop where it is installed (Linux, macOS); asyncio: always Python's own."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least level logged.")
    log_format: Literal["console", "json"] = Field("console", description="console for people, json for machines.")
    http_bind: str = Field(
        "127.0.0.1:8080", description="Health and metrics; empty: off. A taken port is only a warning."
    )

    @field_validator("http_bind")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        if value and not value.rpartition(":")[2].isdigit():
            raise ValueError("must look like 127.0.0.1:8080, or be empty")
        return value
