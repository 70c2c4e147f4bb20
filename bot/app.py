"""The composition root: opens every resource, injects it, closes in order."""

from __future__ import annotations

import asyncio
import secrets
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp
import discord
import structlog
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.client import ClusterServices, ParallaxBot, Services
from bot.clock import SystemClock
from bot.conversation.tokens import TokenEstimator
from bot.delivery.attachments import AttachmentReader
from bot.delivery.cards import ChannelCards, card_layout
from bot.delivery.charts import ChartPainter
from bot.delivery.deliveries import Deliveries
from bot.delivery.layout import build_layout
from bot.delivery.messenger import Messenger
from bot.delivery.tracing import WireObserver
from bot.errors import BotError, ConfigError
from bot.queueing.capacity import BackOff, CapacityLimit
from bot.queueing.estimate import ServiceTimes
from bot.queueing.ports import LineLimits
from bot.scheduler.client import ParallaxClient
from bot.scheduler.timeouts import Timeouts
from bot.services.admission import Gate
from bot.services.again import Again
from bot.services.alerts import Alerts
from bot.services.answering import Answering, ChatPolicy
from bot.services.ask import AskLimits, AskService
from bot.services.background import Background
from bot.services.boards import BoardKeeper, StatusCards
from bot.services.closing import Closing
from bot.services.cluster import ClusterService, ClusterWatcher
from bot.services.controls import AnswerControls
from bot.services.conversations import ConversationService
from bot.services.desk import AnswerDesk
from bot.services.dispatcher import Dispatcher, DispatchPolicy
from bot.services.journal import Journal
from bot.services.line import LineKeeper
from bot.services.nodes import NodeBook
from bot.services.operators import Operators
from bot.services.presence import Presence
from bot.services.queue import QueueService
from bot.services.switching import Switching
from bot.services.token_watch import TokenWatch
from bot.settings import Settings
from bot.storage.database import Database
from bot.storage.migrate import upgrade
from bot.telemetry.health import health_server
from bot.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class App:
    """The assembled bot, opened but not yet connected."""

    bot: ParallaxBot
    dispatcher: Dispatcher
    watcher: ClusterWatcher
    line: LineKeeper
    tokens: TokenWatch
    background: Background
    cluster: ClusterServices
    alerts: Alerts
    presence: Presence


async def run(settings: Settings) -> None:
    """Run the bot until SIGTERM or SIGINT. Raises :class:`ConfigError`, :class:`StorageError`."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with assembled(settings) as app:
        tasks = [
            asyncio.create_task(work, name=name)
            for name, work in (
                ("watcher", _kept_going("watcher", app.watcher.run)),
                ("dispatcher", _drain_when_ready(app)),
                ("leases", _kept_going("leases", app.dispatcher.keep_leases)),
                ("expiry", _kept_going("expiry", app.dispatcher.expire_old)),
                ("line", _kept_going("line", app.line.run)),
                ("tokens", _kept_going("tokens", app.tokens.run)),
                ("journal", _kept_going("journal", app.cluster.journal.run)),
                ("samples", _kept_going("samples", app.cluster.journal.keep_samples)),
                ("switch", _kept_going("switch", app.cluster.switching.run)),
                ("boards", _when_ready(app, "boards", app.cluster.boards.run)),
                ("alerts", _when_ready(app, "alerts", app.alerts.run)),
                ("presence", _when_ready(app, "presence", app.presence.run)),
                ("discord", _connect(app.bot, settings)),
            )
        ]
        waiting = asyncio.create_task(stopping.wait(), name="signal")
        try:
            done, _ = await asyncio.wait({*tasks, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if waiting in done:
                log.info("bot.stopping", grace=settings.shutdown_grace)
                await app.dispatcher.drain(settings.shutdown_grace)
                await app.background.settled(SETTLE_SECONDS)
        finally:
            for task in (*tasks, waiting):
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            # None of these tasks ends by itself: what one raised is why the bot stops.
            if isinstance(result, Exception):
                raise result


RESTART_TASK_AFTER = 1.0
# How long the last edits may take after running answers have ended.
SETTLE_SECONDS = 5.0


async def _connect(bot: ParallaxBot, settings: Settings) -> None:
    try:
        await bot.start(settings.discord_token.get_secret_value(), reconnect=True)
    except discord.LoginFailure as error:
        raise ConfigError(
            "DISCORD_TOKEN is wrong: Discord refused it (reset it on the Bot page and copy it anew)"
        ) from error
    except (aiohttp.ClientError, OSError, discord.HTTPException, discord.GatewayNotFound) as error:
        # Once connected, the library reconnects by itself for ever: this is a start without Discord, which is
        # for whatever started the bot to repeat.
        raise BotError(
            f"Discord does not answer at {settings.discord_api_url} ({type(error).__name__}): try again later"
        ) from error


async def _when_ready(app: App, name: str, work: Callable[[], Awaitable[None]]) -> None:
    await app.bot.wait_until_logged_in()
    await _kept_going(name, work)


async def _drain_when_ready(app: App) -> None:
    # Deliveries need the bot's HTTP session and application id, which exist after the login.
    await app.bot.wait_until_logged_in()
    await _kept_going("recovery", app.dispatcher.recover, once=True)
    await _kept_going("dispatcher", app.dispatcher.run)


async def _kept_going(name: str, work: Callable[[], Awaitable[None]], *, once: bool = False) -> None:
    """Run ``work`` for ever (or ``once`` to its end), again after a failure we know: a disk that is busy for a
    moment must not end the bot. What we do not know is a bug, and ends it."""
    while True:
        try:
            await work()
        except BotError as error:
            log.error("task.failed", task=name, error=type(error).__name__, detail=str(error))
        else:
            if once:
                return
        await SystemClock().sleep(RESTART_TASK_AFTER)


def point_discord_at(api_url: str) -> None:
    """Send discord.py to another API; its gateway address then comes from ``GET /gateway/bot``."""
    Route.BASE = api_url
    base = yarl.URL(api_url)
    # Only until /gateway/bot has answered, and never Discord's own for a double.
    DiscordWebSocket.DEFAULT_GATEWAY = base.with_scheme("wss" if base.scheme == "https" else "ws").origin()


@dataclass(frozen=True, slots=True)
class _Parts:
    settings: Settings
    database: Database
    scheduler: ParallaxClient
    deliveries: Deliveries
    messenger: Messenger
    background: Background
    watcher: ClusterWatcher
    clock: SystemClock
    metrics: Metrics


@asynccontextmanager
async def assembled(settings: Settings) -> AsyncIterator[App]:
    """Everything opened and injected; closed in reverse order."""
    clock, metrics = SystemClock(), Metrics()
    if settings.discord_api_url != Settings.model_fields["discord_api_url"].default:
        point_discord_at(settings.discord_api_url)
    async with AsyncExitStack() as stack:
        await upgrade(settings.database_url)
        database = await stack.enter_async_context(Database.open(settings.database_url))
        scheduler = ParallaxClient(
            settings.parallax_url,
            timeouts=Timeouts(
                connect=settings.parallax_connect_timeout,
                first_byte=settings.parallax_first_byte_timeout,
                idle=settings.parallax_idle_timeout,
            ),
            clock=clock,
        )
        stack.push_async_callback(scheduler.aclose)
        observer = WireObserver(clock, metrics)
        bot = ParallaxBot(
            trace=observer.trace_config(),
            admin_guild_ids=sorted(settings.admin_guild_ids),
            facts=database.facts,
        )
        stack.push_async_callback(bot.close)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        deliveries = Deliveries(bot, clock)
        stack.push_async_callback(deliveries.aclose)
        background = Background()
        stack.push_async_callback(background.aclose)
        watcher = ClusterWatcher(scheduler, clock, metrics)
        parts = _Parts(
            settings, database, scheduler, deliveries, Messenger(bot, clock), background, watcher, clock, metrics
        )
        app = _assemble(parts, bot, session)
        app.dispatcher.pause_changed(await database.requests.paused())

        def readiness() -> dict[str, bool]:
            return {"discord": bot.is_ready(), "commands": bot.commands_ready}

        await stack.enter_async_context(health_server(settings.http_bind, metrics, readiness))
        yield app


def _assemble(parts: _Parts, bot: ParallaxBot, session: aiohttp.ClientSession) -> App:
    settings, database, clock = parts.settings, parts.database, parts.clock
    estimator = TokenEstimator()
    line = _line_of(parts, estimator)
    line_limits = LineLimits(per_user=settings.queue_max_per_user, total=settings.queue_max_total)
    operators = Operators(
        user_ids=settings.admin_user_ids,
        role_ids=settings.admin_role_ids,
        guild_ids=settings.admin_guild_ids,
        weight=settings.operator_weight,
    )
    cluster = ClusterService(parts.scheduler, parts.watcher, settings.web_page)
    queue = QueueService(database.requests, database.preferences, line.dispatcher, line.gate, clock)
    running, alerts = _cluster_of(parts, bot, line, cluster, queue)
    bot.services = Services(
        ask=AskService(
            store=database.requests,
            conversations=database.conversations,
            desk=line.desk,
            dispatcher=line.dispatcher,
            estimator=estimator,
            clock=clock,
            line_limits=line_limits,
            ask_limits=AskLimits(context_tokens=settings.context_max_tokens),
            system_prompt=settings.system_prompt,
        ),
        dispatcher=line.dispatcher,
        cluster=cluster,
        controls=AnswerControls(
            database.requests, line.dispatcher, line.closing, operators, database.feedback, clock
        ),
        again=Again(database.requests, line.desk, line.dispatcher, line.closing, clock, line_limits),
        queue=queue,
        conversations=ConversationService(
            database.conversations,
            estimator,
            system_prompt=settings.system_prompt,
            context_tokens=settings.context_max_tokens,
        ),
        operators=operators,
        attachments=AttachmentReader(
            session, hosts=settings.attachment_hosts, max_bytes=settings.attachment_max_bytes
        ),
        layout=build_layout,
        join_roles=settings.join_roles,
        metrics=parts.metrics,
        running=running,
    )
    return App(
        bot,
        line.dispatcher,
        parts.watcher,
        line.keeper,
        TokenWatch(line.desk, clock),
        parts.background,
        running,
        alerts,
        Presence(cluster, queue, bot, clock),
    )


def _cluster_of(
    parts: _Parts, bot: ParallaxBot, line: _Line, cluster: ClusterService, queue: QueueService
) -> tuple[ClusterServices, Alerts]:
    database, clock = parts.database, parts.clock
    journal = Journal(parts.watcher, database.history, queue.load, clock)
    nodes = NodeBook(database.node_names, cluster)
    cards = StatusCards(cluster, queue, journal, nodes, clock)
    poster = ChannelCards(bot)
    boards = BoardKeeper(database.boards, cards, poster, cluster, journal, nodes, clock)
    switching = Switching(
        scheduler=parts.scheduler,
        cluster=cluster,
        journal=journal,
        queue=queue,
        dispatcher=line.dispatcher,
        store=database.switches,
        audit=database.audit,
        clock=clock,
    )
    services = ClusterServices(
        cards=cards,
        boards=boards,
        places=database.boards,
        journal=journal,
        nodes=nodes,
        switching=switching,
        audit=database.audit,
        charts=ChartPainter(),
        card_layout=card_layout,
        background=parts.background,
    )
    alerts = Alerts(
        database.boards,
        poster,
        cluster,
        journal,
        nodes,
        clock,
        is_ours=switching.is_ours,
        is_switching=lambda: switching.is_under_way,
    )
    return services, alerts


@dataclass(frozen=True, slots=True)
class _Line:
    desk: AnswerDesk
    gate: Gate
    keeper: LineKeeper
    closing: Closing
    dispatcher: Dispatcher


def _line_of(parts: _Parts, estimator: TokenEstimator) -> _Line:
    settings, store, clock = parts.settings, parts.database.requests, parts.clock
    owner = secrets.token_hex(8)
    desk = AnswerDesk(parts.deliveries, store, parts.background, clock, max_pages=settings.answer_max_messages)
    gate = Gate(
        parts.watcher,
        CapacityLimit(reserve=settings.capacity_reserve),
        BackOff(),
        ServiceTimes(),
        clock,
        parts.metrics,
    )
    keeper = LineKeeper(
        store,
        desk,
        clock,
        hold=gate.hold,
        wait_for=lambda place: gate.wait_for(place, dispatcher.elapsed),
    )
    closing = Closing(
        store,
        desk,
        parts.messenger,
        parts.database.preferences,
        clock,
        parts.metrics,
        owner=owner,
        max_tokens=settings.answer_max_tokens,
        announce_after=settings.announce_after,
    )
    dispatcher = Dispatcher(
        store=store,
        desk=desk,
        gate=gate,
        answering=Answering(
            scheduler=parts.scheduler,
            store=store,
            conversations=parts.database.conversations,
            estimator=estimator,
            policy=ChatPolicy(
                system_prompt=settings.system_prompt,
                context_tokens=settings.context_max_tokens,
                max_tokens=settings.answer_max_tokens,
            ),
            clock=clock,
        ),
        closing=closing,
        line=keeper,
        background=parts.background,
        clock=clock,
        metrics=parts.metrics,
        policy=DispatchPolicy(owner=owner, question_ttl=settings.question_ttl),
    )
    parts.watcher.subscribe(dispatcher.wake)
    return _Line(desk, gate, keeper, closing, dispatcher)
