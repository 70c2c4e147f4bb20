"""``/v1/chat/completions``: a request in the queue, and its answer as it comes or as a whole."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog
from aiohttp import web

from bot.api import bounds
from bot.api.answers import DONE, Chunks, WholeAnswer, dumped, metrics_of, usage_of
from bot.api.errors import SERVER, ApiError, of
from bot.api.guarding import OWNER, Guarding, answered
from bot.api.models import ModelEndpoints
from bot.api.schemas import ChatCompletion, asked, read_chat
from bot.clock import Clock, first_of
from bot.domain.chat import Passed
from bot.domain.queue.request import Answer
from bot.i18n.catalogue import DEFAULT_LOCALE, fill
from bot.services.access.keys import Owner
from bot.services.answers.programs import WaitingProgram
from bot.services.requests.program_requests import ProgramRequests

log = structlog.get_logger(__name__)

WINDOW = 1.0
"""Seconds after a stream was asked for in which a refusal still is an honest status. Then comments begin."""
COMMENT_EVERY = 2.0
"""Seconds between two looks at the position of a request that waits."""
SILENCE = 10.0
"""Seconds without a byte after which a comment is sent: proxies close connections that say nothing."""


@dataclass(frozen=True, slots=True)
class _Asked:
    chat: ChatCompletion
    model: str
    with_metrics: bool

    @property
    def with_usage(self) -> bool:
        """Whether the last chunk tells the usage."""
        options = self.chat.stream_options
        return options is not None and options.include_usage


class _Whole:
    """Keeps the pieces of an answer that is sent at once."""

    def __init__(self) -> None:
        self.answer = WholeAnswer()

    async def passed(self, piece: Passed) -> None:
        """Keep a piece."""
        self.answer.add(piece)


class _Stream:
    """Writes an answer to a connection as it comes."""

    def __init__(self, request: web.Request, headers: dict[str, str], clock: Clock) -> None:
        self.request = request
        self._response = web.StreamResponse(
            headers={**headers, "Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}
        )
        self._clock = clock
        self._opening = asyncio.Lock()
        self._written_at = clock.monotonic()
        self.chunks: Chunks | None = None
        self.began = asyncio.Event()
        """Set when the first piece has come."""

    @property
    def response(self) -> web.StreamResponse:
        """The response."""
        return self._response

    @property
    def is_open(self) -> bool:
        """Whether the headers are sent, so that no status can be."""
        return self._response.prepared

    async def open(self) -> None:
        """Send the headers, unless they are sent."""
        async with self._opening:
            if not self._response.prepared:
                await self._response.prepare(self.request)

    async def passed(self, piece: Passed) -> None:
        """Write a piece of the answer."""
        if self.chunks is None:
            return
        data = self.chunks.chunk(piece)
        if data:
            await self.write(data)
            self.began.set()

    async def write(self, data: bytes) -> None:
        """Write, and wait while the program does not read. A connection that breaks, or is not read for
        :data:`bounds.UNREAD_SECONDS`, ends its handler; nothing is raised here."""
        try:
            if not self._response.prepared:
                await self.open()
            self._written_at = self._clock.monotonic()
            writing = self._response.write(data)
            if _is_read(self.request):
                await writing
                return
            async with asyncio.timeout(bounds.UNREAD_SECONDS):
                await writing
        except ConnectionError:
            return
        except TimeoutError:
            log.info("api.not_read", seconds=bounds.UNREAD_SECONDS)
            if self.request.transport is not None:
                self.request.transport.abort()

    async def comment(self, words: str) -> None:
        """Write a comment, which clients of event streams ignore."""
        await self.write(f": {' '.join(words.split())}\n\n".encode())

    @property
    def silence(self) -> float:
        """Seconds since something was written."""
        return self._clock.monotonic() - self._written_at


def _is_read(request: web.Request) -> bool:
    """Whether the connection takes what is written at once: then no time has to be watched."""
    transport = request.transport
    return transport is not None and transport.get_write_buffer_size() == 0


class ChatEndpoints:
    """Answers chats."""

    def __init__(
        self, requests: ProgramRequests, models: ModelEndpoints, guarding: Guarding, clock: Clock
    ) -> None:
        self._requests = requests
        self._models = models
        self._guarding = guarding
        self._clock = clock

    def routes(self) -> list[web.RouteDef]:
        """The endpoints, with the older clients' name of a stream."""
        return [
            web.post("/v1/chat/completions", self.complete),
            web.post("/chat/stream", self.stream),
        ]

    async def complete(self, request: web.Request) -> web.StreamResponse:
        """Answer a chat as it asks for it."""
        return await self._answer(request, read_chat(await request.read()))

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Answer a chat with a stream, whatever it asks for."""
        chat = read_chat(await request.read())
        return await self._answer(request, chat.model_copy(update={"stream": True}))

    async def _answer(self, request: web.Request, chat: ChatCompletion) -> web.StreamResponse:
        owner = request[OWNER]
        running = self._models.running(chat.model, owner.profile.cluster)
        wants = request.headers.get("X-Parallax-Metrics", "") == "1" or chat.parallax_metrics
        asking = _Asked(chat, running or chat.model or "unknown", wants)
        headers = await self._limits(owner)
        if chat.stream:
            headers |= self._guarding.headers(request)
            return await self._streamed(owner, asking, _Stream(request, headers, self._clock))
        return await self._whole(owner, asking, headers)

    async def _whole(self, owner: Owner, asking: _Asked, headers: dict[str, str]) -> web.Response:
        whole = _Whole()
        program = self._requests.program(owner, self._body(owner, asking), whole)
        await self._requests.submit(owner, program)
        try:
            while not program.ended.is_set():
                await first_of(self._clock, COMMENT_EVERY, program.ended)
                await self._notice(program)
            answer = await self._answer_of(program)
        finally:
            self._requests.left(program)
        body = whole.answer.body(_id(program), int(program.asked_at), asking.model, answer)
        if asking.with_metrics:
            body["metrics"] = metrics_of(answer, _waited(program))
        return answered(body, headers)

    async def _streamed(self, owner: Owner, asking: _Asked, stream: _Stream) -> web.StreamResponse:
        program = self._requests.program(owner, self._body(owner, asking), stream)
        # Before it is submitted: it may be claimed at once.
        stream.chunks = Chunks(_id(program), int(program.asked_at), asking.model, with_usage=asking.with_usage)
        await self._requests.submit(owner, program)
        try:
            await first_of(self._clock, WINDOW, program.ended, stream.began)
            await self._wait(program, stream)
            await self._end(program, stream, asking, await self._answer_of(program))
        except Exception as error:
            if not stream.is_open:
                raise
            # The status is sent: a second response would be read as a part of the first.
            await stream.write(b"data: " + dumped(self._guarding.told(error, stream.request).body()) + b"\n\n")
        finally:
            self._requests.left(program)
        return stream.response

    async def _wait(self, program: WaitingProgram, stream: _Stream) -> None:
        """Wait for the end of an answer, and tell meanwhile that it goes on."""
        told = ""
        while not program.ended.is_set():
            if program.started_at is None:
                words = await self._position(program)
                if words != told or stream.silence >= SILENCE:
                    told = words
                    await stream.comment(words)
            elif stream.silence >= SILENCE:
                await stream.comment("the model reads, or thinks")
            await first_of(self._clock, COMMENT_EVERY, program.ended)
            await self._notice(program)

    async def _end(self, program: WaitingProgram, stream: _Stream, asking: _Asked, answer: Answer) -> None:
        extra: dict[str, object] = {}
        if asking.with_usage:
            extra["usage"] = usage_of(answer)
        if asking.with_metrics:
            extra["metrics"] = metrics_of(answer, _waited(program))
        last = stream.chunks.last(extra) if extra and stream.chunks is not None else b""
        await stream.write(last + DONE)

    async def _position(self, program: WaitingProgram) -> str:
        place = await self._requests.place(program)
        if place.hold is not None:
            return fill(DEFAULT_LOCALE, place.hold.key, dict(place.hold.params))
        if place.position is None:
            return "waiting for a pipeline"
        about = "" if place.wait is None else f", about {max(1, round(place.wait))} s"
        return f"position {place.position} in the queue{about}"

    async def _notice(self, program: WaitingProgram) -> None:
        """Let a request end that another process has ended, which tells no connection of this one."""
        if program.ended.is_set() or program.started_at is not None:
            return
        place = await self._requests.place(program)
        if place.position is None:
            await self._requests.has_ended(program)

    async def _answer_of(self, program: WaitingProgram) -> Answer:
        """What was counted of the answer. Raises :class:`ApiError` when there is none."""
        why = await self._requests.why(program)
        if why is not None:
            raise of(why, now=self._clock.now())
        if program.answer is None:
            raise ApiError(500, "The answer was lost.", SERVER, "internal_error")
        return program.answer

    def _body(self, owner: Owner, asking: _Asked) -> dict[str, object]:
        model = self._models.running(asking.chat.model, owner.profile.cluster) or asking.chat.model
        return asked(asking.chat, model=model, most=owner.profile.answer_tokens)

    async def _limits(self, owner: Owner) -> dict[str, str]:
        """What is left to the key's owner, as headers."""
        limit, user_id = self._requests.limit, owner.person.user_id
        headers = {
            "x-ratelimit-limit-requests": str(limit),
            "x-ratelimit-remaining-requests": str(max(0, limit - self._requests.waiting_of(user_id) - 1)),
        }
        allowance = await self._requests.allowance(owner)
        if allowance is not None and allowance.limit is not None:
            left = max(0, allowance.limit - allowance.used)
            headers |= {
                "x-ratelimit-limit-tokens": str(allowance.limit),
                "x-ratelimit-remaining-tokens": str(left),
                "x-ratelimit-reset-tokens": f"{max(0, round(allowance.resets_at - self._clock.now()))}s",
            }
        return headers


def _id(program: WaitingProgram) -> str:
    return f"chatcmpl-{program.request_id}"


def _waited(program: WaitingProgram) -> float:
    """Seconds from the request until a pipeline took it."""
    return max(0.0, (program.started_at or program.asked_at) - program.asked_at)
