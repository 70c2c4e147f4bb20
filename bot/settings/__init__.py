"""The bot's settings, read once by the composition root.

Values come from the environment and from ``.env`` in the working directory; the environment takes precedence.
``.env.example`` lists exactly these fields (a test checks that). Each module has those of one subject.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.errors import ConfigError
from bot.settings.connections import DISCORD_API_URL, DISCORD_CDN_HOSTS, ConnectionSettings
from bot.settings.conversations import ConversationSettings
from bot.settings.people import PeopleSettings
from bot.settings.process import ProcessSettings
from bot.settings.programs import ProgramSettings
from bot.settings.queue import QueueSettings
from bot.settings.schedules import ScheduleSettings
from bot.settings.types import known_database

__all__ = [
    "DISCORD_API_URL",
    "DISCORD_CDN_HOSTS",
    "DatabaseSettings",
    "Settings",
    "known_database",
    "load_settings",
    "render_env_example",
]


# Fields are in the order of .env.example when the bases are in the opposite one (their method resolution order).
class Settings(
    ProcessSettings,
    ProgramSettings,
    ScheduleSettings,
    QueueSettings,
    ConversationSettings,
    PeopleSettings,
    ConnectionSettings,
):
    """The bot's settings, frozen after loading. Times in seconds unless a name says otherwise."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", frozen=True, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _empty_is_unset(cls, values: object) -> object:
        # `NAME=` in .env means "the default", but for HTTP_BIND, where empty has a meaning of its own.
        if isinstance(values, dict):
            return {name: value for name, value in values.items() if value != "" or name == "http_bind"}
        return values


_FROM_PORTAL = "copy it from https://discord.com/developers/applications → your application → Bot"


def load_settings(env_file: Path | None = None) -> Settings:
    """Read the settings.

    Raises :class:`ConfigError` whose message names every missing or wrong setting in one line with its remedy,
    and never repeats a value (it might be a secret).
    """
    try:
        return Settings(_env_file=env_file) if env_file else Settings()
    except ValidationError as error:
        raise ConfigError("; ".join(_explain(item["loc"], item["msg"]) for item in error.errors())) from None


def _explain(location: tuple[int | str, ...], message: str) -> str:
    field = str(location[0]) if location else "settings"
    name = field.upper()
    reason = "is missing" if message == "Field required" else f"is wrong: {message.removeprefix('Value error, ')}"
    remedy = _FROM_PORTAL if field == "discord_token" else "see .env.example"
    return f"{name} {reason} ({remedy})"


def render_env_example() -> str:
    """The text of ``.env.example``: every field with its meaning and default."""
    lines = ["# Copy to .env and fill in. Made from bot/settings by `make env-example`.", ""]
    for name, field in Settings.model_fields.items():
        lines.append(f"# {field.description}")
        if field.is_required():
            lines.append(f"{name.upper()}=")
        else:
            default = field.default
            text = ",".join(map(str, default)) if isinstance(default, frozenset | dict | tuple) else str(default)
            lines.append(f"# {name.upper()}={text}")
        lines.append("")
    return "\n".join(lines)


class DatabaseSettings(BaseSettings):
    """The only setting that migrations need, so that they run without a token."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore")

    database_url: str = str(Settings.model_fields["database_url"].default)
