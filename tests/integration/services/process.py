"""The line with everything behind it but Discord, the cluster and the disk."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bot.clock import Clock
from bot.domain.conversation.tokens import TokenEstimator
from bot.domain.queue.breaker import Breaker
from bot.domain.queue.capacity import BackOff, CapacityLimit
from bot.domain.queue.estimate import ServiceTimes
from bot.domain.queue.request import Asker, Destination, RequestState, StoredRequest
from bot.domain.queue.store import QueueLimits
from bot.domain.status import ClusterStatus
from bot.errors import StorageError
from bot.services.answers.attempt import Attempts
from bot.services.answers.completion import Completion
from bot.services.answers.live import LiveAnswers
from bot.services.answers.prompt import ChatPolicy
from bot.services.cluster.monitor import ClusterMonitor
from bot.services.ports import Brake
from bot.services.queue.dispatcher import Dispatcher
from bot.services.queue.expiry import Expiry
from bot.services.queue.gate import Gate
from bot.services.queue.heartbeat import Heartbeat
from bot.services.queue.in_flight import InFlight
from bot.services.queue.positions import PositionUpdater
from bot.services.queue.reconciliation import Reconciliation
from bot.services.queue.signal import QueueSignal
from bot.services.requests.ask import AskLimits, AskService, Question
from bot.tasks.background import Background
from bot.telemetry.metrics import Metrics
from tests.fakes.clocks import FastClock
from tests.fakes.conversations import MemoryConversations
from tests.fakes.deliveries import NoAnnouncements, NoMessages, ShownAnswer, ShownAnswers
from tests.fakes.requests import MemoryRequests
from tests.fakes.schedulers import ScriptedScheduler

PATIENCE = 5.0
LIMITS = QueueLimits(per_user=100, total=100)


@dataclass(eq=False)
class RunningQueue:
    """A process of the bot, as far as the line goes."""

    scheduler: ScriptedScheduler
    store: MemoryRequests
    live_answers: LiveAnswers
    shown: ShownAnswers
    monitor: ClusterMonitor
    dispatcher: Dispatcher
    ask: AskService
    keeper: PositionUpdater
    gate: Gate
    heartbeat: Heartbeat
    expiry: Expiry
    in_flight: InFlight
    background: Background
    metrics: Metrics
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _messages: int = 1000

    def __post_init__(self) -> None:
        """Look again at what a test waits for whenever something is shown."""
        self.shown.on_change = self._changed.set

    async def asks(self, user: int, prompt: str, *, channel: int | None = None) -> str:
        """Somebody asks (in a channel of their own when none is given); the request id."""
        destination = Destination(9, channel or 70 + user, 8, private=False, channel_route=True)
        accepted = await self.ask.submit(Question(Asker(user, f"user {user}"), destination, prompt))
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
        """Wait until everything spawned has ended (no question may be in flight)."""
        await self.background.settled(PATIENCE)

    async def stored(self, request_id: str) -> StoredRequest:
        """The row of a request."""
        request = await self.store.get(request_id)
        assert request is not None
        return request

    async def state(self, request_id: str) -> RequestState:
        """Where a request is in its life."""
        return (await self.stored(request_id)).state


@dataclass(frozen=True)
class Settings:
    """What differs between the processes of tests. ``alive`` names the processes that live beside it."""

    owner: str = "this process"
    alive: Collection[str] = ()
    clock: Clock = field(default_factory=lambda: FastClock(20.0))
    back_off: float = 1.0
    question_ttl: float = 86_400.0
    assistant_prefix: bool = False
    announce_after: float = 1e9
    brake: Brake | None = None


def assembled(
    store: MemoryRequests, conversations: MemoryConversations, settings: Settings
) -> tuple[RunningQueue, list[asyncio.Task[None]]]:
    """A process over these stores, its tasks started."""
    clock, metrics = settings.clock, Metrics()
    scheduler, shown, background = ScriptedScheduler(), ShownAnswers(), Background()
    monitor = ClusterMonitor(scheduler, clock, metrics)
    live_answers = LiveAnswers(shown, store, background, clock, max_pages=5)
    gate = Gate(
        monitor,
        CapacityLimit(),
        BackOff(first=settings.back_off),
        Breaker(BackOff(first=settings.back_off)),
        ServiceTimes(),
        clock,
        metrics,
    )
    keeper = PositionUpdater(
        store,
        live_answers,
        clock,
        hold=gate.hold,
        wait_for=lambda position: gate.wait_for(position, ()),
        metrics=metrics,
    )
    estimator = TokenEstimator()
    completion = Completion(
        store,
        live_answers,
        NoMessages(),
        NoAnnouncements(),
        clock,
        metrics,
        owner=settings.owner,
        max_tokens=1000,
        announce_after=settings.announce_after,
    )
    in_flight, signal = InFlight(), QueueSignal(clock)
    reconciliation = Reconciliation(
        store=store,
        live_answers=live_answers,
        completion=completion,
        positions=keeper,
        in_flight=in_flight,
        signal=signal,
        background=background,
        clock=clock,
        owner=settings.owner,
    )
    heartbeat = Heartbeat(
        store=store,
        live_answers=live_answers,
        positions=keeper,
        in_flight=in_flight,
        reconciliation=reconciliation,
        clock=clock,
        owner=settings.owner,
        is_alive=settings.alive.__contains__,
    )
    expiry = Expiry(
        store=store,
        live_answers=live_answers,
        completion=completion,
        background=background,
        clock=clock,
        question_ttl=settings.question_ttl,
    )
    dispatcher = Dispatcher(
        store=store,
        live_answers=live_answers,
        gate=gate,
        attempts=Attempts(
            scheduler=scheduler,
            store=store,
            conversations=conversations,
            estimator=estimator,
            policy=ChatPolicy(
                system_prompt="", context_tokens=4000, max_tokens=1000, assistant_prefix=settings.assistant_prefix
            ),
            clock=clock,
            gate=gate,
        ),
        completion=completion,
        positions=keeper,
        heartbeat=heartbeat,
        expiry=expiry,
        in_flight=in_flight,
        reconciliation=reconciliation,
        signal=signal,
        background=background,
        clock=clock,
        metrics=metrics,
    )
    monitor.subscribe(signal.set)
    ask = AskService(
        store=store,
        conversations=conversations,
        live_answers=live_answers,
        dispatcher=dispatcher,
        estimator=estimator,
        clock=clock,
        queue_limits=LIMITS,
        ask_limits=AskLimits(context_tokens=4000),
        system_prompt="",
        brake=settings.brake,
    )
    queue = RunningQueue(
        scheduler,
        store,
        live_answers,
        shown,
        monitor,
        dispatcher,
        ask,
        keeper,
        gate,
        heartbeat,
        expiry,
        in_flight,
        background,
        metrics,
    )

    async def drained() -> None:
        await heartbeat.recover()
        await dispatcher.run()

    lasting = (monitor.run, keeper.run, heartbeat.keep, expiry.run, reconciliation.run, drained)
    return queue, [asyncio.create_task(_kept_going(work, clock)) for work in lasting]


async def _kept_going(work: Callable[[], Awaitable[None]], clock: Clock) -> None:
    """As the bot does: a disk that fails ends none of its tasks."""
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
    """A process that has seen this report of the cluster; ended without a word, as by ``kill -9``."""
    conversations = conversations or MemoryConversations()
    queue, tasks = assembled(store or MemoryRequests(conversations), conversations, settings or Settings())
    seen = asyncio.Event()
    unsubscribe = queue.monitor.subscribe(seen.set)
    queue.scheduler.report(status)
    try:
        async with asyncio.timeout(PATIENCE):
            await seen.wait()
        unsubscribe()
        yield queue
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        await queue.background.aclose()
    assert all(isinstance(result, asyncio.CancelledError) for result in results), results
