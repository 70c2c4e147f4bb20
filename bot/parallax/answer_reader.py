"""Reader of a streamed answer: converts its bytes to typed events, without the network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import structlog

from bot.domain.chat import AnswerStats, Finish, FinishReason, Reasoning, StreamEvent, Text, Usage
from bot.errors import NoAnswer, RequestRefused, SchedulerError, StreamInterrupted, UpstreamFailed
from bot.parallax import bounds
from bot.parallax.errors import ErrorBody, from_status, read_error
from bot.parallax.payloads import Item, PayloadReader
from bot.parallax.prompt_echo import EchoGuard, Released
from bot.parallax.reasoning import ThinkingHabits, ThinkSplitter, closes_only
from bot.parallax.sent_prompt import SentPrompt
from bot.parallax.sse import LineLimitError
from bot.parallax.untrusted import mapping, printable, sequence, storable, whole_number

_log = structlog.get_logger(__name__)

_REASONS = {
    "stop": FinishReason.STOP,
    "eos": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
}
_BROKEN_OFF = frozenset({"abort", "error"})
"""Finish reasons with which an engine reports that it did not finish."""
_UNKNOWN_PROMPT = SentPrompt()


def finish_reason(name: str) -> FinishReason:
    """The reason for its name in the protocol; unknown names are OTHER."""
    return _REASONS.get(name.lower(), FinishReason.OTHER)


def read_usage(value: object) -> Usage | None:
    """A ``usage`` object; None when it does not hold both counts, or counts that no answer has."""
    fields = mapping(value)
    if fields is None:
        return None
    prompt, completion = (
        whole_number(fields.get("prompt_tokens"), most=bounds.TOKENS),
        whole_number(fields.get("completion_tokens"), most=bounds.TOKENS),
    )
    return None if prompt is None or completion is None else Usage(prompt, completion)


def content_text(value: object, *, depth: int = 0) -> str:
    """Content as text: a string, or OpenAI's list of parts; anything else is empty. Raises ValueError for parts
    that are nested more deeply than any format allows."""
    if isinstance(value, str):
        return storable(value)
    if depth > bounds.NESTED_PARTS:
        raise ValueError(f"content nested more than {bounds.NESTED_PARTS} deep")
    parts = (mapping(part) for part in sequence(value))
    return "".join(content_text(part.get("text"), depth=depth + 1) for part in parts if part is not None)


def reasoning_text(fields: Mapping[str, object]) -> str:
    """The thinking in a delta or message, under either of its names. Raises as :func:`content_text`."""
    return content_text(fields.get("reasoning")) or content_text(fields.get("reasoning_content"))


def first_choice(payload: Mapping[str, object]) -> Mapping[str, object] | None:
    """The choice an answer is read from: the one with index 0."""
    for entry in sequence(payload.get("choices"))[: bounds.CHOICES]:
        choice = mapping(entry)
        if choice is not None and choice.get("index", 0) in (0, None):
            return choice
    return None


class AnswerMeter:
    """Measures an answer. All times in seconds of one monotonic clock."""

    def __init__(self, sent: float) -> None:
        self._sent = sent
        self._first: float | None = None
        self._last: float | None = None
        self._events = 0
        self.model: str | None = None
        self.usage: Usage | None = None

    @property
    def content_came(self) -> bool:
        """Whether any text or reasoning has arrived."""
        return self._events > 0

    def content(self, now: float) -> None:
        """Count a chunk with text or reasoning that arrived at ``now``."""
        self._events += 1
        self._last = now
        if self._first is None:
            self._first = now

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


class AnswerReader:
    """Reads one streamed answer.

    Feed it the body's bytes and, when they end, call :meth:`close` (or :meth:`broken`). With
    ``whole`` the answer is one JSON object: :meth:`read_whole`. Each of them returns the events to pass on. After
    them :attr:`failure` is the error to raise, if any; :attr:`done` is true when :class:`Finish` was among them.
    What counts as an end:

    * ``[DONE]``, with the reason that came before it, or OTHER when none came;
    * the connection's end, an error or a silence after a ``finish_reason``: the answer was complete;
    * anything else is a :class:`StreamInterrupted` when some of the answer came, else what the error's status
      says. ``[DONE]`` with neither content nor reason is an interruption as well: nothing was answered.

    What repeats ``prompt`` before the answer is left out, as if it had not come (see
    :mod:`bot.parallax.prompt_echo`); when nothing else comes, the node has failed.
    """

    def __init__(
        self,
        sent: float,
        opens_thinking: Callable[[str | None], bool],
        prompt: SentPrompt = _UNKNOWN_PROMPT,
        *,
        whole: bool = False,
    ) -> None:
        self._whole = whole
        self._payloads = PayloadReader()
        self._opens_thinking = opens_thinking
        self._splitter: ThinkSplitter | None = None
        self._meter = AnswerMeter(sent)
        self._content = EchoGuard(prompt, whole=whole)
        self._reasoning = EchoGuard(prompt, whole=whole)
        self._reason: FinishReason | None = None
        self._out: list[StreamEvent] = []
        self._now = sent
        self._all_let_go = False
        self._only_echoed = False
        self.data_events = 0
        self.done = False
        self.failure: SchedulerError | None = None

    @property
    def complete(self) -> bool:
        """Whether a ``finish_reason`` came: only usage and ``[DONE]`` can follow."""
        return self._reason is not None

    @property
    def over(self) -> bool:
        """Whether the answer has ended, so that nothing more is to be read."""
        return self.done or self.failure is not None

    def feed(self, chunk: bytes, now: float) -> list[StreamEvent]:
        """Take in bytes that arrived at ``now``."""
        self._now = now
        try:
            self._read(self._payloads.feed(chunk))
        except LineLimitError as exc:
            self._fail(StreamInterrupted(str(exc), code="malformed"))
        return self._given()

    def read_whole(self, payload: Mapping[str, object], now: float) -> list[StreamEvent]:
        """Take in a whole answer that arrived at ``now``, and end it."""
        self._now = now
        choice = first_choice(payload)
        if read_error(payload) is None and mapping((choice or {}).get("message")) is None:
            self._fail(UpstreamFailed("the answer has no message", code="malformed"))
        else:
            self._payload(payload)
        if not self.over:
            self._end()
        return self._given()

    def close(self, now: float) -> list[StreamEvent]:
        """End the answer: the server ended the response."""
        self._now = now
        try:
            items, cut = self._payloads.close()
        except LineLimitError as exc:
            self._fail(StreamInterrupted(str(exc), code="malformed"))
            return self._given()
        self._read(items)
        if not self.over:
            what = "inside a character" if cut else "without finish_reason and [DONE]"
            self._end_early(StreamInterrupted(f"the stream ended {what}", code="truncated"))
        return self._given()

    def broken(self, failure: StreamInterrupted, now: float) -> list[StreamEvent]:
        """End the answer: the connection broke or fell silent with ``failure``."""
        self._now = now
        self._end_early(failure)
        return self._given()

    def teach(self, habits: ThinkingHabits) -> None:
        """Record in ``habits`` how the answer's model marks its thinking. An answer cut short shows only a
        part."""
        if self._splitter is None:
            return
        if self._splitter.lone_close or (self.done and self._reason is FinishReason.STOP):
            habits.observe(self._meter.model, self._splitter)

    def _given(self) -> list[StreamEvent]:
        out, self._out = self._out, []
        return out

    def _read(self, items: Iterable[Item]) -> None:
        for item in items:
            if self.over:
                return
            if item is None:
                self._end()
            elif isinstance(item, ErrorBody):
                self._error(item)
            else:
                self._payload(item)

    def _payload(self, payload: Mapping[str, object]) -> None:
        error = read_error(payload)
        if error is not None:
            self._error(error)
            return
        self.data_events += 1
        self._meter.model = printable(payload.get("model"), bounds.NAME) or self._meter.model
        self._meter.usage = read_usage(payload.get("usage")) or self._meter.usage
        choice = first_choice(payload)
        if choice is not None:
            self._choice(choice)

    def _choice(self, choice: Mapping[str, object]) -> None:
        delta = mapping(choice.get("delta")) or mapping(choice.get("message"))
        if delta is not None:
            self._delta(delta)
        reason = choice.get("finish_reason")
        if not isinstance(reason, str) or not reason:
            return
        if reason.lower() in _BROKEN_OFF:
            why = f"the node ended the answer: {printable(reason, bounds.CODE)}"
            self._end_early(StreamInterrupted(why, code="aborted"))
        else:
            self._reason = finish_reason(reason)

    def _delta(self, delta: Mapping[str, object]) -> None:
        try:
            reasoning, content = reasoning_text(delta), content_text(delta.get("content"))
        except ValueError as exc:
            self._error(ErrorBody(str(exc), code="malformed"))
            return
        if not reasoning and not content:
            return
        if reasoning:
            self._thinking().thinking_comes_apart()
            self._give_reasoning(self._reasoning.feed(reasoning, self._now))
        if content:
            self._give_reasoning(self._reasoning.close(broken=False))
            self._give_content(self._content.feed(content, self._now))

    def _give_reasoning(self, released: Released) -> None:
        self._measure(released)
        if released.text:
            self._out.append(Reasoning(released.text))

    def _give_content(self, released: Released) -> None:
        self._measure(released)
        if released.text:
            self._out.extend(self._thinking(released.text).feed(released.text))

    def _measure(self, released: Released) -> None:
        for arrived in released.times:
            self._meter.content(arrived)

    def _let_go(self, *, broken: bool) -> None:
        """Release the text held back at the end of the answer, or drop it when it repeats the prompt."""
        if self._all_let_go:
            return
        self._all_let_go = True
        self._give_reasoning(self._reasoning.close(broken=broken))
        self._give_content(self._content.close(broken=broken))
        echoed = self._content.echoed + self._reasoning.echoed
        if echoed:
            _log.warning("prompt_echo_dropped", characters=echoed, model=self._meter.model)
        self._only_echoed = bool(echoed) and not self._meter.content_came

    def _thinking(self, content: str = "") -> ThinkSplitter:
        if self._splitter is None:
            opened = closes_only(content) if self._whole else self._opens_thinking(self._meter.model)
            self._splitter = ThinkSplitter(opened=opened)
        return self._splitter

    def _error(self, body: ErrorBody) -> None:
        """Handle an error inside the stream. Before the first content its status decides; after it, it is an
        interruption, unless the request itself was refused."""
        failure = from_status(body)
        if self._meter.content_came and not isinstance(failure, RequestRefused):
            failure = StreamInterrupted(str(failure), status=body.status, code=body.code)
        self._end_early(failure)

    def _end_early(self, failure: SchedulerError) -> None:
        """End a stream without ``[DONE]``: normally after a finish_reason, else with ``failure``."""
        if self.over:
            return
        if self.complete:
            _log.info("answer_ended_without_done", why=str(failure))
            self._end()
        else:
            self._fail(failure)

    def _fail(self, failure: SchedulerError) -> None:
        self._let_go(broken=True)
        if self._splitter is not None:
            self._out.extend(self._splitter.close())
        self.failure = failure

    def _end(self) -> None:
        self._let_go(broken=False)
        if self._only_echoed:
            self._fail(NoAnswer("the node sent the prompt back instead of an answer", code="prompt_echo"))
            return
        if not self.complete and not self._meter.content_came:
            self._fail(StreamInterrupted("[DONE] came without an answer", code="empty_answer"))
            return
        reason = self._reason or FinishReason.OTHER
        if self._splitter is not None:
            self._out.extend(self._splitter.close())
            if self._splitter.assumed_wrongly and reason is FinishReason.STOP:
                # It was treated as thinking because of the model's name; without this the answer would be empty.
                self._out.append(Text(self._splitter.assumed_text))
        if self._meter.usage is not None:
            self._out.append(self._meter.usage)
        stats = self._meter.stats(self._now)
        self._out.append(Finish(reason, replace(stats, ttft=None) if self._whole else stats))
        self.done = True
