"""The scheduler's state: its nodes, the model that was set, and what init and restarts do to them."""

from dataclasses import dataclass, field

from sandbox.parallax import models
from sandbox.parallax.lifecycle import Lifecycle
from sandbox.parallax.nodes import Node, NodeState, Pipeline, node_id, pipelines
from sandbox.parallax.surroundings import Surroundings
from sandbox.parallax.wire import Json, JsonObject

__all__ = ["HANG", "Cluster", "ClusterOptions", "FailedInitError"]

HANG = "a worker was lost with a stream open"
_JOINERS = "an init met workers that had waited since a failed init"
JOINERS_FREEZE_SECONDS = 320.0
"""An init that meets joiners after a failed init froze the real scheduler for more than 5 minutes."""
LEAVES_TOGETHER_SECONDS = 1.0
"""Leaves so close together may lose one of them."""


class FailedInitError(Exception):
    """The model cannot be loaded; the text is the recorded one for a name that the hub does not know (12)."""

    def __init__(self) -> None:
        super().__init__(
            "Cannot find the requested files in the disk cache and outgoing traffic has been disabled. "
            "To enable <model hub> look-ups and downloads online, set 'local_files_only' to False."
        )


@dataclass(slots=True)
class ClusterOptions:
    """What can be set on a cluster, some of it while it runs."""

    slots: int = 4
    """Requests that one pipeline works on at a time."""
    lag: bool = True
    """Whether a finished request keeps its slot counted until the next heartbeat, as in reality."""
    first_heartbeat: float | None = None
    """Scheduler seconds until a ready node's first heartbeat; None spreads the nodes over the 10 s."""
    loading: float = 0.0
    """Scheduler seconds that a node loads its weights after it is listed: minutes with a real model. It counts
    for `max_running_request` meanwhile."""
    unloadable: set[str] = field(default_factory=set)
    """Models whose init answers 500 although they are listed; the status names them all the same."""
    joiners_freeze: bool = False
    """Whether an init that meets joining workers after a failed one freezes the server for minutes."""
    leaves_get_lost: bool = False
    """Whether of clean leaves within a second only the first is noticed; the others stay listed as if killed."""


class Cluster:
    """The state behind every endpoint. All durations are scheduler seconds."""

    def __init__(self, around: Surroundings, options: ClusterOptions) -> None:
        self.options = options
        self.model: str | None = None
        self.init_nodes_num: Json = None
        self.is_local: Json = None
        self._running = False
        self._stranded = False
        self._init_failed = False
        self._last_leave = float("-inf")
        self._nodes: dict[str, Node] = {}
        self._around = around
        self._lifecycle = Lifecycle(around)

    # What the scheduler reports

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Every worker, also one that the scheduler does not list."""
        return tuple(self._nodes.values())

    @property
    def listed(self) -> list[Node]:
        """The nodes in the scheduler's list."""
        return [node for node in self._nodes.values() if node.listed]

    @property
    def poisoned(self) -> bool:
        """Whether `init_nodes_num` is something that the status cannot compare (recordings 23 to 26)."""
        return self.init_nodes_num is not None and not isinstance(self.init_nodes_num, int)

    @property
    def pipelines(self) -> list[Pipeline]:
        """The allocated pipelines; none while the cluster waits."""
        if not self._running or self._stranded or self.poisoned or not self._enough_nodes():
            return []
        return pipelines(self.listed, models.vram_gb(self.model) if self.model else 0)

    @property
    def available(self) -> bool:
        """The cluster's own status; says nothing about the nodes being usable."""
        return bool(self.pipelines)

    @property
    def capacity(self) -> int:
        """`max_running_request`: slots of all pipelines."""
        return self.options.slots * len(self.pipelines)

    @property
    def join_command(self) -> str | None:
        """The command that a worker is started with; the recorded trailing space included."""
        if not self._running:
            return None
        return "parallax join" if self.is_local else f"parallax join -s {node_id('scheduler')} "

    def status(self, *, documented: bool) -> JsonObject:
        """One line of `/cluster/status`."""
        command = self.join_command
        if documented:
            shown: Json = command
        else:
            shown = None if command is None else {"command": command}
        data: dict[str, Json] = {
            "status": "available" if self.available else "waiting",
            "model_name": self.model,
            "init_nodes_num": self.init_nodes_num,
            "node_join_command": shown,
            "node_list": [node.as_json() for node in self.listed],
            "need_more_nodes": self._needs_more_nodes(),
        }
        if not documented:
            data["max_running_request"] = self.capacity
        return {"type": "cluster_status", "data": data}

    # What operators and workers do

    async def init(self, model: str, nodes: Json, local: Json) -> None:
        """`POST /scheduler/init`: stop what runs, start anew; workers that are connected get stranded.

        Raises FailedInitError, after the running cluster has been stopped.
        """
        if self._running:
            await self._around.clock.sleep(0.1)
        if self._init_failed and self.options.joiners_freeze and any(node.joining for node in self.nodes):
            await self._around.gate.block(self._around.clock, JOINERS_FREEZE_SECONDS, _JOINERS)
        connected = self._stop()
        self.model, self.init_nodes_num, self.is_local = model, nodes, local
        try:
            self._init_failed = model not in models.MODELS or model in self.options.unloadable
            if self._init_failed:
                raise FailedInitError
            self._running = True
            self._stranded = connected
            for node in self.nodes:
                if node.known:
                    self._lifecycle.turn_up_again(node)
                else:
                    self._join(node)
        finally:
            self._around.changes.notify()

    def start_at_once(self, model: str, nodes: int) -> None:
        """Start with `model` initialised. Raises KeyError for a model that is not offered."""
        self.model, self.init_nodes_num, self.is_local = model, nodes, True
        models.vram_gb(model)
        self._running = True
        self._stranded = False

    def add(self, name: str, gpu: str, memory: float, *, ready: bool) -> Node:
        """Start a worker. `ready` skips the 21 to 24 s of joining.

        Raises ValueError when a worker of that name runs.
        """
        if name in self._nodes:
            raise ValueError(f"there is a node {name!r} already")
        node = self._nodes[name] = Node(name, gpu, memory)
        if self._running:
            if ready and not self._stranded:
                self._ready(node)
            else:
                self._join(node)
        self._around.changes.notify()
        return node

    def remove(self, name: str) -> None:
        """A clean leave (Ctrl-C): 0.2 s when idle, a hang of everything with a stream open (recording 67)."""
        node = self._end_worker(name)
        now = self._around.clock.now()
        lost = now < self._around.clock.after(self._last_leave, LEAVES_TOGETHER_SECONDS)
        self._last_leave = now
        if not self._hung_by(node):
            self._lifecycle.leave(node, self._forget, cleanly=not (lost and self.options.leaves_get_lost))

    def kill(self, name: str) -> None:
        """The worker dies: listed for half a minute more when idle, else everything hangs (60, 85, 88).

        A stranded one stays listed until the scheduler restarts: only active nodes are missed.
        """
        node = self._end_worker(name)
        if self._hung_by(node):
            return
        if self._stranded:
            node.state = NodeState.WAITING
        else:
            self._lifecycle.leave(node, self._forget, cleanly=False)
        self._around.changes.notify()

    def set_front(self, name: str, *, alive: bool, seconds: float | None = None) -> None:
        """The worker's HTTP front crashes or comes back; the scheduler's list does not change. With `seconds` it
        becomes the opposite after so long."""
        node = self._nodes[name]
        node.front_alive = alive
        self._around.changes.notify()
        if seconds is not None:
            self._lifecycle.turn_front(node, alive=not alive, after=seconds)

    def set_ready(self, name: str, *, ready: bool) -> None:
        """A listed node loads its part of the model again, or has loaded it; the cluster stays `available`."""
        node = self._nodes[name]
        if not node.listed:
            raise ValueError(f"the node {name!r} is not listed")
        self._lifecycle.become(node, NodeState.AVAILABLE if ready else NodeState.WAITING)

    def restart(self, *, initialise: bool, ready: bool, rejoin: bool) -> None:
        """A new scheduler process, without a model; its workers live on unknown to it.

        `initialise` repeats the last init that worked, and the workers start anew: `ready` skips the time of
        joining. Without `initialise`, `rejoin` lets them come back by themselves 10 to 20 s later, listed as
        waiting; an init before or after that strands them, for they are connected.
        """
        model, nodes = self.model, self.init_nodes_num
        self._stop()
        self.model = self.init_nodes_num = self.is_local = None
        self._init_failed = False
        self._around.gate.open(HANG)
        self._around.gate.open(_JOINERS)
        for node in self.nodes:
            node.restart(known=rejoin and not initialise)
            if node.known:
                self._lifecycle.rejoin(node)
        if initialise and model in models.MODELS:
            self.start_at_once(model, nodes if isinstance(nodes, int) else 1)
            for node in self.nodes:
                if ready:
                    self._ready(node)
                else:
                    self._join(node)
        self._around.changes.notify()

    # Inside

    def _enough_nodes(self) -> bool:
        wanted = self.init_nodes_num if isinstance(self.init_nodes_num, int) else 1
        return len(self.listed) >= max(1, wanted)

    def _needs_more_nodes(self) -> bool:
        if not self._running or not self.listed:
            return False
        return self._stranded or (self._enough_nodes() and not self.pipelines)

    def _stop(self) -> bool:
        """Stop the scheduler's run; returns whether live workers were connected to it."""
        connected = False
        for node in self.nodes:
            self._lifecycle.end(node)
            if not node.alive:
                del self._nodes[node.name]
            elif node.known:
                connected = True
                node.state = NodeState.GONE
        self._running = self._stranded = False
        return connected

    def _end_worker(self, name: str) -> Node:
        node = self._nodes[name]
        if not node.alive:
            raise ValueError(f"the node {name!r} has ended already")
        self._lifecycle.end(node)
        node.alive = False
        return node

    def _hung_by(self, node: Node) -> bool:
        if node.running + node.others == 0:
            return False
        self._around.gate.close(HANG)
        self._around.changes.notify()
        return True

    def _ready(self, node: Node) -> None:
        self._lifecycle.be_ready(node, first_heartbeat=self.options.first_heartbeat)

    def _join(self, node: Node) -> None:
        self._lifecycle.join(node, loading=self.options.loading, strands=lambda: self._stranded)

    def _forget(self, node: Node) -> None:
        self._nodes.pop(node.name, None)
