"""Separation of a model's thinking and tool calls from its answer when all of them come as content."""

from __future__ import annotations

import re
from enum import Enum

from bot.domain.chat import Reasoning, Text
from bot.parallax import bounds, marks
from bot.parallax.mark_rules import MarkRules
from bot.parallax.marks import Kind, Mark

_REMEMBERED_MODELS = 64
_SLICE = 1024
"""Characters that are processed together. Each mark copies the text after it, so content that consists only of
marks would cost the square of its length."""
_HEADER = 200
"""The longest header of a Harmony message, in characters. A real one has about 40."""
_OPENED_BY_NAME = re.compile(r"thinking|deepseek-r1|qwq", re.IGNORECASE)
"""Models whose chat templates open the thinking in the prompt, so that the model only generates ``</think>``."""
_CALLS_BEGIN = ("{", "[", "<")
_OPENED = Mark("", Kind.THINKING, marks.THINKING_CLOSES)

Piece = Text | Reasoning


class _State(Enum):
    OPENING = "nothing but whitespace yet"
    THINKING = "inside the thinking"
    HIDDEN = "inside a tool call, or another message that is not for the reader"
    HEADER = "inside the header of a Harmony message"
    CLOSED = "whitespace after a block"
    ANSWER = "inside the answer"


class ContentSplitter:
    """Splits content, in pieces cut anywhere, into text and reasoning, and leaves out tool calls.

    Which marks count is decided by :class:`MarkRules`; ``asked`` are those that the asker wrote. A single end of a
    thinking ends that of a model whose template opens it in the prompt: the text passed on before it stays text,
    because a stream cannot be taken back; ``opened`` says from the start that the content begins inside the
    thinking. White space after a block is dropped. The joined text and the joined reasoning do not depend on where
    the content was cut.
    """

    def __init__(self, *, opened: bool = False, asked: frozenset[str] = frozenset()) -> None:
        self._opened = opened
        self._rules = MarkRules(asked)
        self._state = _State.OPENING
        self._block = _OPENED
        self._held = ""
        self._blank: list[str] = []
        self._trim = False
        self._gave_text = False
        self._literal: list[str] | None = None
        self._header = ""
        self._hidden: list[str] = []
        self._marks_left = bounds.MARKS
        self.lone_close = False
        self.called = False
        """Whether a tool call was left out."""

    @property
    def assumed_wrongly(self) -> bool:
        """Whether the content was treated as thinking because of ``opened`` and no mark ever confirmed it."""
        return self._opened and not self._rules.saw_thinking and self._state is _State.THINKING

    @property
    def mistaken(self) -> str:
        """The text that was passed on as reasoning and is the answer, if the content ends normally here: what was
        assumed wrongly, a tag after text whose block never ends, or the only block of an answer to somebody who
        wrote its tag."""
        if self._literal is None or (self._gave_text and self._state is not _State.THINKING):
            return ""
        text = "".join(self._literal)
        return text.lstrip() if self.assumed_wrongly else text

    def thinking_comes_apart(self) -> None:
        """Do not assume that the content begins inside the thinking: that comes in a field of its own."""
        if self._state is _State.OPENING:
            self._opened = False

    def is_plain(self, content: str) -> bool:
        """Whether this content is text of the answer as a whole: no mark begins in it, and none has begun."""
        return self._state is _State.ANSWER and not self._held and marks.STARTS.search(content) is None

    def feed(self, content: str) -> list[Piece]:
        """The pieces that are certain now."""
        pieces: list[Piece] = []
        for at in range(0, len(content), _SLICE):
            self._held += content[at : at + _SLICE]
            while self._held and self._step(pieces):
                pass
        return pieces

    def close(self) -> list[Piece]:
        """End the content; returns the pieces that were held back."""
        held, self._held = self._with_blank(), ""
        pieces: list[Piece] = []
        if self._state is _State.THINKING:
            self._give_reasoning(held, pieces)
        elif self._state is _State.HIDDEN:
            self._hide(held)
            hidden = "".join(self._hidden)
            if self._block.is_word and not hidden.lstrip().startswith(_CALLS_BEGIN):
                self._give_text(self._block.text + hidden, pieces)
            else:
                self.called = self.called or self._block.kind is Kind.CALL
        elif self._state is _State.HEADER:
            self._give_text("" if self._rules.in_channels else self._header + held, pieces)
        else:
            self._give_text(held, pieces)
        return pieces

    def _step(self, pieces: list[Piece]) -> bool:
        """Process the held text. True when the state changed and there may be more to do."""
        if self._state in (_State.OPENING, _State.CLOSED):
            return self._before_content()
        if self._state is _State.HEADER:
            return self._inside_header(pieces)
        if self._state is _State.ANSWER:
            return self._inside_answer(pieces)
        return self._inside_block(pieces)

    def _before_content(self) -> bool:
        content = self._held.lstrip()
        first = self._state is _State.OPENING
        if not first:
            self._held = content
        elif not content:
            # Kept separately, so that endless white space is not searched again with every piece.
            self._blank.append(self._held)
            self._held = ""
        if self._marks_left and (not content or self._rules.is_undecided(content, first=first)):
            return False
        mark = self._rules.at_start(content, first=first) if self._marks_left else None
        if mark is not None:
            self._blank.clear()
            self._held = content[len(mark.text) :]
            self._open(mark)
            return True
        self._held = self._with_blank()
        if first and self._opened:
            self._trim, self._state, self._literal = True, _State.THINKING, []
        else:
            self._state = _State.ANSWER
        return True

    def _with_blank(self) -> str:
        held = "".join([*self._blank, self._held])
        self._blank.clear()
        return held

    def _open(self, mark: Mark) -> None:
        """Enter what this mark begins; the held text is what follows it."""
        self._block = mark
        self._marks_left = max(0, self._marks_left - 1)
        if mark.kind is Kind.THINKING:
            may_be_text = mark.text in self._rules.asked or (mark.is_word and self._gave_text)
            self._literal = [mark.text] if may_be_text else None
            self._rules.saw_thinking = self._trim = True
            self._state = _State.THINKING
        elif mark.kind in {Kind.CALL, Kind.HIDDEN}:
            self._hidden = []
            self._state = _State.HIDDEN
        elif mark.kind is Kind.CHANNEL:
            self._header = mark.text
            self._state = _State.HEADER
        else:
            self._state = _State.CLOSED
            if mark.kind is Kind.CLOSING:
                self.lone_close = self._rules.saw_thinking = True

    def _inside_block(self, pieces: list[Piece]) -> bool:
        lowered = self._held.lower() if self._block.is_word else self._held
        found = [(at, closing) for closing in self._block.closings if (at := lowered.find(closing)) >= 0]
        if not found:
            cut = len(self._held) - marks.open_end(self._held, self._block.closings)
            inside, self._held = self._held[:cut], self._held[cut:]
            self._inside(inside, pieces)
            return False
        at, closing = min(found)
        inside = self._held[:at]
        self._held = self._held[at if closing in marks.CHANNEL_STARTS else at + len(closing) :]
        self._inside(inside, pieces)
        if self._state is _State.HIDDEN:
            self.called = self.called or self._block.kind is Kind.CALL
        else:
            self.lone_close = self.lone_close or not self._rules.saw_thinking
            self._rules.saw_thinking = True
            keeps = self._literal is not None and self._block.text in self._rules.asked
            self._literal = [*(self._literal or ()), closing] if keeps else None
        self._state = _State.CLOSED
        return True

    def _inside(self, text: str, pieces: list[Piece]) -> None:
        if self._state is _State.THINKING:
            self._give_reasoning(text, pieces)
        else:
            self._hide(text)

    def _hide(self, text: str) -> None:
        if self._block.is_word:  # a tag whose block never ends may have been text
            self._hidden.append(text)

    def _give_reasoning(self, text: str, pieces: list[Piece]) -> None:
        if self._literal is not None:
            self._literal.append(text)
        if self._trim:
            text = text.lstrip()
            self._trim = not text
        if text:
            pieces.append(Reasoning(text))

    def _inside_header(self, pieces: list[Piece]) -> bool:
        before, message, after = self._held.partition(marks.MESSAGE)
        if len(before) > (_HEADER if message else _HEADER + len(marks.MESSAGE)):
            self._give_text(self._header + self._held[:_HEADER], pieces)
            self._held = self._held[_HEADER:]
            self._state = _State.ANSWER
            return True
        if not message:
            return False
        self._held, header = after, self._header + before + message
        self._rules.in_channels = True
        kind = marks.kind_of_message(header)
        if kind is None:
            self._state = _State.CLOSED
        else:
            self._open(Mark(header, kind, marks.CHANNEL_ENDS))
        return True

    def _inside_answer(self, pieces: list[Piece]) -> bool:
        """Pass on the held text up to the next mark that counts, or to what may become one."""
        length, mark = self._rules.split(self._held) if self._marks_left else (len(self._held), None)
        self._add_text(self._held[:length], pieces)
        self._held = self._held[length + (len(mark.text) if mark else 0) :]
        if mark is not None:
            self._open(mark)
        return mark is not None

    def _give_text(self, text: str, pieces: list[Piece]) -> None:
        self._rules.read(text)
        self._add_text(text, pieces)

    def _add_text(self, text: str, pieces: list[Piece]) -> None:
        if text:
            self._gave_text = self._gave_text or bool(text.strip())
            pieces.append(Text(text))


def closes_only(content: str) -> bool:
    """Whether the end of a thinking that was never opened is in this whole content."""
    splitter = ContentSplitter()
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

    def observe(self, model: str | None, splitter: ContentSplitter) -> None:
        """Learn from the content of a finished answer."""
        if model is None or not (splitter.lone_close or splitter.assumed_wrongly):
            return
        if len(self._seen) >= _REMEMBERED_MODELS:
            self._seen.clear()
        self._seen[model] = splitter.lone_close
