"""Settings: who may do what, and where."""

from __future__ import annotations

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings

from bot.settings.types import Ids


class PeopleSettings(BaseSettings):
    """Who may do what, and where."""

    admin_user_ids: Ids = Field(frozenset(), description="Operators by user id, comma-separated.")
    admin_role_ids: Ids = Field(
        frozenset(), description="Operators by role id; counts only in ADMIN_GUILD_IDS. Comma-separated."
    )
    admin_guild_ids: Ids = Field(
        frozenset(), description="Servers that get the /cluster commands, comma-separated; empty: all."
    )
    allowed_guild_ids: Ids = Field(
        frozenset(),
        description="The only servers in which the bot answers, comma-separated; empty: all that add it. Without "
        "DM_GUILD_ID, direct messages are for the members of these servers.",
    )
    user_install: bool = Field(
        False,
        description="Offer /ask, /queue, /status, /models and /context to people who install the bot to their own "
        "account, wherever they are: in servers without the bot, and in messages between people "
        "(docs/user-install.md).",
    )
    allowed_users: Ids = Field(
        frozenset(),
        description="People by user id, comma-separated, who may use the bot in direct messages and where they "
        "brought it along without being a member of DM_GUILD_ID or ALLOWED_GUILD_IDS.",
    )
    join_roles: Ids = Field(
        frozenset(), description="Roles that may use /join, comma-separated; empty: whoever may ask."
    )
    dm_guild_id: int = Field(
        0,
        ge=0,
        validate_default=True,
        description="The server whose members may use the bot in direct messages, and whose roles and /settings "
        "decide there; 0: none, anybody may ask there, and roles grant nothing.",
    )

    @field_validator("dm_guild_id")
    @classmethod
    def _answers_at_home(cls, value: int, info: ValidationInfo) -> int:
        allowed = info.data.get("allowed_guild_ids")
        homes = {*info.data.get("admin_guild_ids", ()), *([value] if value else [])}
        if allowed and not homes <= allowed:
            raise ValueError("and ADMIN_GUILD_IDS must be among ALLOWED_GUILD_IDS")
        return value

    @property
    def homes(self) -> tuple[int, ...]:
        """The servers whose members may use the bot in direct messages; empty: everybody may."""
        return (self.dm_guild_id,) if self.dm_guild_id else tuple(sorted(self.allowed_guild_ids))
