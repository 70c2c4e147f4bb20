"""The audit log's entries, and the port to its store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, Union

Json: TypeAlias = Union[bool, int, float, str, "list[Json]", "dict[str, Json]", None]


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Somebody's action. ``at`` in epoch seconds; ``action`` is a stored name, which never changes."""

    at: float
    actor_id: int
    action: str
    detail: Json


class AuditLog(Protocol):
    """What operators and managers did. Raises only :class:`StorageError`."""

    async def record(self, entry: AuditEntry) -> None:
        """Store ``entry``; durable when this returns."""
        ...

    async def recent(self, limit: int) -> Sequence[AuditEntry]:
        """The newest ``limit`` entries, newest first."""
        ...
