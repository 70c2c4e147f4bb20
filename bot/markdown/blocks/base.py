"""What all blocks of several lines have in common, and the context of a block."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from bot.markdown.characters import ZWSP
from bot.markdown.paginator import Atom

Sink = Callable[[Atom], None]
PIECE = 200  # characters of a long code line that are handed over together


@dataclass(frozen=True, slots=True)
class BlockContext:
    """The context of a block: its depth in quotes, whether a blank line precedes it, its list indentation, and its
    offset in the answer."""

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


class Block(ABC):
    """A block of lines. `over` is true when it has seen its own end."""

    over = False

    def __init__(self, sink: Sink, context: BlockContext) -> None:
        self._sink = sink
        self.context = context

    @abstractmethod
    def line(self, line: str, source: int) -> bool:
        """Take in a complete line (quote markers removed). False: the block has ended before this line."""

    def grow(self, line: str, source: int) -> None:  # noqa: B027 - most blocks wait for the complete line
        """Take in the current line as far as it has arrived."""

    def preview(self, line: str) -> list[Atom]:  # noqa: ARG002 - blocks of code show it
        """The atoms that may be shown after those handed over; `line` is the current, incomplete line."""
        return []

    @abstractmethod
    def finish(self) -> None:
        """Hand over the rest: the block ended, or the text did."""

    @property
    def trails_blank(self) -> bool:
        """True if blank lines at the block's end belong to the text after it."""
        return False


_RUN = re.compile("`{3,}")


def apart(code: str, start: int = 0, end: int | None = None) -> str:
    """`code[start:end]` with U+200B between three or more backticks in a row, which would end Discord's block."""
    end = len(code) if end is None else end
    if "```" not in code[max(0, start - 2) : end + 2]:
        return code[start:end]
    out, at = [], start
    for run in _RUN.finditer(code, max(0, start - 2), end + 2):
        first, last = max(run.start(), start), min(run.end(), end)
        if first < last:
            out += [code[at:first], ZWSP.join("`" * (last - first))]
            at = last
    piece = "".join([*out, code[at:end]])
    return piece + ZWSP if piece.endswith("`") and code[end : end + 1] == "`" else piece
