"""A streamed answer that is passed on as it came: checked and bounded, but not read."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping

import httpx

from bot.clock import Clock, Timer
from bot.domain.chat import Passed, Started
from bot.errors import NodeFailed, RequestRefused, SchedulerError, StreamInterrupted, UpstreamFailed
from bot.parallax import bounds
from bot.parallax.alike import Alike
from bot.parallax.answer_fields import only_text, read_usage
from bot.parallax.body import Body
from bot.parallax.errors import ErrorBody, from_status, read_error
from bot.parallax.network import NetworkStream
from bot.parallax.payloads import Item, PayloadReader
from bot.parallax.sse import LineLimitError
from bot.parallax.timeouts import Timeouts
from bot.parallax.untrusted import mapping, printable, sequence

_BROKEN_OFF = frozenset({"abort", "error"})
"""Finish reasons with which an engine reports that it did not finish."""
_NO_ANSWER: Mapping[str, object] = {}


def passed(payload: Mapping[str, object]) -> Passed:
    """What is passed on of a chunk, or of a whole answer: its choices and its usage, nothing else of the
    scheduler's. Raises :class:`UpstreamFailed` for choices of another form than OpenAI's."""
    choices: list[dict[str, object]] = []
    for entry in sequence(payload.get("choices"))[: bounds.CHOICES]:
        choice = mapping(entry)
        delta = None if choice is None else mapping(choice.get("delta", choice.get("message", _NO_ANSWER)))
        if choice is None or delta is None:
            raise UpstreamFailed("a choice of the answer is no object, or its delta", code="malformed")
        choices.append(
            {
                "index": choice.get("index") or 0,
                "delta": delta,
                "logprobs": choice.get("logprobs"),
                "finish_reason": choice.get("finish_reason"),
            }
        )
    return Passed(choices, read_usage(payload.get("usage")))


MANY, TOGETHER = 32, 0.2
"""From so many streams on, what comes within so many seconds after a text is passed on together: each piece by
itself costs twice as much. People read no faster than that."""


END_WAITS = 0.05
"""Seconds in which the end of a response has to follow ``[DONE]``: servers send it at once. Until then the
pipeline counts as taken."""


class OpenStreams:
    """Counts the streams that are passed on."""

    def __init__(self) -> None:
        self.count = 0

    @property
    def gap(self) -> float:
        """Seconds for which text may lie; 0: it is passed on as soon as it comes."""
        return TOGETHER if self.count >= MANY else 0.0


class PassedStream(AsyncIterator[Started | Passed]):
    """The pieces of a streamed answer. It ends after ``[DONE]``, or after a connection that ended behind a reason
    to finish; anything else raises what :class:`bot.parallax.answer_reader.AnswerReader` would."""

    def __init__(
        self,
        response: httpx.Response,
        started: Started,
        timeouts: Timeouts,
        clock: Clock,
        streams: OpenStreams,
    ) -> None:
        connection = response.extensions.get("network_stream")
        self._connection = connection if isinstance(connection, NetworkStream) else None
        self._clock = clock
        self._streams = streams
        self._timer: Timer | None = None
        streams.count += 1
        self._body = Body(response, clock, hurry=self._hurry)
        self._payloads = PayloadReader()
        self._ready: deque[Started | Passed] = deque([started])
        self._timeouts = timeouts
        self._failure: SchedulerError | None = None
        self._began = self._finished = self._over = False
        self._pieces = 0
        self._alike: Mapping[str, object] = {}
        self._loop = asyncio.get_running_loop()
        self._end = self._loop.time() + timeouts.whole
        self._deadline = self._loop.time() + timeouts.first_byte

    async def __anext__(self) -> Started | Passed:
        while not self._ready:
            if self._failure is not None:
                raise self._failure
            if self._over:
                raise StopAsyncIteration
            await self._read()
        return self._ready.popleft()

    async def aclose(self) -> None:
        """Stop reading. After a whole answer, the connection is kept for the next one."""
        is_whole, self._over = self._over, True
        self._streams.count -= 1
        if self._timer is not None:
            self._timer.cancel()
        if is_whole:
            await self._body.finish(END_WAITS)
        await self._body.aclose()

    async def _read(self) -> None:
        try:
            part = await self._body.part(min(self._deadline, self._end))
        except TimeoutError:
            self._break(StreamInterrupted("nothing more came in time", code="stall"))
            return
        except StreamInterrupted as failure:
            self._break(failure)
            return
        try:
            if part:
                for item in self._payloads.feed(part):
                    self._take(item)
                self._rest()
            else:
                self._close()
        except LineLimitError as error:
            self._break(StreamInterrupted(str(error), code="malformed"))
        except UpstreamFailed as error:
            self._fail(error)

    def _rest(self) -> None:
        """Let what comes next lie for a moment, if there are many streams and this one has begun."""
        gap = self._streams.gap
        if gap and self._began and not self._finished and self._connection is not None:
            self._connection.take_leisure()
            self._timer = self._clock.call_later(gap, self._hurry)

    def _hurry(self) -> bool:
        """Read what lies in the connection; returns whether there is anything."""
        return self._connection is not None and self._connection.hurry()

    def _close(self) -> None:
        items, _ = self._payloads.close()
        for item in items:
            self._take(item)
        self._break(StreamInterrupted("the stream ended without finish_reason and [DONE]", code="truncated"))

    def _take(self, item: Item) -> None:
        if self._over or self._failure is not None:
            return
        if item is None:
            if self._began or self._finished:
                self._over = True
            else:
                self._fail(StreamInterrupted("[DONE] came without an answer", code="empty_answer"))
        elif isinstance(item, ErrorBody):
            self._error(item)
        elif isinstance(item, Alike):
            self._piece(self._text("".join(item.texts), len(item.texts)))
        else:
            error = read_error(item)
            if error is not None:
                self._error(error)
                return
            piece = passed(item)
            self._piece(piece)
            self._learn(item, piece)

    def _learn(self, payload: Mapping[str, object], piece: Passed) -> None:
        """Let pieces that differ from this one in nothing but their text be told from their bytes."""
        if self._payloads.asks_for_text and len(piece.choices) == 1 and piece.choices[0]["logprobs"] is None:
            text = only_text(payload)
            if text:
                self._alike = piece.choices[0]
                self._payloads.was_text(payload, text)

    def _text(self, text: str, tokens: int) -> Passed:
        """A piece like the last one that was learned, with these texts."""
        delta = mapping(self._alike["delta"]) or {}
        return Passed([{**self._alike, "delta": {**delta, "content": text}}], tokens=tokens)

    def _piece(self, piece: Passed) -> None:
        self._deadline = self._loop.time() + self._timeouts.idle
        self._pieces += piece.tokens
        if self._pieces > bounds.ANSWER:
            self._fail(StreamInterrupted(f"an answer of more than {bounds.ANSWER} pieces", code="malformed"))
            return
        for choice in piece.choices:
            reason = choice["finish_reason"]
            if isinstance(reason, str) and reason.lower() in _BROKEN_OFF:
                why = f"the node ended the answer: {printable(reason, bounds.CODE)}"
                self._fail(NodeFailed(why, code="aborted"))
                return
            self._finished = self._finished or bool(reason)
            self._began = self._began or bool(choice["delta"])
        if piece.choices or piece.usage is not None:
            self._ready.append(piece)

    def _error(self, body: ErrorBody) -> None:
        failure = from_status(body)
        if self._began and not isinstance(failure, RequestRefused):
            kind = StreamInterrupted if body.code == "malformed" else NodeFailed
            failure = kind(str(failure), status=body.status, code=body.code)
        self._break(failure)

    def _break(self, failure: SchedulerError) -> None:
        """End the stream: normally behind a reason to finish, else with ``failure``."""
        if self._finished:
            self._over = True
        else:
            self._fail(failure)

    def _fail(self, failure: SchedulerError) -> None:
        if not self._over and self._failure is None:
            self._failure = failure
