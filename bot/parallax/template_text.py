"""The text that chat templates put around messages: special tokens, role names, and the answer's header."""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple

from bot.parallax.sent_prompt import MARK

_OPENING_WORDS = ("system", "user", "human", "developer")
# No other word begins a prompt, and every further word here would hold back the first word of more answers.

_INNER_WORDS = (
    *_OPENING_WORDS,
    "assistant",
    "gpt4 correct",
    "model",
    "chatbot",
    "bot",
    "ai",
    "tool",
    "instructions",
    "instruction",
    "input",
    "question",
    "response",
    "answer",
    "commentary",
    "analysis",
    "final",
)
_HEADER_WORDS = ("assistant", "gpt4 correct assistant", "model", "chatbot", "bot", "ai", "response", "answer")

_PARTIAL_MARK = re.compile(r"(?:<{1,2}[^<>\s]{0,40}|\[/?[A-Za-z_]{0,24}|\]~?!?b?|\[e~?)\Z")
_THINK_TAG = re.compile(r"</?think>")
_HEADER = re.compile(
    rf"(?:#+ )?(?:(?i:{'|'.join(_HEADER_WORDS)})(?:[ \t]*:|(?=[ \t]*\n)|(?=[<\[]))"
    r"|assistant(?:final)?(?![a-z \t]))"
)
_WHOLE_HEADER = re.compile(rf"[\s#]*(?i:{'|'.join(_HEADER_WORDS)})(?i:final)?\s*:?\s*")
_THINK_BLOCK = re.compile(r"<think>\s*</think>")
_PARTIAL_THINK_BLOCK = re.compile(r"<think>\s*(?:<(?:/(?:t(?:h(?:i(?:n(?:k)?)?)?)?)?)?)?")

_OPENING_BLANK = re.compile(r"[\s#]+")
_BLANK = re.compile(r"(?:[^\w<\[]|_)+")
_SYSTEM_HEADER = re.compile(r"system(?=\s*\n|[A-Z<\[])|(?i:<[^<>\s]*sys[^<>\s]*>+|\[sys[a-z_]*\])")
PREAMBLE_END = re.compile(rf"\n+|{MARK.pattern}|(?i:{'|'.join(_OPENING_WORDS)})")
"""Where the first message may begin after a template's own text."""

UNDECIDED = 48
"""The most characters at the end of a text that may be the beginning of one token."""


class Match(Enum):
    """What is found at an index of the text."""

    NONE = "no template text"
    PARTIAL = "the text ends inside what may become template text"
    WORD = "a role name or a special token"
    NEUTRAL = "template text that an answer may have as well"


class Token(NamedTuple):
    """Template text found at an index; ``end`` is the index after it."""

    match: Match
    end: int


def opening_blank(text: str, at: int) -> int:
    """The end of the white space and headings that a prompt may begin with."""
    found = _OPENING_BLANK.match(text, at)
    return found.end() if found else at


def blank(text: str, at: int) -> int:
    """The end of the punctuation and white space between two messages."""
    found = _BLANK.match(text, at)
    return found.end() if found else at


def opening_token(text: str, at: int) -> Token:
    """The template text at ``at``, of the kind that may precede the first message."""
    return _token(text, at, _OPENING_WORDS)


def opens_preamble(text: str, at: int) -> bool:
    """Whether a system prompt of the template's own may follow this token."""
    return _SYSTEM_HEADER.match(text, at) is not None


def inner_token(text: str, at: int) -> Token:
    """The template text at ``at``, of the kind that may be between two messages."""
    found = _THINK_TAG.match(text, at)
    return Token(Match.NEUTRAL, found.end()) if found else _token(text, at, _INNER_WORDS)


def tail_token(text: str, at: int, *, header: bool) -> Token:
    """The template text at ``at``, of the kind that may be between the last message and the answer. ``header``:
    the assistant's header too."""
    found = _THINK_BLOCK.match(text, at)
    if found:
        return Token(Match.NEUTRAL, found.end())
    if _PARTIAL_THINK_BLOCK.fullmatch(text, at):
        return Token(Match.PARTIAL, at)
    if header and (found := _HEADER.match(text, at)):
        # the text after it may still show that it is a word of the answer
        return Token(Match.PARTIAL if found.end() == len(text) and text[-1] != ":" else Match.WORD, found.end())
    return _token(text, at, _HEADER_WORDS if header else (), words_match=False)


def is_header(text: str) -> bool:
    """Whether this is the assistant's header and nothing else."""
    return _WHOLE_HEADER.fullmatch(text) is not None


def _token(text: str, at: int, words: tuple[str, ...], *, words_match: bool = True) -> Token:
    found = MARK.match(text, at)
    if found:
        return Token(Match.WORD, found.end())
    rest = text[at : at + UNDECIDED].casefold()
    if words_match:
        for word in words:
            if rest.startswith(word):
                return Token(Match.WORD, at + len(word))
    if at + len(rest) == len(text) and (_PARTIAL_MARK.match(text, at) or _may_become(rest, words)):
        return Token(Match.PARTIAL, at)
    return Token(Match.NONE, at)


def _may_become(rest: str, words: tuple[str, ...]) -> bool:
    begun = rest.strip("# \t")
    return any(word.startswith(begun) for word in words)
