"""Pagination of a stream of atoms: where a page ends, what is closed there and reopened on the next page.

The blocks produce atoms: the start of a line, then pieces of text of about a word. Atoms are only appended, and a
page ends when the first atom does not fit. So the ends of pages depend on the content alone, never on how it
arrived. A page that has ended is a plain string.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bot.markdown.characters import ZWSP, cut_at


@dataclass(slots=True, eq=False)
class Fence:
    """A code block on a page. Two blocks are distinguished by identity, not by equality.

    The other fields describe the block in the answer, for a file that begins inside it: the offset at which it
    `starts`, the Markdown that `reopens` it, whether it `is_code` (with `indent` columns that do not belong to the
    code), and the offset of the line that closed it, None until that is known.
    """

    language: str = ""
    quoted: bool = False
    starts: int = 0
    reopens: str = ""
    is_code: bool = False
    indent: int = 0
    ends: int | None = None

    @property
    def prefix(self) -> str:
        return "> " if self.quoted else ""

    @property
    def opener(self) -> str:
        return f"{self.prefix}```{self.language}"

    @property
    def closer(self) -> str:
        return f"\n{self.prefix}```"


# Lines and texts are never changed. They are not frozen, because that makes each three times as expensive.
@dataclass(slots=True, eq=False)
class Line:
    """The start of a line. `again` is its prefix if a page ends inside it; `gap` asks for a blank line before.

    `source` is the offset in the answer at which it begins; `heading` keeps it on one page with the text after it.
    """

    prefix: str = ""
    again: str = ""
    gap: bool = False
    fence: Fence | None = None
    heading: bool = False
    source: int = 0


@dataclass(slots=True, eq=False)
class Text:
    """A piece of about a word with the white space after it, inside `marks` (outermost first, each its own
    closer).

    `whole` text (a link) is not split when it fits on a page. `source`: the offset at which it begins.
    """

    text: str
    marks: tuple[str, ...] = ()
    whole: bool = False
    source: int = 0


Atom = Line | Text

_SENTENCE = re.compile(r"(?:[.!?…][\"'”’)\]]*\s|[。！？][」』”）]*\s?)\Z")
_LOOKS_LIKE_BLOCK = re.compile(r"(#{1,3}|-#|>{1,3}|[-*+]|\d+\.)(?=\s|\Z)|>")

# The share of a page that must be filled before a better boundary is preferred over a fuller page.
_AFTER_PARAGRAPH = 0.55
_AFTER_SENTENCE = 0.5
_AFTER_WORD = 0.25


@dataclass(slots=True)
class _Page:
    """One page being filled. `length` counts `parts`, without what `closers` would add."""

    limit: int
    parts: list[str] = field(default_factory=list)
    length: int = 0
    line: Line | None = None
    marks: tuple[str, ...] = ()
    at_start: bool = True  # no text on the current line yet
    atoms: list[Atom] = field(default_factory=list)
    # (rank, index into atoms, length): the page could end before that atom
    breaks: list[tuple[int, int, int]] = field(default_factory=list)
    is_draft: bool = False  # it never ends, so it keeps neither atoms nor breaks

    def closers(self) -> str:
        inline = "".join(reversed(self.marks))
        return inline + (self.line.fence.closer if self.line is not None and self.line.fence is not None else "")

    def body(self) -> str:
        text = "".join(self.parts)
        if self.line is not None and self.line.fence is not None:
            return text + self.closers()
        text = text.rstrip()
        return text + _seam(text, self.marks) + self.closers()

    def put(self, atom: Atom) -> bool:
        """Append if it fits, closers included."""
        if isinstance(atom, Text) and self._is_plain(atom):
            self._keep(atom)
            self.parts.append(atom.text)
            self.length += len(atom.text)
            return True
        if isinstance(atom, Line) and not self.at_start and (self.line is None or self.line.fence is None):
            # White space at the end of a line of text is removed, as at the end of a page.
            self.length -= len(self.parts[-1]) - len(self.parts[-1].rstrip())
            self.parts[-1] = self.parts[-1].rstrip()
        added, marks = self._rendered(atom)
        closers = len(_seam(added.rstrip(), marks)) + len("".join(marks))
        line = atom if isinstance(atom, Line) else self.line
        if line is not None and line.fence is not None:
            closers += len(line.fence.closer)
        if self.length + len(added) + closers > self.limit:
            # White space at the end of text is removed from the body, so it need not fit; in code it counts.
            bare = added.rstrip()
            in_code = line is not None and line.fence is not None
            if in_code or self.length + len(bare) + closers > self.limit or not isinstance(atom, Text):
                return False
            added = bare
        self._keep(atom)
        self.parts.append(added)
        self.length += len(added)
        if isinstance(atom, Line):
            self.line, self.at_start = atom, True
        else:
            self.at_start = False
        self.marks = marks
        return True

    def _is_plain(self, atom: Text) -> bool:
        """Whether the text fits and is appended as it is, as most words are: nothing has to be opened or
        closed."""
        return (
            not (atom.marks or self.marks or self.at_start)
            and (self.line is None or self.line.fence is None)
            and self.length + len(atom.text) <= self.limit
        )

    def draft(self) -> "_Page":
        """A page of its own with what is on this one, for atoms that may go again."""
        parts = self.parts if len(self.parts) < 2 else ("".join(self.parts[:-1]), self.parts[-1])
        return _Page(self.limit, [*parts], self.length, self.line, self.marks, self.at_start, is_draft=True)

    def until(self, index: int) -> "_Page":
        """The page with its first `index` atoms only, of which each has one part."""
        atoms = self.atoms[:index]
        line = next((atom for atom in reversed(atoms) if isinstance(atom, Line)), None)
        marks = atoms[-1].marks if isinstance(atoms[-1], Text) else ()
        return replace(self, parts=self.parts[:index], line=line, marks=marks)

    @property
    def ends_with_a_word(self) -> bool:
        """Whether the page ends with a word, and is full enough to end here."""
        last = self.atoms[-1] if self.atoms else None
        return isinstance(last, Text) and last.text[-1:].isspace() and self.length >= _AFTER_WORD * self.limit

    def room(self, atom: Text) -> int:
        """How many characters of the text would fit."""
        added, marks = self._rendered(Text("", atom.marks, whole=True))
        fence = self.line.fence.closer if self.line is not None and self.line.fence is not None else ""
        guard = 1 if self.at_start and not fence else 0
        return self.limit - self.length - len(added) - len("".join(marks)) - len(fence) - guard

    def _rendered(self, atom: Atom) -> tuple[str, tuple[str, ...]]:
        if isinstance(atom, Line):
            return self._line_start(atom), ()
        text = atom.text
        change = _change(self.marks, atom.marks)
        in_fence = self.line is not None and self.line.fence is not None
        if self.at_start and not in_fence and not change:
            text = guarded(text)
        if change.endswith("`") and text.startswith("`"):
            change += ZWSP
        return change + text, atom.marks

    def _line_start(self, line: Line) -> str:
        before = self.line
        text = "".join(reversed(self.marks))
        if before is not None and before.fence is not None and before.fence is not line.fence:
            text += before.fence.closer
        if before is not None:
            quoted = before.prefix.startswith(">") and line.prefix.startswith(">")
            text += ("\n> \n" if quoted else "\n\n") if _apart(before, line) else "\n"
        if line.fence is not None and (before is None or before.fence is not line.fence):
            text += f"{line.fence.opener}\n"
        return text + line.prefix

    def _keep(self, atom: Atom) -> None:
        """Keep the atom, and whether the page could end before it."""
        if self.is_draft:
            return
        if self.atoms:
            self._note_break(atom)
        self.atoms.append(atom)

    def _note_break(self, atom: Atom) -> None:
        index = len(self.atoms)
        if isinstance(atom, Line):
            if self.line is not None and self.line.heading:
                return
            same_fence = atom.fence is not None and self.line is not None and self.line.fence is atom.fence
            # Inside code a blank line (a line without text) is as good as the end of a paragraph.
            blank = isinstance(self.atoms[-1], Line)
            rank = 3 if (blank if same_fence else atom.gap or atom.heading) else 2
            self.breaks.append((rank, index, self.length))
            return
        before = self.atoms[-1]
        if isinstance(before, Text):
            is_word = before.text[-1:].isspace()
            # Most words end with a letter, so they end no sentence.
            last = before.text[-2:-1] if is_word else before.text[-1:]
            sentence = not last.isalnum() and _SENTENCE.search(before.text) is not None
            if sentence or is_word:
                self.breaks.append((2 if sentence and not atom.marks else 1, index, self.length))


def _seam(text: str, marks: tuple[str, ...]) -> str:
    """The separator between code that ends with a backtick and its own mark: three backticks would be a fence."""
    return ZWSP if text.endswith("`") and marks and marks[-1].startswith("`") else ""


def _apart(before: Line, line: Line) -> bool:
    """Whether to put a blank line between these lines. Discord draws headings and code blocks with space around
    them, so they get none. A heading deeper than Discord's levels is only bold text and needs one above it."""
    drawn = line.heading and "#" in line.prefix
    return line.gap and not drawn and not before.heading and before.fence is line.fence


def _change(old: tuple[str, ...], new: tuple[str, ...]) -> str:
    """The closers and openers between two texts, with U+200B between `*` and `**` where they meet."""
    same = 0
    while same < min(len(old), len(new)) and old[same] == new[same]:
        same += 1
    closing, opening = "".join(reversed(old[same:])), "".join(new[same:])
    return closing + (ZWSP if closing and opening else "") + opening


def guarded(text: str) -> str:
    """The text for the start of a line, with a backslash before characters that would open a block in Discord."""
    found = _LOOKS_LIKE_BLOCK.match(text)
    if found is None:
        return text
    if text[0].isdigit():
        end = found.end() - 1
        return f"{text[:end]}\\{text[end:]}"
    return f"\\{text}"


class _Ahead:
    """A copy of a page with the atoms of a list that grows, which are not on the page itself yet."""

    def __init__(self, base: _Page, settled: Sequence[Atom]) -> None:
        self.page = base.draft()
        self.is_full = False
        self._made_of = (base, len(base.parts), settled)
        self._taken = 0

    def is_of(self, base: _Page, settled: Sequence[Atom]) -> bool:
        """Whether it is made of this page, to which nothing was added since, and of this list."""
        made_of, size, list_ = self._made_of
        return made_of is base and size == len(base.parts) and list_ is settled

    def take(self) -> None:
        """Put on the page what has come to the list, as far as it fits."""
        atoms = self._made_of[2]
        while self._taken < len(atoms) and not self.is_full:
            self.is_full = not self.page.put(atoms[self._taken])
            self._taken += 1


class Layout:
    """Append-only pages of at most `limit` characters (`first_limit` on the first), `max_pages` of them.

    `left_from` is the source offset of the first atom that found no page; None while everything fits.
    """

    def __init__(self, *, limit: int, first_limit: int, max_pages: int) -> None:
        self._limit = limit
        self._max_pages = max_pages
        self._frozen: list[str] = []
        self._page = _Page(first_limit)
        self._ahead = _Ahead(self._page, ())
        self.left_from: int | None = None
        self.left_fence: Fence | None = None

    def add(self, atom: Atom) -> None:
        """Append for good."""
        pending = [] if self.full or self._page.put(atom) else self._end_page([atom])
        while pending and self.left_from is None:
            following = pending.pop()
            if not self._page.put(following):
                pending.append(following)
                pending = self._end_page(pending)

    @property
    def full(self) -> bool:
        return self.left_from is not None

    def pages(self, settled: Sequence[Atom], tail: Sequence[Atom]) -> tuple[str, ...]:
        """The pages with `settled` and `tail` shown after them, as far as they fit on the last one. What was
        settled at the last call is taken from there, if nothing was added since."""
        if self.full:
            return tuple(self._frozen)
        if not self._ahead.is_of(self._page, settled):
            self._ahead = _Ahead(self._page, settled)
        self._ahead.take()
        page = self._ahead.page
        if tail and not self._ahead.is_full:
            page = page.draft()
            for atom in tail:
                if not page.put(atom):
                    break
        return (*self._frozen, page.body())

    def _end_page(self, pending: list[Atom]) -> list[Atom]:
        """End the page at its best boundary; returns the atoms after it, last first."""
        page = self._page
        after = pending[::-1]
        best = _best_break(page)
        if best is None and not page.ends_with_a_word:
            after = self._part(after)
        index = len(page.atoms) if best is None else best
        moved = page.atoms[index:] + after
        if index < len(page.atoms):
            page = page.until(index)
        self._frozen.append(page.body())
        if len(self._frozen) == self._max_pages:
            self._leave(moved, page.line)
            return []
        self._page = _Page(self._limit)
        if moved and isinstance(moved[0], Text) and page.line is not None:
            moved.insert(0, replace(page.line, prefix=page.line.again, source=moved[0].source))
        return moved[::-1]

    def _part(self, after: list[Atom]) -> list[Atom]:
        """Fill a page without a boundary with the start of the text that did not fit; returns the other atoms."""
        first = after[0]
        if not isinstance(first, Text):
            return after
        on_page = any(isinstance(atom, Text) for atom in self._page.atoms)
        if first.whole and on_page and len(first.text) <= self._limit // 2:
            return after
        room = max(0, self._page.room(first))
        at = first.text.rfind(" ", room // 2, room) + 1 or cut_at(first.text, room)
        if at <= 0:
            return after
        head = Text(first.text[:at], first.marks, whole=True, source=first.source)
        if not self._page.put(head):
            return after
        rest = Text(first.text[at:], first.marks, whole=False, source=first.source + at)
        return [rest, *after[1:]] if rest.text else after[1:]

    def _leave(self, moved: list[Atom], line: Line | None) -> None:
        self.left_from = moved[0].source if moved else 0
        first = moved[0] if moved else None
        self.left_fence = first.fence if isinstance(first, Line) else (line.fence if line is not None else None)


def _best_break(page: _Page) -> int | None:
    """The index of the atom before which to end the page: after a paragraph, else after a sentence or line, else
    after a word; the last one of each."""
    for rank, share in ((3, _AFTER_PARAGRAPH), (2, _AFTER_SENTENCE), (1, _AFTER_WORD)):
        for kind, index, length in reversed(page.breaks):
            if length < share * page.limit:
                break
            if kind >= rank:
                return index
    return None
