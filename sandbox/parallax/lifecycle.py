"""The course of the workers over time, as the scheduler sees it: joining, loading, heartbeats, leaving."""

import asyncio
from collections.abc import Callable, Coroutine

from sandbox.parallax.nodes import Node, NodeState
from sandbox.parallax.surroundings import Surroundings

__all__ = ["Lifecycle"]

JOIN_SECONDS = (11.0, 14.0)
HEARTBEAT_SECONDS = 10.0
LEAVE_SECONDS = 0.2
FORGET_KILLED_SECONDS = 28.5
"""Recording 88: killed at 0.01, still listed at 9.16, gone at 29.08."""
RELIST_SECONDS = (3.0, 10.0)
"""After a re-init the old workers turn up again with a heartbeat (recordings 74, 76, 89)."""
STALE_SECONDS = 15.0
"""… and fall back to `waiting` that much later (recordings 76, 77, 89)."""
REJOIN_SECONDS = (10.0, 20.0)
"""After a restart of the scheduler the workers that still run are back (seen with the real worker)."""


class Lifecycle:
    """Moves nodes from state to state. A node has one course at a time; a new one replaces it.

    All durations are scheduler seconds. Nothing moves while the scheduler is frozen.
    """

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._courses: dict[Node, asyncio.Task[None]] = {}

    def join(self, node: Node, *, loading: float, strands: Callable[[], bool]) -> None:
        """Join as recorded (71): listed as waiting, then loading, then available.

        `loading` seconds are added for the weights. With `strands()` true once it is listed, it waits for good.
        """
        self._start(node, self._join(node, loading, strands))

    def be_ready(self, node: Node, *, first_heartbeat: float | None) -> None:
        """Be available at once. `first_heartbeat` None draws the time of the first heartbeat."""
        node.known, node.state = True, NodeState.AVAILABLE
        first = self._draw((1.0, HEARTBEAT_SECONDS)) if first_heartbeat is None else first_heartbeat
        self._start(node, self._beat(node, first))

    def turn_up_again(self, node: Node) -> None:
        """Be listed again after an init that stranded it, as available and then as waiting."""
        self._start(node, self._turn_up_again(node))

    def rejoin(self, node: Node) -> None:
        """Come back to a scheduler that was restarted: listed as waiting 10 to 20 s later."""
        self._start(node, self._list(node, REJOIN_SECONDS))

    def leave(self, node: Node, forget: Callable[[Node], None], *, cleanly: bool) -> None:
        """End: after a clean leave it is forgotten in 0.2 s, after a kill in half a minute."""
        seconds = LEAVE_SECONDS if cleanly else FORGET_KILLED_SECONDS
        self._start(node, self._leave(node, seconds, forget))

    def turn_front(self, node: Node, *, alive: bool, after: float) -> None:
        """Crash the node's front or start it again in `after` seconds, whatever else the node does."""
        self._around.tasks.start(self._turn_front(node, alive, after), f"front of {node.name}")

    def end(self, node: Node) -> None:
        """End the node's course; its state stays as it is."""
        course = self._courses.pop(node, None)
        if course is not None:
            course.cancel()

    def become(self, node: Node, state: NodeState) -> None:
        """Change the node's state now."""
        node.state = state
        self._around.changes.notify()

    # Inside

    def _start(self, node: Node, course: Coroutine[object, object, None]) -> None:
        self.end(node)
        self._courses[node] = self._around.tasks.start(course, f"node {node.name}")

    def _draw(self, between: tuple[float, float]) -> float:
        return self._around.rng.uniform(*between)

    async def _pass(self, seconds: float) -> None:
        await self._around.clock.sleep(seconds)
        await self._around.gate.passed()

    async def _list(self, node: Node, between: tuple[float, float]) -> None:
        await self._pass(self._draw(between))
        node.known = True
        self.become(node, NodeState.WAITING)

    async def _join(self, node: Node, loading: float, strands: Callable[[], bool]) -> None:
        await self._list(node, JOIN_SECONDS)
        if not strands():
            await self._pass(HEARTBEAT_SECONDS + loading)
            self.become(node, NodeState.AVAILABLE)
            await self._beat(node, HEARTBEAT_SECONDS)

    async def _beat(self, node: Node, first: float) -> None:
        clock = self._around.clock
        due = clock.after(clock.now(), first)
        while True:
            await clock.sleep_until(due)
            await self._around.gate.passed()
            node.heartbeat()
            self._around.changes.notify()
            due = max(clock.after(due, HEARTBEAT_SECONDS), clock.now())

    async def _turn_up_again(self, node: Node) -> None:
        await self._pass(self._draw(RELIST_SECONDS))
        self.become(node, NodeState.AVAILABLE)
        await self._pass(STALE_SECONDS)
        self.become(node, NodeState.WAITING)

    async def _leave(self, node: Node, seconds: float, forget: Callable[[Node], None]) -> None:
        await self._pass(seconds)
        self._courses.pop(node, None)
        forget(node)
        self._around.changes.notify()

    async def _turn_front(self, node: Node, alive: bool, seconds: float) -> None:
        await self._around.clock.sleep(seconds)
        node.front_alive = alive
        self._around.changes.notify()
