"""Formulas and tables: blocks of several lines that are shown in another form than the model wrote."""

from bot.markdown.blocks.base import PIECE, Block, BlockContext, Sink, apart
from bot.markdown.blocks.line_start import Head, Kind, head
from bot.markdown.blocks.tables import Align, Table, cells
from bot.markdown.inline import latex
from bot.markdown.inline.links import escaped
from bot.markdown.inline.writer import spans, words
from bot.markdown.paginator import Atom, Fence, Line, Text

_CLOSERS = {"$$": "$$", "\\[": "\\]"}
_LONGEST_FORMULA = 3000


class Formula(Block):
    r"""A displayed formula: `$$ … $$`, `\[ … \]` or an environment. It is shown when it is complete.

    A blank line ends it too (LaTeX allows none inside): a formula without its closer is shown as code.
    """

    def __init__(self, sink: Sink, context: BlockContext, at: Head, first: str) -> None:
        super().__init__(sink, context)
        self._environment = at.marker == "\\begin"
        self._closer = f"\\end{{{at.info}}}" if self._environment else _CLOSERS[at.marker]
        self._lines: list[str] = []
        self._size = 0
        self._closed = False
        self._take(first.strip() if self._environment else first[at.text :])

    def line(self, line: str, source: int) -> bool:  # noqa: ARG002 - a formula has one offset
        if not line.strip():
            return False
        self._take(line)
        return True

    def _take(self, line: str) -> None:
        before, closer, after = line.partition(self._closer)
        if closer:
            self._lines.append(f"{before}{closer}{after}" if self._environment else before)
            self.over = self._closed = True
        else:
            self._lines.append(line)
        self._size += len(line) + 1
        self.over = self.over or self._size > _LONGEST_FORMULA

    def finish(self) -> None:
        lines = [line.strip() for line in self._lines if line.strip()]
        if not lines:
            return
        readable = self._closed and not self._environment
        text = latex.to_unicode(" ".join(lines)) if readable else None
        if text is not None:
            prefix = self.context.prefix + self.context.indent
            self._sink(Line(prefix, prefix, self.context.gap, None, False, self.context.source))
            for word in words(escaped(text)):
                self._sink(Text(word, (), False, self.context.source))
            return
        fence = Fence("latex", self.context.quoted, starts=self.context.source)
        for number, line in enumerate(lines):
            gap = self.context.gap and not number
            self._sink(Line(self.context.prefix, self.context.prefix, gap, fence, False, self.context.source))
            self._sink(Text(apart(line, len(line) > PIECE), (), False, self.context.source))


_LONGEST_ROW = 4000


class TableBlock(Block):
    """A table: its header, its row of dashes and all rows after them."""

    def __init__(self, sink: Sink, context: BlockContext, header: list[str], aligns: list[Align]) -> None:
        super().__init__(sink, context)
        self._table = Table(header, aligns)
        self._fence = Fence("", context.quoted, starts=context.source, reopens=_head(header))
        self._wrote = False

    def line(self, line: str, source: int) -> bool:
        if not _is_row(line):
            return False
        self._table.add(cells(line))
        self._hand_over(source, ended=False)
        return True

    def preview(self, line: str) -> list[Atom]:  # noqa: ARG002 - rows are shown when complete
        if self._table.as_list is not False:
            return []
        return list(self._fenced(self._table.preview(), self.context.source, wrote=self._wrote))

    def finish(self) -> None:
        self._hand_over(self.context.source, ended=True)

    def _hand_over(self, source: int, *, ended: bool) -> None:
        if self._table.as_list:
            for row in self._table.rows():
                self._listed(row, source)
            return
        for atom in self._fenced(self._table.lines(ended=ended), source, wrote=self._wrote):
            self._sink(atom)
            self._wrote = True

    def _fenced(self, lines: list[str], source: int, *, wrote: bool) -> list[Atom]:
        atoms: list[Atom] = []
        for number, line in enumerate(lines):
            gap = self.context.gap and not wrote and not number
            atoms.append(Line(self.context.prefix, self.context.prefix, gap, self._fence, False, source))
            atoms.append(Text(apart(line, len(line) > PIECE), (), True, source))
        return atoms

    def _listed(self, row: list[str], source: int) -> None:
        prefix = self.context.prefix + self.context.indent
        first = True
        for name, cell in zip(self._table.header, row, strict=True):
            if not cell:
                continue
            gap = self.context.gap and not self._wrote
            self._sink(Line(prefix + ("- " if first else "  "), f"{prefix}  ", gap, None, False, source))
            self._wrote, first = True, False
            for piece in spans(f"{name}:") if name else ():
                if piece is not None:
                    marks = ("**", *(mark for mark in piece.marks if mark != "**"))
                    self._sink(Text(piece.text, marks, piece.whole, source))
            if name:
                self._sink(Text(" ", (), False, source))
            for piece in spans(cell):
                text = Text(" ") if piece is None else piece
                self._sink(Text(text.text, text.marks, text.whole, source))


def _head(header: list[str]) -> str:
    """The header and the row of dashes, which turn the rows after them into a table."""
    names = " | ".join(name.replace("|", "\\|") for name in header)
    return f"| {names} |\n|{' --- |' * len(header)}"


def _is_row(line: str) -> bool:
    if not line.strip() or len(line) > _LONGEST_ROW:
        return False
    if line.lstrip().startswith("|"):
        return True
    kind = head(line, ended=True, may_indent=False)
    return kind is not None and kind.kind is Kind.TEXT and "|" in line.replace("\\|", "")
