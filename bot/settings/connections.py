"""Settings: Discord, the schedulers and the database."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from bot.addresses import ClusterSettings, by_name, logins_in, named_addresses
from bot.settings.types import MOST_SHARDS, Address, Addresses, ContextTokens, DatabaseUrl, ShardIds, WithoutLogin

DISCORD_API_URL = "https://discord.com/api/v10"
DISCORD_CDN_HOSTS = frozenset({"cdn.discordapp.com", "media.discordapp.net"})


class ConnectionSettings(BaseSettings):
    """Discord, the schedulers and the database."""

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

    @property
    def attachment_hosts(self) -> frozenset[str]:
        """Hosts attachments are read from: Discord's CDN, and a test double's own host if one is configured."""
        if self.discord_api_url == DISCORD_API_URL:
            return DISCORD_CDN_HOSTS
        return DISCORD_CDN_HOSTS | {urlsplit(self.discord_api_url).netloc}

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
