"""Parser for inline Markdown: markdown-it's tokens and pairing, with rules of its own for what models and Discord
add, and a check for what is still open.

A text that streams in is cut into segments at white space. A segment is final when later text cannot close
anything in it (`is_open`). Until then `closed_for_now` gives the part that may be shown already, with the missing
closers added and an ambiguous end left out, so that nothing is shown first in one form and then in another.

The work is bounded for any input: every rule looks at each character a bounded number of times, and a segment with
too many characters or marks counts as final.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from markdown_it import MarkdownIt
from markdown_it.common.utils import unescapeAll
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline import StateInline, entity, escape, newline
from markdown_it.token import Token

from bot.markdown.characters import clean
from bot.markdown.inline import emphasis
from bot.markdown.inline.html import is_paired, may_become_tag, tag_end
from bot.markdown.inline.links import BARE, trimmed
from bot.markdown.inline.math import INCOMPLETE, inline_end
from bot.markdown.inline.outline import Outline, outline

LONGEST_OPEN = 1500  # characters of a segment after which an unclosed marker is treated as text
_MOST_OPEN = 60  # marks in a segment after which the same holds

# How many characters back an opener may be; further back it is treated as text.
_BELIEVED = {"*": LONGEST_OPEN, "`": 600, "[": 500, "<": 300, "$": 1000, "|": 400, "h": 600}

_SPECIAL = re.compile(r"[*_~`\[\]<$|\\&@\n]|://|discord|dsc\.|invite\.", re.IGNORECASE)
_MARKUP = re.compile(r"[*_~`\[\]<$|\\&]")


@dataclass(slots=True)
class _Open:
    """Openers without closers: their indices and kinds, and the emphasis markers to append, innermost first."""

    openers: list[tuple[int, str]]
    closers: str = ""


def _note(state: StateInline, kind: str) -> None:
    found: _Open = state.env["open"]
    found.openers.append((state.pos, kind))


def _outline(state: StateInline) -> Outline:
    found = state.env.get("outline")
    if not isinstance(found, Outline):
        found = state.env["outline"] = outline(state.src)
    return found


def _formula(state: StateInline, _silent: bool) -> bool:
    start = state.pos
    if state.src[start] == "\\" and state.src[start + 1 : start + 2] not in ("(", "["):
        return False
    end = inline_end(state.src, start)
    if end == INCOMPLETE:
        _note(state, "$")
        return False
    if end is None or end > state.posMax:
        return False
    state.push("formula", "", 0).content = state.src[start:end]
    state.pos = end
    return True


_SPOILER = re.compile(r"\|\|(?=[^\s|])((?:[^|\\`]|\\.|\|(?!\|))*?[^\s|\\])\|\|", re.DOTALL)


def _spoiler(state: StateInline, _silent: bool) -> bool:
    if not state.src.startswith("||", state.pos):
        return False
    found = _SPOILER.match(state.src, state.pos, state.posMax)
    if found is None:
        following = state.src[state.pos + 2 : state.pos + 3]
        if following and not following.isspace() and following != "|":
            _note(state, "|")
        return False
    last = state.posMax
    state.push("spoiler_open", "", 1)
    state.pos, state.posMax = found.start(1), found.end(1)
    state.md.inline.tokenize(state)
    state.push("spoiler_close", "", -1)
    state.pos, state.posMax = found.end(), last
    return True


_FOOTNOTE = re.compile(r"\[\^([^\]\s]{1,40})\]")


def _footnote(state: StateInline, _silent: bool) -> bool:
    found = _FOOTNOTE.match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    state.push("footnote", "", 0).content = found[1]
    state.pos = found.end()
    return True


_SCHEME = re.compile(r"(?<![A-Za-z0-9])https?\Z", re.IGNORECASE)


def _address(state: StateInline, _silent: bool) -> bool:
    if state.linkLevel > 0 or not state.src.startswith("://", state.pos):
        return False
    scheme = _SCHEME.search(state.src, max(0, state.pos - 6), state.pos)
    if scheme is None or not state.pending.endswith(scheme[0]):
        return False
    found = BARE.match(state.src, scheme.start(), state.posMax)
    url = trimmed(found[0]) if found is not None else ""
    if len(url) <= len(scheme[0]) + 3:
        return False
    state.pending = state.pending[: -len(scheme[0])]
    state.push("address", "", 0).content = url
    state.pos += len(url) - len(scheme[0])
    return True


def _code(state: StateInline, _silent: bool) -> bool:
    start = state.pos
    span = _outline(state).codes.get(start)
    if span is None or span.end > state.posMax:
        end = start
        while end < state.posMax and state.src[end] == "`":
            end += 1
        if (run := _outline(state).open.get(start)) is not None:
            _note(state, run)
        state.append_pending(state.src[start:end])
        state.pos = end
        return True
    content = state.src[span.start : span.stop].replace("\n", " ")
    if content.startswith(" ") and content.endswith(" ") and content.strip(" "):
        content = content[1:-1]
    state.push("code_inline", "code", 0).content = content
    state.pos = span.end
    return True


_PLAIN_ADDRESS = re.compile(r"[a-z0-9._~:/?#@!$&'()*+,;=-]*+")  # needs no percent signs, which take time


def _link(state: StateInline, _silent: bool) -> bool:
    span = _outline(state).links.get(state.pos)
    if span is None or span.end > state.posMax:
        if state.pos in _outline(state).open:
            _note(state, "[")
        return False
    href = clean(unescapeAll(span.href))
    if not state.md.validateLink(href):
        return False
    if _PLAIN_ADDRESS.fullmatch(href) is None:
        href = state.md.normalizeLink(href)
    if state.src[state.pos] == "!":
        image = state.push("image", "img", 0)
        image.content, image.attrs = state.src[span.start : span.stop], {"src": href}
    else:
        last = state.posMax
        state.push("link_open", "a", 1).attrs = {"href": href}
        state.pos, state.posMax = span.start, span.stop
        state.linkLevel += 1
        state.md.inline.tokenize(state)
        state.linkLevel -= 1
        state.push("link_close", "a", -1)
        state.posMax = last
    state.pos = span.end
    return True


_AUTOLINK = re.compile(r"<(https?://[^\s<>]{1,1500}+)>", re.IGNORECASE)


def _autolink(state: StateInline, _silent: bool) -> bool:
    found = _AUTOLINK.match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    state.push("address", "", 0).content = found[1]
    state.pos = found.end()
    return True


def _tag(state: StateInline, _silent: bool) -> bool:
    end = tag_end(state.src, state.pos)
    if end is None or end > state.posMax:
        if len(state.src) - state.pos <= _BELIEVED["<"] and may_become_tag(state.src[state.pos : state.posMax]):
            _note(state, "<")
        return False
    tag = state.src[state.pos : end]
    state.push("html_inline", "", 0).content = tag
    if tag[:2].lower() == "<a" and not tag[2:3].isalnum():
        state.linkLevel += 1
    elif tag[:4].lower() == "</a>" and state.linkLevel:
        state.linkLevel -= 1
    state.pos = end
    return True


# The rules for the characters that may begin markup, in the order in which they are tried.
_RULES = {
    "\n": (newline,),
    "\\": (_formula, escape),
    "`": (_code,),
    "*": (emphasis.marks,),
    "_": (emphasis.marks,),
    "~": (emphasis.marks,),
    "[": (_footnote, _link),
    "!": (_link,),
    "<": (_autolink, _tag),
    "&": (entity,),
    "$": (_formula,),
    "|": (_spoiler,),
    ":": (_address,),
}
_BEGINS = re.compile("[" + re.escape("".join(_RULES)) + "]")


class _Inline(ParserInline):
    """markdown-it's inline parser, which tries at each character only the rules that begin with it."""

    def tokenize(self, state: StateInline) -> None:
        """Append the tokens of the text from `pos` to `posMax`."""
        while state.pos < state.posMax:
            found = _BEGINS.search(state.src, state.pos, state.posMax)
            start = found.start() if found is not None else state.posMax
            if start > state.pos:
                state.append_pending(state.src[state.pos : start])
                state.pos = start
            elif not any(rule(state, False) for rule in _RULES[state.src[start]]):
                state.append_pending(state.src[start])
                state.pos = start + 1
        if state.pending:
            state.pushPending()


def _unpaired(state: StateInline) -> None:
    """Record emphasis that was opened and not closed; runs after the marks were paired."""
    found: _Open = state.env["open"]
    found.closers = emphasis.closers(state)


def _parser() -> MarkdownIt:
    md = MarkdownIt("commonmark").enable("strikethrough")
    inline = _Inline()
    inline.ruler2 = md.inline.ruler2
    inline.ruler2.after("balance_pairs", "leftovers", emphasis.pair_leftovers)
    inline.ruler2.before("fragments_join", "unpaired", _unpaired)
    md.inline = inline
    return md


_PARSER = _parser()


def is_plain(source: str) -> bool:
    """True if the text contains nothing that could be markup."""
    return _SPECIAL.search(source) is None


def plain_until(source: str) -> int:
    """The index of the first character that could begin markup; the length of the text if there is none."""
    found = _SPECIAL.search(source)
    return len(source) if found is None else found.start()


def tokens(source: str) -> list[Token]:
    """The inline tokens of a finished text, with unclosed markers as text. Types in addition to markdown-it's own:
    `formula`, `spoiler_open`/`_close`, `footnote`, `address`."""
    return _analysed(source)[0]


@lru_cache(maxsize=16)  # a segment is looked at to see whether it is final, then rendered
def _analysed(source: str) -> tuple[list[Token], _Open]:
    found = _Open([])
    return _PARSER.inline.parse(source, _PARSER, {"open": found}, []), found


def is_open(source: str) -> bool:
    """True if later text could close something that `source` opened."""
    if len(source) > LONGEST_OPEN or len(_MARKUP.findall(source)) > _MOST_OPEN:
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
    r"|&#?\w{0,31}|(?<![*_~`|\\$!<\[])[*_~`|\\$!<\[]++\]?|\])\Z",
    re.IGNORECASE,
)
_HOLDING = ("[", "<", "$")
_MOST_CUTS = 4


def closed_for_now(source: str) -> str:
    """The part of an unfinished text that may be shown, with its open markers closed; "" if there is none yet.

    It leaves out an end that the next character may turn into something else, and everything from the opener of an
    unfinished link, tag, formula or fence on.
    """
    shown = _without_ambiguous_end(_with_few_marks(source))
    for _ in range(_MOST_CUTS):
        if is_plain(shown):
            return shown
        _, found = _analysed(shown)
        cut = _held_from(shown, found)
        if cut is None:
            return _with_closers(shown, found)
        shown = _without_ambiguous_end(shown[:cut])
    return ""


def _with_few_marks(source: str) -> str:
    """The text up to the mark after which a segment counts as final; more would be looked at for every edit."""
    marks = list(islice(_MARKUP.finditer(source), _MOST_OPEN + 1))
    return source[: marks[-1].start()] if len(marks) > _MOST_OPEN else source


def _without_ambiguous_end(source: str) -> str:
    for _ in range(2 * _MOST_CUTS):
        found = _AMBIGUOUS_END.search(source, max(0, len(source) - 600))
        if found is None:
            break
        source = source[: found.start()]
    return source


def _held_from(shown: str, found: _Open) -> int | None:
    """The index from which on the text may not be shown yet; None if all of it may, with its markers closed."""
    size, bare = len(shown), shown.rstrip()
    held = [
        at
        for at, kind in found.openers
        if size - at <= _BELIEVED[kind[0]]
        and (kind[0] in _HOLDING or kind.startswith("```") or not bare[at:].strip("`| "))
    ]
    return min(held, default=None)


def _with_closers(source: str, found: _Open) -> str:
    bare = source.rstrip()
    for index, kind in found.openers:
        if kind[0] not in "`|" or len(source) - index > _BELIEVED[kind[0]]:
            continue
        _, outer = _analysed(bare[:index] + "x")
        if kind[0] == "`":
            gap = " " if bare.endswith("`") else ""
            return f"{bare}{gap}{kind}{outer.closers}"
        _, inner = _analysed(bare[index + 2 :])
        return f"{bare}{inner.closers}||{outer.closers}"
    return f"{bare}{found.closers}{source[len(bare) :]}" if found.closers else source
