"""A real discord.py client at the double, and an interaction that has been acknowledged."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest

from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Message
from sandbox.discord_api.people import Invocation

with warnings.catch_warnings():  # discord.py 2.7 imports audioop, which Python 3.11 calls deprecated
    warnings.simplefilter("ignore", DeprecationWarning)
    import discord
    from discord import Client

from bot.clock import Clock, SystemClock
from bot.discord_io.delivery.answer import AnswerDelivery
from bot.discord_io.delivery.rate_limit_trace import WireObserver
from bot.discord_io.delivery.registry import Deliveries
from bot.discord_io.interaction_calls import repeat_broken_calls
from bot.discord_io.outgoing import Outgoing
from bot.domain.queue.request import Destination
from bot.presentation.page import Page
from bot.telemetry.metrics import Metrics

FOOTER = "-# small print"
FIRST = Page("> question", FOOTER)


@dataclass(eq=False)
class Pages:
    """A source whose pages a test sets."""

    pages: Sequence[Page] = (FIRST,)
    is_waiting: bool = False
    has_text: bool = False
    grown: int = 0

    def say(self, *bodies: str) -> None:
        """Show these texts, one per message."""
        self.pages = tuple(Page(body, FOOTER if body is bodies[-1] else "") for body in bodies)

    async def prepare(self) -> None:
        """Do nothing: the pages are ready."""

    def render(self) -> Sequence[Page]:
        """The pages as set last."""
        return self.pages


@dataclass(eq=False)
class Wire:
    """How many edits are on their way, and were at most."""

    under_way: int = 0
    most: int = 0
    methods: list[str] = field(default_factory=list)
    edit_left: asyncio.Event = field(default_factory=asyncio.Event)

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Count what is sent through any session."""
        send = aiohttp.ClientSession._request

        async def watched(
            session: aiohttp.ClientSession, method: str, url: Any, **options: Any
        ) -> aiohttp.ClientResponse:
            is_edit = method == "PATCH"
            self.methods.append(method)
            self.under_way += is_edit
            self.most = max(self.most, self.under_way)
            if is_edit:
                self.edit_left.set()
            try:
                return await send(session, method, url, **options)
            finally:
                self.under_way -= is_edit

        monkeypatch.setattr(aiohttp.ClientSession, "_request", watched)


@dataclass(eq=False)
class DeliveryRig:
    """Everything a test of the delivery needs. ``clock`` is the bot's."""

    discord: DiscordDouble
    deliveries: Deliveries
    wire: Wire
    outgoing: Outgoing
    client: Client
    metrics: Metrics = field(default_factory=Metrics)
    source: Pages = field(default_factory=Pages)
    sent: list[tuple[int, int | None]] = field(default_factory=list)
    gone: list[bool] = field(default_factory=list)
    clock: Clock = field(default_factory=SystemClock)

    async def acknowledged(self, *, private: bool = False) -> tuple[Invocation, Message]:
        """An ``/ask`` that was answered with the first page."""
        ada = self.discord.person("ada")
        invocation = await ada.slash("general", "ask", prompt="question")
        interaction = invocation.interaction
        data = {
            "flags": 1 << 15 | (1 << 6 if private else 0),
            "components": [
                *({"type": 10, "content": text} for text in (FIRST.body, FIRST.footer)),
                {"type": 1, "components": [{"type": 2, "style": 2, "label": "Stop", "custom_id": "stop"}]},
            ],
        }
        url = f"{self.discord.api_url}/interactions/{interaction.id}/{interaction.token}/callback"
        async with aiohttp.ClientSession() as session, session.post(url, json={"type": 4, "data": data}) as answer:
            assert answer.status < 300, await answer.text()
        return invocation, await invocation.response()

    def destination(self, invocation: Invocation, *, private: bool = False, lives: float = 900.0) -> Destination:
        """Where the answer to an interaction is shown, through a token that ``lives`` so many seconds."""
        interaction = invocation.interaction
        return Destination(
            application_id=self.discord.application_id,
            channel_id=interaction.channel.id,
            guild_id=interaction.channel.guild_id,
            private=private,
            channel_route=not private,
            token=interaction.token,
            token_expires_at=self.clock.now() + lives,
        )

    async def open(
        self, *, private: bool = False, lives: float = 900.0
    ) -> tuple[AnswerDelivery, Message, Invocation]:
        """A delivery of an acknowledged question."""
        invocation, message = await self.acknowledged(private=private)
        delivery = self.deliveries.open(
            f"{invocation.interaction.id:016x}",
            self.destination(invocation, private=private, lives=lives),
            self.source,
            locale="en-US",
            on_sent=lambda page, message_id: self.sent.append((page, message_id)),
            on_gone=lambda: self.gone.append(True),
        )
        delivery.acknowledged(message.id, FIRST)
        return delivery, message, invocation

    async def pressed(self, message: Message) -> str:
        """Ada presses the button of a message and is acknowledged; the token that brought."""
        interaction = (await self.discord.person("ada").click(message, label="Stop")).interaction
        url = f"{self.discord.api_url}/interactions/{interaction.id}/{interaction.token}/callback"
        async with aiohttp.ClientSession() as session, session.post(url, json={"type": 6}) as answer:
            assert answer.status < 300, await answer.text()
        return interaction.token


@asynccontextmanager
async def logged_in(
    double: DiscordDouble, monkeypatch: pytest.MonkeyPatch, wire: Wire, clock: Clock, outgoing: Outgoing
) -> AsyncIterator[discord.Client]:
    """A client whose calls reach the double as the bot's do, without a gateway; it has registered ``/ask``."""
    monkeypatch.setattr(discord.http.Route, "BASE", double.api_url)
    observer = WireObserver(clock, Metrics(), outgoing)
    repeat_broken_calls(observer)
    wire.watch(monkeypatch)
    client = discord.Client(intents=discord.Intents.none(), http_trace=observer.trace_config())
    tree = discord.app_commands.CommandTree(client)

    @tree.command(name="ask", description="Ask")
    async def ask(_interaction: discord.Interaction[discord.Client], prompt: str) -> None: ...

    await client.login(double.token)
    try:
        await tree.sync()
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def delivery_rig(
    discord_double: DiscordDouble, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> AsyncIterator[DeliveryRig]:
    """Deliveries to this Discord; all of them are closed at the end."""
    wire, metrics = Wire(), Metrics()
    outgoing = Outgoing(clock, metrics)
    async with discord_double as double, logged_in(double, monkeypatch, wire, clock, outgoing) as client:
        deliveries = Deliveries(client, clock, outgoing)
        try:
            yield DeliveryRig(double, deliveries, wire, outgoing, client, metrics, clock=clock)
        finally:
            await deliveries.aclose()
            await outgoing.aclose()


@pytest.fixture
async def live_answers(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DeliveryRig]:
    """Discord 20 ms away with its limits on, which are never met."""
    async with delivery_rig(DiscordDouble(latency=0.02), monkeypatch, SystemClock()) as opened:
        yield opened
        assert opened.discord.limits.rejections == []
