"""What holds questions back although the clusters would take them: pauses by operators, and the end of this
process."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.queue.store import QueuePause
from bot.services.queue.company import Company


class Stops:
    """The pauses as last read, and whether this process ends. :class:`bot.services.queue.gate.Gate` changes them,
    the gates of the clusters read them."""

    def __init__(self, company: Company | None) -> None:
        """``company`` None: no other process uses the queue."""
        self._company = company
        self.pauses: Mapping[str, QueuePause] = {}
        """By cluster, that of the whole queue under the empty name."""
        self.is_restarting = False

    def pause_of(self, cluster: str) -> QueuePause | None:
        """The pause that holds this cluster: that of the whole queue, or its own."""
        return self.pauses.get("") or self.pauses.get(cluster)

    @property
    def is_over(self) -> bool:
        """Whether this process ends and no other one goes on with the queue."""
        return self.is_restarting and not (self._company is not None and self._company.has_others)
