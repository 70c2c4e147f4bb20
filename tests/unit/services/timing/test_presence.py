"""The text under the bot's name: right, and rarely changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise

from bot.errors import DeliveryError
from bot.presentation.status import Load
from bot.services.cluster.monitor import Availability, ClusterService, ClusterView, ModelFault
from bot.services.operations.presence import TRY_EVERY, UPDATE_EVERY, Presence
from bot.services.requests.overview import QueueOverview
from tests.fakes.clocks import LoopClock
from tests.fakes.schedulers import ready


class Cluster(ClusterService):
    """A cluster that is as a test says."""

    def __init__(self, availability: Availability, fault: ModelFault | None = None) -> None:
        self.availability = availability
        self._fault = fault

    def view(self) -> ClusterView:
        """Seen this moment."""
        return ClusterView(ready(4), self.availability, None, fault=self._fault)


class Line(QueueOverview):
    """A queue in which one more question waits at each look."""

    def __init__(self, *, grows: bool) -> None:
        self.waiting = 0
        self._grows = grows

    async def load(self, cluster: str | None = None) -> Load:
        """What waits now."""
        self.waiting += self._grows
        return Load(running=0, capacity=4, waiting=self.waiting)


@dataclass(eq=False)
class Shown:
    """The text under the bot's name, with every change; it may fail a few times first."""

    failures: int = 0
    changes: list[tuple[float, str, bool]] = field(default_factory=list)
    tried: list[float] = field(default_factory=list)
    clock: LoopClock = field(default_factory=LoopClock)

    async def set_presence(self, text: str, *, usable: bool) -> None:
        """One message through the gateway."""
        self.tried.append(self.clock.monotonic())
        if len(self.tried) <= self.failures:
            raise DeliveryError("not connected")
        self.changes.append((self.clock.monotonic(), text, usable))

    def on_session(self, listener: Callable[[], None]) -> None:
        """There is only one session here."""


async def kept(shown: Shown, cluster: Cluster, line: Line, seconds: float) -> None:
    """Keep it right for so long."""
    with suppress(TimeoutError):
        await asyncio.wait_for(Presence([cluster], line, shown, shown.clock).run(), seconds)


async def test_it_is_set_once_while_nothing_changes() -> None:
    """Model and queue, without the model's owner."""
    shown = Shown()
    await kept(shown, Cluster(Availability.USABLE), Line(grows=False), 600)
    assert [change[1:] for change in shown.changes] == [("a-model · 0 in the queue", True)]


async def test_a_line_that_moves_all_the_time_is_told_once_a_minute_at_most() -> None:
    """Nobody reads it by the second, and the gateway takes few messages."""
    shown = Shown()
    await kept(shown, Cluster(Availability.USABLE), Line(grows=True), 1200)
    gaps = [later - earlier for (earlier, _, _), (later, _, _) in pairwise(shown.changes)]
    assert min(gaps) >= UPDATE_EVERY
    assert 15 <= len(shown.changes) <= 20


async def test_nothing_is_said_before_anything_is_known() -> None:
    """A bot that has just been started."""
    shown = Shown()
    await kept(shown, Cluster(Availability.UNKNOWN), Line(grows=True), 300)
    assert shown.tried == []


async def test_p16_a_model_that_cannot_run_is_not_starting() -> None:
    """As the queue and /status say."""
    shown = Shown()
    await kept(shown, Cluster(Availability.STARTING, ModelFault.UNLISTED), Line(grows=False), 60)
    assert [change[1:] for change in shown.changes] == [("this model cannot run", False)]


async def test_what_could_not_be_set_is_tried_again() -> None:
    """Before the gateway is there, and soon after."""
    shown = Shown(failures=2)
    await kept(shown, Cluster(Availability.UNREACHABLE), Line(grows=False), 60)
    assert [text for _, text, _ in shown.changes] == ["not answering"]
    assert shown.tried[-1] - shown.tried[0] == 2 * TRY_EVERY
