"""Lists: the list that a line belongs to, its depth and its number."""

from dataclasses import dataclass

_DEEPEST = 6  # levels of indentation that are still readable on a phone
_STEP = "  "


@dataclass(slots=True)
class _Level:
    indent: int  # column of the marker
    ordered: bool
    number: int


class Lists:
    """The open lists, outermost first. Columns count from the quote's text."""

    def __init__(self) -> None:
        self._levels: list[_Level] = []

    def __bool__(self) -> bool:
        return bool(self._levels)

    def clear(self) -> None:
        """End all lists."""
        self._levels.clear()

    def item(self, indent: int, marker: str) -> tuple[str, str]:
        """Begin an item whose marker is at `indent`; returns its prefix, and the prefix of its further lines.

        Models indent nested lists by two spaces where CommonMark requires three, so any deeper marker nests.
        """
        while self._levels and indent <= self._levels[-1].indent - 1:
            self._levels.pop()
        ordered = marker[0].isdigit()
        if self._levels and indent >= self._levels[-1].indent + 2:
            self._levels.append(_Level(indent, ordered, 0))
        elif not self._levels or self._levels[-1].ordered is not ordered:
            self._levels[-1:] = [_Level(indent, ordered, 0)]
        level = self._levels[-1]
        shown = "-"
        if ordered:
            number = int(marker[:-1])
            # `1. 1. 1.` counts up; any other number, 0 included, is kept as the model wrote it.
            level.number = number if number > level.number or level.number == 0 else level.number + 1
            shown = f"{level.number}{marker[-1]}"
        outer = _STEP * (min(len(self._levels), _DEEPEST) - 1)
        return f"{outer}{shown} ", f"{outer}{_STEP}"

    def text(self, indent: int) -> str:
        """Begin a paragraph at `indent` columns: end the lists that it is not in, and return its prefix."""
        while self._levels and indent <= self._levels[-1].indent:
            self._levels.pop()
        return self.indent

    @property
    def indent(self) -> str:
        """The prefix of text in the innermost item."""
        return _STEP * min(len(self._levels), _DEEPEST)
