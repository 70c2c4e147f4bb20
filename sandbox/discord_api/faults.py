"""The network's condition: its latency, an outage, and scripted answers for chosen routes."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from sandbox.clock import Clock

Answer = int | Literal["reset"]
OutageMode = Literal["503", "reset"]


@dataclass(slots=True)
class Fault:
    """An answer for the next ``times`` matching requests, after ``skip`` of them went well."""

    method: str
    path: str
    answer: Answer
    times: int
    skip: int
    applied: bool


class Faults:
    """How slow the network is, and what is scripted to go wrong on it.

    ``latency`` is the real seconds of a round trip; it may be changed at any time.
    """

    def __init__(self, clock: Clock, latency: float = 0.0) -> None:
        self._clock = clock
        self.latency = latency
        self._scripts: list[Fault] = []
        self._outage_until = 0.0
        self._outage_mode: OutageMode = "503"

    def next(
        self,
        method: str,
        path: str,
        answer: Answer,
        *,
        times: int = 1,
        skip: int = 0,
        applied: bool = False,
    ) -> Fault:
        """Let coming requests fail.

        ``path`` is matched with wildcards against the path after ``/api/v10`` (``"/webhooks/*/@original"``).
        ``answer`` is an HTTP status (below 1000), a Discord error code (such as 10008 or 50027), or
        ``"reset"`` for a connection that breaks. With ``applied`` the request takes effect and only its
        answer is lost.
        """
        fault = Fault(method.upper(), path, answer, times, skip, applied)
        self._scripts.append(fault)
        return fault

    def clear(self) -> None:
        """Nothing fails any more."""
        self._scripts.clear()
        self._outage_until = 0.0

    def outage(self, seconds: float, mode: OutageMode = "503") -> None:
        """For real ``seconds`` every REST request gets 503 or a broken connection; 0 ends an outage."""
        self._outage_until = self._clock.monotonic() + seconds if seconds > 0 else 0.0
        self._outage_mode = mode

    @property
    def in_outage(self) -> OutageMode | None:
        """How requests fail at this moment because of an outage."""
        return self._outage_mode if self._clock.monotonic() < self._outage_until else None

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that this request meets, used up by it."""
        for fault in self._scripts:
            if fault.method not in ("*", method) or not fnmatchcase(path, fault.path):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            fault.times -= 1
            if fault.times <= 0:
                self._scripts.remove(fault)
            return fault
        return None
