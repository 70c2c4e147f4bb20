"""Separation of a model's thinking from its answer when both come as content."""

from __future__ import annotations

import re
from enum import Enum

from bot.domain.chat import Reasoning, Text

_OPEN = "<think>"
_CLOSE = "</think>"
_QUOTES = frozenset("`'\"“‘«")
_REMEMBERED_MODELS = 64
_SLICE = 1024
"""Characters that are processed together. Each tag copies the text after it, so content that consists only of tags
would cost the square of its length."""
_OPENED_BY_NAME = re.compile(r"thinking|deepseek-r1|qwq", re.IGNORECASE)
"""Models whose chat templates open the thinking in the prompt, so that the model only generates ``</think>``."""

Piece = Text | Reasoning


class _State(Enum):
    OPENING = "nothing but whitespace yet"
    THINKING = "inside the thinking"
    CLOSED = "whitespace after the thinking"
    ANSWER = "inside the answer"


def _held_length(text: str, tag: str) -> int:
    """The number of characters at the end of ``text`` that may be the beginning of ``tag``."""
    for length in range(min(len(tag) - 1, len(text)), 0, -1):
        if tag.startswith(text[-length:]):
            return length
    return 0


class ThinkSplitter:
    """Splits content, in pieces cut anywhere, into text and reasoning.

    ``<think>`` counts only at the beginning of the content or directly after another block; further on it is part
    of the answer. A ``</think>`` that was never opened ends the thinking of a model whose template opens it in the
    prompt, unless it is in quotes. Text that was passed on before such a single tag stays text, because a stream
    cannot be taken back; ``opened`` says from the start that the content begins inside the thinking. White space
    after either tag is dropped. The joined text and the joined reasoning do not depend on where the content was
    cut.
    """

    def __init__(self, *, opened: bool = False) -> None:
        self._opened = opened
        self._state = _State.OPENING
        self._held = ""
        self._blank: list[str] = []
        self._last = ""
        self._trim = False
        self._saw_tag = False
        self._assumed: list[str] = []
        self.lone_close = False

    @property
    def assumed_wrongly(self) -> bool:
        """Whether the content was treated as thinking because of ``opened`` and no tag ever confirmed it."""
        return self._opened and not self._saw_tag and self._state is _State.THINKING

    @property
    def assumed_text(self) -> str:
        """The text that was passed on as reasoning only because of that assumption."""
        return "".join(self._assumed)

    def thinking_comes_apart(self) -> None:
        """Treat all further content as answer: the thinking comes in a field of its own."""
        if self._state is _State.OPENING:
            self._opened = False

    def feed(self, content: str) -> list[Piece]:
        """The pieces that are certain now."""
        pieces: list[Piece] = []
        for at in range(0, len(content), _SLICE):
            self._held += content[at : at + _SLICE]
            while self._step(pieces):
                pass
        return pieces

    def close(self) -> list[Piece]:
        """End the content; returns the pieces that were held back."""
        held, self._held = self._with_blank(), ""
        pieces: list[Piece] = []
        if self._state is _State.THINKING:
            self._give_reasoning(held, pieces)
        elif held:
            pieces.append(Text(held))
        return pieces

    def _step(self, pieces: list[Piece]) -> bool:
        """Process the held text. True when the state changed and there may be more to do."""
        if not self._held:
            return False
        if self._state in (_State.OPENING, _State.CLOSED):
            return self._before_content()
        if self._state is _State.THINKING:
            return self._inside_thinking(pieces)
        return self._inside_answer(pieces)

    def _before_content(self) -> bool:
        content = self._held.lstrip()
        if self._state is _State.CLOSED:
            self._held = content
        elif not content:
            # Kept separately, so that endless white space is not searched again with every piece.
            self._blank.append(self._held)
            self._held = ""
        if content.startswith(_OPEN):
            self._blank.clear()
            self._held = content.removeprefix(_OPEN)
            self._saw_tag = self._trim = True
            self._state = _State.THINKING
            return True
        if not content or _OPEN.startswith(content):
            return False
        self._held = self._with_blank()
        thinking = self._state is _State.OPENING and self._opened
        self._trim = thinking
        self._state = _State.THINKING if thinking else _State.ANSWER
        return True

    def _with_blank(self) -> str:
        held = "".join([*self._blank, self._held])
        self._blank.clear()
        return held

    def _inside_thinking(self, pieces: list[Piece]) -> bool:
        before, tag, after = self._held.partition(_CLOSE)
        if tag:
            self._give_reasoning(before, pieces)
            self.lone_close = not self._saw_tag
            self._saw_tag = True
            self._assumed.clear()
            self._held, self._state = after, _State.CLOSED
            return True
        cut = len(self._held) - _held_length(self._held, _CLOSE)
        self._give_reasoning(self._held[:cut], pieces)
        self._held = self._held[cut:]
        return False

    def _give_reasoning(self, text: str, pieces: list[Piece]) -> None:
        if self._trim:
            text = text.lstrip()
            self._trim = not text
        if text:
            pieces.append(Reasoning(text))
            if self._opened and not self._saw_tag:
                self._assumed.append(text)

    def _inside_answer(self, pieces: list[Piece]) -> bool:
        if self._saw_tag:
            self._give_text(len(self._held), pieces)
            return False
        at = self._held.find(_CLOSE)
        if at < 0:
            self._give_text(len(self._held) - _held_length(self._held, _CLOSE), pieces)
            return False
        previous = self._held[at - 1] if at else self._last
        if previous in _QUOTES:
            self._give_text(at + len(_CLOSE), pieces)
            return True
        self._give_text(at, pieces)
        self._held = self._held.removeprefix(_CLOSE)
        self.lone_close = self._saw_tag = True
        self._state = _State.CLOSED
        return True

    def _give_text(self, length: int, pieces: list[Piece]) -> None:
        if length:
            text, self._held = self._held[:length], self._held[length:]
            self._last = text[-1]
            pieces.append(Text(text))


def closes_only(content: str) -> bool:
    """Whether the end of a thinking that was never opened is in this whole content."""
    splitter = ThinkSplitter()
    splitter.feed(content)
    return splitter.lone_close


class ThinkingHabits:
    """Which models begin inside their thinking: first guessed by name, then corrected by their answers."""

    def __init__(self) -> None:
        self._seen: dict[str, bool] = {}

    def opens_in_prompt(self, model: str | None) -> bool:
        """Whether ``model``'s content is expected to begin inside the thinking."""
        if model is None:
            return False
        return self._seen.get(model, _OPENED_BY_NAME.search(model) is not None)

    def observe(self, model: str | None, splitter: ThinkSplitter) -> None:
        """Learn from the content of a finished answer."""
        if model is None or not (splitter.lone_close or splitter.assumed_wrongly):
            return
        if len(self._seen) >= _REMEMBERED_MODELS:
            self._seen.clear()
        self._seen[model] = splitter.lone_close
