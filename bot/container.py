"""What the bot is made of: every service with the parts it needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import aiohttp

from bot.clock import SystemClock
from bot.discord_io.attachments import AttachmentLimits, AttachmentReader
from bot.discord_io.cards import ChannelCards, card_layout
from bot.discord_io.client import OperationsServices, ParallaxBot, Services
from bot.discord_io.components import build_layout, to_files
from bot.discord_io.delivery.registry import Deliveries
from bot.discord_io.members import GuildMembers
from bot.discord_io.messenger import Messenger
from bot.discord_io.outgoing import Outgoing, for_operators
from bot.domain.conversation.profile import Profile
from bot.domain.conversation.tokens import TokenEstimator
from bot.domain.queue.breaker import Breaker
from bot.domain.queue.capacity import BackOff, CapacityLimit
from bot.domain.queue.estimate import ServiceTimes
from bot.domain.queue.store import QueueLimits
from bot.parallax.client import ParallaxClient
from bot.services.access.operators import Operators
from bot.services.access.profiles import Profiles
from bot.services.access.quotas import Quotas
from bot.services.access.rules import Access
from bot.services.answers.attempt import Attempts
from bot.services.answers.completion import Completion
from bot.services.answers.live import LiveAnswers
from bot.services.answers.prompt import ChatPolicy
from bot.services.cluster.leadership import Leadership
from bot.services.cluster.monitor import ClusterMonitor, ClusterService
from bot.services.cluster.node_names import NodeBook
from bot.services.cluster.recorder import ClusterRecorder
from bot.services.conversations.memory import ConversationService
from bot.services.conversations.summaries import Summaries
from bot.services.operations.alert_channels import AlertChannels
from bot.services.operations.alerts import Alerts
from bot.services.operations.boards import BoardKeeper, StatusCards
from bot.services.operations.model_switch import Switching
from bot.services.operations.presence import Presence
from bot.services.queue.dispatcher import Dispatcher
from bot.services.queue.expiry import Expiry
from bot.services.queue.gate import Gate
from bot.services.queue.heartbeat import Heartbeat
from bot.services.queue.in_flight import InFlight
from bot.services.queue.positions import PositionUpdater
from bot.services.queue.reconciliation import Reconciliation
from bot.services.queue.signal import QueueSignal
from bot.services.queue.token_expiry import TokenExpiryNotifier
from bot.services.requests.actions import AnswerActions
from bot.services.requests.ask import AskLimits, AskService
from bot.services.requests.overview import QueueService
from bot.services.requests.personal_data import PersonalData
from bot.services.requests.revisions import Revisions
from bot.settings import Settings
from bot.storage.database import Database
from bot.storage.process_lock import ProcessLock
from bot.tasks.background import Background
from bot.telemetry.metrics import Metrics
from bot.workers.charts import ChartDrawer
from bot.workers.documents import Documents
from bot.workers.subprocesses import Subprocesses


@dataclass(frozen=True, slots=True)
class App:
    """The assembled bot, opened but not yet connected."""

    bot: ParallaxBot
    dispatcher: Dispatcher
    heartbeat: Heartbeat
    expiry: Expiry
    reconciliation: Reconciliation
    monitor: ClusterMonitor
    positions: PositionUpdater
    tokens: TokenExpiryNotifier
    personal: PersonalData
    background: Background
    operations: OperationsServices
    alerts: Alerts
    presence: Presence
    summaries: Summaries | None


@dataclass(frozen=True, slots=True)
class Parts:
    """What is opened before anything is assembled: the outside world, and what is shared by all."""

    settings: Settings
    database: Database
    lock: ProcessLock
    scheduler: ParallaxClient
    deliveries: Deliveries
    messenger: Messenger
    outgoing: Outgoing
    background: Background
    monitor: ClusterMonitor
    subprocesses: Subprocesses
    clock: SystemClock
    metrics: Metrics


def assemble(parts: Parts, bot: ParallaxBot, session: aiohttp.ClientSession) -> App:
    """Everything injected; connects to nothing and starts nothing."""
    settings, database, clock = parts.settings, parts.database, parts.clock
    estimator = TokenEstimator()
    parts_of_queue = _queue_of(parts, estimator)
    queue_limits = QueueLimits(per_user=settings.queue_max_per_user, total=settings.queue_max_total)
    operators = Operators(
        user_ids=settings.admin_user_ids,
        role_ids=settings.admin_role_ids,
        guild_ids=settings.admin_guild_ids,
        weight=settings.operator_weight,
    )
    profiles = Profiles(
        database.profiles,
        clock,
        Profile(
            persona=settings.system_prompt,
            context_tokens=settings.context_max_tokens,
            answer_tokens=settings.answer_max_tokens,
            retention_days=settings.retention_days,
        ),
    )
    access = Access(
        profiles, operators, GuildMembers(bot), join_roles=settings.join_roles, dm_guild_id=settings.dm_guild_id
    )
    quotas = Quotas(
        database.usage, operators, clock, per_user=settings.quota_tokens_per_day, roles=settings.quota_roles
    )
    personal = PersonalData(database.personal, database.requests, parts_of_queue.dispatcher, profiles, clock)
    cluster = ClusterService(parts.scheduler, parts.monitor, settings.parallax_public_url, clock)
    queue = QueueService(
        database.requests,
        database.preferences,
        parts_of_queue.dispatcher,
        parts_of_queue.gate,
        database.audit,
        clock,
    )
    operations, alerts = _cluster_of(parts, bot, parts_of_queue, cluster, queue)
    bot.services = Services(
        profiles=profiles,
        quotas=quotas,
        personal=personal,
        ask=AskService(
            store=database.requests,
            conversations=database.conversations,
            live_answers=parts_of_queue.live_answers,
            dispatcher=parts_of_queue.dispatcher,
            estimator=estimator,
            clock=clock,
            queue_limits=queue_limits,
            ask_limits=AskLimits(context_tokens=settings.context_max_tokens),
            system_prompt=settings.system_prompt,
            profiles=profiles,
            access=access,
            quotas=quotas,
            brake=parts.outgoing,
        ),
        dispatcher=parts_of_queue.dispatcher,
        cluster=cluster,
        controls=AnswerActions(
            database.requests,
            parts_of_queue.live_answers,
            parts_of_queue.dispatcher,
            parts_of_queue.completion,
            operators,
            database.feedback,
            database.audit,
            clock,
        ),
        again=Revisions(
            database.requests,
            parts_of_queue.live_answers,
            parts_of_queue.dispatcher,
            parts_of_queue.completion,
            clock,
            queue_limits,
        ),
        queue=queue,
        conversations=ConversationService(database.conversations, estimator, database.summaries),
        operators=operators,
        attachments=AttachmentReader(
            session,
            Documents(parts.subprocesses),
            hosts=settings.attachment_hosts,
            limits=AttachmentLimits(
                text_bytes=settings.attachment_max_bytes,
                document_bytes=settings.document_max_bytes,
                pages=settings.document_max_pages,
            ),
        ),
        charts=ChartDrawer(parts.subprocesses),
        layout=build_layout,
        uploads=to_files,
        access=access,
        metrics=parts.metrics,
        operations=operations,
        for_operators=for_operators,
    )
    return App(
        bot,
        parts_of_queue.dispatcher,
        parts_of_queue.heartbeat,
        parts_of_queue.expiry,
        parts_of_queue.reconciliation,
        parts.monitor,
        parts_of_queue.keeper,
        TokenExpiryNotifier(parts_of_queue.live_answers, database.requests, parts_of_queue.keeper, clock),
        personal,
        parts.background,
        operations,
        alerts,
        Presence(cluster, queue, bot, clock),
        parts_of_queue.summaries,
    )


def _cluster_of(
    parts: Parts, bot: ParallaxBot, parts_of_queue: _Queue, cluster: ClusterService, queue: QueueService
) -> tuple[OperationsServices, Alerts]:
    database, clock = parts.database, parts.clock
    leadership = Leadership(database.leader_lease, parts.lock.me, clock, parts.lock.is_alive)
    recorder = ClusterRecorder(parts.monitor, database.history, database.switches, queue.load, clock, leadership)
    nodes = NodeBook(database.node_names, cluster, database.audit, clock)
    cards = StatusCards(cluster, queue, recorder, nodes, clock)
    poster = ChannelCards(bot, parts.outgoing)
    boards = BoardKeeper(
        database.boards, cards, poster, cluster, recorder, nodes, database.audit, clock, leadership
    )
    switching = Switching(
        scheduler=parts.scheduler,
        cluster=cluster,
        recorder=recorder,
        queue=queue,
        dispatcher=parts_of_queue.dispatcher,
        store=database.switches,
        audit=database.audit,
        clock=clock,
    )
    services = OperationsServices(
        cards=cards,
        boards=boards,
        alert_channels=AlertChannels(database.boards, database.audit, clock),
        recorder=recorder,
        nodes=nodes,
        switching=switching,
        audit=database.audit,
        card_layout=card_layout,
        background=parts.background,
    )
    alerts = Alerts(
        database.boards,
        poster,
        cluster,
        recorder,
        nodes,
        clock,
        leadership,
        parts.outgoing,
        is_switching=lambda: switching.is_under_way,
    )
    return services, alerts


@dataclass(frozen=True, slots=True)
class _Queue:
    live_answers: LiveAnswers
    gate: Gate
    keeper: PositionUpdater
    completion: Completion
    dispatcher: Dispatcher
    heartbeat: Heartbeat
    expiry: Expiry
    reconciliation: Reconciliation
    summaries: Summaries | None


def _queue_of(parts: Parts, estimator: TokenEstimator) -> _Queue:
    settings, store, clock = parts.settings, parts.database.requests, parts.clock
    live_answers = LiveAnswers(
        parts.deliveries, store, parts.background, clock, max_pages=settings.answer_max_messages
    )
    gate = Gate(
        parts.monitor,
        CapacityLimit(reserve=settings.capacity_reserve),
        BackOff(),
        Breaker(BackOff()),
        ServiceTimes(),
        clock,
        parts.metrics,
    )
    in_flight, signal = InFlight(), QueueSignal(clock)
    keeper = PositionUpdater(
        store,
        live_answers,
        clock,
        hold=gate.hold,
        wait_for=lambda place: gate.wait_for(place, in_flight.elapsed),
        metrics=parts.metrics,
    )
    completion = Completion(
        store,
        live_answers,
        parts.messenger,
        parts.database.preferences,
        clock,
        parts.metrics,
        owner=parts.lock.me,
        max_tokens=settings.answer_max_tokens,
        announce_after=settings.announce_after,
    )
    reconciliation = Reconciliation(
        store=store,
        live_answers=live_answers,
        completion=completion,
        positions=keeper,
        in_flight=in_flight,
        signal=signal,
        background=parts.background,
        clock=clock,
        owner=parts.lock.me,
    )
    heartbeat = Heartbeat(
        store=store,
        live_answers=live_answers,
        positions=keeper,
        in_flight=in_flight,
        reconciliation=reconciliation,
        clock=clock,
        owner=parts.lock.me,
        is_alive=parts.lock.is_alive,
    )
    expiry = Expiry(
        store=store,
        live_answers=live_answers,
        completion=completion,
        background=parts.background,
        clock=clock,
        question_ttl=settings.question_ttl,
    )

    async def is_idle() -> bool:
        return await dispatcher.is_idle()

    summaries = _summaries_of(parts, estimator, is_idle)
    dispatcher = Dispatcher(
        store=store,
        live_answers=live_answers,
        gate=gate,
        attempts=Attempts(
            scheduler=parts.scheduler,
            store=store,
            conversations=parts.database.conversations,
            estimator=estimator,
            policy=ChatPolicy(
                system_prompt=settings.system_prompt,
                context_tokens=settings.context_max_tokens,
                max_tokens=settings.answer_max_tokens,
                assistant_prefix=settings.parallax_assistant_prefix,
            ),
            clock=clock,
            gate=gate,
            summaries=summaries,
        ),
        completion=completion,
        positions=keeper,
        heartbeat=heartbeat,
        expiry=expiry,
        in_flight=in_flight,
        reconciliation=reconciliation,
        signal=signal,
        background=parts.background,
        clock=clock,
        metrics=parts.metrics,
    )
    parts.monitor.subscribe(signal.set)
    return _Queue(live_answers, gate, keeper, completion, dispatcher, heartbeat, expiry, reconciliation, summaries)


def _summaries_of(
    parts: Parts, estimator: TokenEstimator, is_idle: Callable[[], Awaitable[bool]]
) -> Summaries | None:
    if not parts.settings.context_summary:
        return None
    return Summaries(
        store=parts.database.summaries,
        conversations=parts.database.conversations,
        scheduler=parts.scheduler,
        estimator=estimator,
        clock=parts.clock,
        is_idle=is_idle,
    )
