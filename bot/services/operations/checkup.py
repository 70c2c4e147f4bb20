"""The look at everything the bot depends on, as operators ask for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from bot.clock import Clock
from bot.domain.checkup import Finding
from bot.services.cluster.shared_call import SharedCall

FRESH = 10.0
"""Seconds for which a result is shown again: each look costs requests to Discord and the schedulers."""

Examine = Callable[[], Awaitable[Sequence[Finding]]]


class Checkup:
    """Looks once for everybody who asks at the same time."""

    def __init__(self, examine: Examine, clock: Clock) -> None:
        self._shared = SharedCall(examine, clock)

    async def findings(self) -> Sequence[Finding]:
        """What was found, at most :data:`FRESH` seconds ago."""
        return await self._shared.get(fresh=FRESH)
