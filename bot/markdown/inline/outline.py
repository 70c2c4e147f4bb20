"""One pass over an inline text that finds code spans and links, in time proportional to its length.

markdown-it looks for the end of a link again at every bracket: seconds for some thousand brackets. This pass is
CommonMark's own algorithm with a stack (spec 0.31, "Phase 2: inline structure"). Reference links are left out:
when their definition arrives, the text before it may be on a full page already.
"""

import re
from dataclasses import dataclass, field

_EVENT = re.compile(r"\\.|`+|!?\[|\]", re.DOTALL)
# Where a link goes, with an optional title. Possessive, so that a failure costs no more than a success.
_TARGET = re.compile(
    r"\(\s*+(?:<([^<>\n\\]*+)>|((?:[^\s()<>\\]|\\[^\s]|\((?:[^\s()\\]|\\[^\s])*+\)){0,1000}+))"
    r"(?:\s++(?:\"[^\"\n]{0,300}+\"|'[^'\n]{0,300}+'|\([^()\n]{0,300}+\)))?+\s*+\)"
)
_UNFINISHED_TARGET = re.compile(r"\([^()\n]*+(?:\([^()\n]*+\)[^()\n]*+)*+(?:\([^()\n]*+)?+\Z")


@dataclass(frozen=True, slots=True)
class Span:
    """Code, or a link's label: where its text starts and stops, and where all of it ends; `href` as written."""

    start: int
    stop: int
    end: int
    href: str = ""


@dataclass(slots=True)
class Outline:
    """Code spans and links by the index at which they begin, and what later text may still close.

    `open` has the indices of unclosed brackets and backticks, each with `[` or the run of backticks.
    """

    codes: dict[int, Span] = field(default_factory=dict)
    links: dict[int, Span] = field(default_factory=dict)
    open: dict[int, str] = field(default_factory=dict)


def outline(source: str) -> Outline:
    """The code spans and links of a text."""
    found = Outline()
    closers = _runs(source)
    brackets: list[int] = []
    inactive = 0  # brackets below this index of the stack enclose a link: they can begin none themselves
    last_line = source.rfind("\n")
    at = 0
    while (event := _EVENT.search(source, at)) is not None:
        at, mark = event.end(), event[0]
        if mark[0] == "`":
            closer = _next_run(closers, len(mark), at)
            if closer is None:
                found.open[event.start()] = mark
            else:
                found.codes[event.start()] = Span(at, closer, closer + len(mark))
                at = closer + len(mark)
        elif mark in ("[", "!["):
            brackets.append(event.start())
        elif mark == "]" and brackets:
            opener = brackets.pop()
            is_image = source[opener] == "!"
            if len(brackets) >= inactive or is_image:
                target = _TARGET.match(source, at)
                label = opener + (2 if is_image else 1)
                if target is not None:
                    found.links[opener] = Span(label, at - 1, target.end(), target[1] or target[2] or "")
                    at = target.end()
                    if not is_image:
                        inactive = len(brackets)
                elif opener > last_line and (at == len(source) or _UNFINISHED_TARGET.match(source, at)):
                    found.open[opener] = "["
            inactive = min(inactive, len(brackets))
    found.open.update((opener, "[") for opener in brackets if opener > last_line)
    return found


def _runs(source: str) -> dict[int, list[int]]:
    """The positions of the runs of backticks by their length, last first."""
    runs: dict[int, list[int]] = {}
    for run in re.finditer("`+", source):
        runs.setdefault(len(run[0]), []).append(run.start())
    for positions in runs.values():
        positions.reverse()
    return runs


def _next_run(runs: dict[int, list[int]], length: int, at: int) -> int | None:
    """The first run of that length from `at` on. Earlier ones are dropped: the pass never goes back."""
    positions = runs.get(length, [])
    while positions and positions[-1] < at:
        positions.pop()
    return positions[-1] if positions else None
