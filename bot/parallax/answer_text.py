"""Text and reasoning of an answer: without the prompt before them, told apart, and measured."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from bot.domain.chat import Reasoning, Text
from bot.parallax.answer_meter import AnswerMeter
from bot.parallax.prompt_echo import EchoGuard, Released
from bot.parallax.reasoning import ContentSplitter, Piece, ThinkingHabits, closes_only
from bot.parallax.sent_prompt import SentPrompt

_log = structlog.get_logger(__name__)


class AnswerText:
    """Converts the content and the reasoning of chunks to the pieces that people see.

    ``asked`` as in :class:`ContentSplitter`; with ``whole`` all of the content comes as one chunk.
    """

    def __init__(
        self,
        meter: AnswerMeter,
        opens_thinking: Callable[[str | None], bool],
        prompt: SentPrompt,
        asked: frozenset[str],
        *,
        whole: bool,
    ) -> None:
        self._meter = meter
        self._opens_thinking = opens_thinking
        self._asked = asked
        self._whole = whole
        self._content = EchoGuard(prompt, whole=whole)
        self._reasoning = EchoGuard(prompt, whole=whole)
        self._splitter: ContentSplitter | None = None
        self._ended = False
        self.only_echoed = False
        """Whether nothing but the prompt came. Known at the end."""

    @property
    def called(self) -> bool:
        """Whether the content had a tool call."""
        return self._splitter is not None and self._splitter.called

    def add(self, reasoning: str, content: str, now: float) -> list[Piece]:
        """Take in a chunk that arrived at ``now``; returns the pieces that are certain."""
        pieces: list[Piece] = []
        if reasoning:
            self._split().thinking_comes_apart()
            pieces += self._thought(self._reasoning.feed(reasoning, now))
        if content:
            if not self._reasoning.is_closed:
                pieces += self._thought(self._reasoning.close(broken=False))
            pieces += self._written(self._content.feed(content, now))
        return pieces

    def add_texts(self, texts: list[str], now: float) -> list[Piece]:
        """Take in the content of chunks that arrived together."""
        whole = "".join(texts)
        if self._reasoning.is_closed and self._content.is_closed and self._split(whole).is_plain(whole):
            self._meter.content(now, len(texts))
            text = "".join(piece.text for piece in self._split().feed(whole))
            return [Text(text, len(texts))] if text else []
        return [piece for text in texts for piece in self.add("", text, now)]

    def end(self, *, broken: bool, normal: bool = False) -> list[Piece]:
        """End the text; returns the pieces that were held back, unless they repeat the prompt. ``normal``: the
        model itself ended the answer."""
        if self._ended:
            return []
        self._ended = True
        pieces = [
            *self._thought(self._reasoning.close(broken=broken)),
            *self._written(self._content.close(broken=broken)),
        ]
        echoed = self._content.echoed + self._reasoning.echoed
        if echoed:
            _log.warning("prompt_echo_dropped", characters=echoed, model=self._meter.model)
        self.only_echoed = bool(echoed) and not self._meter.content_came
        if self._splitter is not None:
            pieces += self._splitter.close()
            if normal and self._splitter.mistaken:
                pieces.append(Text(self._splitter.mistaken))
        return pieces

    def teach(self, habits: ThinkingHabits, *, whole: bool) -> None:
        """Record in ``habits`` how the answer's model marks its thinking; ``whole``: the answer was not cut
        short."""
        if self._splitter is not None and (self._splitter.lone_close or whole):
            habits.observe(self._meter.model, self._splitter)

    def _thought(self, released: Released) -> list[Piece]:
        self._measure(released)
        return [Reasoning(released.text)] if released.text else []

    def _written(self, released: Released) -> list[Piece]:
        self._measure(released)
        return self._split(released.text).feed(released.text) if released.text else []

    def _measure(self, released: Released) -> None:
        for arrived in released.times:
            self._meter.content(arrived)

    def _split(self, content: str = "") -> ContentSplitter:
        if self._splitter is None:
            opened = closes_only(content) if self._whole else self._opens_thinking(self._meter.model)
            self._splitter = ContentSplitter(opened=opened, asked=self._asked)
        return self._splitter
