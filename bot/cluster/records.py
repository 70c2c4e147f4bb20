"""What is kept about the cluster, and the borders to whatever keeps it. Times in epoch seconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, Union

from bot.cluster.events import ClusterEvent, EventKind
from bot.cluster.throughput import Speed

Json: TypeAlias = Union[bool, int, float, str, "list[Json]", "dict[str, Json]", None]


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Something an operator did. ``at`` in epoch seconds."""

    at: float
    actor_id: int
    action: str
    detail: Json


@dataclass(frozen=True, slots=True)
class Figures:
    """Answers over some time: how many, and their medians (seconds, tokens per second; None without any)."""

    answers: int = 0
    ttft: float | None = None
    tokens_per_second: float | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """The cluster during the ``span`` seconds that begin at ``at``."""

    at: float
    span: float
    waiting: float
    running: float
    nodes_ready: float
    nodes_listed: float
    answers: int
    ttft: float | None
    tokens_per_second: float | None


@dataclass(frozen=True, slots=True)
class NamedNode:
    """A node that somebody named. The hardware finds it again when its peer id changes."""

    node_id: str
    name: str
    owner_id: int | None
    gpu_name: str
    gpu_count: int
    gpu_memory: float


@dataclass(frozen=True, slots=True)
class Board:
    """A live board: one message in a channel. ``message_id`` None until it was sent."""

    channel_id: int
    guild_id: int | None
    message_id: int | None
    locale: str


@dataclass(frozen=True, slots=True)
class AlertChannel:
    """Where events are told. ``role_id`` is the only role the bot ever pings."""

    channel_id: int
    guild_id: int | None
    role_id: int | None
    locale: str
    ping_owners: bool = False


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """Trouble that was told and has not passed. ``title`` as it was told, for the notice of recovery."""

    kind: str
    subject: str
    since: float


class AuditLog(Protocol):
    """Who did what. Raises only :class:`StorageError`."""

    async def record(self, entry: AuditEntry) -> None:
        """Keep ``entry``; durable when this returns."""
        ...

    async def recent(self, limit: int) -> Sequence[AuditEntry]:
        """The newest ``limit`` entries, newest first."""
        ...


class History(Protocol):
    """The cluster over time. Raises only :class:`StorageError`."""

    async def add_events(self, events: Sequence[ClusterEvent]) -> None:
        """Keep what happened."""
        ...

    async def events(self, *, since: float, limit: int, kind: EventKind | None = None) -> Sequence[ClusterEvent]:
        """The newest ``limit`` events (of this kind) since ``since``, newest first."""
        ...

    async def figures(self, *, since: float, until: float) -> Figures:
        """The answers that ended in this time (of the newest 500)."""
        ...

    async def speeds(self, *, since: float, until: float) -> Sequence[Speed]:
        """The speeds of the answers that ended in this time (of the newest 500)."""
        ...

    async def add_sample(self, sample: Sample) -> None:
        """Keep a sample; one for the same moment is replaced."""
        ...

    async def samples(self, *, since: float) -> Sequence[Sample]:
        """The samples since ``since``, oldest first."""
        ...

    async def compact(self, *, before: float) -> int:
        """Merge samples from before ``before`` into hours; returns how many rows went."""
        ...


class Leases(Protocol):
    """What only one of several processes does at a time. Times in epoch seconds. Raises only
    :class:`StorageError`."""

    async def hold(
        self, name: str, owner: str, *, now: float, until: float, is_alive: Callable[[str], bool]
    ) -> bool:
        """Have the lease ``until`` then, when nobody else has it now; False when somebody has, of whom
        ``is_alive`` is true."""
        ...

    async def take(self, name: str, owner: str, *, until: float) -> None:
        """Have it ``until`` then, whoever had it."""
        ...

    async def release(self, name: str, owner: str) -> None:
        """Have it no more; nothing happens when another has it."""
        ...


class NodeNames(Protocol):
    """Names of nodes. Raises only :class:`StorageError`."""

    async def all(self) -> Sequence[NamedNode]:
        """Every named node."""
        ...

    async def put(self, node: NamedNode, *, instead_of: str | None = None) -> None:
        """Keep a name; ``instead_of`` is the peer id that the node had before."""
        ...


class Boards(Protocol):
    """Where boards are, and where alerts go. Raises only :class:`StorageError`."""

    async def boards(self) -> Sequence[Board]:
        """Every board."""
        ...

    async def put_board(self, board: Board) -> None:
        """Place or replace the board of a channel."""
        ...

    async def remove_board(self, channel_id: int) -> bool:
        """Forget a channel's board; False when there was none."""
        ...

    async def alert_channels(self) -> Sequence[AlertChannel]:
        """Every channel that is told."""
        ...

    async def put_alerts(self, channel: AlertChannel) -> None:
        """Tell a channel from now on."""
        ...

    async def remove_alerts(self, channel_id: int) -> bool:
        """Tell it no more; False when it was not told."""
        ...

    async def open_alerts(self) -> Sequence[OpenAlert]:
        """What was told and has not passed."""
        ...

    async def begin_alerts(self, alerts: Sequence[OpenAlert]) -> Sequence[OpenAlert]:
        """Note that trouble is being told, all at once; returned without what another process has noted first."""
        ...

    async def end_alerts(self, alerts: Sequence[OpenAlert]) -> Sequence[OpenAlert]:
        """It has passed; returned without what another process has noted first, or nobody was told."""
        ...
