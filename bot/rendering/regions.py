"""Blocks of several lines in which Markdown means something else: code, formulas, tables.

A region is given complete lines. It hands over what is final at once and shows the line in progress on demand.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from bot.rendering import latex
from bot.rendering.characters import ZWSP
from bot.rendering.heads import Head, Kind, columns, head
from bot.rendering.layout import Atom, Fence, Line, Text
from bot.rendering.links import escaped
from bot.rendering.spans import spans, words
from bot.rendering.tables import Align, Table, cells

Sink = Callable[[Atom], None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a region stands: how many quotes deep, after a blank line or not, its list indentation, its source."""

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


class Region(Protocol):
    """A block of lines."""

    place: Place

    def line(self, line: str, source: int) -> bool:
        """A complete line (quote markers removed). False: it is not part of this region, which has ended."""

    def grow(self, line: str, source: int) -> None:
        """The line in progress, so far."""

    def preview(self, line: str) -> list[Atom]:
        """What may be shown beyond what was handed over; `line` is the one in progress."""

    def finish(self) -> None:
        """The region ended, or the text did."""

    @property
    def over(self) -> bool:
        """True once the region has seen its own end."""

    @property
    def trails_blank(self) -> bool:
        """True if blank lines at its end belong to what follows."""


_LANGUAGE = re.compile(r"[A-Za-z0-9_+.#-]{1,20}\Z")
_PIECE = 200  # characters of a long code line that leave together


def language(info: str) -> str:
    """The language of a fence if Discord could highlight it, else nothing."""
    word = info.strip().strip("{}").lstrip(".").split(" ")[0].split(":")[0].split(",")[0].lower()
    return word if _LANGUAGE.match(word) else ""


@dataclass(slots=True)
class CodeFile:
    """Code too long for the pages, whole."""

    language: str
    lines: list[str] = field(default_factory=list)


class Code:
    """A fenced code block, or (without a `marker`) one indented by four spaces.

    After `longest` characters the rest is not shown; `files` gets the whole code then.
    """

    def __init__(self, sink: Sink, place: Place, at: Head, *, longest: int, files: list[CodeFile]) -> None:
        self.place = place
        self._sink = sink
        self._marker = at.marker
        self._indent = at.indent
        self._language = language(at.info)
        self._fence = Fence(self._language, place.quoted)
        self._longest = longest
        self._files = files
        self._nesting = 0
        self._size = 0
        self._file: CodeFile | None = CodeFile(self._language)
        self._left = 0  # characters of the line in progress that were handed over
        self._blanks: list[int] = []
        self._lines = 0
        self.over = False

    def line(self, line: str, source: int) -> bool:
        if not self._marker and not self._is_indented(line, source):
            return not line.strip()
        if self._closes(line):
            self.over = True
            return True
        for blank in self._blanks:
            self._write("", blank, ended=True)
        self._blanks.clear()
        self._write(self._dedented(line), source, ended=True)
        return True

    def grow(self, line: str, source: int) -> None:
        if self._is_uncertain(line):
            return
        code = self._dedented(line)
        while len(code) - self._left >= 2 * _PIECE:
            for blank in self._blanks:
                self._write("", blank, ended=True)
            self._blanks.clear()
            self._write(code[: self._left + _PIECE], source, ended=False)

    def preview(self, line: str) -> list[Atom]:
        if self._is_uncertain(line) or self._size > self._longest:
            return []
        code = self._dedented(line)
        atoms: list[Atom] = [] if self._left else self._starts(self.place.source)
        if code[self._left :]:
            atoms.append(Text(_apart(code[self._left :], self._left > 0 or len(code) > _PIECE)))
        elif not self._left:
            return []
        return atoms

    def finish(self) -> None:
        if self._left:
            self._left = 0
        if not self._lines:
            for atom in self._starts(self.place.source):
                self._sink(atom)
            self._sink(Text(ZWSP))
        if self._file is not None and self._size > self._longest:
            self._files.append(self._file)
            number = len(self._files)
            self._sink(Line(f"{self.place.prefix}-# ", f"{self.place.prefix}-# ", source=self.place.source))
            self._sink(Text(f"… code-{number}{extension(self._language)}", source=self.place.source))

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
        if bare[fenced:]:
            # Models fence Markdown that has fences in it with the same three backticks.
            opens = self._language in ("markdown", "md") and language(bare[fenced:]) and "`" not in bare[fenced:]
            self._nesting += 1 if opens else 0
            return False
        if self._nesting:
            self._nesting -= 1
            return False
        return True

    def _dedented(self, line: str) -> str:
        if not self._marker:
            return line[4:] if line.startswith("    ") else line.lstrip(" ")[1:]
        at = 0
        while at < len(line) and at < self._indent and line[at] == " ":
            at += 1
        return line[at:]

    def _starts(self, source: int) -> list[Atom]:
        gap = self.place.gap and not self._lines
        prefix = self.place.prefix
        return [Line(prefix, prefix, gap, self._fence, False, source)]

    def _write(self, code: str, source: int, *, ended: bool) -> None:
        shown = self._size <= self._longest
        if shown and not self._left:
            for atom in self._starts(source):
                self._sink(atom)
        self._lines += 1
        long = self._left > 0 or len(code) > _PIECE
        for place in range(self._left, len(code), _PIECE):
            if shown:
                self._sink(Text(_apart(code[place : place + _PIECE], long), (), False, source + place))
        self._size += len(code) - self._left + (1 if ended else 0)
        if self._file is not None and ended:
            self._file.lines.append(code)
        self._left = 0 if ended else len(code)


def _apart(code: str, pairs: bool) -> str:
    """Code in which no three backticks end Discord's block; `pairs` also parts two, for pieces of a line."""
    return re.sub(r"`(?=`)", f"`{ZWSP}", code) if pairs or "```" in code else code


_EXTENSIONS = dict(
    pair.split("=", 1)
    for pair in [
        "python=.py",
        "py=.py",
        "python3=.py",
        "javascript=.js",
        "js=.js",
        "jsx=.jsx",
        "typescript=.ts",
        "ts=.ts",
        "tsx=.tsx",
        "java=.java",
        "c=.c",
        "h=.h",
        "cpp=.cpp",
        "c++=.cpp",
        "cc=.cpp",
        "hpp=.hpp",
        "csharp=.cs",
        "cs=.cs",
        "c#=.cs",
        "go=.go",
        "golang=.go",
        "rust=.rs",
        "rs=.rs",
        "ruby=.rb",
        "rb=.rb",
        "php=.php",
        "swift=.swift",
        "kotlin=.kt",
        "kt=.kt",
        "scala=.scala",
        "r=.r",
        "julia=.jl",
        "lua=.lua",
        "perl=.pl",
        "haskell=.hs",
        "hs=.hs",
        "elixir=.ex",
        "erlang=.erl",
        "clojure=.clj",
        "dart=.dart",
        "zig=.zig",
        "nim=.nim",
        "ocaml=.ml",
        "fsharp=.fs",
        "bash=.sh",
        "sh=.sh",
        "shell=.sh",
        "zsh=.sh",
        "console=.sh",
        "powershell=.ps1",
        "ps1=.ps1",
        "bat=.bat",
        "cmd=.bat",
        "fish=.fish",
        "sql=.sql",
        "html=.html",
        "xml=.xml",
        "svg=.svg",
        "css=.css",
        "scss=.scss",
        "less=.less",
        "json=.json",
        "jsonc=.json",
        "yaml=.yaml",
        "yml=.yaml",
        "toml=.toml",
        "ini=.ini",
        "cfg=.ini",
        "csv=.csv",
        "diff=.diff",
        "patch=.diff",
        "dockerfile=.dockerfile",
        "makefile=.mk",
        "cmake=.cmake",
        "tex=.tex",
        "latex=.tex",
        "markdown=.md",
        "md=.md",
        "vue=.vue",
        "svelte=.svelte",
        "proto=.proto",
        "graphql=.graphql",
        "terraform=.tf",
        "hcl=.tf",
        "nix=.nix",
        "vim=.vim",
        "asm=.asm",
        "objc=.m",
        "matlab=.m",
        "groovy=.groovy",
    ]
)


def extension(name: str) -> str:
    """The file extension of a language, `.txt` if it has none that is known."""
    return _EXTENSIONS.get(name, ".txt")


_CLOSERS = {"$$": "$$", "\\[": "\\]"}
_LONGEST_FORMULA = 3000


class Formula:
    r"""A displayed formula: `$$ … $$`, `\[ … \]` or an environment. Nothing is shown before its end.

    A blank line ends it too (LaTeX allows none inside): a formula that was never closed is shown as code.
    """

    def __init__(self, sink: Sink, place: Place, at: Head, first: str) -> None:
        self.place = place
        self._sink = sink
        self._environment = at.marker == "\\begin"
        self._closer = f"\\end{{{at.info}}}" if self._environment else _CLOSERS[at.marker]
        self._lines: list[str] = []
        self._size = 0
        self._closed = False
        self.over = False
        self._take(first.strip() if self._environment else first[at.text :])

    def line(self, line: str, source: int) -> bool:  # noqa: ARG002 - part of the protocol
        if not line.strip():
            return False
        self._take(line)
        return True

    def grow(self, line: str, source: int) -> None:
        """Shown whole or not at all."""

    def preview(self, line: str) -> list[Atom]:  # noqa: ARG002 - part of the protocol
        return []

    @property
    def trails_blank(self) -> bool:
        return False

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
            prefix = self.place.prefix + self.place.indent
            self._sink(Line(prefix, prefix, self.place.gap, None, False, self.place.source))
            for word in words(escaped(text)):
                self._sink(Text(word, (), False, self.place.source))
            return
        fence = Fence("latex", self.place.quoted)
        for number, line in enumerate(lines):
            gap = self.place.gap and not number
            self._sink(Line(self.place.prefix, self.place.prefix, gap, fence, False, self.place.source))
            self._sink(Text(_apart(line, len(line) > _PIECE), (), False, self.place.source))


_LONGEST_ROW = 4000


class TableRegion:
    """A table, from its header and its row of dashes on."""

    def __init__(self, sink: Sink, place: Place, header: list[str], aligns: list[Align]) -> None:
        self.place = place
        self._sink = sink
        self._table = Table(header, aligns)
        self._fence = Fence("", place.quoted)
        self._wrote = False
        self.over = False

    def line(self, line: str, source: int) -> bool:
        if not _is_row(line):
            return False
        self._table.add(cells(line))
        self._hand_over(source, ended=False)
        return True

    def grow(self, line: str, source: int) -> None:
        """A row is shown when it is complete."""

    def preview(self, line: str) -> list[Atom]:  # noqa: ARG002 - part of the protocol
        if self._table.as_list is not False:
            return []
        return list(self._fenced(self._table.preview(), self.place.source, wrote=self._wrote))

    def finish(self) -> None:
        self._hand_over(self.place.source, ended=True)

    @property
    def trails_blank(self) -> bool:
        return False

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
            gap = self.place.gap and not wrote and not number
            atoms.append(Line(self.place.prefix, self.place.prefix, gap, self._fence, False, source))
            atoms.append(Text(_apart(line, len(line) > _PIECE), (), True, source))
        return atoms

    def _listed(self, row: list[str], source: int) -> None:
        prefix = self.place.prefix + self.place.indent
        first = True
        for name, cell in zip(self._table.header, row, strict=True):
            if not cell:
                continue
            gap = self.place.gap and not self._wrote
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


def _is_row(line: str) -> bool:
    if not line.strip() or len(line) > _LONGEST_ROW:
        return False
    if line.lstrip().startswith("|"):
        return True
    kind = head(line, ended=True, may_indent=False)
    return kind is not None and kind.kind is Kind.TEXT and "|" in line.replace("\\|", "")
