"""Settings: the API for programs."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings

from bot.settings.types import Bind, Hosts, Ids, Origins


class ProgramSettings(BaseSettings):
    """The API for programs."""

    api_bind: Bind = Field(
        "", description="An OpenAI-compatible API for programs, like 127.0.0.1:8081 (docs/api.md); empty: off."
    )
    api_hosts: Hosts = Field(
        (), description="Names under which programs reach it besides this machine's own, like api.example."
    )
    api_cors_origins: Origins = Field(
        (), description="Web pages that may ask it, like https://chat.example, comma-separated; empty: none."
    )
    api_weight: float = Field(
        0.5, gt=0, le=1, description="The share of what programs ask; the same person's questions have 1."
    )
    api_max_per_user: int = Field(20, ge=1, description="Requests one person's programs may have waiting.")
    api_keep: bool = Field(False, description="Store what programs ask and are answered, and not only counts.")
    key_roles: Ids = Field(
        frozenset(), description="Roles that may have keys for it, comma-separated; empty: whoever may ask."
    )
