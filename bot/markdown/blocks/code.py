"""Code blocks, fenced or indented: streamed line by line; very long ones also go into a file."""

import re
from dataclasses import dataclass, field

from bot.markdown.blocks.base import PIECE, Block, BlockContext, Sink, apart
from bot.markdown.blocks.line_start import Head, columns
from bot.markdown.characters import ZWSP
from bot.markdown.paginator import Atom, Fence, Line, Text

_LANGUAGE = re.compile(r"[A-Za-z0-9_+.#-]{1,20}\Z")


def language(info: str) -> str:
    """The language of a fence if Discord could highlight it, else an empty string."""
    word = info.strip().strip("{}").lstrip(".").split(" ")[0].split(":")[0].split(",")[0].lower()
    return word if _LANGUAGE.match(word) else ""


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
        self._nesting = 0
        self._size = 0
        self._file: CodeFile | None = CodeFile(self._language)
        self._left = 0  # characters of the current line that were handed over
        self._blanks: list[int] = []
        self._lines = 0

    def line(self, line: str, source: int) -> bool:
        if not self._marker and not self._is_indented(line, source):
            return not line.strip()
        if self._closes(line):
            self._fence.ends = source
            self.over = True
            return True
        self._write_blanks()
        self._write(self._dedented(line), source, len(line), ended=True)
        return True

    def grow(self, line: str, source: int) -> None:
        if self._is_uncertain(line):
            return
        code = self._dedented(line)
        while len(code) - self._left >= 2 * PIECE:
            self._write_blanks()
            until = self._left + PIECE
            self._write(code[:until], source, len(line) - len(code) + until, ended=False)

    def preview(self, line: str) -> list[Atom]:
        if self._is_uncertain(line) or self._size > self._longest:
            return []
        code = self._dedented(line)
        atoms: list[Atom] = [] if self._left else [self._start(self.context.source)]
        if code[self._left :]:
            atoms.append(Text(apart(code[self._left :], self._left > 0 or len(code) > PIECE)))
        elif not self._left:
            return []
        return atoms

    def finish(self) -> None:
        if not self._lines:
            self._sink(self._start(self.context.source))
            self._sink(Text(ZWSP))
        if self._file is not None and self._size > self._longest:
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
        if bare[fenced:]:
            # Models use the same three backticks around Markdown that contains fences itself.
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

    def _start(self, source: int) -> Line:
        gap = self.context.gap and not self._lines
        prefix = self.context.prefix
        return Line(prefix, prefix, gap, self._fence, False, source)

    def _write_blanks(self) -> None:
        for blank in self._blanks:
            self._write("", blank, 0, ended=True)
        self._blanks.clear()

    def _write(self, code: str, source: int, length: int, *, ended: bool) -> None:
        """Hand over more of a line that begins at `source` and has `length` characters there."""
        shown = self._size <= self._longest
        if shown and not self._left:
            self._sink(self._start(source))
        self._lines += 1
        # A line that is not complete here is a long one: `grow` hands over whole pieces only.
        long = not ended or self._left > 0 or len(code) > PIECE
        for at in range(self._left, len(code), PIECE):
            if shown:
                self._sink(Text(apart(code[at : at + PIECE], long), (), False, source + length - len(code) + at))
        self._size += len(code) - self._left + (1 if ended else 0)
        if self._file is not None and ended:
            self._file.lines.append(code)
        self._left = 0 if ended else len(code)


_NAMES = {
    ".py": ("python", "py", "python3"),
    ".js": ("javascript", "js"),
    ".jsx": ("jsx",),
    ".ts": ("typescript", "ts"),
    ".tsx": ("tsx",),
    ".java": ("java",),
    ".c": ("c",),
    ".h": ("h",),
    ".cpp": ("cpp", "c++", "cc"),
    ".hpp": ("hpp",),
    ".cs": ("csharp", "cs", "c#"),
    ".go": ("go", "golang"),
    ".rs": ("rust", "rs"),
    ".rb": ("ruby", "rb"),
    ".php": ("php",),
    ".swift": ("swift",),
    ".kt": ("kotlin", "kt"),
    ".scala": ("scala",),
    ".r": ("r",),
    ".jl": ("julia",),
    ".lua": ("lua",),
    ".pl": ("perl",),
    ".hs": ("haskell", "hs"),
    ".ex": ("elixir",),
    ".erl": ("erlang",),
    ".clj": ("clojure",),
    ".dart": ("dart",),
    ".zig": ("zig",),
    ".nim": ("nim",),
    ".ml": ("ocaml",),
    ".fs": ("fsharp",),
    ".sh": ("bash", "sh", "shell", "zsh", "console"),
    ".ps1": ("powershell", "ps1"),
    ".bat": ("bat", "cmd"),
    ".fish": ("fish",),
    ".sql": ("sql",),
    ".html": ("html",),
    ".xml": ("xml",),
    ".svg": ("svg",),
    ".css": ("css",),
    ".scss": ("scss",),
    ".less": ("less",),
    ".json": ("json", "jsonc"),
    ".yaml": ("yaml", "yml"),
    ".toml": ("toml",),
    ".ini": ("ini", "cfg"),
    ".csv": ("csv",),
    ".diff": ("diff", "patch"),
    ".dockerfile": ("dockerfile",),
    ".mk": ("makefile",),
    ".cmake": ("cmake",),
    ".tex": ("tex", "latex"),
    ".md": ("markdown", "md"),
    ".vue": ("vue",),
    ".svelte": ("svelte",),
    ".proto": ("proto",),
    ".graphql": ("graphql",),
    ".tf": ("terraform", "hcl"),
    ".nix": ("nix",),
    ".vim": ("vim",),
    ".asm": ("asm",),
    ".m": ("objc", "matlab"),
    ".groovy": ("groovy",),
}
_EXTENSIONS = {name: extension for extension, names in _NAMES.items() for name in names}


def extension(name: str) -> str:
    """The file extension of a language; `.txt` when it is not known."""
    return _EXTENSIONS.get(name, ".txt")
