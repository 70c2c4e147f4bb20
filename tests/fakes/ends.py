"""Ends that are not shown yet, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.domain.queue.request import StoredRequest
from tests.fakes.requests import MemoryRequests


@dataclass(eq=False)
class MemoryEnds:
    """A :class:`bot.domain.queue.store.UnshownEnds` over requests in memory. A test adds what another process
    left."""

    requests: MemoryRequests
    kept: dict[str, float] = field(default_factory=dict)

    async def oldest(self) -> Sequence[StoredRequest]:
        """What was added, oldest first."""
        found = [
            await self.requests.get(request_id) for request_id in sorted(self.kept, key=self.kept.__getitem__)
        ]
        return [one for one in found if one is not None]

    async def add(self, request_id: str, *, now: float) -> None:
        """Add one."""
        self.kept.setdefault(request_id, now)

    async def remove(self, request_id: str) -> None:
        """Remove one."""
        self.kept.pop(request_id, None)
