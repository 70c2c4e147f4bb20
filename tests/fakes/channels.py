"""A channel of Discord with rate limits and latencies, without a network, as deliveries see it."""

from __future__ import annotations

import asyncio
import itertools
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

with warnings.catch_warnings():  # discord.py 2.7 imports audioop, which Python 3.11 calls deprecated
    warnings.simplefilter("ignore", DeprecationWarning)
    import discord

from bot.discord_io.delivery.edit_pacing import Bucket
from bot.discord_io.delivery.routes import MessageRoutes, RouteKind
from bot.discord_io.delivery.search import Found
from bot.discord_io.delivery.shared_bucket import SharedBucket
from bot.discord_io.outgoing import Outgoing
from bot.domain.queue.request import Destination
from bot.errors import DeliveryError, MessageGone
from bot.presentation.page import Page
from bot.telemetry.metrics import Metrics
from tests.fakes.clocks import LoopClock
from tests.fakes.windows import WindowServer

CHANNEL = 77


@dataclass(frozen=True, slots=True)
class Call:
    """A call that reached Discord: seconds of the loop's clock, and what it carried."""

    at: float
    what: str
    route: RouteKind
    message_id: int | None
    text: str


@dataclass(eq=False)
class PacedChannel:
    """One channel: five calls in five seconds by the bot's own token, and a limit of its own for each answer's
    token.

    ``latency`` is a round trip in seconds. ``refuses`` decides which calls fail (after the same latency).
    """

    latency: float = 0.06
    refuses: Callable[[Call], bool] = lambda _call: False
    shared_bucket: SharedBucket = field(default_factory=lambda: SharedBucket(Bucket(limit=5, window=5.0)))
    window: WindowServer = field(default_factory=lambda: WindowServer(5, 5.0))
    outgoing: Outgoing = field(default_factory=lambda: Outgoing(LoopClock(), Metrics()))
    calls: list[Call] = field(default_factory=list)
    messages: dict[int, str] = field(default_factory=dict)
    marked: list[tuple[int, int]] = field(default_factory=list)
    """Messages that a search finds: page and id."""
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def new_message(self, text: str) -> int:
        """Add a message; returns its id."""
        message_id = next(self._ids)
        self.shows(message_id, text)
        return message_id

    def shows(self, message_id: int, text: str) -> None:
        """Let a message show ``text`` from now on."""
        self.messages[message_id] = text
        self._changed.set()

    async def until_shown(self, text: str, timeout: float = 600.0) -> None:
        """Wait until a message shows exactly ``text``. Raises TimeoutError."""
        async with asyncio.timeout(timeout):
            while text not in self.messages.values():
                self._changed.clear()
                await self._changed.wait()

    def made(self, what: str) -> list[Call]:
        """The calls of one kind (``edit``, ``send``, ``delete``), oldest first."""
        return [call for call in self.calls if call.what == what]


class PacedRoutes(MessageRoutes):
    """The messages of one answer in a :class:`PacedChannel`. ``token_lives`` is in seconds, 0: no token."""

    def __init__(self, channel: PacedChannel, *, token_lives: float = 900.0) -> None:
        clock = LoopClock()
        super().__init__(
            discord.Client(intents=discord.Intents.none()),
            Destination(
                application_id=1,
                channel_id=CHANNEL,
                guild_id=2,
                private=False,
                channel_route=True,
                token="token" if token_lives else None,
                token_expires_at=clock.now() + token_lives,
            ),
            request_id="request",
            locale="en-US",
            asked_at=0.0,
            channel_bucket=channel.shared_bucket,
            outgoing=channel.outgoing,
            clock=clock,
        )
        self.original_response: int | None = None
        self._channel = channel
        self._loop_clock = clock
        self._windows = {RouteKind.INTERACTION: WindowServer(5, 2.0), RouteKind.CHANNEL: channel.window}

    async def edit(self, route: RouteKind, message_id: int | None, page: Page, index: int = 0) -> None:
        """Replace a page: the first one is the original response for as long as there is a token."""
        if route is RouteKind.INTERACTION and not index:
            message_id = self.original_response
        call = await self._there("edit", route, message_id, page.body)
        assert message_id is not None
        self._channel.shows(message_id, call.text)
        await self._and_back()

    async def send(self, route: RouteKind, page: Page, index: int = 0, *, anew: bool = False) -> int:
        """Send a page."""
        call = await self._there("send", route, None, page.body)
        message_id = self._channel.new_message(call.text)
        await self._and_back()
        return message_id

    async def delete(self, route: RouteKind, message_id: int) -> None:
        """Delete a page."""
        await self._there("delete", route, message_id, "")
        del self._channel.messages[message_id]
        await self._and_back()

    async def original(self) -> int | None:
        """The message that the token names. Raises :class:`MessageGone` when a test has removed it."""
        if self.primary is not RouteKind.INTERACTION:
            return None
        if self.original_response is not None and self.original_response not in self._channel.messages:
            raise MessageGone("10008")
        return self.original_response

    async def find(self) -> Sequence[Found]:
        """What a test says that other processes, or lost calls, have sent."""
        await asyncio.sleep(self._channel.latency)
        call = Call(self._loop_clock.monotonic(), "find", RouteKind.CHANNEL, None, "")
        self._channel.calls.append(call)
        if self._channel.refuses(call):
            raise DeliveryError("find refused")
        return [Found(page, one) for page, one in self._channel.marked if one in self._channel.messages]

    async def _there(self, what: str, route: RouteKind, message_id: int | None, text: str) -> Call:
        await asyncio.sleep(self._channel.latency / 2)
        call = Call(self._loop_clock.monotonic(), what, route, message_id, text)
        self._channel.calls.append(call)
        taken, remaining, reset_after = self._windows[route].answer(call.at)
        refused = self._channel.refuses(call)
        if not refused and taken:
            self._told = (route, remaining, reset_after - self._channel.latency / 2)
            return call
        await asyncio.sleep(self._channel.latency / 2)
        now = self._loop_clock.monotonic()
        if taken:
            self.shared_bucket(route).bucket.lost(now)
        else:
            self.shared_bucket(route).bucket.rejected(now, retry_after=reset_after)
        raise DeliveryError(f"{what} refused")

    async def _and_back(self) -> None:
        await asyncio.sleep(self._channel.latency / 2)
        route, remaining, reset_after = self._told
        bucket = self.shared_bucket(route).bucket
        bucket.observed(
            self._loop_clock.monotonic(),
            limit=self._windows[route].limit,
            remaining=remaining,
            reset_after=max(0.0, reset_after),
        )


@dataclass(eq=False)
class Saying:
    """A source of pages whose text a test sets."""

    pages: Sequence[Page] = (Page("question"),)
    is_waiting: bool = False
    has_text: bool = False
    grown: int = 0

    def say(self, *bodies: str) -> None:
        """Show these texts, one per message."""
        self.pages = tuple(map(Page, bodies))

    async def prepare(self) -> None:
        """Do nothing: the pages are ready."""

    def render(self) -> Sequence[Page]:
        """The pages as set last."""
        return self.pages
