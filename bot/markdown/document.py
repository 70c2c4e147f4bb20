"""An answer that streams in, as Discord pages.

Cost: each character is processed a bounded number of times; `pages` renders only the unfinished end of the text
onto the one page that is not full. Neither cost grows with the length of the answer. A long text is processed in
slices, so that other tasks get a turn between them (`work`).
"""

import re
from dataclasses import dataclass

from bot.markdown.blocks.languages import extension
from bot.markdown.blocks.parser import Blocks
from bot.markdown.files import File
from bot.markdown.paginator import Fence, Layout

_SURROGATE = re.compile("[\ud800-\udfff]")
SHORTEST_LIMIT = 100
CODE_ATTACHMENT_CHARS = 8000
SLICE = 64  # characters processed in one step: some milliseconds even for the worst text


@dataclass(frozen=True, slots=True)
class Overflow:
    """The parts of an answer that the pages do not show, as files.

    `name` and `text` are the whole answer; `rest` is the text after the last page ("" if the pages show all of
    it); `codes` are the code blocks that are too long for the pages, each whole.
    """

    name: str
    text: str
    rest_name: str = ""
    rest: str = ""
    codes: tuple[File, ...] = ()

    def files(self) -> tuple[File, ...]:
        """The files as attachments, the most useful first."""
        rest = (File(self.rest_name, self.rest.encode()),) if self.rest else ()
        return (*rest, *self.codes, File(self.name, self.text.encode()))


class AnswerDocument:
    """An answer that streams in, as Discord pages. Append-only; full pages never change.

    Pages depend on the text alone, never on how it was cut into pieces. Every body is at most `limit`
    characters (`first_limit` on the first page), both at least 100. Not thread-safe.
    """

    def __init__(
        self,
        *,
        limit: int,
        first_limit: int | None = None,
        max_pages: int = 5,
        code_attachment_chars: int = CODE_ATTACHMENT_CHARS,
    ) -> None:
        first = limit if first_limit is None else first_limit
        if min(limit, first) < SHORTEST_LIMIT:
            raise ValueError(f"a page needs room for at least {SHORTEST_LIMIT} characters")
        if max_pages < 1 or code_attachment_chars < 1:
            raise ValueError("an answer needs at least one page, and code at least one character")
        self._pieces: list[str] = []
        self._layout = Layout(limit=limit, first_limit=first, max_pages=max_pages)
        self._blocks = Blocks(self._layout.add, code_attachment_chars=code_attachment_chars)
        self._half = ""  # a high surrogate whose other half may come with the next piece
        self._waiting = ""  # what was fed and not processed yet, from `_next` on
        self._next = 0
        self._closed = False
        self._ended = False
        self._shown: tuple[str, ...] | None = None

    @property
    def raw(self) -> str:
        """Everything fed, unchanged."""
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""

    @property
    def has_text(self) -> bool:
        """Whether anything was fed."""
        return bool(self._pieces)

    @property
    def is_full(self) -> bool:
        """Whether the last page is full, so that further text shows nothing."""
        return self._layout.full

    def feed(self, text: str) -> None:
        """Add text of the answer, cut anywhere. Raises `ValueError` after `close`."""
        if self._closed:
            raise ValueError("the answer is closed")
        if not text:
            return
        self._pieces.append(text)
        self._shown = None
        text = self._half + text
        self._half = ""
        if "\ud800" <= text[-1] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        self._waiting += _read(text)
        # Tokens are a few characters, and most of what a slice costs does not depend on its length.
        if len(self._waiting) - self._next >= SLICE:
            self.work()

    def work(self) -> bool:
        """Process the next slice of what was fed; False when nothing is left.

        `feed` processes a slice itself once it is full. After a long text, call this between turns of other tasks,
        until it is False; `pages` and `overflow` process what is left in one go.
        """
        if self._waiting:
            self._blocks.feed(self._waiting[self._next : self._next + SLICE])
            self._next += SLICE
            self._shown = None
        if self._next >= len(self._waiting):
            self._waiting, self._next = "", 0
        return bool(self._waiting)

    def close(self) -> None:
        """End the text: everything takes its final form. Idempotent."""
        if not self._closed:
            self._waiting += _read(self._half)
            self._half = ""
            self._closed = True
            self._shown = None

    def _finish(self) -> None:
        while self.work():
            pass
        if self._closed and not self._ended:
            self._ended = True
            self._blocks.close()

    def pages(self) -> tuple[str, ...]:
        """Bodies in Discord Markdown, at least one; all but the last are final, and so is the last after `close`.

        Full pages are the same objects at every call.
        """
        self._finish()
        if self._shown is None:
            settled, tail = ((), []) if self._closed or self._layout.full else self._blocks.tail()
            self._shown = self._layout.pages(settled, tail)
        return self._shown

    def overflow(self) -> Overflow | None:
        """The parts that the pages do not show; None if they show everything. Reads the whole answer, so call it
        only at the end."""
        self._finish()
        left_from = self._layout.left_from
        if left_from is None and not self._blocks.files:
            return None
        whole = _paired(self.raw).encode(errors="replace").decode()
        codes = tuple(
            File(f"code-{number}{extension(code.language)}", "\n".join([*code.lines, ""]).encode())
            for number, code in enumerate(self._blocks.files, 1)
        )
        if left_from is None:
            return Overflow("answer.md", whole, codes=codes)
        name, rest = _rest(_read(self.raw), left_from, self._layout.left_fence)
        return Overflow("answer.md", whole, name, rest, codes)


def _rest(text: str, at: int, fence: Fence | None) -> tuple[str, str]:
    """The name and content of a file with the text from `at` on, which may be inside a block."""
    if fence is None or at <= fence.starts:
        return "answer-rest.md", text[at:]
    if fence.is_code and not fence.quoted and not _after(text, fence.ends).strip():
        code = text[at : fence.ends].removesuffix("\n" if fence.ends is not None else "")
        return f"answer-rest{extension(fence.language)}", _dedented(code, fence.indent, whole=text[at - 1] == "\n")
    reopens = f"{fence.reopens}\n" if fence.reopens else ""
    if fence.quoted:
        # The offsets of quoted lines are those of the text after the quote's mark.
        return "answer-rest.md", re.sub("(?m)^", "> ", reopens) + text[at:]
    return "answer-rest.md", reopens + text[at:]


def _after(text: str, ends: int | None) -> str:
    """The text after the line at `ends`."""
    return "" if ends is None else text[ends:].partition("\n")[2]


def _dedented(code: str, indent: int, *, whole: bool) -> str:
    """The code without the indentation of its block; `whole`: it begins with a whole line."""
    lines = re.sub(f"(?m)^ {{0,{indent}}}", "", code)
    return lines if whole else code.partition("\n")[0] + lines[len(lines.partition("\n")[0]) :]


def render(
    text: str,
    *,
    limit: int,
    first_limit: int | None = None,
    max_pages: int = 5,
) -> tuple[str, ...]:
    """The pages of a finished answer: what an `AnswerDocument` shows after the same text and `close`."""
    document = AnswerDocument(limit=limit, first_limit=first_limit, max_pages=max_pages)
    document.feed(text)
    document.close()
    return document.pages()


def _read(text: str) -> str:
    """The text as the blocks read it: complete characters, and lines that end with \\n alone."""
    if text.isascii() and "\r" not in text:
        return text
    return _paired(text).replace("\r", "")


def _paired(text: str) -> str:
    """The text with surrogate pairs replaced by their characters, and single halves by U+FFFD."""
    if _SURROGATE.search(text) is None:
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
