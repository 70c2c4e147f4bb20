"""The client of a Parallax scheduler."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import TypeVar

import httpx

from bot.clock import Clock
from bot.domain.chat import ChatRequest, Passed, Role, Started, StreamEvent
from bot.domain.status import ClusterStatus, JoinCommand, Model
from bot.errors import (
    RequestRefused,
    SchedulerError,
    SchedulerUnreachable,
    StandaloneNode,
    StreamInterrupted,
    UpstreamFailed,
)
from bot.parallax import bounds, wire
from bot.parallax.answer_reader import AnswerReader
from bot.parallax.connection import Connection, content_type, read_json
from bot.parallax.errors import MODEL_NOT_FOUND, NOT_A_SCHEDULER, elsewhere, from_status, read_error
from bot.parallax.marks import marks_in
from bot.parallax.passing import OpenStreams, PassedStream, passed
from bot.parallax.reasoning import ThinkingHabits
from bot.parallax.sent_prompt import SentPrompt
from bot.parallax.streams import AnswerStream, StatusStream
from bot.parallax.timeouts import Timeouts
from bot.parallax.untrusted import mapping, printable
from bot.tasks.demand import Demand

_Event = TypeVar("_Event")

_CHAT = "/v1/chat/completions"
_STATUS = "/cluster/status"
# The sentence for a refused init: the sentences of the error classes are about a question.
_INIT_REFUSED = "error.init_refused"
_UNKNOWN_MODEL = re.compile(
    r"not found|cannot find|could not find|no such|does not exist|404|not a valid|unknown|unsupported",
    re.IGNORECASE,
)

_WANTS_MODEL = re.compile(
    r"\bmodel\b.{0,300}(?:not found|not exist|required|missing|unknown)|(?:missing|unknown).{0,40}\bmodel\b",
    re.IGNORECASE,
)


class ParallaxClient:
    """Implements :class:`bot.domain.Scheduler` over one pooled HTTP client.

    ``base_url`` is PARALLAX_URL, with a path when a proxy serves the scheduler below one; raises
    :class:`bot.errors.ConfigError` when it is not valid. Safe for any number of concurrent calls in one event
    loop. Every method raises only :class:`SchedulerError`; cancelling a method closes its connection.
    """

    def __init__(
        self,
        base_url: str,
        *,
        timeouts: Timeouts,
        clock: Clock,
        transport: httpx.AsyncBaseTransport | None = None,
        api_key: str = "",
    ) -> None:
        self._connection = Connection(base_url, timeouts, clock, transport, api_key.strip())
        self._timeouts = timeouts
        self._clock = clock
        self._habits = ThinkingHabits()
        self._passed = OpenStreams()
        self._model: str | None = None

    async def aclose(self) -> None:
        """Close all connections; streams still open end with :class:`StreamInterrupted`."""
        await self._connection.aclose()

    @asynccontextmanager
    async def stream_chat(
        self, request: ChatRequest, *, demand: Demand | None = None
    ) -> AsyncIterator[AsyncIterator[StreamEvent]]:
        """Send the request and stream the answer; entering waits for the headers.

        The iterator gives :class:`Started`, then text and reasoning as they arrive, then the usage when it was
        reported, then exactly one :class:`Finish`. An error is raised after everything that arrived before it.
        With a ``demand``, text that follows text comes when that is asked, or when there is much of it.
        Leaving closes the connection unless the response was read to its last byte.
        """
        sent, prompt = self._clock.monotonic(), SentPrompt.of(request)
        async with AsyncExitStack() as stack:
            response = await self._opened(stack, request)
            started = Started(self._clock.monotonic() - sent)
            kind = content_type(response)
            if kind == "application/json":
                reader = AnswerReader(sent, _never, prompt, asked=_marks_of(request), whole=True)
                events = await self._whole_answer(response, reader)
                yield _each([started, *events])
            elif kind in {"", "text/event-stream"}:
                opens = self._habits.opens_in_prompt if request.think is not False else _never
                asked = _marks_of(request)
                reader = AnswerReader(sent, opens, prompt, asked=asked, max_tokens=request.max_tokens)
                leisurely = demand is not None
                stream = AnswerStream(response, reader, started, self._timeouts, self._clock, leisurely=leisurely)
                try:
                    with (demand or Demand()).heard(stream.hurry):
                        yield stream
                finally:
                    await stream.aclose()
                    reader.teach(self._habits)
            else:
                what = f"it answered a chat with {printable(kind, bounds.SHORT_NAME)}"
                raise elsewhere(what, response.status_code)

    @asynccontextmanager
    async def pass_chat(self, body: Mapping[str, object]) -> AsyncIterator[AsyncIterator[Started | Passed]]:
        """Send a program's request and stream the answer as it comes; entering waits for the headers."""
        sent = self._clock.monotonic()
        # Streamed in any case: a connection that closes then ends the work of the cluster.
        streamed = {**body, "stream": True, "stream_options": {"include_usage": True}}
        opening = self._connection.open(
            "POST", _CHAT, within=self._timeouts.first_byte, body=streamed, accept="text/event-stream"
        )
        async with opening as response:
            started, kind = Started(self._clock.monotonic() - sent), content_type(response)
            if kind == "application/json":
                payload = mapping(await read_json(response, self._clock)) or {}
                if (error := read_error(payload)) is not None:
                    raise from_status(error)
                yield _each([started, passed(payload)])
            elif kind in {"", "text/event-stream"}:
                stream = PassedStream(response, started, self._timeouts, self._clock, self._passed)
                try:
                    yield stream
                finally:
                    await stream.aclose()
            else:
                what = f"it answered a chat with {printable(kind, bounds.SHORT_NAME)}"
                raise elsewhere(what, response.status_code)

    async def _opened(self, stack: AsyncExitStack, request: ChatRequest) -> httpx.Response:
        """Send the request; if the server wants the name of another model, once more with the one that it
        serves."""
        try:
            return await stack.enter_async_context(self._chat(request))
        except RequestRefused as exc:
            if not _is_about_model(exc):
                raise
            served = await self._serves()
            if served in {None, self._model}:
                key = "error.model_name"
                raise RequestRefused(str(exc), status=exc.status, code=MODEL_NOT_FOUND, key=key) from exc
            self._model = served
        return await stack.enter_async_context(self._chat(request))

    def _chat(self, request: ChatRequest) -> AbstractAsyncContextManager[httpx.Response]:
        return self._connection.open(
            "POST",
            _CHAT,
            within=self._timeouts.first_byte,
            body=wire.chat_body(request, self._model),
            accept="text/event-stream",
        )

    async def _serves(self) -> str | None:
        """The model that the server says it serves; None when it does not say."""
        try:
            return next(iter(await self.served_models()), None)
        except SchedulerError:
            return None

    async def _whole_answer(self, response: httpx.Response, reader: AnswerReader) -> list[StreamEvent]:
        """Read an answer that came as one JSON body although a stream was requested."""
        within = self._timeouts.first_byte
        try:
            async with asyncio.timeout(within):
                payload = await read_json(response, self._clock)
        except TimeoutError as exc:
            raise StreamInterrupted(f"the answer was not whole within {within:g} s", code="stall") from exc
        events = reader.read_whole(mapping(payload) or {}, self._clock.monotonic())
        if reader.failure is not None:
            raise reader.failure
        return events

    @asynccontextmanager
    async def watch_status(self) -> AsyncIterator[AsyncIterator[ClusterStatus]]:
        """The endless status stream, one report a second.

        It never ends by itself: when it breaks or no readable report came for ``control`` seconds, the iterator
        raises :class:`StreamInterrupted` (entering raises :class:`SchedulerUnreachable`), and the caller
        reconnects. A status poisoned by an init is a 200 that breaks without a byte (recording 25). A server that
        answers chats but has no status is a :class:`StandaloneNode`.
        """
        async with AsyncExitStack() as stack:
            try:
                opening = self._connection.open(
                    "GET", _STATUS, within=self._timeouts.control, accept="application/x-ndjson"
                )
                response = await stack.enter_async_context(opening)
                if content_type(response) == "text/html":
                    raise elsewhere("its status is a web page", response.status_code)
            except SchedulerUnreachable as exc:
                await self._raise_if_alone(exc)
                raise
            stream = StatusStream(response, self._timeouts.control, self._clock, self._reported)
            try:
                yield stream
            finally:
                await stream.aclose()

    async def status(self) -> ClusterStatus:
        """Read one report: from ``/cluster/status_json``, or the stream's first one where that route is
        missing."""
        try:
            status = wire.read_status(await self._call("GET", "/cluster/status_json"))
        except ValueError as exc:
            raise UpstreamFailed(f"/cluster/status_json: {exc}", code="malformed") from exc
        except SchedulerUnreachable as exc:
            if exc.code != NOT_A_SCHEDULER:
                raise
        else:
            self._reported(status)
            return status
        async with self.watch_status() as reports:
            return await anext(reports)

    async def models(self) -> tuple[Model, ...]:
        """The models the scheduler can run, in its order."""
        return wire.read_models(await self._control("GET", "/model/list"))

    async def served_models(self) -> tuple[str, ...]:
        """The names ``/v1/models`` serves now; none in the documented dialect, which has no such route."""
        try:
            return wire.read_served(await self._call("GET", "/v1/models"))
        except SchedulerUnreachable as exc:
            if exc.code != NOT_A_SCHEDULER:
                raise
            return ()

    async def join_command(self) -> JoinCommand | None:
        """The command nodes join with; None before the cluster has a model."""
        return wire.read_join(wire.data_of(await self._control("GET", "/node/join/command")))

    async def initialise(self, model: str, nodes: int, *, local_network: bool) -> None:
        """Set the cluster's model; waits up to ``first_byte`` seconds, since the scheduler may look it up.

        Codes: ``unknown_model`` (:class:`RequestRefused`), ``init_failed``, ``init_refused``, ``node_count``.
        After a :class:`SchedulerUnreachable` the init may still have happened: read the status.
        """
        if nodes < 1:
            raise RequestRefused(f"a cluster of {nodes} nodes", code="node_count")
        # A count that is no number breaks the status (recordings 23-25); without `is_local_network` the cluster
        # joins the public network (recordings 21, 22).
        body = {"model_name": model, "init_nodes_num": int(nodes), "is_local_network": local_network}
        try:
            payload = await self._connection.call(
                "POST", "/scheduler/init", within=self._timeouts.first_byte, body=body
            )
            self._raise_error_in(payload)
        except SchedulerUnreachable as exc:
            await self._raise_if_alone(exc)
            raise
        except RequestRefused as exc:
            raise RequestRefused(str(exc), status=exc.status, code="init_refused", key=_INIT_REFUSED) from exc
        except UpstreamFailed as exc:
            if _UNKNOWN_MODEL.search(str(exc)):
                raise RequestRefused(str(exc), status=exc.status, code="unknown_model", key=_INIT_REFUSED) from exc
            raise UpstreamFailed(str(exc), status=exc.status, code="init_failed", key=_INIT_REFUSED) from exc

    async def _control(self, method: str, path: str) -> object:
        try:
            return await self._call(method, path)
        except SchedulerUnreachable as exc:
            await self._raise_if_alone(exc)
            raise

    def _reported(self, status: ClusterStatus) -> None:
        self._model = status.model

    async def _raise_if_alone(self, error: SchedulerUnreachable) -> None:
        """Raise :class:`StandaloneNode` when a route is missing at a server that serves a model nevertheless."""
        if error.code != NOT_A_SCHEDULER:
            return
        served = await self._serves()
        if served is not None:
            self._model = served
            what = f"PARALLAX_URL points to a single node or a router, which serves {served}, not to a scheduler"
            raise StandaloneNode(f"{what}: {error}", status=error.status, code=NOT_A_SCHEDULER) from error

    async def _call(self, method: str, path: str) -> object:
        payload = await self._connection.call(method, path, within=self._timeouts.control)
        self._raise_error_in(payload)
        return payload

    @staticmethod
    def _raise_error_in(payload: object) -> None:
        fields = mapping(payload)
        error = read_error(fields) if fields is not None else None
        if error is not None:
            raise from_status(error)


def _marks_of(request: ChatRequest) -> frozenset[str]:
    """The marks that people wrote in the messages of this request."""
    texts = (message.content for message in request.messages if message.role is Role.USER)
    return frozenset().union(*map(marks_in, texts))


def _is_about_model(error: RequestRefused) -> bool:
    """Whether a server refused a chat because of the model's name: a missing field is 422 in some frameworks."""
    return error.code == MODEL_NOT_FOUND or error.status == 422 or _WANTS_MODEL.search(str(error)) is not None


async def _each(events: list[_Event]) -> AsyncIterator[_Event]:
    for event in events:
        yield event


def _never(_model: str | None) -> bool:
    return False
