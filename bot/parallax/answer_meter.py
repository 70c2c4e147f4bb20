"""Measurement of one answer."""

from __future__ import annotations

from bot.domain.chat import AnswerStats, Usage
from bot.parallax import bounds


class AnswerMeter:
    """Measures an answer. All times in seconds of one monotonic clock."""

    def __init__(self, sent: float, max_tokens: int | None) -> None:
        """``max_tokens``: how many were requested, None for the cluster's own limit."""
        self._sent = sent
        self._max_tokens = max_tokens
        self._first: float | None = None
        self._last: float | None = None
        self._events = 0
        self._characters = 0
        self.model: str | None = None
        self.usage: Usage | None = None

    @property
    def content_came(self) -> bool:
        """Whether any text or reasoning has arrived."""
        return self._events > 0

    def content(self, now: float, chunks: int = 1) -> None:
        """Count ``chunks`` with text or reasoning, the last of which arrived at ``now``."""
        self._events += chunks
        self._last = now
        if self._first is None:
            self._first = now

    def has_room(self, chunks: int, characters: int) -> bool:
        """Whether no bound is exceeded by so many further ``chunks`` with so many ``characters`` in all."""
        most = bounds.TOKENS if self._max_tokens is None else bounds.TOKENS_FACTOR * self._max_tokens
        return self._characters + characters <= bounds.ANSWER and self._events + chunks <= most

    def exceeded(self, characters: int) -> str:
        """Count further characters of text or reasoning; returns which bound of an answer they exceed, or nothing.

        A chunk holds a token or more, but a proxy may send each character by itself: a token is never counted for
        fewer than three of them.
        """
        self._characters += characters
        if self._characters > bounds.ANSWER:
            return f"more than {bounds.ANSWER} characters"
        most = bounds.TOKENS if self._max_tokens is None else bounds.TOKENS_FACTOR * self._max_tokens
        if min(self._events, self._characters // 3) > most:
            return f"more than {most} tokens, where {self._max_tokens} were requested"
        return ""

    def stats(self, now: float) -> AnswerStats:
        """The measurements of an answer that ended at ``now``."""
        tokens = self.usage.completion_tokens if self.usage is not None else self._events
        speed = None
        if self._first is not None and self._last is not None and self._last > self._first and tokens > 1:
            speed = (tokens - 1) / (self._last - self._first)
        return AnswerStats(
            model=self.model,
            ttft=None if self._first is None else self._first - self._sent,
            duration=now - self._sent,
            prompt_tokens=self.usage.prompt_tokens if self.usage is not None else None,
            completion_tokens=tokens,
            tokens_per_second=speed,
            counted=self.usage is not None,
        )
