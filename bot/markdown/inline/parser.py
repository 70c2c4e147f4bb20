"""Parser for inline Markdown: markdown-it with the extensions that models use, and a check for what is still open.

A text that streams in is cut into segments at white space. A segment is final when later text cannot close
anything in it (`is_open`). Until then `closed_for_now` gives the part that may be shown already, with the missing
closers added and an ambiguous end left out, so that nothing is shown first in one form and then in another.
"""

import re
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from bot.markdown.inline import emphasis
from bot.markdown.inline.html import is_paired, may_become_tag
from bot.markdown.inline.links import BARE, trimmed
from bot.markdown.inline.math import INCOMPLETE, inline_end

LONGEST_OPEN = 1500  # characters of a segment after which an unclosed marker is treated as text

# How many characters back an opener may be; further back it is treated as text.
_BELIEVED = {"*": LONGEST_OPEN, "`": 600, "[": 500, "<": 300, "$": 1000, "|": 400, "h": 600}

_SPECIAL = re.compile(r"[*_~`\[\]<>$|\\!&:@#^\n]|discord|dsc\.|invite\.", re.IGNORECASE)


@dataclass(slots=True)
class _Open:
    """Openers without closers: their indices and kinds, and the emphasis markers to append, innermost first."""

    openers: list[tuple[int, str]]
    closers: str = ""


def _open_of(state: StateInline) -> _Open | None:
    found = state.env.get("open")
    return found if isinstance(found, _Open) else None


def _note(state: StateInline, silent: bool, kind: str) -> None:
    found = _open_of(state)
    if found is not None and not silent:
        found.openers.append((state.pos, kind))


def _formula(state: StateInline, silent: bool) -> bool:
    start = state.pos
    character = state.src[start]
    if character != "$" and not (character == "\\" and state.src[start + 1 : start + 2] in ("(", "[")):
        return False
    end = inline_end(state.src[: state.posMax], start)
    if end is None:
        return False
    if end == INCOMPLETE:
        _note(state, silent, "$")
        return False
    if not silent:
        token = state.push("formula", "", 0)
        token.content = state.src[start:end]
    state.pos = end
    return True


_SPOILER = re.compile(r"\|\|(?=[^\s|])((?:[^|\\`]|\\.|\|(?!\|))*?[^\s|\\])\|\|", re.DOTALL)


def _spoiler(state: StateInline, silent: bool) -> bool:
    if not state.src.startswith("||", state.pos):
        return False
    found = _SPOILER.match(state.src, state.pos, state.posMax)
    if found is None:
        following = state.src[state.pos + 2 : state.pos + 3]
        if following and not following.isspace() and following != "|":
            _note(state, silent, "|")
        return False
    if not silent:
        last = state.posMax
        state.push("spoiler_open", "", 1)
        state.pos, state.posMax = found.start(1), found.end(1)
        state.md.inline.tokenize(state)
        state.push("spoiler_close", "", -1)
        state.posMax = last
    state.pos = found.end()
    return True


_FOOTNOTE = re.compile(r"\[\^([^\]\s]{1,40})\]")


def _footnote(state: StateInline, silent: bool) -> bool:
    found = _FOOTNOTE.match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    if not silent:
        state.push("footnote", "", 0).content = found[1]
    state.pos = found.end()
    return True


_SCHEME = re.compile(r"(?<![A-Za-z0-9])https?\Z", re.IGNORECASE)


def _address(state: StateInline, silent: bool) -> bool:
    if state.linkLevel > 0 or not state.src.startswith("://", state.pos):
        return False
    scheme = _SCHEME.search(state.pending)
    if scheme is None:
        return False
    found = BARE.match(state.src, state.pos - len(scheme[0]), state.posMax)
    url = trimmed(found[0]) if found is not None else ""
    if len(url) <= len(scheme[0]) + 3:
        return False
    if not silent:
        state.pending = state.pending[: -len(scheme[0])]
        state.push("address", "", 0).content = url
    state.pos += len(url) - len(scheme[0])
    return True


def _unclosed_code(state: StateInline, silent: bool) -> bool:
    """Record a run of backticks without its partner; the backticks rule itself then turns it into text."""
    if state.src[state.pos] != "`" or silent:
        return False
    end = state.pos
    while end < len(state.src) and state.src[end] == "`":
        end += 1
    run = state.src[state.pos : end]
    if re.search(rf"(?<!`){run}(?!`)", state.src[end:]) is None:
        _note(state, silent, run)
    return False


_UNCLOSED_LINK = re.compile(
    r"!?\[(?:[^\[\]\n]|\\.|\[[^\[\]\n]*\])*(?:\](?:\([^()\n]*(?:\([^()\n]*\)[^()\n]*)*)?)?\Z"
)


def _unclosed(state: StateInline, silent: bool) -> bool:
    """Record what later text could turn this character into. The last rule: all others failed here."""
    rest = state.src[state.pos : state.posMax]
    if (rest[0] == "[" or rest.startswith("![")) and _UNCLOSED_LINK.match(rest):
        _note(state, silent, "[")
    elif rest[0] == "<" and may_become_tag(rest):
        _note(state, silent, "<")
    return False


def _unpaired(state: StateInline) -> None:
    """Record emphasis that was opened and not closed; runs after markdown-it has paired the markers."""
    found = _open_of(state)
    if found is not None:
        found.closers = emphasis.closers(state)


def _parser() -> MarkdownIt:
    md = MarkdownIt("commonmark", {"html": True}).enable("strikethrough")
    md.inline.add_terminator_char("|")
    rules = md.inline.ruler
    rules.before("escape", "formula", _formula)
    rules.before("escape", "spoiler", _spoiler)
    rules.before("escape", "address", _address)
    rules.before("backticks", "unclosed_code", _unclosed_code)
    rules.before("link", "footnote", _footnote)
    rules.push("unclosed", _unclosed)
    md.inline.ruler2.before("fragments_join", "unpaired", _unpaired)
    return md


_PARSER = _parser()


def is_plain(source: str) -> bool:
    """True if the text contains nothing that could be markup."""
    return _SPECIAL.search(source) is None


def tokens(source: str) -> list[Token]:
    """The inline tokens of a finished text, with unclosed markers as text. Types in addition to markdown-it's own:
    `formula`, `spoiler_open`/`_close`, `footnote`, `address`."""
    return _PARSER.inline.parse(source, _PARSER, {}, [])


def _analysed(source: str) -> tuple[list[Token], _Open]:
    found = _Open([])
    return _PARSER.inline.parse(source, _PARSER, {"open": found}, []), found


def is_open(source: str) -> bool:
    """True if later text could close something that `source` opened."""
    if len(source) > LONGEST_OPEN:
        return False
    parsed, found = _analysed(source)
    if found.closers:
        return True
    size = len(source)
    if any(size - index <= _BELIEVED[kind[0]] for index, kind in found.openers):
        return True
    return size <= _BELIEVED["h"] and _has_open_tag(parsed)


def _has_open_tag(parsed: list[Token]) -> bool:
    depth = 0
    for token in parsed:
        if token.type == "html_inline" and (change := is_paired(token.content)):
            depth += change
    return depth > 0


_AMBIGUOUS_END = re.compile(
    r"(?:(?<![A-Za-z0-9])(?:h|ht|htt|https?(?::\S*)?"
    r"|d|di|dis|disc|disco|discor|discord\S*|dsc\S*|ds|inv|invi|invit|invite\.?\S*)"
    r"|&#?\w{0,31}|(?:[*_~`|\\$!<\[]|\](?=\Z))+)\Z",
    re.IGNORECASE,
)
_HOLDING = ("[", "<", "$")


def closed_for_now(source: str) -> str:
    """The part of an unfinished text that may be shown, with its open markers closed; "" if there is none yet.

    It leaves out an end that the next character may turn into something else, and everything from the opener of an
    unfinished link, tag or formula on.
    """
    shown = _without_ambiguous_end(source)
    if is_plain(shown):
        return shown
    for _ in range(4):
        _, found = _analysed(shown)
        size = len(shown)
        held = [at for at, kind in found.openers if kind[0] in _HOLDING and size - at <= _BELIEVED[kind[0]]]
        if not held:
            return _with_closers(shown, found)
        shown = _without_ambiguous_end(shown[: min(held)])
    return shown


def _without_ambiguous_end(source: str) -> str:
    while (found := _AMBIGUOUS_END.search(source, max(0, len(source) - 600))) is not None and found[0]:
        source = source[: found.start()]
    return source


def _with_closers(source: str, found: _Open) -> str:
    bare = source.rstrip()
    for index, kind in found.openers:
        if kind[0] not in "`|" or len(source) - index > _BELIEVED[kind[0]]:
            continue
        if not bare[index:].strip("`| "):
            return closed_for_now(source[:index])
        _, outer = _analysed(bare[:index] + "x")
        if kind[0] == "`":
            gap = " " if bare.endswith("`") else ""
            return f"{bare}{gap}{kind}{outer.closers}"
        _, inner = _analysed(bare[index + 2 :])
        return f"{bare}{inner.closers}||{outer.closers}"
    return f"{bare}{found.closers}{source[len(bare) :]}" if found.closers else source
