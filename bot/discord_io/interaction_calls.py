"""Calls to interactions' endpoints whose connection broke: repeated once where that does no harm."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import aiohttp
import discord
import structlog
from discord.http import Route
from discord.webhook.async_ import AsyncWebhookAdapter, async_context

from bot.discord_io.delivery.observed_session import ObservedSession
from bot.discord_io.delivery.rate_limit_trace import WireObserver

log = structlog.get_logger(__name__)

# Discord sends events to every session of a token, so during a rolling restart two processes receive the same
# press; the second answer is refused with this code (docs, topics/opcodes-and-status-codes, "JSON Error Codes").
ALREADY_ACKNOWLEDGED = 40060


def repeat_broken_calls(observer: WireObserver | None = None) -> None:
    """Use the adapter in this task and in all that it starts from now on. It tells the ``observer`` of its
    requests; None: they go through the client's session with its trace."""
    async_context.set(RepeatingAdapter(observer))


AT_ONCE = 64
"""First answers on their way at the same time. In a burst a call then finds a connection that an earlier one has
used: to open one takes longer than the call."""
LATE_AT_ONCE = 256
"""As many when late ones are among them, which have no time to wait for a connection."""
PATIENCE = 0.25
"""Seconds that a first answer waits for that. When the network is slow, it is better to open more connections."""

_late: ContextVar[bool] = ContextVar("late_first_answer", default=False)


@contextmanager
def sent_late() -> Iterator[None]:
    """Send the first answers of the block before those of other tasks."""
    before = _late.set(True)
    try:
        yield
    finally:
        _late.reset(before)


class Departures:
    """Lets so many first answers be on their way at once. Late ones leave before others; of each kind the one of
    the oldest interaction, because Discord takes it for the shortest time."""

    def __init__(self, at_once: int = AT_ONCE, late_at_once: int = LATE_AT_ONCE) -> None:
        self._most = {True: late_at_once, False: at_once}
        self._left = 0
        self._waiting: dict[bool, list[tuple[int, int, asyncio.Future[bool]]]] = {True: [], False: []}
        self._numbers = itertools.count()

    async def take_turn(self, interaction_id: int, *, late: bool) -> bool:
        """Wait until few enough are on their way, but not for long; whether that is so. A turn is given back."""
        if self._left < self._most[late]:
            self._left += 1
            return True
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[bool] = loop.create_future()
        heapq.heappush(self._waiting[late], (interaction_id, next(self._numbers), turn))
        impatient = loop.call_later(PATIENCE, _decide, turn, False)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.result():
                self.give_back()
            raise
        finally:
            impatient.cancel()

    def give_back(self) -> None:
        """One has arrived: the next one may leave."""
        self._left -= 1
        for late, waiting in self._waiting.items():
            while waiting and self._left < self._most[late]:
                _, _, turn = heapq.heappop(waiting)
                if _decide(turn, True):
                    self._left += 1
                    return


def _decide(turn: asyncio.Future[bool], has_turn: bool) -> bool:
    """Tell one that waits; whether it still does."""
    if turn.done():
        return False
    turn.set_result(has_turn)
    return True


class RepeatingAdapter(AsyncWebhookAdapter):
    """The library's adapter, which repeats a call itself only for two of the errors of a broken connection.

    Of the answer to a first answer it keeps the message's id: of the rest the library would build the whole
    message, which costs more than the call and is used by nobody.
    """

    def __init__(self, observer: WireObserver | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # the library does not annotate it
        self._observer = observer
        self._observed: dict[bool, ObservedSession] = {}
        self._departures = Departures()

    async def request(
        self,
        route: Route,
        session: aiohttp.ClientSession,
        *,
        files: Sequence[discord.File] | None = None,
        **options: Any,  # noqa: ANN401  # as the library passes them
    ) -> Any:  # noqa: ANN401  # the JSON of an answer
        """Make a call. Raises what the library does."""
        if not _is_callback(route):
            return await self._repeated(route, session, files, **options)
        has_turn = await self._departures.take_turn(int(route.webhook_id or 0), late=_late.get())
        try:
            told = await self._repeated(route, session, files, **options)
        finally:
            if has_turn:
                self._departures.give_back()
        if isinstance(told, dict):
            told.pop("resource", None)
        return told

    async def apply(
        self,
        route: Route,
        session: aiohttp.ClientSession,
        *,
        files: Sequence[discord.File] | None = None,
        **options: Any,  # noqa: ANN401  # as the library takes them
    ) -> None:
        """As :meth:`request`, for a call of which nobody wants to know more than that Discord has taken it."""
        await self._repeated(route, session, files, reads_success=False, **options)

    async def _repeated(
        self,
        route: Route,
        session: aiohttp.ClientSession,
        files: Sequence[discord.File] | None,
        *,
        reads_success: bool = True,
        **options: Any,  # noqa: ANN401  # as above
    ) -> Any:  # noqa: ANN401  # as above
        wire = self._wire(session, reads_successes=reads_success)
        try:
            return await super().request(route, wire, files=files, **options)
        except aiohttp.ClientConnectionError as error:
            if isinstance(error, TimeoutError) or not _is_harmless(route, error):
                raise
            log.info("discord.call_repeated", method=route.method, path=route.path, error=type(error).__name__)
        for file in files or ():
            file.reset(seek=True)
        try:
            return await super().request(route, wire, files=files, **options)
        except discord.HTTPException as error:
            if error.code == ALREADY_ACKNOWLEDGED and _is_callback(route):
                # The first call had arrived, and only its answer was lost.
                return {"interaction": {"id": str(route.webhook_id), "type": 0, "response_message_id": None}}
            raise

    def _wire(self, session: aiohttp.ClientSession, *, reads_successes: bool) -> aiohttp.ClientSession:
        """The session to use in place of the client's."""
        if self._observer is None or session.closed:
            return session
        observed = self._observed.get(reads_successes)
        if observed is None or observed.source is not session:
            observed = ObservedSession(session, self._observer, reads_successes=reads_successes)
            self._observed[reads_successes] = observed
        return observed  # type: ignore[return-value]  # the library uses nothing but its request


def _is_callback(route: Route) -> bool:
    return route.path.endswith("/callback")


def _is_harmless(route: Route, error: aiohttp.ClientConnectionError) -> bool:
    """Whether a call may be made twice: a further message would be sent twice, unless the first call never
    left."""
    return route.method != "POST" or _is_callback(route) or isinstance(error, aiohttp.ClientConnectorError)
