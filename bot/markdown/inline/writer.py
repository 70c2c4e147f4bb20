"""Inline tokens as Discord text: pieces of about a word, each with the marks that apply to it."""

import re

from markdown_it.token import Token

from bot.markdown.characters import ZWSP, cut_at, invite
from bot.markdown.inline import html, latex, links
from bot.markdown.inline.parser import is_plain, tokens
from bot.markdown.paginator import Text

_WORD = re.compile(r"\s*\S+(?:\s+|\Z)|\s+")
_LONGEST_WORD = 80  # longer runs (scripts without spaces) are split so that a page can end inside them
_PAIRS = {"strong": "**", "em": "*", "s": "~~", "spoiler": "||"}


def spans(source: str, offset: int = 0) -> list[Text | None]:
    """A finished inline text as pieces; None is a line break. `offset`: where it begins in the answer."""
    if is_plain(source):
        return [Text(word, (), False, offset) for word in words(source)]
    writer = _Writer(offset)
    writer.write(tokens(source))
    return writer.out


def plain(source: str) -> str:
    """The inline text without markup, on one line: for table cells."""
    pieces: list[str] = []
    hrefs: list[str] = []
    for token in tokens(source):
        if token.type == "link_close":
            pieces.append(_plain_address(hrefs.pop(), "".join(pieces)))
        elif token.type == "link_open":
            hrefs.append(str(token.attrs.get("href", "")))
        else:
            pieces.append(_plain(token))
    return re.sub(r"\s+", " ", "".join(pieces)).strip()


def words(text: str) -> list[str]:
    """The text in pieces of a word and the space after it; a very long word is split into several pieces."""
    if len(text) <= _LONGEST_WORD and " " not in text:
        return [text] if text else []
    out: list[str] = []
    for word in _WORD.findall(text):
        if len(word) <= _LONGEST_WORD:
            out.append(word)
        else:
            out.extend(_parted(word))
    return out


def _parted(word: str) -> list[str]:
    """A long word in pieces, split only between visible characters; a page may end after each piece."""
    out: list[str] = []
    while word:
        at = cut_at(word, 40)
        out.append(word[:at])
        word = word[at:]
    return out


def _plain_address(href: str, before: str) -> str:
    host = links.host_of(href)
    return "" if host is None or host in before else f" ({host})"


def _plain(token: Token) -> str:
    """The text of a token that stands alone; "" for the start or the end of a mark."""
    match token.type:
        case "text" | "text_special" | "code_inline" | "address":
            return token.content
        case "softbreak" | "hardbreak":
            return " "
        case "image":
            return token.content or str(token.attrs.get("src", ""))
        case "footnote":
            return _reference(token.content)
        case "formula":
            return _readable(token.content) or token.content
        case "html_inline":
            known = html.parsed(token.content)
            if known is None:
                return token.content
            return " " if known[0] in ("br", "p", "li", "hr") else ""
    return ""


def _readable(formula: str) -> str | None:
    """The formula, written with its delimiters, as readable text; None if it has no such form."""
    return latex.to_unicode(formula.strip("$") if formula.startswith("$") else formula[2:-2])


def _reference(name: str) -> str:
    return (latex.superscript(name) if name.isdigit() else None) or f"[{name}]"


class _Writer:
    def __init__(self, offset: int) -> None:
        self.out: list[Text | None] = []
        self._offset = offset
        self._marks: list[str] = []
        self._label: list[str] | None = None  # inside a link: its text so far
        self._href = ""
        self._shift: str | None = None  # inside <sub> or <sup>

    def write(self, parsed: list[Token]) -> None:
        for token in parsed:
            name = token.type
            if name in ("text", "text_special"):
                self._text(token.content)
            elif name == "code_inline":
                self._code(token.content)
            elif name.endswith(("_open", "_close")):
                self._pair(token)
            else:
                self._other(token)
        if self._label is not None:
            self._end_link()

    def _text(self, text: str) -> None:
        if "`" in self._marks or "``" in self._marks:
            self._code(text)
        elif self._label is not None:
            self._label.append(text)
        elif self._shift is not None:
            shifted = latex.superscript(text) if self._shift == "sup" else latex.subscript(text)
            sign = "^" if self._shift == "sup" else "_"
            self._put(shifted or links.escaped(f"{sign}({text})"))
        else:
            self._free_text(text)

    def _free_text(self, text: str) -> None:
        while (found := invite(text)) is not None:
            self._put(links.escaped(text[: found.start()]))
            self._put(links.broken(found[0]), code=True)
            text = text[found.end() :]
        self._put(links.escaped(text))

    def _put(self, text: str, *, code: bool = False, whole: bool = False) -> None:
        marks = tuple(self._marks)
        if code and "`" not in marks:
            marks = (*marks, "`")
        if whole:
            self.out.append(Text(text, marks, True, self._offset))
            return
        self.out.extend(Text(word, marks, False, self._offset) for word in words(text))

    def _code(self, content: str) -> None:
        if self._label is not None:
            self._label.append(content)
            return
        marks = [mark for mark in self._marks if not mark.startswith("`")]
        # Discord takes the longest run of backticks for the closer, so three in a row are separated.
        text = re.sub(r"`(?=``)", f"`{ZWSP}", content)
        runs = {len(run) for run in re.findall(r"`+", text)}
        if runs == {1, 2}:
            text, runs = re.sub(r"`(?=`)", f"`{ZWSP}", text), {1}
        mark = "``" if runs == {1} else "`"
        # A space would be enough in the middle of a line, but Discord removes it at the ends.
        if text.lstrip().startswith("`"):
            text = f"{ZWSP}{text.lstrip()}"
        if text.rstrip().endswith("`"):
            text = f"{text.rstrip()}{ZWSP}"
        if not text.strip():
            text = f"{text}{ZWSP}"
        last = self.out[-1] if self.out else None
        if last is not None and last.marks and last.marks[-1].startswith("`"):
            self.out.append(Text(ZWSP, tuple(marks), False, self._offset))
        self.out.extend(Text(word, (*marks, mark), False, self._offset) for word in words(text))

    def _pair(self, token: Token) -> None:
        kind, _, which = token.type.rpartition("_")
        if kind == "link" and which == "open":
            self._label, self._href = [], str(token.attrs.get("href", ""))
        elif kind == "link":
            self._end_link()
        elif self._label is None:
            self._mark(_PAIRS[kind], which == "open")

    def _mark(self, mark: str, opens: bool) -> None:
        if opens:
            self._marks.append(mark)
        elif mark in self._marks:
            del self._marks[len(self._marks) - 1 - self._marks[::-1].index(mark)]

    def _end_link(self) -> None:
        label, self._label = "".join(self._label or ()), None
        for text, code in links.masked(label, self._href):
            self._put(text, code=code, whole=not code)

    def _other(self, token: Token) -> None:
        if token.type in ("softbreak", "hardbreak"):
            if self._label is None:
                self.out.append(None)
            else:
                self._label.append(" ")
        elif token.type == "address":
            text, code = links.bare(token.content)
            self._put(text, code=code, whole=not code)
        elif token.type == "image":
            self._image(token.content, str(token.attrs.get("src", "")))
        elif token.type == "footnote":
            self._text(_reference(token.content))
        elif token.type == "formula":
            self._formula(token.content)
        elif token.type == "html_inline":
            self._tag(token.content)

    def _image(self, alt: str, source: str) -> None:
        if self._label is not None:
            self._label.append(alt)
            return
        for text, code in links.masked(alt, source):
            self._put(text, code=code, whole=not code)

    def _formula(self, source: str) -> None:
        text = _readable(source)
        if text is not None:
            self._text(text)
        else:
            self._code(" ".join(source.split()))

    def _tag(self, tag: str) -> None:
        known = html.parsed(tag)
        if known is None:
            self._text(tag)
            return
        name, closes, attributes = known
        if (name in html.BREAKS_BEFORE and not closes) or name == "br":
            self._break_once(force=name == "br")
        if name in html.MARKS:
            self._mark(html.MARKS[name], not closes)
        elif name in ("sub", "sup"):
            self._shift = None if closes else name
        else:
            self._special_tag(name, closes, attributes)
        if name in html.BREAKS_AFTER and closes:
            self._break_once()

    def _special_tag(self, name: str, closes: bool, attributes: dict[str, str]) -> None:
        if name == "a":
            if closes and self._label is not None:
                self._end_link()
            elif not closes and "href" in attributes:
                self._label, self._href = [], attributes["href"]
        elif name == "img":
            self._image(attributes.get("alt", ""), attributes.get("src", ""))
        elif name == "li" and not closes:
            self._put("• ")
        elif name == "hr":
            self._put(RULE)
            self.out.append(None)
        elif name == "td" and closes:
            self._put(" · ")

    def _break_once(self, *, force: bool = False) -> None:
        if force or (self.out and self.out[-1] is not None):
            self.out.append(None)


RULE = "─" * 20
