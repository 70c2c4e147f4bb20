"""What one process wants of another, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.domain.queue.request import RequestState
from bot.domain.queue.store import Wish
from tests.fakes.requests import MemoryRequests


@dataclass(eq=False)
class MemoryWishes:
    """:class:`bot.domain.queue.store.Wishes` over requests in memory."""

    requests: MemoryRequests
    kept: dict[str, Wish] = field(default_factory=dict)

    async def leave(self, wish: Wish, *, now: float) -> None:
        """Leave a wish."""
        self.kept[wish.request_id] = wish

    async def to(self, owner: str) -> Sequence[Wish]:
        """The wishes for ``owner``, and those on questions that wait."""
        holders = await self.requests.holders(self.kept)
        mine = [one for one, held in holders.items() if held.owner == owner or held.state is RequestState.QUEUED]
        return [self.kept[one] for one in mine]

    async def fulfilled(self, request_id: str) -> None:
        """Remove one."""
        self.kept.pop(request_id, None)
