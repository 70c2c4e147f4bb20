"""The bot's settings, read once by the composition root.

Values come from the environment and from ``.env`` in the working directory; the environment takes precedence.
``.env.example`` lists exactly these fields (a test checks that).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.addresses import (
    ClusterSettings,
    by_name,
    http_address,
    http_addresses,
    logins_in,
    named_addresses,
    parts_of,
    require_no_login,
)
from bot.errors import ConfigError
from bot.event_loop import LoopChoice
from bot.setting_types import Bind, Hosts, Ids, Origins, Quotas

DISCORD_API_URL = "https://discord.com/api/v10"
DISCORD_CDN_HOSTS = frozenset({"cdn.discordapp.com", "media.discordapp.net"})

SERVER_SCHEMES = frozenset({"postgresql+asyncpg", "postgresql", "postgres"})
"""How a DATABASE_URL on a PostgreSQL server may begin."""

MOST_SHARDS = 16_384
"""Far beyond what any bot needs: a larger number is a mistake."""


def _ids_in_ranges(value: object) -> object:
    if not isinstance(value, str):
        return value
    ids: set[int] = set()
    for part in filter(str.strip, value.replace(";", ",").split(",")):
        first, dash, last = (piece.strip() for piece in part.partition("-"))
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise ValueError("must look like 0-3,7")
        start, end = int(first), int(last or first)
        if not start <= end < MOST_SHARDS:
            raise ValueError("must look like 0-3,7, the smaller number of a range first")
        ids.update(range(start, end + 1))
    return tuple(sorted(ids))


def _below_count(value: tuple[int, ...], info: ValidationInfo) -> tuple[int, ...]:
    count = info.data.get("shard_count")
    if value and count == 0:
        raise ValueError("needs SHARD_COUNT, the number of shards of all processes together")
    if value and count is not None and max(value) >= count:
        raise ValueError("must be below SHARD_COUNT, because shards are counted from 0")
    return value


def known_database(value: str) -> str:
    """``value``, when it may be a ``DATABASE_URL``; else raises :class:`ValueError`, which does not repeat it."""
    if value.startswith("sqlite+aiosqlite:///"):
        return value
    parts = parts_of(value)
    if parts is None or parts.scheme not in SERVER_SCHEMES or not parts.path.strip("/"):
        raise ValueError(
            "must look like sqlite+aiosqlite:///data/bot.db or postgresql+asyncpg://user:password@host/database"
        )
    return value


ShardIds = Annotated[tuple[int, ...], NoDecode, BeforeValidator(_ids_in_ranges), AfterValidator(_below_count)]
DatabaseUrl = Annotated[str, AfterValidator(known_database)]


def _split_quotas(value: object) -> object:
    if not isinstance(value, str):
        return value
    parts = [part.partition("=") for part in value.replace(";", ",").split(",") if part.strip()]
    try:
        return {int(role): int(tokens) for role, _, tokens in parts}
    except ValueError:
        raise ValueError("must look like 123=50000,456=0") from None


def _split_context(value: object, info: ValidationInfo) -> object:
    if not isinstance(value, str):
        return value
    parts = [part.partition("=") for part in value.replace(";", ",").split(",") if part.strip()]
    found = {name.strip(): tokens.strip() for name, _, tokens in parts}
    if not all(tokens.isdecimal() and int(tokens) >= 256 for tokens in found.values()):
        raise ValueError("must look like studio=4000,office=16000, each at least 256")
    if not found.keys() <= named_addresses(str(info.data.get("parallax_url", ""))).keys():
        raise ValueError("must have names of PARALLAX_URL")
    return found


Address = Annotated[str, AfterValidator(http_address)]
Addresses = Annotated[str, AfterValidator(http_addresses)]
WithoutLogin = Annotated[str, AfterValidator(http_addresses), AfterValidator(require_no_login)]
RoleQuotas = Annotated[dict[int, int], NoDecode, BeforeValidator(_split_quotas)]
ContextTokens = Annotated[dict[str, int], NoDecode, BeforeValidator(_split_context)]


class Settings(BaseSettings):
    """The bot's settings, frozen after loading. Times in seconds unless a name says otherwise."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", frozen=True, extra="ignore")

    discord_token: SecretStr = Field(description="The bot's token, from the Bot page of its application.")
    discord_api_url: WithoutLogin = Field(DISCORD_API_URL, description="Discord's REST API, or a proxy for it.")

    discord_proxy: Address = Field(
        "",
        repr=False,
        exclude=True,
        description="An HTTP proxy for Discord, like http://proxy:3128 (a login in it is never shown); empty: "
        "that of HTTPS_PROXY, unless NO_PROXY names Discord, or none.",
    )

    shard_count: int = Field(
        0,
        ge=0,
        le=MOST_SHARDS,
        description="Connections to Discord, of all processes, that share the bot's servers; 0: as many as "
        "Discord recommends.",
    )
    shard_ids: ShardIds = Field(
        (),
        description="Which of them this process has, counted from 0, like 0-3,7; needs SHARD_COUNT; empty: all.",
    )

    parallax_url: Addresses = Field(
        "http://localhost:3001",
        repr=False,
        exclude=True,
        description="The scheduler's address; a proxy's login in it (http://user:password@host) is never shown. "
        "HTTP_PROXY and NO_PROXY apply, except on this machine. Several have names: "
        "studio=http://10.0.0.5:3001, office=http://10.0.0.9:3001.",
    )
    parallax_api_key: SecretStr = Field(
        SecretStr(""),
        description="A key that the scheduler, or a gateway before it, wants as a bearer token; of several, one "
        "for all or name=key for each, comma-separated.",
    )
    parallax_public_url: WithoutLogin = Field(
        "",
        description="The scheduler's web page as people open it, for a button under /status; empty: no button. Of "
        "several, name=address for each, comma-separated.",
    )
    parallax_context_tokens: ContextTokens = Field(
        {}, description="For each of several schedulers that takes less than CONTEXT_MAX_TOKENS: name=tokens."
    )
    parallax_connect_timeout: float = Field(5.0, gt=0, description="To open a connection to the scheduler.")
    parallax_first_byte_timeout: float = Field(
        130.0, gt=0, description="To the first byte of an answer; a full scheduler holds a request for 100 s."
    )
    parallax_idle_timeout: float = Field(60.0, gt=0, description="Silence between two tokens.")
    parallax_assistant_prefix: bool = Field(
        False,
        description="The nodes go on with an answer that broke off instead of starting again; "
        "`python -m bot doctor` finds out.",
    )

    database_url: DatabaseUrl = Field(
        "sqlite+aiosqlite:///data/bot.db",
        repr=False,
        exclude=True,
        description="Where everything is kept: a SQLite file, or a database of a PostgreSQL server, like "
        "postgresql+asyncpg://user:password@host/database (the password is never shown).",
    )
    database_connections: int = Field(
        6, ge=2, le=100, description="Connections to PostgreSQL, and two more; SQLite needs no number."
    )
    database_statement_timeout: float = Field(
        30.0, ge=1, le=600, description="The longest that one statement may take on PostgreSQL."
    )

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

    system_prompt: str = Field(
        "You are a helpful assistant in a team's Discord channel. Answer in Markdown, in the language of the "
        "question. Messages begin with the name of the person who wrote them.",
        description="What the model is told before every conversation.",
    )
    context_max_tokens: int = Field(6000, ge=256, description="Tokens of question and earlier turns sent along.")
    context_summary: bool = Field(
        False, description="When idle, the cluster summarises earlier turns that no longer fit CONTEXT_MAX_TOKENS."
    )
    answer_max_tokens: int = Field(2048, ge=1, description="The longest answer the cluster may write, in tokens.")
    answer_max_messages: int = Field(5, ge=1, le=20, description="Messages one answer may fill.")
    attachment_max_bytes: int = Field(200_000, ge=1, description="The largest text attachment read, in bytes.")
    document_max_bytes: int = Field(8_000_000, ge=1, description="The largest PDF or DOCX file read, in bytes.")
    document_max_pages: int = Field(100, ge=1, description="The longest PDF read, in pages.")
    message_content_intent: bool = Field(
        False, description="Read messages without a mention; needs MESSAGE CONTENT on the Bot page of Discord."
    )
    proxied_messages: bool = Field(
        default=False,
        description="Whether a webhook's message that repeats a deleted question takes its place (PluralKit)",
    )
    retention_days: int = Field(
        90,
        ge=0,
        le=3650,
        description="Days until questions and answers are deleted; 0: never. /settings can differ.",
    )
    quota_tokens_per_day: int = Field(
        0, ge=0, description="Tokens one person may use in a day (UTC); 0: no limit."
    )
    quota_roles: Quotas = Field(
        {}, description="More for roles: role id=tokens a day (0: no limit), comma-separated."
    )

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
    announce_after: float = Field(
        60.0, ge=0, description="After a wait this long the asker is pinged once when the answer is there."
    )
    operator_weight: float = Field(
        1.0, gt=0, le=100, description="Operators' share of the cluster, where everybody else's is 1."
    )
    shutdown_grace: float = Field(20.0, ge=0, description="How long running answers may finish at shutdown.")

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

    event_loop: LoopChoice = Field(
        "auto", description="auto: uvloop where it is installed (Linux, macOS); asyncio: always Python's own."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least level logged.")
    log_format: Literal["console", "json"] = Field("console", description="console for people, json for machines.")
    http_bind: str = Field(
        "127.0.0.1:8080", description="Health and metrics; empty: off. A taken port is only a warning."
    )

    @model_validator(mode="before")
    @classmethod
    def _empty_is_unset(cls, values: object) -> object:
        # `NAME=` in .env means "the default", but for HTTP_BIND, where empty has a meaning of its own.
        if isinstance(values, dict):
            return {name: value for name, value in values.items() if value != "" or name == "http_bind"}
        return values

    @field_validator("dm_guild_id")
    @classmethod
    def _answers_at_home(cls, value: int, info: ValidationInfo) -> int:
        allowed = info.data.get("allowed_guild_ids")
        homes = {*info.data.get("admin_guild_ids", ()), *([value] if value else [])}
        if allowed and not homes <= allowed:
            raise ValueError("and ADMIN_GUILD_IDS must be among ALLOWED_GUILD_IDS")
        return value

    @field_validator("http_bind")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        if value and not value.rpartition(":")[2].isdigit():
            raise ValueError("must look like 127.0.0.1:8080, or be empty")
        return value

    @property
    def attachment_hosts(self) -> frozenset[str]:
        """Hosts attachments are read from: Discord's CDN, and a test double's own host if one is configured."""
        if self.discord_api_url == DISCORD_API_URL:
            return DISCORD_CDN_HOSTS
        return DISCORD_CDN_HOSTS | {urlsplit(self.discord_api_url).netloc}

    @property
    def homes(self) -> tuple[int, ...]:
        """The servers whose members may use the bot in direct messages; empty: everybody may."""
        return (self.dm_guild_id,) if self.dm_guild_id else tuple(sorted(self.allowed_guild_ids))

    @property
    def clusters(self) -> tuple[ClusterSettings, ...]:
        """Each scheduler of PARALLAX_URL with what is set for it, in their order."""
        urls = named_addresses(self.parallax_url)
        keys = by_name(self.parallax_api_key.get_secret_value(), urls)
        pages = by_name(self.parallax_public_url, urls)
        return tuple(
            ClusterSettings(name, url, keys[name], pages[name], self.parallax_context_tokens.get(name))
            for name, url in urls.items()
        )

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that no log and no output may contain: the token, the key, and the logins inside addresses."""
        logins = [logins_in(url) for url in (*named_addresses(self.parallax_url).values(), self.discord_proxy)]
        # A database's user without a password is no token: many servers let a system's user in by its name.
        logins.append(logins_in(self.database_url, user_is_token=False))
        tokens = (self.discord_token.get_secret_value(), *(cluster.api_key for cluster in self.clusters))
        return (*filter(None, tokens), *(text for texts in logins for text in texts))


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
    lines = ["# Copy to .env and fill in. Made from bot/settings.py by `make env-example`.", ""]
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
