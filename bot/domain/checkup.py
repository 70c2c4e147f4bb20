"""What a look at everything the bot depends on has found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How a finding is to be taken."""

    OK = "ok"
    WARNING = "warning"
    """It works, and should be changed."""
    BROKEN = "broken"
    """Something does not work, or the bot would not start."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check: what it is about, one sentence, and what to do where something is to be done. Texts
    may repeat what other servers have said: redact secrets before they are shown."""

    level: Level
    what: str
    detail: str
    remedy: str = ""

    @property
    def good(self) -> bool:
        """Whether nothing is broken."""
        return self.level is not Level.BROKEN

    @property
    def sentence(self) -> str:
        """The detail with its remedy."""
        return f"{self.detail}: {self.remedy}" if self.remedy else self.detail


def ok(what: str, detail: str, remedy: str = "") -> Finding:
    """All is well; a ``remedy`` is then a piece of advice."""
    return Finding(Level.OK, what, detail, remedy)


def warning(what: str, detail: str, remedy: str) -> Finding:
    """It works, and should be changed."""
    return Finding(Level.WARNING, what, detail, remedy)


def broken(what: str, detail: str, remedy: str = "") -> Finding:
    """It does not work."""
    return Finding(Level.BROKEN, what, detail, remedy)


def worst(findings: Iterable[Finding]) -> Level:
    """The worst level; OK of nothing."""
    order = list(Level)
    return max((finding.level for finding in findings), key=order.index, default=Level.OK)
