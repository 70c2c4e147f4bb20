"""Tables, which Discord does not draw: aligned columns in a code block, or a list when they are too wide.

The header and the first row decide which of the two; the first rows decide the column widths. So a table that
streams in never changes its form, and its cost per row does not grow with its length.
"""

import re
from dataclasses import dataclass, field
from enum import Enum

from bot.markdown.characters import cut_at, width
from bot.markdown.inline.writer import plain

WIDEST = 60  # columns; a phone shows fewer without breaking lines, a desktop more
_ROWS_FOR_WIDTHS = 8
_MOST_COLUMNS = 8
_NARROWEST = 6

_DELIMITER_CELL = re.compile(r":?-+:?")
_PIPE = re.compile(r"(?<!\\)\|")
_LONE_PIPE = re.compile(r"(?<![\\|])\|(?!\|)")


class Align(Enum):
    LEFT = "left"
    RIGHT = "right"
    CENTER = "center"


def cells(line: str) -> list[str]:
    """The cells of one row as Markdown, escaped pipes restored."""
    inner = line.strip().removeprefix("|")
    if inner.endswith("|") and not inner.endswith("\\|"):
        inner = inner[:-1]
    return [cell.strip().replace("\\|", "|") for cell in _PIPE.split(inner)]


def delimiter(line: str) -> list[Align] | None:
    """The alignments if this is the row of dashes under a header, else None."""
    if "-" not in line or "|" not in line:
        return None
    parts = cells(line)
    if not all(_DELIMITER_CELL.fullmatch(part) for part in parts):
        return None
    return [_align(part) for part in parts]


def _align(dashes: str) -> Align:
    if dashes.endswith(":"):
        return Align.CENTER if dashes.startswith(":") and len(dashes) > 1 else Align.RIGHT
    return Align.LEFT


def first_pipe(line: str) -> int | None:
    """The index of the first pipe that can separate cells. Two pipes in a row are a spoiler or an "or"."""
    found = _LONE_PIPE.search(line)
    return found.start() if found is not None else None


def may_be_header(line: str) -> bool:
    """True if the line could be a table's header: it has at least one pipe that separates cells."""
    return first_pipe(line) is not None and (len(cells(line)) > 1 or line.lstrip().startswith("|"))


@dataclass(slots=True)
class Table:
    """A table that streams in. `add` takes a row's Markdown, `lines` returns what is final, `preview` the rest."""

    header: list[str]
    aligns: list[Align]
    as_list: bool | None = None  # None until the first row decides
    _head: list[str] = field(init=False)
    _widths: list[int] | None = None
    _pending: list[list[str]] = field(default_factory=list)
    _shown_head: bool = False

    def __post_init__(self) -> None:
        self._head = _plain_row(self.header)

    def add(self, row: list[str]) -> None:
        """Add a row; missing cells are empty, surplus cells are joined to the last one."""
        count = len(self.header)
        if len(row) > count:
            row = [*row[: count - 1], " | ".join(row[count - 1 :])]
        row = row + [""] * (count - len(row))
        if self.as_list is None:
            self.as_list = count > _MOST_COLUMNS or _total(_natural(self._head, [_plain_row(row)])) > WIDEST
        self._pending.append(row if self.as_list else _plain_row(row))

    def rows(self) -> list[list[str]]:
        """For the list form: the rows (Markdown cells) that were not returned yet."""
        taken, self._pending = self._pending, []
        return taken

    def lines(self, *, ended: bool) -> list[str]:
        """For the aligned form: the new lines that will not change any more."""
        if self._widths is None and (ended or len(self._pending) >= _ROWS_FOR_WIDTHS):
            self._widths = self._fitted()
        if self._widths is None:
            return []
        out = self._drawn(self._widths)
        self._pending, self._shown_head = [], True
        return out

    def preview(self) -> list[str]:
        """For the aligned form: the lines of the rows that are not final yet."""
        return self._drawn(self._widths or self._fitted()) if self._pending else []

    def _drawn(self, widths: list[int]) -> list[str]:
        """The lines of the pending rows, under the header if that was not handed over yet."""
        out = []
        if not self._shown_head:
            out = [*_row(self._head, widths, self.aligns), "─┼─".join("─" * size for size in widths)]
        for row in self._pending:
            out.extend(_row(row, widths, self.aligns))
        return out

    def _fitted(self) -> list[int]:
        widths = _natural(self._head, self._pending)
        while _total(widths) > WIDEST and max(widths) > _NARROWEST:
            widths[widths.index(max(widths))] -= 1
        return widths


def _plain_row(row: list[str]) -> list[str]:
    return [plain(cell) for cell in row]


def _natural(head: list[str], rows: list[list[str]]) -> list[int]:
    return [max(1, *(width(cell) for cell in column)) for column in zip(head, *rows, strict=True)]


def _total(widths: list[int]) -> int:
    return sum(widths) + 3 * (len(widths) - 1)


def _row(row: list[str], widths: list[int], aligns: list[Align]) -> list[str]:
    widths = _grown(row, widths)
    wrapped = [_wrap(cell, size) for cell, size in zip(row, widths, strict=True)]
    out = []
    for level in range(max(len(parts) for parts in wrapped)):
        parts = [column[level] if level < len(column) else "" for column in wrapped]
        padded = [_pad(part, size, align) for part, size, align in zip(parts, widths, aligns, strict=True)]
        out.append(" │ ".join(padded).rstrip())
    return out


def _grown(row: list[str], widths: list[int]) -> list[int]:
    """The column widths for a row that came after the widths were fixed: wider where a word would be cut."""
    for measure in (width, _longest_word):
        grown = [max(size, measure(cell)) for cell, size in zip(row, widths, strict=True)]
        if _total(grown) <= WIDEST:
            return grown
    return widths


def _longest_word(cell: str) -> int:
    return max(width(word) for word in cell.split(" "))


def _pad(text: str, size: int, align: Align) -> str:
    space = max(0, size - width(text))
    left = {Align.LEFT: 0, Align.RIGHT: space, Align.CENTER: space // 2}[align]
    return " " * left + text + " " * (space - left)


def _wrap(text: str, size: int) -> list[str]:
    """The cell in lines of at most `size` columns, broken at spaces, a longer word between characters."""
    lines = [""]
    for word in text.split(" "):
        if width(lines[-1]) + width(word) + bool(lines[-1]) <= size:
            lines[-1] += f" {word}" if lines[-1] else word
            continue
        if lines[-1]:
            lines.append("")
        rest = word
        while width(rest) > size:
            head = _columns(rest, size)
            lines[-1:] = [rest[:head], ""]
            rest = rest[head:]
        lines[-1] = rest
    return lines[:-1] if len(lines) > 1 and not lines[-1] else lines


def _columns(word: str, size: int) -> int:
    """How many characters of the word take at most `size` columns; at least one visible character."""
    at = min(len(word), size)
    while at > 1 and width(word[:at]) > size:
        at -= 1
    return max(1, cut_at(word, at))
