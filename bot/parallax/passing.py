"""A streamed answer that is passed on as it came: checked and bounded, but not read."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping

import httpx

from bot.clock import Clock
from bot.domain.chat import Passed, Started
from bot.errors import NodeFailed, RequestRefused, SchedulerError, StreamInterrupted, UpstreamFailed
from bot.parallax import bounds
from bot.parallax.answer_fields import read_usage
from bot.parallax.body import Body
from bot.parallax.errors import ErrorBody, from_status, read_error
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


class PassedStream(AsyncIterator[Started | Passed]):
    """The pieces of a streamed answer. It ends after ``[DONE]``, or after a connection that ended behind a reason
    to finish; anything else raises what :class:`bot.parallax.answer_reader.AnswerReader` would."""

    def __init__(self, response: httpx.Response, started: Started, timeouts: Timeouts, clock: Clock) -> None:
        self._body = Body(response, clock)
        self._payloads = PayloadReader()
        self._ready: deque[Started | Passed] = deque([started])
        self._timeouts = timeouts
        self._failure: SchedulerError | None = None
        self._began = self._finished = self._over = False
        self._pieces = 0
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
        """Stop reading."""
        self._over = True
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
            else:
                self._close()
        except LineLimitError as error:
            self._break(StreamInterrupted(str(error), code="malformed"))
        except UpstreamFailed as error:
            self._fail(error)

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
        elif isinstance(item, Mapping):
            error = read_error(item)
            if error is not None:
                self._error(error)
            else:
                self._piece(passed(item))

    def _piece(self, piece: Passed) -> None:
        self._deadline = self._loop.time() + self._timeouts.idle
        self._pieces += 1
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
