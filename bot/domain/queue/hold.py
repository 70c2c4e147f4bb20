"""Why the queue does not move, as a sentence of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hold:
    """The reason why the queue does not move: a catalogue key with its parameters. ``cluster`` is the name of the
    only cluster that it is about, where others may take questions."""

    key: str
    params: tuple[tuple[str, object], ...] = ()
    cluster: str = ""


RESTARTING = Hold("held.restarting")
