"""Reader of a streamed answer: converts its bytes to typed events, without the network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import structlog

from bot.domain.chat import Finish, FinishReason, StreamEvent
from bot.errors import NoAnswer, NodeFailed, RequestRefused, SchedulerError, StreamInterrupted, UpstreamFailed
from bot.parallax import bounds
from bot.parallax.alike import Alike
from bot.parallax.answer_fields import (
    calls_tool,
    content_text,
    finish_reason,
    first_choice,
    only_text,
    read_usage,
    reasoning_text,
)
from bot.parallax.answer_meter import AnswerMeter
from bot.parallax.answer_text import AnswerText
from bot.parallax.errors import ErrorBody, from_status, read_error
from bot.parallax.payloads import Item, PayloadReader
from bot.parallax.reasoning import ThinkingHabits
from bot.parallax.sent_prompt import SentPrompt
from bot.parallax.sse import LineLimitError
from bot.parallax.untrusted import mapping, printable

_log = structlog.get_logger(__name__)

_BROKEN_OFF = frozenset({"abort", "error"})
"""Finish reasons with which an engine reports that it did not finish."""
_UNKNOWN_PROMPT = SentPrompt()


class AnswerReader:
    """Reads one streamed answer.

    Feed it the body's bytes and, when they end, call :meth:`close` (or :meth:`broken`). With
    ``whole`` the answer is one JSON object: :meth:`read_whole`. Each of them returns the events to pass on. After
    them :attr:`failure` is the error to raise, if any; :attr:`done` is true when :class:`Finish` was among them.
    What counts as an end:

    * ``[DONE]``, with the reason that came before it, or OTHER when none came;
    * the connection's end, an error or a silence after a ``finish_reason``: the answer was complete. Where content
      follows a reason, the server sends one with every chunk; then only the end of the response is the end;
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
        asked: frozenset[str] = frozenset(),
        max_tokens: int | None = None,
        whole: bool = False,
    ) -> None:
        """``asked``: the marks that the asker wrote (:mod:`bot.parallax.marks`); ``max_tokens`` as requested."""
        self._whole = whole
        self._payloads = PayloadReader()
        self._meter = AnswerMeter(sent, max_tokens)
        self._text = AnswerText(self._meter, opens_thinking, prompt, asked, whole=whole)
        self._reason: FinishReason | None = None
        self._reason_came_with_content = False
        self._reason_comes_early = False
        self._called = False
        self._out: list[StreamEvent] = []
        self._model: object = None
        self._now = sent
        self.progress = 0
        """A number that grows with everything that brings the answer forward; empty objects do not."""
        self.done = False
        self.failure: SchedulerError | None = None

    @property
    def complete(self) -> bool:
        """Whether the answer has its ``finish_reason``, as far as known."""
        return self._reason is not None and not self._reason_comes_early

    @property
    def ends_now(self) -> bool:
        """Whether only the usage and ``[DONE]`` can follow: the reason came alone, after content."""
        return self.complete and self._meter.content_came and not self._reason_came_with_content

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
        if not self.over and self._reason is not None and not cut:
            self._end()
        if not self.over:
            what = "inside a character" if cut else "without finish_reason and [DONE]"
            self._end_early(StreamInterrupted(f"the stream ended {what}", code="truncated"))
        return self._given()

    def broken(self, failure: StreamInterrupted, now: float) -> list[StreamEvent]:
        """End the answer: the connection broke or fell silent with ``failure``."""
        self._now = now
        self._end_early(failure)
        return self._given()

    def cut(self, why: str, now: float) -> list[StreamEvent]:
        """End the answer here because it exceeds a bound, named by ``why``."""
        self._now = now
        self._cut(why)
        return self._given()

    def teach(self, habits: ThinkingHabits) -> None:
        """Record in ``habits`` how the answer's model marks its thinking. An answer cut short shows only a
        part."""
        self._text.teach(habits, whole=self.done and self._reason is FinishReason.STOP)

    def _given(self) -> list[StreamEvent]:
        out, self._out = self._out, []
        return out

    def _read(self, items: Iterable[Item]) -> None:
        for item in items:
            if self.over:
                return
            if item is None:
                self._end()
            elif isinstance(item, Alike):
                self._alike(item.texts)
            elif isinstance(item, ErrorBody):
                self._error(item)
            else:
                self._payload(item)

    def _payload(self, payload: Mapping[str, object]) -> None:
        error = read_error(payload)
        if error is not None:
            self._error(error)
            return
        self.progress = max(self.progress, 1)
        model = payload.get("model")
        if model != self._model:  # it comes with every chunk, and hardly ever changes
            self._model = model
            self._meter.model = printable(model, bounds.NAME) or self._meter.model
        if (usage := payload.get("usage")) is not None:
            self._meter.usage = read_usage(usage) or self._meter.usage
        choice = first_choice(payload)
        if choice is not None:
            self._choice(choice)
        if self._payloads.asks_for_text and (text := only_text(payload)):
            self._payloads.was_text(payload, text)

    def _alike(self, texts: list[str]) -> None:
        """Read chunks that add these texts, and are otherwise like the one before."""
        characters = sum(map(len, texts))
        if self._meter.has_room(len(texts), characters):
            self._out += self._text.add_texts(texts, self._now)
            self._meter.exceeded(characters)
            self.progress += len(texts)
            self._reason_comes_early = self._reason is not None
            return
        for text in texts:
            if not self.over and self._delta({"content": text}):
                self.progress += 1
                self._reason_comes_early = self._reason is not None

    def _choice(self, choice: Mapping[str, object]) -> None:
        delta = mapping(choice.get("delta")) or mapping(choice.get("message"))
        came = delta is not None and self._delta(delta)
        if came:
            self.progress += 1
            self._reason_comes_early = self._reason is not None
        reason = choice.get("finish_reason")
        if self.over or not isinstance(reason, str) or not reason:
            return
        if self._reason is None:
            self.progress += 1
        self._reason_came_with_content = came
        if reason.lower() in _BROKEN_OFF:
            why = f"the node ended the answer: {printable(reason, bounds.CODE)}"
            self._end_early(NodeFailed(why, code="aborted"))
        else:
            self._reason = finish_reason(reason)

    def _delta(self, delta: Mapping[str, object]) -> bool:
        """Read what a chunk adds to the answer; returns whether it adds anything."""
        try:
            reasoning, content = reasoning_text(delta), content_text(delta.get("content"))
        except ValueError as exc:
            self._error(ErrorBody(str(exc), code="malformed"))
            return False
        calls = calls_tool(delta)
        self._called = self._called or calls
        self._out += self._text.add(reasoning, content, self._now)
        if why := self._meter.exceeded(len(reasoning) + len(content)):
            self._cut(why)
        return bool(reasoning or content or calls)

    def _error(self, body: ErrorBody) -> None:
        """Handle an error inside the stream. Before the first content its status decides; after it, it is an
        interruption, unless the request itself was refused."""
        failure = from_status(body)
        if self._meter.content_came and not isinstance(failure, RequestRefused):
            kind = StreamInterrupted if body.code == "malformed" else NodeFailed
            failure = kind(str(failure), status=body.status, code=body.code)
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
        self._out += self._text.end(broken=True)
        self.failure = failure

    def _cut(self, why: str) -> None:
        if not self.over:
            _log.warning("answer_cut", why=why, model=self._meter.model)
            self._reason = FinishReason.CUT
            self._end()

    def _end(self) -> None:
        reason = self._reason or FinishReason.OTHER
        self._out += self._text.end(broken=False, normal=reason is FinishReason.STOP)
        if self._text.only_echoed:
            self.failure = NoAnswer("the node sent the prompt back instead of an answer", code="prompt_echo")
            return
        if self._reason is None and not self._meter.content_came:
            self.failure = StreamInterrupted("[DONE] came without an answer", code="empty_answer")
            return
        if (self._called or self._text.called) and reason in {FinishReason.STOP, FinishReason.OTHER}:
            reason = FinishReason.TOOL_CALL
        if self._meter.usage is not None:
            self._out.append(self._meter.usage)
        stats = self._meter.stats(self._now)
        self._out.append(Finish(reason, replace(stats, ttft=None) if self._whole else stats))
        self.done = True
