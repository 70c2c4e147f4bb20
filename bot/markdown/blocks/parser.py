"""Parser for Markdown that streams in: reads it line by line and produces atoms for the layout.

Discord's Markdown is made of lines, and a line that streams in must be shown before the block it belongs to is
complete. A parser for whole documents cannot do that. So this parser recognises blocks by how their lines begin,
and markdown-it reads the text inside them (`inline`). The atoms depend on the text alone, never on how it was cut
into chunks.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from bot.markdown.blocks.base import Block, BlockContext
from bot.markdown.blocks.code import Code, CodeFile
from bot.markdown.blocks.line_start import Head, Kind, columns, fence_after_words, head, quote, unquoted
from bot.markdown.blocks.lists import Lists
from bot.markdown.blocks.multiline import Formula, TableBlock
from bot.markdown.blocks.paragraph import Paragraph
from bot.markdown.blocks.tables import begins_row, cells, delimiter, first_pipe, may_be_header
from bot.markdown.characters import ZWSP, without_invisible_start
from bot.markdown.inline.writer import RULE
from bot.markdown.paginator import Atom, Line, Text

_DEEPEST_HEADING = 3
UNDERLINE = "━" * 20
_LONGEST_HEADER = 300  # the longest line that may be a table's header
_LINE_END = re.compile("[\n\x85\u2028\u2029]")


class Blocks:
    """`feed` text, `close` at the end; atoms go to `sink`. Offsets count the characters fed."""

    def __init__(self, sink: Callable[[Atom], None], *, code_attachment_chars: int) -> None:
        self.files: list[CodeFile] = []
        self._sink = sink
        self._longest_code = code_attachment_chars
        self._line = ""  # the current line, as far as it is not part of the paragraph yet
        self._line_at = 0  # its offset
        self._at = 0  # characters seen
        self._running = False  # the current line is text of the paragraph
        self._paragraph: Paragraph | None = None
        self._is_heading = False
        self._header: str | None = None  # the paragraph's only line, if it may be a table's header
        self._header_line = False  # the current line may become a table's header
        self._open_block: Block | None = None
        self._lists = Lists()
        self._quotes = 0
        self._gap = False

    def feed(self, text: str) -> None:
        """Add text, in pieces of any size."""
        start = 0
        while (end := _line_end(text, start, self._open_block)) >= 0:
            self._more(text[start:end])
            self._end_line()
            start = end + 1
        self._more(text[start:])
        self._grow()

    def close(self) -> None:
        """End the text and hand over everything."""
        if self._line or self._running:
            self._end_line()
        self._end_block()
        self._end_paragraph()

    def tail(self) -> tuple[Sequence[Atom], list[Atom]]:
        """The atoms to show after those handed over: those that stay, in a list that only grows, and the rest."""
        if self._open_block is not None:
            return (), self._open_block.preview(_in_block(self._open_block, self._line) or "")
        if self._paragraph is None:
            return (), []
        if self._header_line or self._header:  # from a pipe on, it may turn out to be a table's header
            return self._paragraph.preview_held(first_pipe(self._paragraph.text))
        return (), self._paragraph.preview()

    def _more(self, text: str) -> None:
        self._at += len(text)
        if self._running and self._paragraph is not None:
            self._paragraph.extend(text)
        else:
            self._line += text

    def _grow(self) -> None:
        """Process the current line as far as its meaning is certain."""
        if self._open_block is not None:
            line = _in_block(self._open_block, self._line)
            if line is not None:
                self._open_block.grow(line, self._line_at)
            return
        if not self._running:
            self._begin(ended=False)
        self._commit()

    def _commit(self) -> None:
        if self._paragraph is None or self._header is not None:
            return
        if self._header_line:
            if len(self._paragraph.text) <= _LONGEST_HEADER:
                return
            self._header_line = False
        self._paragraph.commit(self._sink)

    def _end_line(self) -> None:
        if self._open_block is not None:
            self._block_line()
        else:
            self._complete_line()
        self._at += 1
        self._line, self._line_at, self._running = "", self._at, False

    def _complete_line(self) -> None:
        """Process a complete line that is not part of a block."""
        if not self._running:
            self._begin(ended=True)
        if self._running:
            self._end_text_line()

    def _end_text_line(self) -> None:
        if self._paragraph is None or self._opens_fence(self._paragraph):
            return
        if self._is_heading:
            self._end_paragraph()
            return
        if self._header_line:
            self._header_line = False
            if len(self._paragraph.text) <= _LONGEST_HEADER and may_be_header(self._paragraph.text):
                self._header = self._paragraph.text
        self._commit()

    def _opens_fence(self, paragraph: Paragraph) -> bool:
        """Whether the complete line ends with a fence, as in "Install: ```sh". The block begins on its own line,
        and no indentation is removed from it."""
        self._commit()
        found = fence_after_words(paragraph.text)
        if found is None:
            return False
        source = self._at - len(paragraph.text) + found.text
        paragraph.drop_from(found.text)
        self._end_paragraph()
        self._open(self._code(found, source))
        return True

    def _block_line(self) -> None:
        block = self._open_block
        if block is None:
            return
        at = unquoted(self._line, block.context.quotes)
        if at is not None and block.line(self._line[at:], self._line_at + at):
            if block.over:
                self._end_block()
            return
        self._end_block()
        self._complete_line()

    def _open(self, block: Block) -> None:
        self._open_block = block
        if block.over:
            self._end_block()

    def _end_block(self) -> None:
        if self._open_block is not None:
            self._open_block.finish()
            self._gap = self._gap or self._open_block.trails_blank
            self._open_block = None

    def _begin(self, *, ended: bool) -> None:
        """Process the start of the current line when its kind is certain."""
        if (bare := without_invisible_start(self._line)) != self._line:
            self._line_at, self._line = self._line_at + len(self._line) - len(bare), bare
        if not ended and len(self._line) <= _LONGEST_HEADER and not self._line.strip(" >"):
            return
        at = quote(self._line)
        quotes, text = self._line[:at].count(">"), self._line[at:]
        if self._heads_table(text, quotes, ended=ended):
            return
        may_indent = self._paragraph is None and not self._lists
        found = head(text, ended=ended, may_indent=may_indent)
        if found is None:
            return
        if bool(quotes) != bool(self._quotes):
            self._end_paragraph()
            self._lists.clear()
        self._quotes = quotes
        self._header = None
        self._act(found, text, self._line_at + at, ended=ended)

    def _heads_table(self, text: str, quotes: int, *, ended: bool) -> bool:
        """Whether the line after a possible header is, or may become, the row of dashes."""
        if self._header is None or self._paragraph is None or quotes != self._quotes:
            return False
        if not ended or len(text) > _LONGEST_HEADER:
            return len(text) <= _LONGEST_HEADER and not text.strip(" \t|:-")
        aligns, names = delimiter(text), cells(self._header)
        if aligns is None or len(aligns) != len(names):
            return False
        first = self._paragraph.first
        if first.prefix != first.again:
            first = self._alone(first)
        context = BlockContext(self._quotes, first.gap, self._lists.indent, first.source)
        self._paragraph, self._header = None, None
        self._open(TableBlock(self._sink, context, names, aligns))
        return True

    def _act(self, found: Head, text: str, source: int, *, ended: bool) -> None:
        if found.kind is Kind.BLANK:
            self._end_paragraph()
            self._gap = True
        elif found.kind is Kind.TEXT or (found.kind is Kind.UNDERLINE and self._paragraph is None):
            self._text(text, source)
        else:
            self._end_paragraph()
            self._block(found, text, source, ended=ended)

    def _block(self, found: Head, text: str, source: int, *, ended: bool) -> None:
        if found.kind is Kind.HEADING:
            self._heading(found, text, source)
        elif found.kind is Kind.ITEM:
            self._item(found, text, source, ended=ended)
        elif found.kind is Kind.FOOTNOTE:
            self._run(Paragraph(self._new_line("", "", source), source), f"[^{found.marker}] {text[found.text :]}")
        elif found.kind in (Kind.RULE, Kind.UNDERLINE):
            self._lists.clear()
            self._sink(self._new_line("", "", source))
            self._sink(Text(RULE if found.kind is Kind.RULE else UNDERLINE, (), True, source))
        elif found.kind is Kind.FORMULA:
            self._open(Formula(self._sink, self._context(source, found.indent), found, text))
        else:
            code = self._code(found, source)
            self._open(code)
            if found.kind is Kind.INDENTED and ended:
                code.line(text, source)

    def _text(self, text: str, source: int) -> None:
        bare = text.lstrip()
        space = len(text) - len(bare)
        if self._paragraph is not None and not begins_row(bare):
            self._paragraph.next_line(source + space)
            self._run(self._paragraph, bare)
            return
        # A row after text may be the header of a table, so it is a paragraph of its own until that is known.
        prefix = self._lists.text(columns(text[:space])) if self._gap else self._lists.indent if space else ""
        self._end_paragraph()
        self._run(Paragraph(self._new_line(prefix, prefix, source), source + space), bare)
        self._header_line = True

    def _heading(self, found: Head, text: str, source: int) -> None:
        self._lists.clear()
        level = len(found.marker)
        prefix = f"{found.marker} " if level <= _DEEPEST_HEADING else ""
        line = self._new_line(prefix, prefix, source, heading=True)
        wrap = () if prefix else ("**",)
        self._run(Paragraph(line, source + found.text, wrap=wrap), text[found.text :])
        self._is_heading = True

    def _item(self, found: Head, text: str, source: int, *, ended: bool) -> None:
        prefix, again = self._lists.item(found.indent, found.marker)
        box = {"": "", "-": "☐ "}.get(found.info, "☑ ")
        rest = text[found.text :]
        line = self._new_line(f"{prefix}{box}", again, source)
        inner = head(rest, ended=True, may_indent=False)
        if ended and inner is not None and inner.kind is Kind.FENCE:
            self._alone(line)
            self._open(self._code(replace(inner, indent=found.text), source))
            return
        self._run(Paragraph(line, source + found.text), rest)
        self._header_line = begins_row(rest)

    def _alone(self, item: Line) -> Line:
        """Write the marker of an item that begins with a block, which comes under it."""
        self._sink(item)
        self._sink(Text(ZWSP, (), False, item.source))
        return replace(item, gap=False)

    def _code(self, at: Head, source: int) -> Code:
        context = self._context(source, at.indent)
        return Code(self._sink, context, at, longest=self._longest_code, files=self.files)

    def _run(self, paragraph: Paragraph, text: str) -> None:
        self._paragraph = paragraph
        paragraph.extend(text)
        self._line, self._running = "", True

    def _end_paragraph(self) -> None:
        if self._paragraph is not None:
            self._paragraph.finish(self._sink, drop="#" if self._is_heading else "")
        self._paragraph, self._header = None, None
        self._is_heading = self._header_line = False

    def _new_line(self, prefix: str, again: str, source: int, *, heading: bool = False) -> Line:
        mark = "> " if self._quotes else ""
        gap, self._gap = self._gap, False
        return Line(mark + prefix, mark + again, gap, None, heading, source)

    def _context(self, source: int, indent: int) -> BlockContext:
        gap, self._gap = self._gap, False
        if gap:
            self._lists.text(indent)
        return BlockContext(self._quotes, gap, self._lists.indent, source)


def _line_end(text: str, start: int, block: Block | None) -> int:
    """The index of the next line end, -1 if there is none. In code only \\n counts, the others are part of it."""
    if isinstance(block, Code):
        return text.find("\n", start)
    found = _LINE_END.search(text, start)
    return found.start() if found is not None else -1


def _in_block(block: Block, line: str) -> str | None:
    """The incomplete line without the block's quote markers; None while these are not complete."""
    depth = block.context.quotes
    at = unquoted(line, depth)
    return None if at is None or (depth and at == len(line)) else line[at:]
