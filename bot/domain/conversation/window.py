"""Choice of the turns of a conversation that a model is shown."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.domain.chat import ChatMessage, Role
from bot.domain.conversation.attached_text import with_attached_text
from bot.domain.conversation.store import Turn
from bot.domain.conversation.tokens import MESSAGE_TOKENS
from bot.errors import PromptTooLong

_NAME_LIMIT = 32
_NAMELESS = "Someone"
_WHAT_WAS_SAID = "What was said before, in short?"
_MARKUP = frozenset(":<|>[]{}")


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


def said(name: str, text: str) -> str:
    """A question with its asker, so that a model can tell several people apart."""
    return f"{speaker(name)}: {text}"


def _pair(turn: Turn, attached_text: str) -> tuple[ChatMessage, ChatMessage]:
    return (
        ChatMessage(Role.USER, said(turn.asker_name, with_attached_text(turn.question, attached_text))),
        ChatMessage(Role.ASSISTANT, turn.answer),
    )


def build_window(
    turns_newest_first: Sequence[Turn],
    question: str,
    *,
    asker: str,
    system_prompt: str,
    budget: int,
    estimate: Callable[[str], int],
    gist: str = "",
) -> Window:
    """Build the prompt: the system prompt (unless empty), whole turns from old to new, and ``question``.

    Turns are taken from the newest on until the next one does not fit into ``budget`` tokens; the older ones are
    left out. The text attached to a turn is included where it fits. ``estimate`` gives the tokens of a text, ≥ 0.
    ``gist`` is the summary of what is left out. It is written as a question and its answer, because people's words
    must not be in a system prompt and some chat templates refuse a second system prompt. It is dropped when
    nothing is left out or when it does not fit. Raises :class:`PromptTooLong` with ``tokens`` and ``limit`` when
    the system prompt and the question alone exceed the budget: a question is never cut.
    """

    def cost(message: ChatMessage) -> int:
        return estimate(message.content) + MESSAGE_TOKENS

    head = (ChatMessage(Role.SYSTEM, system_prompt),) if system_prompt else ()
    newest = ChatMessage(Role.USER, said(asker, question))
    tokens = sum(map(cost, head)) + cost(newest)
    if tokens > budget:
        raise PromptTooLong(f"{tokens} tokens for a budget of {budget}", tokens=tokens, limit=budget)

    pairs, used = _fitting(turns_newest_first, budget - tokens, cost)
    summarised = False
    if gist and len(pairs) < len(turns_newest_first):
        notes = (ChatMessage(Role.USER, _WHAT_WAS_SAID), ChatMessage(Role.ASSISTANT, gist))
        price = sum(map(cost, notes))
        if tokens + price <= budget:
            head, tokens, summarised = (*head, *notes), tokens + price, True
            pairs, used = _fitting(turns_newest_first, budget - tokens, cost)

    history = tuple(message for pair in reversed(pairs) for message in pair)
    return Window(
        messages=(*head, *history, newest),
        tokens=tokens + used,
        turns_used=len(pairs),
        turns_left_out=len(turns_newest_first) - len(pairs),
        summarised=summarised,
    )


def _fitting(
    turns_newest_first: Sequence[Turn], room: int, cost: Callable[[ChatMessage], int]
) -> tuple[list[tuple[ChatMessage, ChatMessage]], int]:
    """The newest turns that fit into ``room`` tokens, newest first, and the tokens they take."""
    pairs: list[tuple[ChatMessage, ChatMessage]] = []
    tokens = 0
    for turn in turns_newest_first:
        pair = _pair(turn, turn.attached_text)
        price = sum(map(cost, pair))
        if turn.attached_text and tokens + price > room:
            pair = _pair(turn, "")
            price = sum(map(cost, pair))
        if tokens + price > room:
            break
        tokens += price
        pairs.append(pair)
    return pairs, tokens
