"""The composition root: opens every resource, injects it, closes in order."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import aiohttp
import structlog
from discord.http import Route

from bot.clock import Clock, SystemClock
from bot.container.reloading import CurrentSettings
from bot.container.services import App, Parts, assemble
from bot.discord_io.brought_along import Guests
from bot.discord_io.client import ParallaxBot
from bot.discord_io.command_tree import Guard
from bot.discord_io.connection import connector, proxy_for, stay_connected
from bot.discord_io.delivery.rate_limit_trace import WireObserver
from bot.discord_io.delivery.registry import Deliveries
from bot.discord_io.handing_over import hand_over
from bot.discord_io.identify_turns import OwnIdentifyTurns
from bot.discord_io.messenger import Messenger
from bot.discord_io.outgoing import Outgoing
from bot.discord_io.shards import Sharding
from bot.discord_io.shutdown import finish
from bot.domain.checkup import Finding
from bot.domain.discord_calls.session_starts import IdentifyTurns
from bot.domain.discord_calls.sharing import Hearing, ShardHolds
from bot.domain.interaction_rates import InteractionRates, RateLimit
from bot.errors import BotError, StorageError
from bot.parallax.client import ParallaxClient
from bot.parallax.timeouts import Timeouts
from bot.services.cluster.clusters import Cluster, Clusters
from bot.services.cluster.monitor import ClusterMonitor, ClusterService
from bot.settings import Settings
from bot.storage.database import Database
from bot.storage.engine import ServerOptions
from bot.storage.migrate import upgrade
from bot.storage.processes import Entered, entered
from bot.storage.server_session import ServerSession
from bot.storage.shared_gateway import SharedHearing, SharedIdentifyTurns, SharedShards
from bot.tasks.background import Background
from bot.tasks.loop_lag import watch_loop
from bot.tasks.supervisor import Supervisor
from bot.telemetry.health import health_server
from bot.telemetry.metrics import Metrics
from bot.workers.fair_semaphore import FairSemaphore
from bot.workers.subprocesses import AT_ONCE, MOST_WAITING, Subprocesses

log = structlog.get_logger(__name__)

T = TypeVar("T")

COLLECTED_AFTER = (10_000, 3, 100)
"""When the garbage collector looks for circles (Python's own values are 700, 10 and 10): after so many new objects
at these, after so many such looks at what was left, and after so many of those at everything, which takes half a
second with a thousand long answers. Nearly all that an answer consists of is in no circle."""

SETTLE_SECONDS = 5.0
"""How long the last edits, acknowledgements of questions that were just asked, and commands and presses in hand
may take after running answers have ended."""

LOOKED_WITHIN = 2.0
"""Seconds for the look at who else is there when this process is to end."""


@dataclass(frozen=True, slots=True)
class LastingTask:
    """Work that lasts as long as the process. ``when_ready``: it begins after the login, since it needs the bot's
    HTTP session and application id."""

    name: str
    work: Callable[[], Awaitable[None]]
    when_ready: bool = False


def lasting_tasks(app: App) -> list[LastingTask]:
    """Everything that runs beside the connection to Discord."""
    queue, operations = app.queue, app.operations
    tasks = [
        *(LastingTask("monitor", cluster.monitor.run) for cluster in app.clusters),
        *(LastingTask("model", cluster.service.run) for cluster in app.clusters),
        LastingTask("dispatcher", queue.dispatcher.run, when_ready=True),
        LastingTask("heartbeat", queue.heartbeat.run, when_ready=True),
        LastingTask("reconciliation", queue.reconciliation.run, when_ready=True),
        LastingTask("late ends", queue.late_ends.run, when_ready=True),
        LastingTask("cancellation", queue.cancellation.run),
        LastingTask("expiry", queue.expiry.run),
        LastingTask("positions", queue.positions.run),
        LastingTask("tokens", queue.tokens.run, when_ready=True),
        LastingTask("retention", app.personal.run),
        LastingTask("loop lag", partial(watch_loop, SystemClock(), app.bot.services.metrics.loop)),
        *(LastingTask("recorder", recorder.run) for recorder in app.recorders),
        *(LastingTask("samples", recorder.keep_samples) for recorder in app.recorders),
        *(LastingTask("switch", switcher.run) for switcher in app.switchers),
        LastingTask("boards", operations.boards.run, when_ready=True),
        *(LastingTask("alerts", alerts.run, when_ready=True) for alerts in app.alerts),
        LastingTask("presence", app.presence.run, when_ready=True),
    ]
    if app.catch_up.is_on:
        tasks.append(LastingTask("marks of what was heard", app.catch_up.run, when_ready=True))
    if app.schedule_runs is not None:
        tasks.append(LastingTask("schedules", app.schedule_runs.run, when_ready=True))
    if queue.elsewhere is not None:
        tasks.append(LastingTask("elsewhere", queue.elsewhere.run, when_ready=True))
    if app.changes is not None and queue.others is not None:
        tasks.append(LastingTask("changes", app.changes.run))
        tasks.append(LastingTask("other processes", queue.others.run))
    if queue.summariser is not None:
        tasks.append(LastingTask("summaries", queue.summariser.run))
    return tasks


async def run(settings: Settings) -> None:
    """Wait until this process may use the database, then run the bot until SIGTERM or SIGINT. Raises
    :class:`ConfigError`, :class:`StorageError`."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with AsyncExitStack() as stack:
        entering = entered(settings.database_url, SystemClock())
        there = await _unless(stopping, stack.enter_async_context(entering))
        if there is None:
            log.info("bot.stopping", grace=0)
            return
        app = await stack.enter_async_context(assembled(settings, there))
        _collect_seldom()
        if sys.stdin is None or not sys.stdin.isatty():
            # On a terminal the signal says that its window was closed, which ends the bot.
            loop.add_signal_handler(signal.SIGHUP, app.reloading.reload)
        await _run_until(stopping, app, settings)


def _collect_seldom() -> None:
    """Let the garbage collector leave alone what was built so far, which lasts as long as the process, and look
    for new cycles less often. In a burst of questions it took a third of the processor's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTED_AFTER)


async def _run_until(stopping: asyncio.Event, app: App, settings: Settings) -> None:
    """Run all tasks until ``stopping`` is set, or one of them gives up, which is raised."""
    clock = SystemClock()
    supervisor = Supervisor(clock)
    tasks = [asyncio.create_task(_keep(task, app.bot, supervisor), name=task.name) for task in lasting_tasks(app)]
    connected = stay_connected(
        app.bot,
        settings.discord_token.get_secret_value(),
        api_url=settings.discord_api_url,
        message_content=settings.message_content_intent,
        shard_count=settings.shard_count,
    )
    tasks.append(asyncio.create_task(connected, name="discord"))
    # Not supervised: what they raise ends the bot.
    tasks.append(asyncio.create_task(app.watch.run(clock), name="database"))
    tasks.append(asyncio.create_task(app.process.watch(clock), name="process"))
    if app.api is not None:
        tasks.append(asyncio.create_task(app.api.run(app.bot.wait_until_logged_in), name="api"))
    waiting = asyncio.create_task(stopping.wait(), name="signal")
    try:
        done, _ = await asyncio.wait({*tasks, waiting}, return_when=asyncio.FIRST_COMPLETED)
        # When a task has given up, running answers are put back at once.
        grace = settings.shutdown_grace if waiting in done else 0.0
        log.info("bot.stopping", grace=grace)
        until = clock.monotonic() + grace
        # What is said to whom depends on it, and the last look was up to a second ago.
        await _look(app)
        if app.api is not None:
            app.api.end_waiting()
        handing_over = asyncio.create_task(_hand_over(app), name="hand over")
        try:
            await app.queue.dispatcher.drain(grace)
        except BotError as error:
            # The next start takes the answers back; what made the bot stop is raised below.
            log.warning("bot.not_drained", detail=str(error))
        if app.api is not None:
            await app.api.end_all()
        settle = SETTLE_SECONDS
        # Until another process hears what people do, this one does.
        if waiting in done and await handing_over:
            # Nobody waits for its end: a question that waits for a busy database has all of the grace.
            settle = max(settle, until - clock.monotonic())
        handing_over.cancel()
        await asyncio.gather(handing_over, return_exceptions=True)
        in_hand = app.bot.guard.in_hand
        in_hand.end()
        if waiting in done:
            await asyncio.gather(
                app.bot.services.ask.settled(settle), app.background.settled(settle), finish(in_hand, settle)
            )
    finally:
        for task in (*tasks, waiting):
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        # None of these tasks ends by itself: an error of one is the reason why the bot stops.
        if isinstance(result, Exception):
            raise result


async def _look(app: App) -> None:
    """See which other processes live now; what was seen last stands when the server does not answer."""
    try:
        async with asyncio.timeout(LOOKED_WITHIN):
            await app.process.look()
    except (StorageError, TimeoutError) as error:
        log.warning("database.not_looked", error=type(error).__name__)


async def _hand_over(app: App) -> bool:
    """Let other processes hear what this one does; False when there are none that want to."""
    return app.holds is not None and app.process.others > 0 and await hand_over(app.bot, app.holds, SystemClock())


async def _keep(task: LastingTask, bot: ParallaxBot, supervisor: Supervisor) -> None:
    if task.when_ready:
        await bot.wait_until_logged_in()
    await supervisor.keep(task.name, task.work)


async def _unless(stopping: asyncio.Event, work: Coroutine[object, object, T]) -> T | None:
    """Await ``work``; returns None when it was cancelled because ``stopping`` was set."""
    working = asyncio.create_task(work, name="start")
    signalled = asyncio.create_task(stopping.wait(), name="signal")
    try:
        await asyncio.wait({working, signalled}, return_when=asyncio.FIRST_COMPLETED)
        return await working if working.done() else None
    finally:
        for task in (working, signalled):
            task.cancel()
        await asyncio.gather(working, signalled, return_exceptions=True)


def timeouts_of(settings: Settings) -> Timeouts:
    """How long the scheduler is waited for."""
    return Timeouts(
        connect=settings.parallax_connect_timeout,
        first_byte=settings.parallax_first_byte_timeout,
        idle=settings.parallax_idle_timeout,
    )


@asynccontextmanager
async def _clusters(settings: Settings, clock: Clock, metrics: Metrics) -> AsyncIterator[Clusters]:
    """A client for each scheduler; all are closed at the end."""
    async with AsyncExitStack() as stack:
        found: list[Cluster] = []
        for one in settings.clusters:
            scheduler = ParallaxClient(one.url, timeouts=timeouts_of(settings), clock=clock, api_key=one.api_key)
            stack.push_async_callback(scheduler.aclose)
            monitor = ClusterMonitor(scheduler, clock, metrics, one.name)
            service = ClusterService(scheduler, monitor, one.web_page, clock)
            found.append(Cluster(one.name, scheduler, monitor, service, one.most_context, passing=scheduler))
        yield Clusters(found)


@dataclass(frozen=True, slots=True)
class _Gateway:
    """How this process shares the bot's gateway with others; None: there are none."""

    turns: IdentifyTurns
    hearing: Hearing | None = None
    holds: ShardHolds | None = None


@asynccontextmanager
async def _gateway(session: ServerSession | None, clock: Clock) -> AsyncIterator[_Gateway]:
    if session is None:
        yield _Gateway(OwnIdentifyTurns(clock))
        return
    background = Background()
    try:
        yield _Gateway(
            SharedIdentifyTurns(session, clock, background),
            SharedHearing(session, clock, background),
            SharedShards(session, clock),
        )
    finally:
        await background.aclose()


async def _examined(current: CurrentSettings) -> Sequence[Finding]:
    """What operators are shown. No question is asked: that would take a place of the queue's in the cluster."""
    from bot.doctor import QUIET_CHECKS, examine  # loaded when it is first wanted

    return await examine(current.settings, QUIET_CHECKS)


@asynccontextmanager
async def assembled(settings: Settings, there: Entered) -> AsyncIterator[App]:
    """Open and inject everything; close it in reverse order. Migrates the database, which this process may use."""
    clock, metrics = SystemClock(), Metrics()
    # The gateway's address comes from GET /gateway/bot (bot/discord_io/shards.py).
    Route.BASE = settings.discord_api_url
    proxy = proxy_for(settings.discord_api_url, settings.discord_proxy)
    async with AsyncExitStack() as stack:
        await upgrade(settings.database_url)
        options = ServerOptions(settings.database_connections, settings.database_statement_timeout)
        database = await stack.enter_async_context(Database.open(settings.database_url, options, metrics.database))
        await database.cluster_names.configured([one.name for one in settings.clusters], now=clock.now())
        clusters = await stack.enter_async_context(_clusters(settings, clock, metrics))
        gateway = await stack.enter_async_context(_gateway(there.session, clock))
        outgoing = Outgoing(clock, metrics, lambda: there.process.others)
        stack.push_async_callback(outgoing.aclose)
        observer = WireObserver(clock, metrics, outgoing)
        bot = ParallaxBot(
            observer=observer,
            connector=connector(),
            proxy=proxy,
            admin_guild_ids=sorted(settings.admin_guild_ids),
            facts=database.facts,
            guard=Guard(
                InteractionRates(RateLimit(settings.command_burst, settings.commands_per_second), clock),
                clock,
                allowed_guild_ids=settings.allowed_guild_ids,
                hearing=gateway.hearing,
                guests=Guests(clock, allowed_users=settings.allowed_users, homes=settings.homes)
                if settings.user_install
                else None,
            ),
            sharding=Sharding(
                settings.shard_count, settings.shard_ids, gateway.turns, clock, metrics, gateway.holds
            ),
            message_content=settings.message_content_intent,
        )
        stack.push_async_callback(bot.close)
        session = await stack.enter_async_context(aiohttp.ClientSession(proxy=proxy))
        deliveries = Deliveries(bot, clock, outgoing)
        stack.push_async_callback(deliveries.aclose)
        background = Background()
        stack.push_async_callback(background.aclose)
        current = CurrentSettings(settings)
        parts = Parts(
            current,
            database,
            there.process,
            there.session is not None,
            clusters,
            deliveries,
            Messenger(bot, outgoing),
            outgoing,
            background,
            stack.enter_context(
                Subprocesses.opened(FairSemaphore(AT_ONCE, most_waiting=MOST_WAITING), metrics.children)
            ),
            clock,
            metrics,
            partial(_examined, current),
        )
        app = assemble(parts, bot, session, gateway.holds)
        await app.queue.gate.refresh()

        def readiness() -> dict[str, bool]:
            return {**bot.readiness(), "database": database.watch.fault() is None}

        await stack.enter_async_context(health_server(settings.http_bind, metrics, readiness))
        yield app
