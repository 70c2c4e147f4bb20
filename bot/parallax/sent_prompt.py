"""The prompt that was sent, in the form in which an answer is compared with it.

Chat templates put marks and role names between the messages and trim them; tokenizers change spaces, case of
composed characters and punctuation. The order of a message's letters and digits survives all of them:
:func:`folded`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile

from bot.domain.chat import ChatMessage, ChatRequest, Role

MARK = re.compile(
    r"<{1,2}(?!/?think>)[^<>\s]{1,40}>{1,2}"  # <|im_start|>, <s>, <start_of_turn>, <<SYS>>, <｜User｜>
    r"|\[(?:/?[A-Z][A-Z_]{1,23}|gMASK)\]"  # [INST], [/INST]
    r"|\]~!?b[\[\]]|\[e~\["  # MiniMax
)
"""A special token of a chat template, as text."""

_WRITTEN_MARK = re.compile(r"<[|｜][^<>\s]{1,40}[|｜]>|</?s>|\[/?INST\]")
"""Text written by people that a tokenizer treats as a special token."""

_OPENING = re.compile(r"\A[\s#]+")
_NO_WORD = re.compile(r"[\W_]+")
_ASCII_NO_WORD = {code: None for code in range(128) if not chr(code).isalnum()}
_END_OF_THINKING = "</think>"
_TEMPLATE_ALLOWANCE = 4096
_TOKENS_IN_A_GAP = 8


def folded(text: str) -> str:
    """The letters and digits of ``text``, decomposed and without case. Folding the pieces of a text and joining
    them gives the fold of the text."""
    if text.isascii():
        return text.lower().translate(_ASCII_NO_WORD)  # a hundred times as fast
    return _NO_WORD.sub("", unicodedata.normalize("NFKD", text).casefold())


class SentMessage:
    """One message of the prompt."""

    def __init__(self, message: ChatMessage) -> None:
        self._message = message

    @property
    def is_system(self) -> bool:
        """Whether it is the system prompt, which templates move or leave out."""
        return self._message.role is Role.SYSTEM

    @property
    def is_user(self) -> bool:
        """Whether somebody asks something."""
        return self._message.role is Role.USER

    @property
    def opener(self) -> str:
        """Its first character that is neither white space nor ``#``, which any prompt may begin with; empty when
        it has none."""
        return _OPENING.sub("", self._message.content, count=1)[:1]

    @cached_property
    def has_words(self) -> bool:
        """Whether it has letters or digits at all."""
        content = self._message.content
        return bool(folded(content[:64]) or folded(content))

    @cached_property
    def forms(self) -> tuple[str, ...]:
        """The forms in which it may appear in a decoded prompt: whole; without special tokens that somebody wrote
        into it (decoding loses them); and, of an answer, only the text after its thinking."""
        content = self._message.content
        forms = [folded(content)]
        if _WRITTEN_MARK.search(content):
            forms.append(folded(_WRITTEN_MARK.sub(" ", content)))
        if self._message.role is Role.ASSISTANT and _END_OF_THINKING in content:
            forms.append(folded(content.rpartition(_END_OF_THINKING)[2]))
        return tuple(form for form in dict.fromkeys(forms) if form)

    @property
    def ending(self) -> str:
        """Its punctuation after the last letter or digit, without white space."""
        ending = takewhile(lambda character: not folded(character), reversed(self._message.content))
        return "".join("".join(ending).split())[::-1]


@dataclass(frozen=True, slots=True)
class Plan:
    """An order in which a template may put the messages; ``steps`` leaves out messages without letters and digits.

    ``openers``: the characters that it may begin with. ``lacking``: the system prompt is left out.
    """

    steps: tuple[SentMessage, ...]
    openers: frozenset[str]
    lacking: bool = False

    @classmethod
    def of(cls, messages: Sequence[SentMessage], *, lacking: bool = False) -> Plan:
        """The plan of these messages in their order."""
        first = next((index for index, message in enumerate(messages) if message.has_words), len(messages))
        openers = frozenset(message.opener for message in messages[: first + 1])
        return cls(tuple(message for message in messages if message.has_words), openers, lacking)

    @property
    def with_system(self) -> bool:
        """Whether the system prompt is among the messages."""
        return any(step.is_system for step in self.steps)


@dataclass(frozen=True, slots=True)
class SentPrompt:
    """The prompt that an answer is compared with.

    ``tokens_in_a_gap``: how many role names and special tokens may stand between two messages; ``ending``: the
    punctuation that the last message ends with; ``ends_wordless``: it has nothing but that. ``goes_on`` as in
    :class:`ChatRequest`. ``limit``: how many characters may be held back at most.
    """

    plans: tuple[Plan, ...] = ()
    tokens_in_a_gap: int = _TOKENS_IN_A_GAP
    ending: str = ""
    ends_wordless: bool = False
    goes_on: bool = False
    limit: int = _TEMPLATE_ALLOWANCE

    @classmethod
    def of(cls, request: ChatRequest) -> SentPrompt:
        """The prompt of ``request``: its messages as sent, and with the system prompt moved or left out."""
        messages = [SentMessage(message) for message in request.messages]
        if not messages:
            return cls()
        length = sum(len(message.content) for message in request.messages)
        return cls(
            plans=tuple(_plans(messages)),
            ending=messages[-1].ending,
            tokens_in_a_gap=_TOKENS_IN_A_GAP * (1 + sum(not message.has_words for message in messages)),
            ends_wordless=not messages[-1].has_words,
            goes_on=request.goes_on,
            limit=2 * length + _TEMPLATE_ALLOWANCE,
        )


def _plans(messages: Sequence[SentMessage]) -> list[Plan]:
    systems = tuple(message for message in messages if message.is_system)
    others = tuple(message for message in messages if not message.is_system)
    plans = [Plan.of(messages)]
    if systems and others:
        last = max((index for index, message in enumerate(others) if message.is_user), default=0)
        if last:
            plans.append(Plan.of((*others[:last], *systems, *others[last:])))
        plans.append(Plan.of(others, lacking=True))
    return plans
