"""What processes share that work side by side, in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
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


@dataclass(eq=False)
class MemoryLease:
    """:class:`bot.domain.cluster.leader_lease.LeaderLease` in memory."""

    holder: str | None = None
    ends: float = 0.0

    async def hold(self, owner: str, *, now: float, until: float, is_alive: Callable[[str], bool]) -> bool:
        """Acquire or extend the lease."""
        if self.holder not in {None, owner} and self.ends > now and is_alive(str(self.holder)):
            return False
        await self.take(owner, until=until)
        return True

    async def take(self, owner: str, *, until: float) -> None:
        """Acquire the lease."""
        self.holder, self.ends = owner, until

    async def release(self, owner: str) -> None:
        """Release the lease."""
        if self.holder == owner:
            self.holder = None


@dataclass(frozen=True)
class LivingOthers:
    """A look at the processes that live: ``alive`` with ``me``."""

    me: str
    alive: Collection[str]

    @property
    def others(self) -> int:
        """How many there are besides this one."""
        return len([one for one in self.alive if one != self.me])
