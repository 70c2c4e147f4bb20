"""What all blocks of several lines have in common, and the context of a block."""

import re
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


class Block:
    """A block of lines. `over` is true when it has seen its own end."""

    over = False

    def __init__(self, sink: Sink, context: BlockContext) -> None:
        self._sink = sink
        self.context = context

    def line(self, line: str, source: int) -> bool:
        """Take in a complete line (quote markers removed). False: the block has ended before this line."""
        raise NotImplementedError

    def grow(self, line: str, source: int) -> None:
        """Take in the current line as far as it has arrived; most blocks wait for the complete line."""

    def preview(self, line: str) -> list[Atom]:  # noqa: ARG002 - blocks of code show it
        """The atoms that may be shown after those handed over; `line` is the current, incomplete line."""
        return []

    def finish(self) -> None:
        """Hand over the rest: the block ended, or the text did."""
        raise NotImplementedError

    @property
    def trails_blank(self) -> bool:
        """True if blank lines at the block's end belong to the text after it."""
        return False


def apart(code: str, pairs: bool) -> str:
    """The code, changed so that three backticks in it do not end Discord's block; `pairs` also separates two, for
    pieces of a line."""
    return re.sub(r"`(?=`)", f"`{ZWSP}", code) if pairs or "```" in code else code
