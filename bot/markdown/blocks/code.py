"""Code blocks, fenced or indented: streamed line by line; very long ones also go into a file."""

import re
from dataclasses import dataclass, field

from bot.markdown.blocks.base import PIECE, Block, BlockContext, Sink, apart
from bot.markdown.blocks.languages import extension, language
from bot.markdown.blocks.line_start import Head, columns
from bot.markdown.characters import LONGEST_SEQUENCE, ZWSP, clean_code
from bot.markdown.paginator import Atom, Fence, Line, Text

_MARKDOWN = ("markdown", "md", "mdx")
_DEEPEST = 8  # fences inside fences


@dataclass(slots=True)
class CodeFile:
    """A whole block of code that is too long for the pages."""

    language: str
    lines: list[str] = field(default_factory=list)


class Code(Block):
    """A fenced code block, or (without a `marker`) one indented by four spaces.

    After `longest` characters the rest is not shown; `files` then gets the whole code.
    """

    def __init__(
        self, sink: Sink, context: BlockContext, at: Head, *, longest: int, files: list[CodeFile]
    ) -> None:
        super().__init__(sink, context)
        self._marker = at.marker
        self._indent = at.indent
        self._language = language(at.info)
        self._fence = Fence(
            self._language,
            context.quoted,
            starts=context.source,
            reopens=f"{at.marker}{self._language}" if at.marker else "",
            is_code=bool(at.marker),
            indent=at.indent,
        )
        self._longest = longest
        self._files = files
        self._inner: list[tuple[int, str]] = []  # the open fences inside Markdown: length and language
        self._size = 0
        self._file = CodeFile(self._language)
        self._left = 0  # characters of the current line that were handed over
        self._blanks: list[int] = []
        self._wrote = False

    def line(self, line: str, source: int) -> bool:
        if not self._marker and not self._is_indented(line, source):
            return not line.strip()
        if self._closes(line):
            self._fence.ends = source
            self.over = True
            return True
        self._write_blanks()
        code = self._dedented(line)
        self._write(code, source + len(line) - len(code))
        return True

    def grow(self, line: str, source: int) -> None:
        if self._is_uncertain(line):
            return
        code = self._dedented(line)
        while len(code) - self._left >= 2 * PIECE:
            self._write_blanks()
            until = _piece_end(code, self._left)
            self._write(code, source + len(line) - len(code), until=until)

    def preview(self, line: str) -> list[Atom]:
        if self._is_uncertain(line) or self._size > self._longest:
            return []
        code = self._dedented(line)
        atoms: list[Atom] = [] if self._left else [self._start(self.context.source)]
        if code[self._left :]:
            atoms.append(Text(self._shown(code, self._left, len(code))))
        elif not self._left:
            return []
        return atoms

    def finish(self) -> None:
        if not self._wrote:
            self._sink(self._start(self.context.source))
            self._sink(Text(ZWSP))
        if self._size > self._longest:
            self._files.append(self._file)
            number = len(self._files)
            self._sink(Line(f"{self.context.prefix}-# ", f"{self.context.prefix}-# ", source=self.context.source))
            self._sink(Text(f"… code-{number}{extension(self._language)}", source=self.context.source))

    @property
    def trails_blank(self) -> bool:
        return bool(self._blanks)

    def _is_indented(self, line: str, source: int) -> bool:
        if columns(line[: len(line) - len(line.lstrip())]) >= 4 and line.strip():
            return True
        if not line.strip():
            self._blanks.append(source)
        return False

    def _is_uncertain(self, line: str) -> bool:
        if self._marker:
            return not line.strip(" \t" + self._marker[0])
        return not line.startswith(("    ", "\t")) or not line.strip()

    def _closes(self, line: str) -> bool:
        if not self._marker:
            return False
        bare = line.strip()
        fenced = len(bare) - len(bare.lstrip(self._marker[0]))
        if fenced < len(self._marker):
            return False
        info = bare[fenced:]
        if not info:
            if not self._inner:
                return True
            if fenced >= self._inner[-1][0]:
                self._inner.pop()
        elif self._holds_markdown() and language(info) and "`" not in info and len(self._inner) < _DEEPEST:
            self._inner.append((fenced, language(info)))
        return False

    def _holds_markdown(self) -> bool:
        """Whether fences in this block open blocks of their own. Models use three backticks for Markdown and also
        for the code in it; a fence that names a language opens one, so the outermost pair encloses all."""
        return (self._inner[-1][1] if self._inner else self._language) in _MARKDOWN

    def _dedented(self, line: str) -> str:
        if not self._marker:
            return line[4:] if line.startswith("    ") else line.lstrip(" ")[1:]
        at = 0
        while at < len(line) and at < self._indent and line[at] == " ":
            at += 1
        return line[at:]

    def _start(self, source: int) -> Line:
        gap = self.context.gap and not self._wrote
        prefix = self.context.prefix
        return Line(prefix, prefix, gap, self._fence, False, source)

    def _write_blanks(self) -> None:
        for blank in self._blanks:
            self._write("", blank)
        self._blanks.clear()

    def _write(self, code: str, source: int, *, until: int | None = None) -> None:
        """Hand over more of a line that begins at `source`: up to `until`, or all of it and its end."""
        shown = self._size <= self._longest
        if shown and not self._left:
            self._sink(self._start(source))
        self._wrote = True
        at, stop = self._left, len(code) if until is None else until
        while shown and at < stop:
            end = min(_piece_end(code, at), stop)
            self._sink(Text(self._shown(code, at, end), (), False, source + at))
            at = end
        self._size += stop - self._left + (1 if until is None else 0)
        if until is None:
            self._file.lines.append(code)
        self._left = 0 if until is None else until

    def _shown(self, code: str, start: int, end: int) -> str:
        """A piece of a line as Discord takes it: three backticks separated, no control characters."""
        piece = code[start:end]
        cleaned = clean_code(piece, colours=self._language == "ansi")
        return apart(code, start, end) if cleaned == piece else re.sub("^`|`(?=`)|`$", f"{ZWSP}`{ZWSP}", cleaned)


def _piece_end(code: str, at: int) -> int:
    """The end of the piece that begins at `at`; it does not cut a sequence of a terminal."""
    end = at + PIECE
    begun = code.rfind("\x1b", max(at + 1, end - LONGEST_SEQUENCE), end)
    return begun if begun >= 0 and end < len(code) else end
