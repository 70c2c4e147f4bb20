"""A process of the bot as far as alerts need it: real services and storage, a scripted scheduler, a hand clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from bot.discord_io.outgoing import Outgoing
from bot.domain.cluster.boards import AlertChannel, OpenAlert
from bot.domain.status import ClusterState, ClusterStatus, JoinCommand, Node, NodeState
from bot.errors import SchedulerUnreachable
from bot.presentation.status import Load
from bot.services.cluster.leadership import Leadership
from bot.services.cluster.monitor import SILENCE_TOLERATED, ClusterMonitor, ClusterService
from bot.services.cluster.node_names import NodeBook
from bot.services.cluster.recorder import ClusterRecorder
from bot.services.operations.alerts import Alerts
from bot.storage.database import Database
from bot.telemetry.metrics import Metrics
from tests.fakes.clocks import HandClock
from tests.fakes.schedulers import ScriptedScheduler

CHANNEL, ROLE = 7, 77
FROZEN = SchedulerUnreachable("nothing comes", code="stall")
CLOSED = SchedulerUnreachable("refused", code="connect_failed")
RACK, ATTIC, STUDIO = (
    Node("rack-1", NodeState.AVAILABLE, "RTX 4090", 1, 24.0),
    Node("attic", NodeState.AVAILABLE, "RTX 3090", 1, 24.0),
    Node("studio", NodeState.AVAILABLE, "M2 Ultra", 1, 192.0),
)


def report(*nodes: Node, model: str | None = "m", waiting: bool = False, more: bool = False) -> ClusterStatus:
    """A report of a cluster with these nodes, each of which takes four questions."""
    state = ClusterState.WAITING if waiting or not nodes else ClusterState.AVAILABLE
    capacity = 4 * len(nodes) if state is ClusterState.AVAILABLE else 0
    join = JoinCommand("parallax join", public=False) if model is not None else None
    return ClusterStatus(state, model, 1, nodes, more, join, capacity)


@dataclass(frozen=True)
class Told:
    """One message in the channel that receives alerts."""

    text: str
    role_id: int | None
    user_ids: tuple[int, ...]

    @property
    def lines(self) -> list[str]:
        """The lines without their times."""
        return [line.partition(" · <t:")[0] for line in self.text.splitlines()]


@dataclass(eq=False)
class Channel:
    """A :class:`bot.services.operations.alerts.Teller` that keeps its messages."""

    messages: list[Told] = field(default_factory=list)

    async def tell(
        self, channel_id: int, text: str, *, role_id: int | None = None, user_ids: Sequence[int] = ()
    ) -> None:
        """Keep the message."""
        assert channel_id == CHANNEL
        self.messages.append(Told(text, role_id, tuple(user_ids)))


@dataclass(eq=False)
class SwitchState:
    """Whether a model switch is under way, as the test says."""

    is_under_way: bool = False


@dataclass(eq=False)
class Process:
    """A process of the bot, as far as alerts need it."""

    clock: HandClock
    scheduler: ScriptedScheduler
    monitor: ClusterMonitor
    database: Database
    leadership: Leadership
    recorder: ClusterRecorder
    alerts: Alerts
    channel: Channel
    outgoing: Outgoing
    switch: SwitchState

    @property
    def lines(self) -> list[str]:
        """Every line that was sent."""
        return [line for message in self.channel.messages for line in message.lines]

    async def looks(self) -> None:
        """Store the events and send what is due."""
        await self.recorder.keep()
        await self.alerts.look()

    async def sees(self, status: ClusterStatus) -> None:
        """Let the scheduler send this report, then look."""
        self.scheduler.report(status)
        await self.scheduler.heard()
        await self.looks()

    async def goes_on(self, seconds: float, status: ClusterStatus | None = None) -> None:
        """Let time pass second by second, with this report each second (None: no report), and look each time."""
        for _ in range(round(seconds)):
            self.clock.advance(1.0)
            if status is not None:
                self.scheduler.report(status)
                await self.scheduler.heard()
            await self.looks()

    async def falls_silent(self, error: SchedulerUnreachable) -> None:
        """Let the scheduler stop answering until the bot has noticed."""
        self.clock.advance(SILENCE_TOLERATED)
        await self.stays_silent(error)

    async def stays_silent(self, error: SchedulerUnreachable) -> None:
        """Let one more try of the bot fail with this error."""
        self.scheduler.break_off(error)
        await self.scheduler.heard()
        self.clock.advance(10.0)
        await self.looks()

    async def open(self) -> list[OpenAlert]:
        """The announced problems that have not ended."""
        return list(await self.database.boards.open_alerts())


@asynccontextmanager
async def process(
    url: str,
    clock: HandClock,
    *,
    owner: str = "a process",
    channel: Channel | None = None,
    cluster_name: str = "",
    tells_of_bot: bool = True,
) -> AsyncIterator[Process]:
    """A process on the database at ``url`` that has not received any report; or, with a name, what it has for one
    of several clusters."""
    scheduler, channel = ScriptedScheduler(), channel or Channel()
    metrics = Metrics()
    monitor, outgoing = ClusterMonitor(scheduler, clock, metrics), Outgoing(clock, metrics)
    async with Database.open(url) as database:

        async def load() -> Load:
            return Load(0, None, 0)

        leadership = Leadership(database.leader_lease, owner, clock, lambda _: True)
        cluster = ClusterService(scheduler, monitor, "", clock)
        recorder = ClusterRecorder(
            monitor,
            database.history.of(cluster_name),
            database.switches.of(cluster_name),
            load,
            clock,
            leadership,
        )
        switch = SwitchState()
        nodes = NodeBook(database.node_names, [cluster], database.audit, clock)
        alerts = Alerts(
            database.boards.of(cluster_name),
            channel,
            cluster,
            recorder,
            nodes,
            clock,
            leadership,
            outgoing,
            lambda: switch.is_under_way,
            cluster_name=cluster_name,
            tells_of_bot=tells_of_bot,
        )
        one = Process(clock, scheduler, monitor, database, leadership, recorder, alerts, channel, outgoing, switch)
        following = asyncio.create_task(monitor.run())
        await database.boards.put_alerts(AlertChannel(CHANNEL, 8, ROLE, "en", ping_owners=True))
        await alerts.remember()
        try:
            yield one
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
