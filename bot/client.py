"""The Discord client: intents, cogs, commands synchronised when they changed."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import aiohttp
import discord
import structlog
from discord.ext import commands

from bot.queueing.request import StoredRequest
from bot.rendering import Page
from bot.rendering.chart import Chart
from bot.services.again import Again
from bot.services.ask import AskService
from bot.services.cluster import ClusterService
from bot.services.controls import AnswerControls
from bot.services.conversations import ConversationService
from bot.services.dispatcher import Dispatcher
from bot.services.operators import Operators
from bot.services.personal import PersonalData
from bot.services.profiles import Profiles
from bot.services.queue import QueueService
from bot.services.quotas import Quotas
from bot.telemetry.metrics import Metrics
from bot.translation import CatalogueTranslator
from bot.tree import ParallaxTree

log = structlog.get_logger(__name__)

# Seconds without a further GUILD_CREATE until discord.py calls itself ready: nothing here needs the guilds.
GUILD_READY_TIMEOUT = 0.3

COGS = (
    "cogs.ask",
    "cogs.doors",
    "cogs.queue",
    "cogs.context",
    "cogs.settings",
    "cogs.usage",
    "cogs.cluster",
    "cogs.operators",
    "cogs.conversation_events",
)


class AttachmentReader(Protocol):
    """Reads text attachments."""

    def check_all(self, attachments: Sequence[discord.Attachment]) -> None:
        """Refuse what need not even be fetched. Raises :class:`AttachmentRejected`."""
        ...

    async def read_all(self, attachments: Sequence[discord.Attachment]) -> str:
        """The texts of several, one below the other; empty for none. Raises :class:`AttachmentRejected`."""
        ...


class Answers(Protocol):
    """Finds the question that a message answers."""

    async def by_message(self, message_id: int) -> StoredRequest | None:
        """The newest request shown in this message, or None. Raises :class:`StorageError`."""
        ...


class Facts(Protocol):
    """Small things to remember by key."""

    async def get(self, key: str) -> str | None:
        """The value, or None."""
        ...

    async def put(self, key: str, value: str) -> None:
        """Remember a value."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """What cogs are given: each takes the parts it uses."""

    ask: AskService
    profiles: Profiles
    quotas: Quotas
    personal: PersonalData
    answers: Answers
    charts: Callable[[Chart], Awaitable[bytes]]
    dispatcher: Dispatcher
    cluster: ClusterService
    conversations: ConversationService
    controls: AnswerControls
    again: Again
    queue: QueueService
    operators: Operators
    attachments: AttachmentReader
    layout: Callable[[Page, str, str], discord.ui.LayoutView]
    join_roles: frozenset[int]
    metrics: Metrics


class ParallaxBot(commands.AutoShardedBot):
    """A client without members or caches; without message content too, unless the operators switch it on."""

    services: Services

    def __init__(
        self,
        *,
        trace: aiohttp.TraceConfig,
        admin_guild_ids: Sequence[int],
        facts: Facts,
        message_content: bool = False,
    ) -> None:
        """``message_content`` asks for the privileged intent, which must be on for the application."""
        intents = discord.Intents(
            guilds=True, guild_messages=True, dm_messages=True, message_content=message_content
        )
        # There is no voice here: the library need not warn that it cannot do voice.
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
        super().__init__(
            command_prefix=commands.when_mentioned,
            help_command=None,
            intents=intents,
            tree_cls=ParallaxTree,
            allowed_mentions=discord.AllowedMentions.none(),
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            max_messages=None,
            http_trace=trace,
            guild_ready_timeout=GUILD_READY_TIMEOUT,
        )
        self._admin_guilds = tuple(discord.Object(guild_id) for guild_id in admin_guild_ids)
        self._facts = facts
        self._logged_in = asyncio.Event()

    @property
    def commands_ready(self) -> bool:
        """Whether the commands are registered and REST calls may be made."""
        return self._logged_in.is_set()

    async def wait_until_logged_in(self) -> None:
        """Return when REST calls may be made; the gateway may still be connecting."""
        await self._logged_in.wait()

    async def setup_hook(self) -> None:
        """Load the cogs and register what changed. Runs before the gateway: waits for nothing of it."""
        for name in COGS:
            await self.load_extension(name)
        tree = self.tree
        assert isinstance(tree, ParallaxTree)  # noqa: S101  # tree_cls above
        await tree.set_translator(CatalogueTranslator())
        await tree.sync_changed((None, *self._admin_guilds), self._facts.get, self._facts.put)
        self._logged_in.set()

    @property
    def admin_guilds(self) -> tuple[discord.Object, ...]:
        """Where operators' commands are registered; empty: everywhere."""
        return self._admin_guilds

    async def on_ready(self) -> None:
        """Say once that the gateway is there."""
        log.info("discord.ready", user=str(self.user), guilds=len(self.guilds), shards=self.shard_count)

    async def on_error(self, event_method: str, /, *_args: object, **_kwargs: object) -> None:
        """A listener failed: one log event."""
        # discord.py calls this inside its own except block.
        log.error("discord.listener_failed", listener=event_method, exc_info=sys.exception())

    async def process_commands(self, message: discord.Message, /) -> None:
        """Text commands do not exist here."""
