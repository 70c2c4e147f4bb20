"""Builds the queue: everything between a stored question and its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bot.clock import Clock
from bot.domain.channel_summary.steps import SummarySteps
from bot.domain.conversation.store import ConversationStore
from bot.domain.conversation.summary import SummaryStore
from bot.domain.conversation.tokens import TokenEstimator
from bot.domain.queue.back_off import BackOff
from bot.domain.queue.breaker import Breaker
from bot.domain.queue.capacity import CapacityLimit
from bot.domain.queue.estimate import Throughput
from bot.domain.queue.store import QueueChanges, RequestStore, UnshownEnds
from bot.services.answers.attempt import AttemptParts
from bot.services.answers.completion import Completion
from bot.services.answers.final_views import FinalViews
from bot.services.answers.late_ends import LateEnds
from bot.services.answers.live import LiveAnswers
from bot.services.answers.programs import WaitingPrograms
from bot.services.answers.prompt import ChatPolicy, Prompts
from bot.services.answers.unshown import Unshown
from bot.services.cluster.clusters import Cluster, Clusters
from bot.services.conversations.summariser import Summariser
from bot.services.ports import Deliveries, Messenger, Preferences
from bot.services.queue.carrier import Carrier
from bot.services.queue.cluster_gate import ClusterGate
from bot.services.queue.company import Company
from bot.services.queue.dispatcher import Dispatcher
from bot.services.queue.expiry import Expiry
from bot.services.queue.gate import Gate
from bot.services.queue.heartbeat import Heartbeat
from bot.services.queue.idleness import FreeCluster, Idleness
from bot.services.queue.in_flight import InFlight
from bot.services.queue.lane import Lane
from bot.services.queue.next_steps import NextSteps
from bot.services.queue.others import OtherProcesses
from bot.services.queue.positions import PositionUpdater
from bot.services.queue.reconciliation import Reconciliation
from bot.services.queue.signal import QueueSignal
from bot.services.queue.slots import AllSlots, Slots
from bot.services.queue.stops import Stops
from bot.services.queue.token_expiry import TokenExpiryNotifier
from bot.services.requests.cancellation import Cancellation
from bot.services.requests.elsewhere import Elsewhere
from bot.tasks.background import Background
from bot.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueOptions:
    """What operators set. ``question_ttl``, ``announce_after`` and ``first_back_off`` (the wait after a first
    refusal) are seconds, ``max_pages`` messages per answer, ``capacity_reserve`` questions left to the cluster's
    other users."""

    policy: ChatPolicy
    max_pages: int
    question_ttl: float
    announce_after: float
    capacity_reserve: int = 0
    first_back_off: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueParts:
    """What the queue is built from. ``owner`` names this process in the database, ``is_alive`` tells whether the
    process of another name lives; ``summaries`` None: nothing is summarised; ``company`` and ``changes`` None: no
    other process uses the database at the same time."""

    options: QueueOptions
    store: RequestStore
    ends: UnshownEnds
    conversations: ConversationStore
    summaries: SummaryStore | None
    steps: SummarySteps
    preferences: Preferences
    clusters: Clusters
    deliveries: Deliveries
    messenger: Messenger
    estimator: TokenEstimator
    background: Background
    clock: Clock
    metrics: Metrics
    owner: str
    is_alive: Callable[[str], bool]
    company: Company | None = None
    changes: QueueChanges | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """The queue of one process, assembled; nothing of it runs yet."""

    programs: WaitingPrograms
    live_answers: LiveAnswers
    gate: Gate
    lanes: Sequence[Lane]
    slots: AllSlots
    in_flight: InFlight
    signal: QueueSignal
    positions: PositionUpdater
    views: FinalViews
    completion: Completion
    unshown: Unshown
    late_ends: LateEnds
    dispatcher: Dispatcher
    cancellation: Cancellation
    elsewhere: Elsewhere | None
    heartbeat: Heartbeat
    expiry: Expiry
    reconciliation: Reconciliation
    tokens: TokenExpiryNotifier
    summariser: Summariser | None
    others: OtherProcesses | None


def build_queue(parts: QueueParts) -> Queue:
    """Assemble the queue; starts nothing."""
    options, store, clock, metrics = parts.options, parts.store, parts.clock, parts.metrics
    company = parts.company
    programs = WaitingPrograms(parts.deliveries)
    live_answers = LiveAnswers(programs, store, parts.background, clock, max_pages=options.max_pages)
    in_flight, signal, changed = InFlight(), QueueSignal(clock), asyncio.Event()
    stops = Stops(company)
    lane_slots = {
        cluster.name: Slots(
            cluster.name,
            cluster.monitor,
            in_flight,
            CapacityLimit(reserve=options.capacity_reserve),
            Throughput(),
            clock,
        )
        for cluster in parts.clusters
    }
    gates = {cluster.name: _gate(cluster, stops, lane_slots[cluster.name], parts) for cluster in parts.clusters}
    gate = Gate(store, list(gates.items()), stops, signal)
    slots = AllSlots(list(lane_slots.values()), metrics)
    positions = PositionUpdater(store, live_answers, gate, slots, in_flight, clock, metrics, company)
    views = FinalViews(
        store,
        live_answers,
        max_tokens=options.policy.max_tokens,
        names_clusters=bool(parts.clusters.shown_names),
    )
    unshown = Unshown(parts.ends, clock)
    completion = Completion(
        store,
        views,
        parts.messenger,
        parts.preferences,
        unshown,
        clock,
        metrics,
        owner=parts.owner,
        announce_after=options.announce_after,
    )
    reconciliation = Reconciliation(
        store=store,
        live_answers=live_answers,
        completion=completion,
        positions=positions,
        in_flight=in_flight,
        signal=signal,
        background=parts.background,
        clock=clock,
        owner=parts.owner,
    )
    heartbeat = Heartbeat(
        store=store,
        live_answers=live_answers,
        gate=gate,
        signal=signal,
        positions=positions,
        in_flight=in_flight,
        reconciliation=reconciliation,
        clock=clock,
        owner=parts.owner,
        is_alive=parts.is_alive,
        may_be_others=company is not None,
    )
    expiry = Expiry(
        store=store,
        live_answers=live_answers,
        completion=completion,
        background=parts.background,
        clock=clock,
        question_ttl=options.question_ttl,
    )
    cancellation = Cancellation(
        store=store,
        live_answers=live_answers,
        completion=completion,
        expiry=expiry,
        in_flight=in_flight,
        reconciliation=reconciliation,
        signal=signal,
        background=parts.background,
        clock=clock,
        owner=parts.owner,
        wishes=None if company is None else company.wishes,
    )
    summariser = _summariser(parts, Idleness(store, in_flight, gate), FreeCluster(parts.clusters, gates))
    lanes = [
        Lane(
            parts.clusters.place(cluster),
            gates[cluster.name],
            lane_slots[cluster.name],
            _attempt_parts(cluster, gates[cluster.name], parts, summariser, programs),
        )
        for cluster in parts.clusters
    ]
    carrier = Carrier(
        store=store,
        live_answers=live_answers,
        gate=gate,
        lanes=lanes,
        completion=completion,
        positions=positions,
        in_flight=in_flight,
        signal=signal,
        background=parts.background,
        clock=clock,
        owner=parts.owner,
        steps=NextSteps(
            parts.steps, live_answers, completion, positions, signal, clock, metrics, owner=parts.owner
        ),
        company=company,
    )
    dispatcher = Dispatcher(
        store=store,
        live_answers=live_answers,
        gate=gate,
        lanes=lanes,
        slots=slots,
        carrier=carrier,
        positions=positions,
        heartbeat=heartbeat,
        in_flight=in_flight,
        signal=signal,
        clock=clock,
        metrics=metrics,
        company=company,
    )
    for cluster in parts.clusters:
        # Every report of a cluster may let a question leave.
        cluster.monitor.subscribe(signal.set)
    return Queue(
        programs=programs,
        live_answers=live_answers,
        gate=gate,
        lanes=lanes,
        slots=slots,
        in_flight=in_flight,
        signal=signal,
        positions=positions,
        views=views,
        completion=completion,
        unshown=unshown,
        late_ends=LateEnds(
            store=store,
            ends=parts.ends,
            unshown=unshown,
            live_answers=live_answers,
            views=views,
            completion=completion,
            clock=clock,
            leads=None if company is None else company.leads,
        ),
        dispatcher=dispatcher,
        cancellation=cancellation,
        elsewhere=_elsewhere(parts, live_answers, in_flight, cancellation, changed),
        heartbeat=heartbeat,
        expiry=expiry,
        reconciliation=reconciliation,
        tokens=TokenExpiryNotifier(live_answers, store, positions, clock, company),
        summariser=summariser,
        others=None
        if parts.changes is None
        else OtherProcesses(parts.changes, gate, reconciliation, signal, changed),
    )


def _elsewhere(
    parts: QueueParts,
    live_answers: LiveAnswers,
    in_flight: InFlight,
    cancellation: Cancellation,
    changed: asyncio.Event,
) -> Elsewhere | None:
    if parts.company is None:
        return None
    return Elsewhere(
        parts.store,
        parts.company,
        live_answers,
        in_flight,
        cancellation,
        changed,
        parts.clock,
        parts.owner,
    )


def _gate(cluster: Cluster, stops: Stops, slots: Slots, parts: QueueParts) -> ClusterGate:
    first = parts.options.first_back_off
    return ClusterGate(
        cluster=cluster.name,
        stops=stops,
        monitor=cluster.monitor,
        slots=slots,
        back_off=BackOff(first=first),
        breaker=Breaker(BackOff(first=first)),
        clock=parts.clock,
    )


def _attempt_parts(
    cluster: Cluster,
    gate: ClusterGate,
    parts: QueueParts,
    summariser: Summariser | None,
    programs: WaitingPrograms,
) -> AttemptParts:
    # Each cluster runs a model of its own, whose tokenizer is learned for itself.
    estimator = TokenEstimator(parts.estimator) if parts.clusters.shown_names else parts.estimator
    policy = replace(parts.options.policy, most_context=cluster.most_context)
    return AttemptParts(
        cluster=cluster.name,
        scheduler=cluster.scheduler,
        prompts=Prompts(parts.store, parts.conversations, estimator, policy, summariser),
        estimator=estimator,
        clock=parts.clock,
        gate=gate,
        passing=cluster.passing,
        programs=programs,
        metrics=parts.metrics,
    )


def _summariser(parts: QueueParts, idleness: Idleness, scheduler: FreeCluster) -> Summariser | None:
    if parts.summaries is None:
        return None
    return Summariser(
        store=parts.summaries,
        conversations=parts.conversations,
        scheduler=scheduler,
        estimator=parts.estimator,
        clock=parts.clock,
        idleness=idleness,
    )
