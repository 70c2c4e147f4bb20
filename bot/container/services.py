"""The assembly of the bot: every service with the parts it needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp

from bot.clock import SystemClock
from bot.container.operations import Operations
from bot.container.queue import Queue, QueueOptions, QueueParts, build_queue
from bot.container.reloading import CurrentSettings, Reloading
from bot.container.schedules import ScheduleParts, build_schedules
from bot.discord_io.attachments import AttachmentLimits, AttachmentReader
from bot.discord_io.client import OperationsServices, ParallaxBot, Services
from bot.discord_io.components import build_layout, to_files
from bot.discord_io.delivery.registry import Deliveries
from bot.discord_io.help_places import HelpPlaces
from bot.discord_io.history import HistoryReader
from bot.discord_io.members import GuildMembers
from bot.discord_io.messenger import Messenger
from bot.discord_io.outgoing import Outgoing, for_operators
from bot.discord_io.schedule_channels import ScheduleChannels
from bot.domain.conversation.profile import Profile
from bot.domain.conversation.tokens import TokenEstimator
from bot.domain.discord_calls.sharing import ShardHolds
from bot.domain.queue.store import QueueLimits
from bot.services.access.keys import Keys
from bot.services.access.operators import Operators
from bot.services.access.profiles import Profiles
from bot.services.access.quotas import Quotas
from bot.services.access.rules import Access
from bot.services.answers.prompt import ChatPolicy
from bot.services.cluster.clusters import Clusters
from bot.services.cluster.leadership import Leadership
from bot.services.cluster.recorder import ClusterRecorder
from bot.services.conversations.memory import ConversationService
from bot.services.operations.alerts import Alerts
from bot.services.operations.checkup import Examine
from bot.services.operations.model_switch import ModelSwitcher
from bot.services.operations.presence import Presence
from bot.services.queue.company import Company
from bot.services.requests.actions import AnswerActions
from bot.services.requests.ask import AskService
from bot.services.requests.catch_up import CatchUp
from bot.services.requests.help_desk import HelpDesk
from bot.services.requests.overview import QueueOverview
from bot.services.requests.personal_data import PersonalData
from bot.services.requests.revisions import Revisions
from bot.services.requests.schedule_runs import ScheduleRuns
from bot.settings import Settings
from bot.storage.database import Database
from bot.storage.engine import ChangesFeed, DatabaseWatch
from bot.storage.processes import Process
from bot.tasks.background import Background
from bot.telemetry.metrics import Metrics
from bot.workers.chart_drawing import ChartDrawer
from bot.workers.subprocesses import Subprocesses

if TYPE_CHECKING:
    from bot.api.server import ApiServer


@dataclass(frozen=True, slots=True)
class ApiParts:
    """The services that the API shares with Discord."""

    queue: Queue
    keys: Keys
    clusters: Clusters
    overview: QueueOverview
    quotas: Quotas
    operators: Operators
    profiles: Profiles
    estimator: TokenEstimator


@dataclass(frozen=True, slots=True)
class App:
    """The assembled bot, opened but not yet connected."""

    bot: ParallaxBot
    queue: Queue
    clusters: Clusters
    personal: PersonalData
    catch_up: CatchUp
    background: Background
    operations: OperationsServices
    recorders: Sequence[ClusterRecorder]
    switchers: Sequence[ModelSwitcher]
    alerts: Sequence[Alerts]
    presence: Presence
    watch: DatabaseWatch
    process: Process
    changes: ChangesFeed | None
    holds: ShardHolds | None
    schedule_runs: ScheduleRuns | None
    api: ApiServer | None
    reloading: Reloading


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts that are opened before the assembly: connections, stores, and what all services share.
    ``is_shared``: other processes may use the database at the same time. ``examine`` looks at everything the bot
    depends on."""

    current: CurrentSettings
    database: Database
    process: Process
    is_shared: bool
    clusters: Clusters
    deliveries: Deliveries
    messenger: Messenger
    outgoing: Outgoing
    background: Background
    subprocesses: Subprocesses
    clock: SystemClock
    metrics: Metrics
    examine: Examine

    @property
    def settings(self) -> Settings:
        """The settings that are in effect."""
        return self.current.settings


def assemble(
    parts: Parts, bot: ParallaxBot, session: aiohttp.ClientSession, holds: ShardHolds | None = None
) -> App:
    """Build all services; connects to nothing and starts nothing. ``holds`` are the shards that several processes
    share."""
    settings, database, clock = parts.settings, parts.database, parts.clock
    estimator = TokenEstimator()
    leadership = Leadership(database.leader_lease, parts.process.me, clock, parts.process.is_alive)
    queue = build_queue(_queue_parts(parts, estimator, leadership))
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
    members = GuildMembers(bot, clock)
    access = Access(
        profiles,
        operators,
        members,
        join_roles=settings.join_roles,
        key_roles=settings.key_roles,
        schedule_roles=settings.schedule_roles,
        homes=settings.homes,
        allowed_users=settings.allowed_users,
    )
    keys = Keys(
        database.keys,
        access,
        operators,
        profiles,
        members,
        database.audit,
        clock,
        allowed_guild_ids=settings.allowed_guild_ids,
    )
    quotas = Quotas(
        database.usage, operators, clock, per_user=settings.quota_tokens_per_day, roles=settings.quota_roles
    )
    revisions = Revisions(
        database.requests,
        queue.live_answers,
        queue.gate,
        queue.positions,
        queue.signal,
        queue.views,
        clock,
        queue_limits,
    )
    personal = PersonalData(
        database.personal,
        database.requests,
        queue.cancellation,
        revisions,
        profiles,
        parts.background,
        clock,
        leadership.is_ours if parts.is_shared else None,
        database.keys,
        database.help_threads,
        database.schedules,
    )
    catch_up = CatchUp(
        database.missed,
        clock,
        bot.sessions,
        hours=settings.catch_up_hours,
        days=settings.catch_up_days,
        sources=[HelpPlaces(bot, database.help_threads)],
    )
    overview = QueueOverview(
        database.requests,
        database.preferences,
        queue.gate,
        queue.slots,
        queue.in_flight,
        queue.cancellation,
        database.audit,
        clock,
    )
    operations = Operations(
        parts.clusters,
        database,
        bot,
        parts.outgoing,
        parts.background,
        queue,
        overview,
        leadership,
        clock,
        parts.examine,
    )
    ask = AskService(
        store=database.requests,
        live_answers=queue.live_answers,
        gate=queue.gate,
        positions=queue.positions,
        signal=queue.signal,
        estimator=estimator,
        clock=clock,
        queue_limits=queue_limits,
        profiles=profiles,
        access=access,
        quotas=quotas,
        brake=parts.outgoing,
        id_key=settings.discord_token.get_secret_value().encode(),
        metrics=parts.metrics,
        most_context={cluster.name: cluster.most_context for cluster in parts.clusters},
    )
    history = HistoryReader(bot, parts.outgoing, clock)
    scheduling = build_schedules(
        settings,
        database,
        ScheduleParts(
            ask,
            access,
            operators,
            profiles,
            members,
            ScheduleChannels(bot, parts.outgoing, history),
            leadership,
            clock,
        ),
    )
    bot.services = Services(
        profiles=profiles,
        quotas=quotas,
        catch_up=catch_up,
        history=history,
        personal=personal,
        ask=ask,
        cancellation=queue.cancellation,
        late_ends=queue.late_ends,
        clusters=parts.clusters,
        actions=AnswerActions(
            database.requests,
            queue.live_answers,
            queue.cancellation,
            queue.views,
            operators,
            database.feedback,
            database.audit,
            clock,
        ),
        revisions=revisions,
        queue=overview,
        conversations=ConversationService(database.conversations, estimator, database.summaries),
        operators=operators,
        attachments=AttachmentReader(
            session,
            parts.subprocesses,
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
        members=members,
        metrics=parts.metrics,
        operations=operations.services,
        proxied_messages=settings.proxied_messages,
        for_operators=for_operators,
        keys=keys if settings.api_bind else None,
        help=HelpDesk(database.help_threads, parts.messenger, operators, clock),
        schedules=None if scheduling is None else scheduling[0],
    )
    bot.on_session(queue.unshown.reconsider)
    return App(
        bot,
        queue,
        parts.clusters,
        personal,
        catch_up,
        parts.background,
        operations.services,
        tuple(operations.services.recorders.values()),
        tuple(operations.switchers.values()),
        operations.alerts,
        Presence([cluster.service for cluster in parts.clusters], overview, bot, clock),
        database.watch,
        parts.process,
        database.changes,
        holds,
        None if scheduling is None else scheduling[1],
        _api(parts, ApiParts(queue, keys, parts.clusters, overview, quotas, operators, profiles, estimator)),
        Reloading(parts.current, operators, quotas),
    )


def _api(parts: Parts, made: ApiParts) -> ApiServer | None:
    """The API, None when it is off: then nothing of it is loaded."""
    if not parts.settings.api_bind:
        return None
    from bot.container.api import build_api

    store, owner = parts.database.requests, parts.process.me
    return build_api(parts.settings, store, parts.background, parts.clock, owner, made, parts.metrics.api)


def _queue_parts(parts: Parts, estimator: TokenEstimator, leadership: Leadership) -> QueueParts:
    settings, database = parts.settings, parts.database
    return QueueParts(
        options=QueueOptions(
            policy=ChatPolicy(
                system_prompt=settings.system_prompt,
                context_tokens=settings.context_max_tokens,
                max_tokens=settings.answer_max_tokens,
                assistant_prefix=settings.parallax_assistant_prefix,
            ),
            max_pages=settings.answer_max_messages,
            question_ttl=settings.question_ttl,
            announce_after=settings.announce_after,
            capacity_reserve=settings.capacity_reserve,
        ),
        store=database.requests,
        ends=database.unshown_ends,
        conversations=database.conversations,
        summaries=database.summaries if settings.context_summary else None,
        steps=database.summary_steps,
        preferences=database.preferences,
        clusters=parts.clusters,
        deliveries=parts.deliveries,
        messenger=parts.messenger,
        estimator=estimator,
        background=parts.background,
        clock=parts.clock,
        metrics=parts.metrics,
        owner=parts.process.me,
        is_alive=parts.process.is_alive,
        company=Company(parts.process, leadership, database.wishes) if parts.is_shared else None,
        changes=database.changes,
    )
