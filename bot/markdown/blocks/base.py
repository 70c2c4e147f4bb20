"""What every block of several lines has: where it stands, and how its lines reach it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bot.markdown.characters import ZWSP
from bot.markdown.paginator import Atom

Sink = Callable[[Atom], None]
PIECE = 200  # characters of a long code line that leave together


@dataclass(frozen=True, slots=True)
class BlockContext:
    """Where a region stands: how many quotes deep, after a blank line or not, its list indentation, its source."""

    quotes: int
    gap: bool
    indent: str
    source: int

    @property
    def quoted(self) -> bool:
        return self.quotes > 0

    @property
    def prefix(self) -> str:
        return "> " if self.quoted else ""


class Block(Protocol):
    """A block of lines."""

    context: BlockContext

    def line(self, line: str, source: int) -> bool:
        """A complete line (quote markers removed). False: it is not part of this region, which has ended."""

    def grow(self, line: str, source: int) -> None:
        """The line in progress, so far."""

    def preview(self, line: str) -> list[Atom]:
        """What may be shown beyond what was handed over; `line` is the one in progress."""

    def finish(self) -> None:
        """The region ended, or the text did."""

    @property
    def over(self) -> bool:
        """True once the region has seen its own end."""

    @property
    def trails_blank(self) -> bool:
        """True if blank lines at its end belong to what follows."""


def apart(code: str, pairs: bool) -> str:
    """Code in which no three backticks end Discord's block; `pairs` also parts two, for pieces of a line."""
    return re.sub(r"`(?=`)", f"`{ZWSP}", code) if pairs or "```" in code else code
