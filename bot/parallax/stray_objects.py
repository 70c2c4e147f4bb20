"""Reader for a JSON object outside the grammar of events, perhaps over many lines, in linear time."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bot.parallax import bounds
from bot.parallax.untrusted import parse_leading_object

# A whole string, or one that the line's end leaves open, or a bracket. One pass: nothing is looked at twice.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+(?P<closed>"?)|(?P<opens>[{\[])|(?P<closes>[}\]])')


class StrayObject:
    """Collects lines until the object that they begin is complete. ``text`` is the part collected so far, for the
    message when the object never becomes complete."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._length = 0
        self._depth = 0

    @property
    def text(self) -> str:
        """The lines so far."""
        return "\n".join(self._lines)

    def feed(self, line: str) -> Mapping[str, object] | None:
        """Take in a line; returns the object when it is complete, whatever follows it, or None when more lines
        belong to it.

        Raises ValueError for something that is no JSON object, or an object longer than :data:`bounds.EVENT`.
        """
        self._lines.append(line)
        self._length += len(line) + 1
        if self._depth == 0 and not line.lstrip().startswith("{"):
            raise ValueError("no object begins here")
        if self._length > bounds.EVENT:
            raise ValueError(f"an object of more than {bounds.EVENT} characters")
        if not self._ends_in(line):
            return None
        payload = parse_leading_object(self.text)
        if payload is None:
            raise ValueError("no JSON")
        self._lines.clear()
        self._length = 0
        return payload

    def _ends_in(self, line: str) -> bool:
        for token in _TOKEN.finditer(line):
            if token["opens"]:
                self._depth += 1
            elif token["closes"]:
                self._depth -= 1
                if self._depth == 0:
                    return True
            elif not token["closed"]:
                raise ValueError("a string goes over the end of its line")
        return False
