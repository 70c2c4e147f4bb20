"""Why the queue does not move, as a sentence of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hold:
    """The reason why the queue does not move: a catalogue key with its parameters."""

    key: str
    params: tuple[tuple[str, object], ...] = ()


RESTARTING = Hold("held.restarting")
