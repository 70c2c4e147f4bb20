"""Choice of the turns of a conversation that a model is shown."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bot.domain.chat import ChatMessage, Role
from bot.domain.conversation.attached_text import with_attached_text
from bot.domain.conversation.store import Turn
from bot.domain.conversation.template_marks import break_marks
from bot.domain.conversation.tokens import MESSAGE_TOKENS
from bot.errors import PromptTooLong

_NAME_LIMIT = 32
_NAMELESS = "Someone"
_WHAT_WAS_SAID = "What was said before, in short?"
# What a colon can be written with: a name must not seem to end before it does.
_COLONS = ":\uff1a\ufe55\ufe13\u2236\u02d0\ua789"
# What names are written without; a line that has one of these before its colon is no name, but perhaps code.
_MARKUP = frozenset('<>|\uff5c[]{}()=;"`' + _COLONS)
# The line ends of str.splitlines.
_LINE_ENDS = re.compile("\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
# A line that begins as the words of a speaker do: a few words, perhaps emphasised, and a colon. No time, no
# address, and nothing indented by four or more.
_NOT_A_NAME = re.escape("".join(sorted(_MARKUP)))
_CLAIM = re.compile(rf"(?! {{4}}|\t)(?=[^{_NOT_A_NAME}]*[^\W\d_])[^{_NOT_A_NAME}]{{1,64}}[{_COLONS}](?!//|\d\d\b)")
# CommonMark 0.31, "Fenced code blocks".
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)$")


@dataclass(frozen=True, slots=True)
class Window:
    """A prompt of ``tokens`` estimated tokens, with ``turns_used`` turns and without ``turns_left_out``.

    ``summarised`` is true when a summary replaces the turns left out.
    """

    messages: tuple[ChatMessage, ...]
    tokens: int
    turns_used: int
    turns_left_out: int
    summarised: bool = False


def speaker(name: str) -> str:
    """``name`` as it is written before a question: one line of at most 32 characters, never empty, without what
    could look like the end of the name (a colon, a line end) or like a chat template's markup."""
    spaced = "".join(" " if character.isspace() else character for character in name)
    kept = (
        character
        for character in spaced
        if character not in _MARKUP and not unicodedata.category(character).startswith("C")
    )
    return " ".join("".join(kept).split())[:_NAME_LIMIT].strip() or _NAMELESS


def said(name: str, text: str, number: int = 1) -> str:
    """A question with its asker, so that a model can tell several people apart; ``number`` tells people of the
    same name apart, and no name can contain one.

    A line of ``text`` that looks like the beginning of what somebody else says (``Ben: …``) is written as a
    quotation, unless it is fenced code: only the first line of the result begins with a speaker.
    """
    label = speaker(name) if number == 1 else f"{speaker(name)} ({number})"
    lines = _LINE_ENDS.split(text)
    code = _fenced(lines)
    quoted = (
        f"> {line}" if at not in code and _CLAIM.match(line) else line for at, line in enumerate(lines[1:], 1)
    )
    return "\n".join((f"{label}: {lines[0]}", *quoted))


def _fenced(lines: Sequence[str]) -> set[int]:
    """The lines of fenced code, by their index; a fence that is never closed begins none."""
    code: set[int] = set()
    begin, opened = 0, ""
    for at, line in enumerate(lines):
        found = _FENCE.match(line)
        if found is None:
            continue
        marks, rest = found.groups()
        if not opened:
            begin, opened = at, "" if "`" in rest and marks[0] == "`" else marks
        elif marks[0] == opened[0] and len(marks) >= len(opened) and not rest.strip():
            code.update(range(begin, at + 1))
            opened = ""
    return code


class _Namesakes:
    """Numbers people of the same name: from 1, the oldest account first (ids of Discord grow with time)."""

    def __init__(self, people: Iterable[tuple[int, str]]) -> None:
        self._ids: dict[str, set[int]] = {}
        for user_id, name in people:
            self._ids.setdefault(speaker(name).casefold(), set()).add(user_id)

    def number(self, user_id: int, name: str) -> int:
        """The number of one of these people."""
        return 1 + sorted(self._ids[speaker(name).casefold()]).index(user_id)


def _pair(turn: Turn, attached_text: str, namesakes: _Namesakes) -> tuple[ChatMessage, ChatMessage]:
    number = namesakes.number(turn.asker_id, turn.asker_name)
    question = with_attached_text(said(turn.asker_name, turn.question, number), attached_text)
    return _message(Role.USER, question), _message(Role.ASSISTANT, turn.answer)


def _message(role: Role, text: str) -> ChatMessage:
    return ChatMessage(role, break_marks(text))


def build_window(
    turns_newest_first: Sequence[Turn],
    question: str,
    *,
    asker: str,
    system_prompt: str,
    budget: int,
    estimate: Callable[[str], int],
    asker_id: int | None = None,
    attached_text: str = "",
    gist: str = "",
) -> Window:
    """Build the prompt: the system prompt (unless empty), whole turns from old to new, and ``question`` with what
    is attached to it. No text in it can pass for another speaker's or hold a mark of a chat template.

    Turns are taken from the newest on until the next one does not fit into ``budget`` tokens; the older ones are
    left out. The text attached to a turn is included where it fits. ``estimate`` gives the tokens of a text, ≥ 0.
    ``gist`` is the summary of what is left out. It is written as a question and its answer, because people's words
    must not be in a system prompt and some chat templates refuse a second system prompt. It is dropped when
    nothing is left out or when it does not fit. Raises :class:`PromptTooLong` with ``tokens`` and ``limit`` when
    the system prompt and the question alone exceed the budget: a question is never cut.
    """

    def cost(message: ChatMessage) -> int:
        return estimate(message.content) + MESSAGE_TOKENS

    head = (_message(Role.SYSTEM, system_prompt),) if system_prompt else ()
    people = [(turn.asker_id, turn.asker_name) for turn in turns_newest_first]
    namesakes = _Namesakes(people if asker_id is None else [*people, (asker_id, asker)])
    number = 1 if asker_id is None else namesakes.number(asker_id, asker)
    newest = _message(Role.USER, with_attached_text(said(asker, question, number), attached_text))
    tokens = sum(map(cost, head)) + cost(newest)
    if tokens > budget:
        raise PromptTooLong(f"{tokens} tokens for a budget of {budget}", tokens=tokens, limit=budget)

    pairs, used = _fitting(turns_newest_first, budget - tokens, cost, namesakes)
    summarised = False
    if gist and len(pairs) < len(turns_newest_first):
        notes = (_message(Role.USER, _WHAT_WAS_SAID), _message(Role.ASSISTANT, gist))
        price = sum(map(cost, notes))
        if tokens + price <= budget:
            head, tokens, summarised = (*head, *notes), tokens + price, True
            pairs, used = _fitting(turns_newest_first, budget - tokens, cost, namesakes)

    history = tuple(message for pair in reversed(pairs) for message in pair)
    return Window(
        messages=(*head, *history, newest),
        tokens=tokens + used,
        turns_used=len(pairs),
        turns_left_out=len(turns_newest_first) - len(pairs),
        summarised=summarised,
    )


def _fitting(
    turns_newest_first: Sequence[Turn],
    room: int,
    cost: Callable[[ChatMessage], int],
    namesakes: _Namesakes,
) -> tuple[list[tuple[ChatMessage, ChatMessage]], int]:
    """The newest turns that fit into ``room`` tokens, newest first, and the tokens they take."""
    pairs: list[tuple[ChatMessage, ChatMessage]] = []
    tokens = 0
    for turn in turns_newest_first:
        pair = _pair(turn, turn.attached_text, namesakes)
        price = sum(map(cost, pair))
        if turn.attached_text and tokens + price > room:
            pair = _pair(turn, "", namesakes)
            price = sum(map(cost, pair))
        if tokens + price > room:
            break
        tokens += price
        pairs.append(pair)
    return pairs, tokens
