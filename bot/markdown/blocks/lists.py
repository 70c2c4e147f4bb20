"""Which list a line is in, how deep, and which number it has."""

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
        """All lists ended."""
        self._levels.clear()

    def item(self, indent: int, marker: str) -> tuple[str, str]:
        """A new item whose marker stands at `indent`: its prefix, and the prefix of its further lines.

        Models indent nested lists by two spaces where CommonMark wants three: any deeper marker nests.
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
            # `1. 1. 1.` counts up; any other number is what the model meant, 0 included.
            level.number = number if number > level.number or level.number == 0 else level.number + 1
            shown = f"{level.number}{marker[-1]}"
        outer = _STEP * (min(len(self._levels), _DEEPEST) - 1)
        return f"{outer}{shown} ", f"{outer}{_STEP}"

    def text(self, indent: int) -> str:
        """A paragraph of its own at `indent` columns: the prefix of the item it is in; other lists end."""
        while self._levels and indent <= self._levels[-1].indent:
            self._levels.pop()
        return self.indent

    @property
    def indent(self) -> str:
        """The prefix of what belongs to the innermost item."""
        return _STEP * min(len(self._levels), _DEEPEST)
