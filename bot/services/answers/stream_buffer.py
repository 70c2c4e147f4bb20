"""What has arrived of one answer, from one stream or two."""

from __future__ import annotations

from bot.clock import Clock
from bot.domain.chat import AnswerStats, Finish
from bot.domain.pace import Pace
from bot.domain.queue.request import Answer


class StreamBuffer:
    """The words of one answer and their times. ``recalled`` and ``summarised`` are as in :class:`Answer`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sent_at = clock.monotonic()
        self._held: float | None = None
        self._first_at: float | None = None
        self._pace = Pace()
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._tokens = self._thought = self._kept = 0
        self._doubled = ""
        self.model: str | None = None
        self.recalled: int | None = None
        self.summarised = False

    @property
    def text(self) -> str:
        """The answer so far."""
        return "".join(self._text)

    @property
    def text_tokens(self) -> int:
        """About how many tokens the answer so far has."""
        return self._tokens

    @property
    def fresh(self) -> bool:
        """Whether the last stream brought any of the answer."""
        return self._tokens > self._kept

    @property
    def tokens(self) -> int:
        """About how many tokens the cluster has written, reasoning included."""
        return self._tokens + self._thought

    @property
    def elapsed(self) -> float:
        """Seconds since the question was sent to the cluster."""
        return self._clock.monotonic() - self._sent_at

    def sent(self, prefix: str = "", *, keep: bool = False) -> None:
        """Note that a stream is asked for, which with ``keep`` continues the text here and otherwise replaces it.

        White space at the end of ``prefix`` is not sent, because templates cut it off. If the engine repeats it,
        :meth:`add_text` leaves it out.
        """
        self._doubled = prefix[len(prefix.rstrip()) :]
        if keep:
            self._kept = self._tokens
            return
        self._sent_at, self._first_at, self._held = self._clock.monotonic(), None, None
        self._text, self._reasoning, self._pace = [], [], Pace()
        self._tokens = self._thought = self._kept = 0

    def taken(self, held: float) -> None:
        """Note that a pipeline took the question after the scheduler ``held`` it for so many seconds. The time to
        the first token counts from here."""
        if self._held is None:
            self._held = held

    def add_text(self, piece: str, tokens: int = 1) -> str:
        """Add a piece of the answer, of about so many ``tokens``; returns the part of it that is new."""
        while self._doubled and piece:
            if piece[0] != self._doubled[0]:
                self._doubled = ""
                break
            piece, self._doubled = piece[1:], self._doubled[1:]
        if piece:
            self._came(tokens)
            self._text.append(piece)
            self._tokens += tokens
        return piece

    def add_reasoning(self, piece: str) -> None:
        """Add a piece of the model's thinking."""
        self._came(1)
        self._reasoning.append(piece)
        self._thought += 1

    def _came(self, tokens: int) -> None:
        now = self._clock.monotonic()
        self._pace.came(now, tokens)
        if self._first_at is None:
            self._first_at = now

    def replace(self, text: str, tokens: int) -> None:
        """Replace the answer with this text of about so many ``tokens``."""
        self._text, self._tokens = [text], tokens

    def complete(self, finish: Finish) -> Answer:
        """The whole answer, after the stream reached its end."""
        stats = finish.stats
        went_on = self._kept > 0
        return Answer(
            text=self.text,
            reasoning="".join(self._reasoning),
            finish=finish.reason.value,
            model=stats.model or self.model,
            prompt_tokens=stats.prompt_tokens,
            completion_tokens=self._kept + stats.completion_tokens,
            ttft=self._ttft if went_on or stats.ttft is None else max(0.0, stats.ttft - (self._held or 0.0)),
            duration=self.elapsed if went_on else stats.duration,
            tokens_per_second=self._speed(stats),
            counted=stats.counted and not went_on,
            recalled=self.recalled,
            summarised=self.summarised,
        )

    def partial(self, finish: str) -> Answer | None:
        """What there is of an answer that was ended; None when there is nothing."""
        if not self._text:
            return None
        return Answer(
            text=self.text,
            reasoning="".join(self._reasoning),
            finish=finish,
            model=self.model,
            prompt_tokens=None,
            completion_tokens=self.tokens,
            ttft=self._ttft,
            duration=self.elapsed,
            tokens_per_second=self._pace.speed,
            counted=False,
            recalled=self.recalled,
            summarised=self.summarised,
        )

    @property
    def _ttft(self) -> float | None:
        return None if self._first_at is None else self._first_at - self._sent_at - (self._held or 0.0)

    def _speed(self, stats: AnswerStats) -> float | None:
        """The measured speed, without the silence that it includes."""
        speed, tokens = stats.tokens_per_second, stats.completion_tokens
        if speed is None or not self._pace.silence:
            return speed
        writing = (tokens - 1) / speed - self._pace.silence
        return (tokens - 1) / writing if writing > 0 else self._pace.speed
