"""The Discord client: intents, cogs, registration of commands that changed."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import aiohttp
import discord
import structlog
from discord.ext import commands

from bot.discord_io.brought_along import offer
from bot.discord_io.calls import NOBODY, translated
from bot.discord_io.command_tree import Guard, ParallaxTree
from bot.discord_io.connection_state import ConnectionState
from bot.discord_io.delivery.rate_limit_trace import WireObserver
from bot.discord_io.history import HistoryReader
from bot.discord_io.interaction_calls import repeat_broken_calls
from bot.discord_io.members import GuildMembers
from bot.discord_io.shards import Sharding, Shards
from bot.discord_io.shutdown import finish
from bot.discord_io.unclaimed import take_up
from bot.domain.cluster.audit import AuditLog
from bot.domain.conversation.attached_text import AttachedFiles
from bot.errors import DeliveryError
from bot.i18n.catalogue import forget_sentences
from bot.i18n.command_translator import CatalogueTranslator
from bot.markdown.files import File
from bot.presentation.chart_data import Chart
from bot.presentation.page import Page
from bot.presentation.status import Card
from bot.services.access.keys import Keys
from bot.services.access.operators import Operators
from bot.services.access.profiles import Profiles
from bot.services.access.quotas import Quotas
from bot.services.access.rules import Access
from bot.services.answers.late_ends import LateEnds
from bot.services.cluster.clusters import Clusters
from bot.services.cluster.node_names import NodeBook
from bot.services.cluster.recorder import ClusterRecorder
from bot.services.conversations.memory import ConversationService
from bot.services.operations.alert_channels import AlertChannels
from bot.services.operations.boards import BoardKeeper, StatusCards
from bot.services.operations.checkup import Checkup
from bot.services.operations.switchers import Switchers
from bot.services.requests.actions import AnswerActions
from bot.services.requests.ask import AskService
from bot.services.requests.cancellation import Cancellation
from bot.services.requests.catch_up import CatchUp
from bot.services.requests.help_desk import HelpDesk
from bot.services.requests.overview import QueueOverview
from bot.services.requests.personal_data import PersonalData
from bot.services.requests.revisions import Revisions
from bot.services.requests.schedules import Schedules
from bot.tasks.background import Background
from bot.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from discord.types.gateway import InteractionCreateEvent

log = structlog.get_logger(__name__)

# Seconds without a further GUILD_CREATE until discord.py calls itself ready: nothing here needs the guilds.
GUILD_READY_TIMEOUT = 0.3

LAST_ANSWERS = 1.0
"""Seconds for what is in hand when the connection closes: people are told then that the bot restarts."""

_SESSION_EVENTS = frozenset({"shard_connect", "shard_resumed"})
# After the first one all servers of the shard have been told.
_COMPLETE_EVENTS = frozenset({"shard_ready", "shard_resumed"})

COGS = (
    "cogs.ask",
    "cogs.messages",
    "cogs.summaries",
    "cogs.queue",
    "cogs.context",
    "cogs.settings",
    "cogs.usage",
    "cogs.keys",
    "cogs.schedules",
    "cogs.status",
    "cogs.cluster_admin",
    "cogs.message_events",
)


class Attachments(Protocol):
    """Reads attachments as text."""

    def check_all(self, attachments: Sequence[discord.Attachment]) -> None:
        """Raise :class:`AttachmentRejected` for what can be refused before it is fetched."""
        ...

    async def read_all(self, attachments: Sequence[discord.Attachment], *, user_id: int) -> AttachedFiles:
        """The texts of several attachments. Raises :class:`AttachmentRejected`, :class:`WaitListFull`."""
        ...


class Charts(Protocol):
    """Draws charts."""

    async def draw(self, chart: Chart, *, user_id: int) -> bytes:
        """Wait for this person's turn and draw the chart as a PNG. Raises :class:`DeliveryError`,
        :class:`WaitListFull`."""
        ...


@dataclass(frozen=True, slots=True)
class OperationsServices:
    """The additional services for the cogs of clusters: their state, their history and their administration.
    ``recorders`` by the clusters' names."""

    cards: StatusCards
    boards: BoardKeeper
    alert_channels: AlertChannels
    recorders: Mapping[str, ClusterRecorder]
    nodes: NodeBook
    switchers: Switchers
    audit: AuditLog
    checkup: Checkup
    card_layout: Callable[[Card, str], discord.ui.LayoutView]
    background: Background


class Facts(Protocol):
    """Storage of small texts by key."""

    async def get(self, key: str) -> str | None:
        """The stored value, or None."""
        ...

    async def put(self, key: str, value: str) -> None:
        """Store a value."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """The services for the cogs; each cog takes the parts it uses."""

    ask: AskService
    profiles: Profiles
    quotas: Quotas
    catch_up: CatchUp
    history: HistoryReader
    personal: PersonalData
    charts: Charts
    cancellation: Cancellation
    late_ends: LateEnds
    clusters: Clusters
    conversations: ConversationService
    actions: AnswerActions
    revisions: Revisions
    queue: QueueOverview
    operators: Operators
    attachments: Attachments
    layout: Callable[[Page, str, str], discord.ui.LayoutView]
    uploads: Callable[[tuple[File, ...]], list[discord.File]]
    access: Access
    members: GuildMembers
    metrics: Metrics
    operations: OperationsServices
    # Whether a webhook's message that repeats a deleted question takes its place.
    proxied_messages: bool
    # Marks all further calls of the running task as calls for an operator, which the brake holds back last.
    for_operators: Callable[[], None]
    # None: there is no API.
    keys: Keys | None
    help: HelpDesk
    # None: nobody may have one.
    schedules: Schedules | None


class ParallaxBot(commands.AutoShardedBot):
    """A client without members or caches, and without message content unless the operators switch it on."""

    services: Services

    def __init__(
        self,
        *,
        observer: WireObserver,
        connector: aiohttp.BaseConnector,
        proxy: str | None,
        admin_guild_ids: Sequence[int],
        facts: Facts,
        guard: Guard,
        sharding: Sharding,
        message_content: bool = False,
    ) -> None:
        """``proxy`` is an HTTP proxy's address. ``message_content`` asks for the privileged intent, which must be
        on for the application."""
        intents = discord.Intents(
            guilds=True, guild_messages=True, dm_messages=True, message_content=message_content
        )
        repeat_broken_calls(observer)
        # The bot does not use voice, so the library's warnings that voice is missing are switched off.
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
        super().__init__(
            command_prefix=commands.when_mentioned,
            help_command=None,
            intents=intents,
            tree_cls=partial(ParallaxTree, guard=guard),  # type: ignore[arg-type]  # called like the class
            allowed_mentions=NOBODY,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            max_messages=None,
            http_trace=observer.trace_config(),
            connector=connector,
            proxy=proxy,
            guild_ready_timeout=GUILD_READY_TIMEOUT,
        )
        # The servers in which operators' commands are registered; empty: all servers.
        self.admin_guilds = tuple(discord.Object(guild_id) for guild_id in admin_guild_ids)
        self._facts = facts
        self.guard = guard
        self._shards = Shards(self, sharding)
        self._logged_in = asyncio.Event()
        self._begun = False
        self._session_listeners: list[Callable[[], None]] = []

    def readiness(self) -> dict[str, bool]:
        """What has to be true before questions can be taken, by name; Discord: every shard of this process, here
        or in another process that has it too."""
        connected = self._shards.are_all_connected and (self.is_ready() or not self._shards.connected)
        return {"discord": connected, "commands": self._logged_in.is_set()}

    def sessions(self) -> Mapping[int, int]:
        """The shards that are connected here, each with the number of its session with Discord."""
        return self._shards.sessions

    async def wait_until_logged_in(self) -> None:
        """Wait until REST calls may be made; the gateway may still be connecting."""
        await self._logged_in.wait()

    async def setup_hook(self) -> None:
        """Load the cogs and register the commands that changed. Runs before the gateway and does not wait for
        it."""
        for name in COGS:
            await self.load_extension(name)
        tree = self.tree
        assert isinstance(tree, ParallaxTree)  # noqa: S101  # tree_cls above
        await tree.set_translator(CatalogueTranslator())
        if self.guard.offers_user_install:
            for command in tree.get_commands():
                offer(command)
        await tree.sync_changed((None, *self.admin_guilds), self._facts.get, self._facts.put)
        # Registration read the sentences of every locale; from now on only the locales of the users are needed.
        forget_sentences()
        self._logged_in.set()

    async def start(self, token: str, *, reconnect: bool = True) -> None:
        """Log in and stay connected."""
        self._begun = True
        await super().start(token, reconnect=reconnect)

    async def connect(self, *, reconnect: bool = True) -> None:
        """Connect this process's shards and keep them connected, in place of the library's loop."""
        # Read by the library's record of a shard, whose own loop does not run.
        self._reconnect = reconnect
        try:
            await self._shards.run()
        except discord.ConnectionClosed:
            await self.close()
            raise

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Identify at once: the turn was taken before the connection was opened."""

    def leave_to_others(self) -> None:
        """Let other processes, which hear the same from now on, answer it."""
        self.guard.in_hand.leave()

    async def stop_hearing(self) -> None:
        """Disconnect from the gateway; what is in hand goes on."""
        await self._shards.leave()

    async def close(self) -> None:
        """Disconnect, after what is in hand. Does nothing when the client was never started: the library would
        raise an error."""
        if self._begun:
            # The library closes the HTTP session while events may still arrive.
            self.guard.in_hand.close()
            await finish(self.guard.in_hand, LAST_ANSWERS)
            await self.guard.aclose()
            self._shards.stop()
            await super().close()

    def _get_state(self, **options: Any) -> ConnectionState:  # noqa: ANN401  # as the library's
        return ConnectionState(
            dispatch=self.dispatch, handlers=self._handlers, hooks=self._hooks, http=self.http, **options
        )

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  # as the library's
        """Start the listeners of an event, unless nothing can be answered any more."""
        if event == "socket_event_type":  # of every frame, before it is looked at; nobody listens
            return
        # Noted at once and not by a listener: that would run when the connection may be lost again.
        if event in _SESSION_EVENTS:
            self._shards.begun(args[0], resumed=event == "shard_resumed")
        if event in _COMPLETE_EVENTS:
            self._shards.completed(args[0])
        if not self.guard.in_hand.is_closed:
            super().dispatch(event, *args, **kwargs)

    def _schedule_event(
        self,
        coro: Callable[..., Coroutine[Any, Any, Any]],
        event_name: str,
        *args: Any,  # noqa: ANN401  # as the library's
        **kwargs: Any,  # noqa: ANN401  # as the library's
    ) -> asyncio.Task[Any]:
        # The library runs each listener in a task of its own, which nothing else gives access to.
        task = super()._schedule_event(coro, event_name, *args, **kwargs)
        self.guard.in_hand.begin(task)
        return task

    async def on_unclaimed(self, data: InteractionCreateEvent) -> None:
        """Take up a press or a dialogue of which the library knows nothing."""
        state = self._connection
        assert isinstance(state, ConnectionState)  # noqa: S101  # _get_state above
        await take_up(state, self.guard, data)

    async def on_ready(self) -> None:
        """Log once that the gateway is connected."""
        log.info("discord.ready", user=str(self.user), guilds=len(self.guilds), shards=self.shard_count)
        if self.guard.allows_every_server:
            log.info("discord.every_server_allowed", remedy="ALLOWED_GUILD_IDS limits the bot to some servers")
        closed = [guild.id for guild in self.guilds if self.guard.refusal_in(guild.id) is not None]
        if closed:
            log.warning("discord.servers_not_allowed", guilds=closed, remedy="nothing is answered there")
        self._session_began()

    async def on_shard_ready(self, _shard_id: int) -> None:
        """Call the listeners: a session began, possibly because another one could not be resumed."""
        self._session_began()

    async def on_shard_resumed(self, _shard_id: int) -> None:
        """Call the listeners: a presence that changed meanwhile is not shown in this shard's servers."""
        self._session_began()

    def on_session(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` whenever a new session with Discord has begun, or was resumed."""
        self._session_listeners.append(listener)

    def _session_began(self) -> None:
        for listener in self._session_listeners:
            listener()

    async def on_error(self, event_method: str, /, *_args: object, **_kwargs: object) -> None:
        """Log the failure of a listener as one event."""
        # discord.py calls this inside its own except block.
        log.error("discord.listener_failed", listener=event_method, exc_info=sys.exception())

    async def set_presence(self, text: str, *, usable: bool) -> None:
        """Show ``text`` under the bot's name, in the servers of all shards that are connected. Raises
        :class:`DeliveryError` while there is no gateway."""
        connected = self._shards.connected
        if not self.is_ready() or not connected:
            raise DeliveryError("the gateway is not ready")
        activity = discord.CustomActivity(text[:120])
        status = discord.Status.online if usable else discord.Status.idle
        with translated():
            for shard_id in connected:
                await self.change_presence(activity=activity, status=status, shard_id=shard_id)

    async def process_commands(self, message: discord.Message, /) -> None:
        """Do nothing: the bot has no text commands."""
