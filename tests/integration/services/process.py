"""The queue with everything behind it but Discord, the cluster and the disk."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bot.clock import Clock
from bot.container.queue import Queue, QueueOptions, QueueParts, build_queue
from bot.domain.conversation.profile import Profile, Scope, ScopeChain
from bot.domain.conversation.tokens import TokenEstimator
from bot.domain.queue.request import Asker, Destination, RequestState, StoredRequest
from bot.domain.queue.store import QueueLimits
from bot.domain.status import ClusterStatus
from bot.errors import StorageError
from bot.services.access.operators import Operators, Person
from bot.services.access.profiles import Profiles
from bot.services.access.quotas import Quotas
from bot.services.access.rules import Access
from bot.services.answers.live import LiveAnswers
from bot.services.answers.prompt import ChatPolicy
from bot.services.cluster.clusters import Cluster, Clusters
from bot.services.cluster.leadership import Leadership
from bot.services.cluster.monitor import ClusterMonitor, ClusterService
from bot.services.ports import Brake
from bot.services.queue.company import Company
from bot.services.queue.dispatcher import Dispatcher
from bot.services.queue.expiry import Expiry
from bot.services.queue.gate import Gate
from bot.services.queue.heartbeat import Heartbeat
from bot.services.queue.in_flight import InFlight
from bot.services.queue.positions import PositionUpdater
from bot.services.queue.signal import QueueSignal
from bot.services.requests.ask import AskContext, AskRequest, AskService
from bot.services.requests.cancellation import Cancellation
from bot.tasks.background import Background
from bot.telemetry.metrics import Metrics
from tests.fakes.clocks import FastClock
from tests.fakes.conversations import MemoryConversations
from tests.fakes.deliveries import NoAnnouncements, NoMessages, ShownAnswer, ShownAnswers
from tests.fakes.ends import MemoryEnds
from tests.fakes.members import NoMembers
from tests.fakes.profiles import NoBrake, NoProfiles, NoUsage
from tests.fakes.requests import MemoryRequests
from tests.fakes.schedulers import ScriptedScheduler
from tests.fakes.steps import MemorySteps
from tests.fakes.wishes import LivingOthers, MemoryLease, MemoryWishes

PATIENCE = 20.0
LIMITS = QueueLimits(per_user=100, total=100)
DEFAULTS = Profile(persona="", context_tokens=4000, answer_tokens=1000)


_heard = itertools.count(1)


def asked(user: int, prompt: str, channel: int, *, private: bool = False) -> AskRequest:
    """A question of this person in a channel, where nothing is set."""
    return AskRequest(
        prompt,
        Asker(user, f"user {user}"),
        AskContext(Person(user, 8), ScopeChain((Scope("channel", channel, ""),)), DEFAULTS),
        Destination(9, channel, 8, private=private, channel_route=not private),
        next(_heard),
    )


@dataclass(eq=False)
class RunningQueue:
    """The queue of one process of the bot."""

    scheduler: ScriptedScheduler
    store: MemoryRequests
    shown: ShownAnswers
    clusters: Clusters
    parts: Queue
    ask: AskService
    background: Background
    clock: Clock
    metrics: Metrics
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _messages: int = 1000

    def __post_init__(self) -> None:
        """Look again at what a test waits for whenever something is shown."""
        self.shown.on_change = self._changed.set

    @property
    def monitor(self) -> ClusterMonitor:
        """Of its cluster, or its first one."""
        return self.clusters.first.monitor

    @property
    def live_answers(self) -> LiveAnswers:
        """Of this queue."""
        return self.parts.live_answers

    @property
    def gate(self) -> Gate:
        """Of this queue."""
        return self.parts.gate

    @property
    def in_flight(self) -> InFlight:
        """Of this queue."""
        return self.parts.in_flight

    @property
    def signal(self) -> QueueSignal:
        """Of this queue."""
        return self.parts.signal

    @property
    def positions(self) -> PositionUpdater:
        """Of this queue."""
        return self.parts.positions

    @property
    def dispatcher(self) -> Dispatcher:
        """Of this queue."""
        return self.parts.dispatcher

    @property
    def cancellation(self) -> Cancellation:
        """Of this queue."""
        return self.parts.cancellation

    @property
    def heartbeat(self) -> Heartbeat:
        """Of this queue."""
        return self.parts.heartbeat

    @property
    def expiry(self) -> Expiry:
        """Of this queue."""
        return self.parts.expiry

    async def asks(self, user: int, prompt: str, *, channel: int | None = None, private: bool = False) -> str:
        """Somebody asks (in a channel of their own when none is given); the request id."""
        accepted = await self.ask.submit(asked(user, prompt, channel or 70 + user, private=private))
        assert accepted is not None
        self._messages += 1
        await self.ask.acknowledged(accepted, self._messages)
        return accepted.request_id

    def answer(self, request_id: str) -> ShownAnswer:
        """What is shown of a request."""
        return self.shown.answers[request_id]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something shown makes this true."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def until_shows(self, request_id: str, words: str) -> None:
        """Wait until the answer shows ``words``."""
        await self.until(lambda: words in self.answer(request_id).text)

    async def until_settled(self) -> None:
        """Wait until every spawned task has ended (no question may be in flight)."""
        assert await self.background.settled(PATIENCE), "tasks still run"

    async def stored(self, request_id: str) -> StoredRequest:
        """The row of a request."""
        request = await self.store.get(request_id)
        assert request is not None
        return request

    async def state(self, request_id: str) -> RequestState:
        """The state of a request."""
        return (await self.stored(request_id)).state


@dataclass(frozen=True)
class Settings:
    """What differs between the processes of tests. ``alive`` names the processes that live beside it;
    ``scheduler`` None means one whose answers the test writes; ``wishes`` and ``lease`` are what processes share
    that work side by side. With a ``second`` scheduler there are two clusters: ``studio`` and, behind that,
    ``office``; ``most_context`` is what each takes at most."""

    owner: str = "this process"
    alive: Collection[str] = ()
    clock: Clock = field(default_factory=lambda: FastClock(20.0))
    back_off: float = 1.0
    question_ttl: float = 86_400.0
    assistant_prefix: bool = False
    announce_after: float = 1e9
    brake: Brake = field(default_factory=NoBrake)
    scheduler: ScriptedScheduler | None = None
    wishes: MemoryWishes | None = None
    lease: MemoryLease | None = None
    second: ScriptedScheduler | None = None
    most_context: Mapping[str, int | None] = field(default_factory=dict)


def _clusters(settings: Settings, scheduler: ScriptedScheduler, metrics: Metrics) -> Clusters:
    both = {"": scheduler} if settings.second is None else {"studio": scheduler, "office": settings.second}
    found = []
    for name, one in both.items():
        monitor = ClusterMonitor(one, settings.clock, metrics)
        found.append(
            Cluster(
                name,
                one,
                monitor,
                ClusterService(one, monitor, "", settings.clock),
                settings.most_context.get(name),
            )
        )
    return Clusters(found)


def built(store: MemoryRequests, conversations: MemoryConversations, settings: Settings) -> RunningQueue:
    """A process over these stores, built as the bot builds it; nothing of it runs yet."""
    clock, metrics = settings.clock, Metrics()
    scheduler = settings.scheduler or ScriptedScheduler()
    shown, background = ShownAnswers(), Background()
    clusters, estimator = _clusters(settings, scheduler, metrics), TokenEstimator()
    parts = build_queue(
        QueueParts(
            options=QueueOptions(
                policy=ChatPolicy(
                    system_prompt=DEFAULTS.persona,
                    context_tokens=DEFAULTS.context_tokens,
                    max_tokens=DEFAULTS.answer_tokens,
                    assistant_prefix=settings.assistant_prefix,
                ),
                max_pages=5,
                question_ttl=settings.question_ttl,
                announce_after=settings.announce_after,
                first_back_off=settings.back_off,
            ),
            store=store,
            ends=MemoryEnds(store),
            conversations=conversations,
            summaries=None,
            steps=MemorySteps(store),
            preferences=NoAnnouncements(),
            clusters=clusters,
            deliveries=shown,
            messenger=NoMessages(),
            estimator=estimator,
            background=background,
            clock=clock,
            metrics=metrics,
            owner=settings.owner,
            is_alive=settings.alive.__contains__,
            company=_company(settings),
        )
    )
    operators = Operators(user_ids=(), role_ids=(), guild_ids=())
    profiles = Profiles(NoProfiles(), clock, DEFAULTS)
    ask = AskService(
        store=store,
        live_answers=parts.live_answers,
        gate=parts.gate,
        positions=parts.positions,
        signal=parts.signal,
        estimator=estimator,
        clock=clock,
        queue_limits=LIMITS,
        profiles=profiles,
        access=Access(profiles, operators, NoMembers()),
        quotas=Quotas(NoUsage(), operators, clock, per_user=0, roles={}),
        brake=settings.brake,
        id_key=b"of the tests",
        metrics=metrics,
        most_context={cluster.name: cluster.most_context for cluster in clusters},
    )
    return RunningQueue(scheduler, store, shown, clusters, parts, ask, background, clock, metrics)


def _company(settings: Settings) -> Company | None:
    if settings.wishes is None or settings.lease is None:
        return None
    is_alive = settings.alive.__contains__
    leadership = Leadership(settings.lease, settings.owner, settings.clock, is_alive)
    return Company(LivingOthers(settings.owner, settings.alive), leadership, settings.wishes)


def started(queue: RunningQueue) -> list[asyncio.Task[None]]:
    """Start the lasting tasks of this process."""
    lasting = (
        *(cluster.monitor.run for cluster in queue.clusters),
        queue.positions.run,
        queue.heartbeat.run,
        queue.expiry.run,
        queue.parts.reconciliation.run,
        queue.parts.late_ends.run,
        queue.cancellation.run,
        queue.dispatcher.run,
        *((queue.parts.elsewhere.run,) if queue.parts.elsewhere is not None else ()),
    )
    clock = queue.clock
    return [asyncio.create_task(_kept_going(work, clock)) for work in lasting]


async def _kept_going(work: Callable[[], Awaitable[None]], clock: Clock) -> None:
    """Repeat ``work`` when the disk fails, as the bot does."""
    while True:
        with contextlib.suppress(StorageError):
            await work()
        await clock.sleep(1.0)


@asynccontextmanager
async def running(
    status: ClusterStatus,
    store: MemoryRequests | None = None,
    conversations: MemoryConversations | None = None,
    settings: Settings | None = None,
) -> AsyncIterator[RunningQueue]:
    """A process that has seen this report of the cluster; it ends without cleaning up, as by ``kill -9``."""
    conversations = conversations or MemoryConversations()
    queue = built(store or MemoryRequests(conversations), conversations, settings or Settings())
    tasks = started(queue)
    try:
        for cluster in queue.clusters:
            await _seen(cluster, status)
        yield queue
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        await queue.background.aclose()
    assert all(isinstance(result, asyncio.CancelledError) for result in results), results


async def _seen(cluster: Cluster, status: ClusterStatus) -> None:
    """Let a cluster report this, and wait until it was seen."""
    seen = asyncio.Event()
    unsubscribe = cluster.monitor.subscribe(seen.set)
    assert isinstance(cluster.scheduler, ScriptedScheduler)
    cluster.scheduler.report(status)
    async with asyncio.timeout(PATIENCE):
        await seen.wait()
    unsubscribe()
