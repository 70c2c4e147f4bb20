"""The scheduler's state: its nodes, the model that was set, and the slots that it counts as taken."""

import asyncio
import random
from collections.abc import Coroutine
from dataclasses import dataclass

from sandbox.parallax import models
from sandbox.parallax.clock import Changes, ScaledClock
from sandbox.parallax.gate import Gate
from sandbox.parallax.nodes import Node, NodeState, Pipeline, node_id, pipelines
from sandbox.parallax.tasks import Tasks
from sandbox.parallax.wire import Json, JsonObject

__all__ = ["HANG", "Cluster", "ClusterOptions", "UnknownModelError"]

HANG = "a worker was lost with a stream open"

JOIN_SECONDS = (11.0, 14.0)
HEARTBEAT_SECONDS = 10.0
LEAVE_SECONDS = 0.2
FORGET_KILLED_SECONDS = 28.5
"""Recording 88: killed at 0.01, still listed at 9.16, gone at 29.08."""
RELIST_SECONDS = (3.0, 10.0)
"""After a re-init the old workers turn up again with a heartbeat (recordings 74, 76, 89)."""
STALE_SECONDS = 15.0
"""… and fall back to `waiting` that much later (recordings 76, 77, 89)."""


class UnknownModelError(Exception):
    """The model hub does not know the name; the text is the recorded one (recording 12)."""

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


class Cluster:
    """The state behind every endpoint. All durations are scheduler seconds."""

    def __init__(
        self,
        *,
        clock: ScaledClock,
        gate: Gate,
        changes: Changes,
        tasks: Tasks,
        options: ClusterOptions,
        rng: random.Random,
    ) -> None:
        self.options = options
        self.model: str | None = None
        self.init_nodes_num: Json = None
        self.is_local: Json = None
        self._running = False
        self._stranded = False
        self._nodes: dict[str, Node] = {}
        self._lives: dict[str, asyncio.Task[None]] = {}
        self._clock = clock
        self._gate = gate
        self._changes = changes
        self._tasks = tasks
        self._rng = rng

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

        Raises UnknownModelError, after the running cluster has been stopped.
        """
        if self._running:
            await self._clock.sleep(0.1)
        connected = self._stop()
        self.model, self.init_nodes_num, self.is_local = model, nodes, local
        try:
            if model not in models.MODELS:
                raise UnknownModelError
            self._running = True
            self._stranded = connected
            for node in self.nodes:
                self._live(node, self._turn_up_again(node) if node.known else self._join(node))
        finally:
            self._changes.notify()

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
                self._live(node, self._join(node))
        self._changes.notify()
        return node

    def remove(self, name: str) -> None:
        """A clean leave (Ctrl-C): 0.2 s when idle, a hang of everything with a stream open (recording 67)."""
        node = self._end_worker(name)
        if not self._hung_by(node):
            self._live(node, self._forget(node, LEAVE_SECONDS))

    def kill(self, name: str) -> None:
        """The worker dies: listed for half a minute more when idle, else everything hangs (60, 85, 88)."""
        node = self._end_worker(name)
        if self._hung_by(node):
            return
        if self._stranded:
            node.state = NodeState.WAITING
        else:
            self._live(node, self._forget(node, FORGET_KILLED_SECONDS))
        self._changes.notify()

    def set_front(self, name: str, *, alive: bool, seconds: float | None = None) -> None:
        """The worker's HTTP front crashes or comes back; the scheduler's list does not change. With `seconds` it
        becomes the opposite after so long."""
        node = self._nodes[name]
        node.front_alive = alive
        self._changes.notify()
        if seconds is not None:
            self._tasks.start(self._turn_front(node, not alive, seconds), f"front of {name}")

    def set_ready(self, name: str, *, ready: bool) -> None:
        """A listed node loads its part of the model again, or has loaded it; the cluster stays `available`."""
        node = self._nodes[name]
        if not node.listed:
            raise ValueError(f"the node {name!r} is not listed")
        self._become(node, NodeState.AVAILABLE if ready else NodeState.WAITING)

    def restart(self, *, initialise: bool, ready: bool) -> None:
        """A new scheduler process; workers that live start anew with it.

        `initialise` repeats the last init that worked; `ready` skips the time of joining.
        """
        model, nodes = self.model, self.init_nodes_num
        self._stop()
        self.model = self.init_nodes_num = self.is_local = None
        self._gate.open(HANG)
        for node in self.nodes:
            node.known, node.front_alive = False, True
            node.counted = node.running = node.others = 0
            node.state = NodeState.JOINING
        if initialise and model in models.MODELS:
            self.start_at_once(model, nodes if isinstance(nodes, int) else 1)
            for node in self.nodes:
                if ready:
                    self._ready(node)
                else:
                    self._live(node, self._join(node))
        self._changes.notify()

    def occupy(self, slots: int) -> None:
        """Let other clients hold `slots` slots from now on, spread over the pipelines from the first on."""
        left = slots
        for head in [pipeline[0] for pipeline in self.pipelines]:
            taken = min(left, self.options.slots)
            head.counted += max(0, taken - head.others)
            head.others = taken
            left -= taken
            if not self.options.lag:
                head.heartbeat()
        self._changes.notify()

    # Routing

    def usable(self) -> bool:
        """Whether any pipeline has only active nodes."""
        return bool(self._active_heads())

    def dispatch(self) -> Node | None:
        """Give a request to the least loaded active pipeline; None when all count as full."""
        free = [head for head in self._active_heads() if head.counted < self.options.slots]
        if not free:
            return None
        head = min(free, key=lambda node: node.counted)
        head.counted += 1
        head.running += 1
        self._changes.notify()
        return head

    def release(self, node: Node) -> None:
        """The worker has finished a request; with `lag` the scheduler learns it at the next heartbeat."""
        node.running = max(0, node.running - 1)
        if not self.options.lag:
            node.heartbeat()
        self._changes.notify()

    # Inside

    def _active_heads(self) -> list[Node]:
        return [
            pipeline[0]
            for pipeline in self.pipelines
            if all(node.state is NodeState.AVAILABLE for node in pipeline)
        ]

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
            self._end_life(node)
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
        self._end_life(node)
        node.alive = False
        return node

    def _hung_by(self, node: Node) -> bool:
        if node.running + node.others == 0:
            return False
        self._gate.close(HANG)
        self._changes.notify()
        return True

    def _ready(self, node: Node) -> None:
        node.known, node.state = True, NodeState.AVAILABLE
        first = self.options.first_heartbeat
        self._live(node, self._beat(node, self._rng.uniform(1, HEARTBEAT_SECONDS) if first is None else first))

    def _live(self, node: Node, life: Coroutine[object, object, None]) -> None:
        self._end_life(node)
        self._lives[node.name] = self._tasks.start(life, f"node {node.name}")

    def _end_life(self, node: Node) -> None:
        life = self._lives.pop(node.name, None)
        if life is not None:
            life.cancel()

    async def _pass(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        await self._gate.passed()

    def _become(self, node: Node, state: NodeState) -> None:
        node.state = state
        self._changes.notify()

    async def _join(self, node: Node) -> None:
        await self._pass(self._rng.uniform(*JOIN_SECONDS))
        node.known = True
        self._become(node, NodeState.WAITING)
        if not self._stranded:
            await self._pass(HEARTBEAT_SECONDS)
            self._become(node, NodeState.AVAILABLE)
            await self._beat(node, HEARTBEAT_SECONDS)

    async def _beat(self, node: Node, first: float) -> None:
        due = self._clock.after(self._clock.now(), first)
        while True:
            await self._clock.sleep_until(due)
            await self._gate.passed()
            node.heartbeat()
            self._changes.notify()
            due = max(self._clock.after(due, HEARTBEAT_SECONDS), self._clock.now())

    async def _turn_up_again(self, node: Node) -> None:
        await self._pass(self._rng.uniform(*RELIST_SECONDS))
        self._become(node, NodeState.AVAILABLE)
        await self._pass(STALE_SECONDS)
        self._become(node, NodeState.WAITING)

    async def _turn_front(self, node: Node, alive: bool, seconds: float) -> None:
        await self._clock.sleep(seconds)
        node.front_alive = alive
        self._changes.notify()

    async def _forget(self, node: Node, seconds: float) -> None:
        await self._pass(seconds)
        self._nodes.pop(node.name, None)
        self._changes.notify()
