"""An audit log in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.domain.cluster.audit import AuditEntry, Json


@dataclass(eq=False)
class MemoryAudit:
    """Keeps what operators did (:class:`bot.domain.cluster.audit.AuditLog`)."""

    entries: list[AuditEntry] = field(default_factory=list)

    async def record(self, entry: AuditEntry) -> None:
        """Keep ``entry``."""
        self.entries.append(entry)

    async def recent(self, limit: int) -> list[AuditEntry]:
        """The newest ``limit`` entries, newest first."""
        return self.entries[::-1][:limit]

    @property
    def noted(self) -> list[tuple[int, str, Json]]:
        """Who did what, oldest first, without the times."""
        return [(entry.actor_id, entry.action, entry.detail) for entry in self.entries]
