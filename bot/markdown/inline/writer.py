"""Inline tokens as Discord text: pieces of about a word, each with the marks that apply to it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from markdown_it.token import Token

from bot.markdown.characters import ZWSP, clean, clean_inline_code, cut_at
from bot.markdown.inline import html, latex, links
from bot.markdown.inline.parser import is_plain, tokens
from bot.markdown.live_forms import breaks, invite
from bot.markdown.paginator import Text

_WORD = re.compile(r"\s*\S+(?:\s+|\Z)|\s+")
LONGEST_PIECE = 80  # longer runs (scripts without spaces) are split so that a page can end inside them
_DEEPEST_MARKS = 12  # marks inside marks, more than a person can tell apart
_UNRELATED = "\ufffc"  # stands for code and line ends, which no live form goes across
_PAIRS = {"strong": "**", "em": "*", "s": "~~", "spoiler": "||"}


def spans(source: str, offset: int = 0) -> list[Text | None]:
    """A finished inline text as pieces; None is a line break. `offset`: where it begins in the answer."""
    if is_plain(source):
        return [Text(word, (), False, offset) for word in words(clean(source))]
    return _Writer(offset).write(tokens(source))


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
    return re.sub(r"\s+", " ", clean("".join(pieces))).strip()


def words(text: str) -> list[str]:
    """The text in pieces of a word and the space after it; a very long word is split into several pieces."""
    if len(text) <= LONGEST_PIECE and " " not in text:
        return [text] if text else []
    out: list[str] = []
    for word in _WORD.findall(text):
        if len(word) <= LONGEST_PIECE:
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


@dataclass(slots=True)
class _Run:
    """Text with the same marks all along. `raw` text is still to be escaped; `code` is code; `whole` is a link."""

    text: str
    marks: tuple[str, ...]
    raw: bool = False
    code: bool = False
    whole: bool = False


class _Writer:
    """Collects runs of text from tokens. Nothing is escaped before the end, when it is known what stands side by
    side: a mention may be put together from an escape, an entity and a tag."""

    def __init__(self, offset: int) -> None:
        self._runs: list[_Run | None] = []
        self._offset = offset
        self._marks: list[str] = []
        self._label: list[str] | None = None  # inside a link: its text so far
        self._href = ""
        self._shift: str | None = None  # inside <sub> or <sup>

    def write(self, parsed: list[Token]) -> list[Text | None]:
        """The pieces of these tokens."""
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
        return self._pieces()

    def _pieces(self) -> list[Text | None]:
        out: list[Text | None] = []
        for run in _safe(self._runs):
            if run is None:
                out.append(None)
            elif run.whole:
                out.append(Text(run.text, run.marks, True, self._offset))
            elif run.text:
                before = out[-1] if out else None
                if run.code and before is not None and before.marks and before.marks[-1].startswith("`"):
                    out.append(Text(ZWSP, run.marks[:-1], False, self._offset))
                out.extend(Text(word, run.marks, False, self._offset) for word in words(run.text))
        return out

    def _text(self, text: str) -> None:
        if "`" in self._marks:
            self._code(text)
        elif self._label is not None:
            self._label.append(text)
        elif self._shift is not None:
            shifted = latex.superscript(text) if self._shift == "sup" else latex.subscript(text)
            sign = "^" if self._shift == "sup" else "_"
            self._put(shifted or f"{sign}({text})", raw=True)
        else:
            self._put(text, raw=True)

    def _put(self, text: str, *, raw: bool = False, code: bool = False, whole: bool = False) -> None:
        marks = tuple(dict.fromkeys(mark for mark in self._marks if not (code and mark == "`")))
        last = self._runs[-1] if self._runs else None
        if raw and last is not None and last.raw and last.marks == marks:
            last.text += text
        else:
            self._runs.append(_Run(text, (*marks, "`") if code else marks, raw, code, whole))

    def _code(self, content: str) -> None:
        if self._label is not None:
            self._label.append(content)
            return
        text, mark = _fitting_marks(clean_inline_code(content))
        marks = dict.fromkeys(mark for mark in self._marks if mark != "`")
        self._runs.append(_Run(text, (*marks, mark), code=True))

    def _pair(self, token: Token) -> None:
        kind, _, which = token.type.rpartition("_")
        if kind == "link" and which == "open":
            self._label, self._href = [], str(token.attrs.get("href", ""))
        elif kind == "link":
            self._end_link()
        elif self._label is None:
            self._mark(_PAIRS[kind], which == "open")

    def _mark(self, mark: str, opens: bool) -> None:
        if opens and len(self._marks) < _DEEPEST_MARKS:
            self._marks.append(mark)
        elif not opens and mark in self._marks:
            del self._marks[len(self._marks) - 1 - self._marks[::-1].index(mark)]

    def _end_link(self) -> None:
        label, self._label = clean("".join(self._label or ())), None
        self._masked(label, clean(self._href))

    def _masked(self, label: str, address: str) -> None:
        for text, code in links.masked(label, address):
            self._put(text, code=code, whole=not code)

    def _other(self, token: Token) -> None:
        if token.type in ("softbreak", "hardbreak"):
            if self._label is None:
                self._runs.append(None)
            else:
                self._label.append(" ")
        elif token.type == "address":
            text, code = links.bare(clean(token.content))
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
        else:
            self._masked(clean(alt), clean(source))

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
            self._runs.append(None)
        elif name == "td" and closes:
            self._put(" · ")

    def _break_once(self, *, force: bool = False) -> None:
        if force or (self._runs and self._runs[-1] is not None):
            self._runs.append(None)


def _fitting_marks(content: str) -> tuple[str, str]:
    """Inline code as Discord reads it back, and the mark to put around it."""
    # Discord takes the longest run of backticks for the closer, so three in a row are separated.
    text = re.sub(r"`(?=``)", f"`{ZWSP}", content)
    runs = {len(run) for run in re.findall(r"`+", text)}
    if runs == {1, 2}:
        text, runs = re.sub(r"`(?=`)", f"`{ZWSP}", text), {1}
    # A space would be enough in the middle of a line, but Discord removes it at the ends.
    if text.lstrip().startswith("`"):
        text = f"{ZWSP}{text.lstrip()}"
    if text.rstrip().endswith("`"):
        text = f"{text.rstrip()}{ZWSP}"
    return (text if text.strip() else f"{text}{ZWSP}"), ("``" if runs == {1} else "`")


def _safe(runs: list[_Run | None]) -> Iterator[_Run | None]:
    """The runs with their text cleaned and escaped, and with no live form in or across them."""
    for run in runs:
        if run is not None and run.raw:
            run.text = clean(run.text)
    joined = "".join(_UNRELATED if run is None or run.code else run.text for run in runs)
    places = iter([*breaks(joined), len(joined) + 1])
    place, start = next(places), 0
    for run in runs:
        if run is None or run.code:
            start += len(_UNRELATED)
            yield run
            continue
        inside = []
        while place <= start + len(run.text):
            inside.append(place - start)
            place = next(places)
        start += len(run.text)
        yield from _neutralised(run, inside)


def _neutralised(run: _Run, places: list[int]) -> Iterator[_Run]:
    """The run with a U+200B at each place, escaped if it is raw. An invitation in raw text becomes code."""
    text, at = run.text, 0
    while run.raw and places and (found := invite(text[at:])) is not None:
        start, end = at + found.start(), at + found.end()
        yield _Run(_escaped(text[at:start], [place - at for place in places if at < place <= start]), run.marks)
        yield _Run(links.broken(text[start:end]), (*(mark for mark in run.marks if mark != "`"), "`"), code=True)
        places, at = [place for place in places if place > end], end
    rest = [place - at for place in places]
    shown = _escaped(text[at:], rest) if run.raw else _inserted(text[at:], rest)
    yield _Run(shown, run.marks, run.raw, run.code, run.whole)


def _escaped(text: str, places: list[int]) -> str:
    return links.unmarked(_inserted(text, places))


def _inserted(text: str, places: list[int]) -> str:
    for place in reversed(places):
        text = text[:place] + ZWSP + text[place:]
    return text


RULE = "─" * 20
