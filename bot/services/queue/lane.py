"""The way from the queue to one cluster."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.queue.store import Place
from bot.services.answers.attempt import AttemptParts
from bot.services.queue.cluster_gate import ClusterGate
from bot.services.queue.slots import Slots


@dataclass(frozen=True, slots=True)
class Lane:
    """What the queue has for one cluster: whether it takes questions, how many, and what asks it."""

    place: Place
    gate: ClusterGate
    slots: Slots
    parts: AttemptParts
