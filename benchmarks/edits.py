"""CPU of one edit in the bot's process, from a piece of text to Discord's answer, with the library and HTTP.

Discord is a small server in a process of its own, which answers at once, so only this process's CPU counts. An
edit waits for its slot while text comes, as in life, but twenty times as fast.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import cast

import aiohttp

with warnings.catch_warnings():  # discord.py 2.7 imports audioop, which Python 3.11 calls deprecated
    warnings.simplefilter("ignore", DeprecationWarning)
    import discord

from benchmarks.verdict import Result
from bot.clock import SystemClock
from bot.discord_io.delivery.answer import AnswerDelivery
from bot.discord_io.delivery.rate_limit_trace import WireObserver
from bot.discord_io.delivery.registry import Deliveries
from bot.discord_io.interaction_calls import repeat_broken_calls
from bot.discord_io.outgoing import Outgoing
from bot.domain.queue.request import Destination
from bot.presentation.answer import AnswerView
from bot.telemetry.metrics import Metrics

EDITS = 240
"""In a round."""
CHANNEL_EDITS = 135
"""By the bot's token, of which 45 a second leave."""
ROUNDS = 3
PIECE, PAUSE = 12, 0.005
"""Characters that come at once (three tokens), and the seconds to the next."""
PAGE = 240 * PIECE
"""Characters after which the answer begins anew, so that it stays one message."""
WINDOW = 0.1
"""Seconds in which Discord takes five edits of an answer: while one waits for its slot, further text comes."""
TEXT = (
    "Start with **logical replication**: the old table stays the source of truth while `backfill` copies rows in "
    "batches. Each batch is small, so locks are short; three tables of this size take about 12 minutes.\n\n"
)
PATIENCE = 60.0
"""Seconds for all edits of a round."""

_USER = {"id": "1", "username": "bot", "discriminator": "0", "avatar": None, "global_name": None, "bot": True}


async def run() -> list[Result]:
    """Measure; about fifteen seconds."""
    with _Server() as server:
        discord.http.Route.BASE = server.url
        async with _delivering(token=True) as own, _delivering(token=False) as shared:
            await own.edit(EDITS // 4)
            await shared.edit(CHANNEL_EDITS // 3)
            by_token = [await own.edit(EDITS) for _ in range(ROUNDS)]
            by_channel = await shared.edit(CHANNEL_EDITS)
    figures = {"interaction_us": round(statistics.median(by_token), 1), "channel_us": round(by_channel, 1)}
    return [Result("edits.cpu_of_one", figures)]


class _Made:
    """Counts the edits that Discord has answered."""

    def __init__(self) -> None:
        self.edits = 0

    async def answered(self, _session: object, _context: object, params: aiohttp.TraceRequestEndParams) -> None:
        """Take note of an answer."""
        self.edits += params.method == "PATCH"


class _Editing:
    """An answer that grows, and its delivery."""

    def __init__(self, view: AnswerView, delivery: AnswerDelivery, made: _Made) -> None:
        self._view = view
        self._delivery = delivery
        self._made = made
        self._text = (TEXT * PAGE)[:PAGE]

    async def edit(self, count: int) -> float:
        """Make so many edits; returns the microseconds of CPU of each, without those of taking in the text. Raises
        TimeoutError."""
        await asyncio.sleep(0.05)
        feeding, number, since = 0.0, 0, self._made.edits
        began = time.process_time()
        async with asyncio.timeout(PATIENCE):
            while self._made.edits - since < count:
                at = number * PIECE % PAGE
                number += 1
                fed = time.process_time()
                if at == 0:
                    self._view.show_asked("benchmark/model")
                self._view.text(self._text[at : at + PIECE])
                feeding += time.process_time() - fed
                self._delivery.changed()
                await asyncio.sleep(PAUSE)
        return (time.process_time() - began - feeding) / (self._made.edits - since) * 1e6


@asynccontextmanager
async def _delivering(*, token: bool) -> AsyncIterator[_Editing]:
    clock, metrics = SystemClock(), Metrics()
    outgoing = Outgoing(clock, metrics)
    repeat_broken_calls()
    trace, made = WireObserver(clock, metrics, outgoing).trace_config(), _Made()
    trace.on_request_end.append(made.answered)
    async with discord.Client(intents=discord.Intents.none(), http_trace=trace) as client:
        await client.http.static_login("token")
        deliveries = Deliveries(client, clock, outgoing)
        view = AnswerView(
            question="How do I split a table?",
            asker="<@1>",
            locale="en-US",
            clock=clock,
            max_pages=5,
        )
        destination = Destination(
            application_id=1,
            channel_id=2,
            guild_id=3,
            private=False,
            channel_route=True,
            token="token" if token else None,
            token_expires_at=clock.now() + 3600.0 if token else None,
        )
        delivery = deliveries.open(
            "0123456789abcdef",
            destination,
            view,
            locale="en-US",
            on_sent=lambda _page, _message_id: None,
            on_gone=lambda: None,
        )
        delivery.acknowledged(5)
        yield _Editing(view, delivery, made)
        await deliveries.aclose()
        await outgoing.aclose()


class _Server:
    """A Discord that takes every edit, in a process of its own."""

    def __init__(self) -> None:
        context = get_context("spawn")
        receiving, sending = context.Pipe(duplex=False)
        self._process = context.Process(target=_serve, args=(sending,), daemon=True)
        self._process.start()
        self.url = f"http://127.0.0.1:{receiving.recv()}/api/v10"

    def __enter__(self) -> _Server:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.join()


def _serve(port: Connection) -> None:
    asyncio.run(_serving(port))


async def _serving(port: Connection) -> None:
    server = await asyncio.get_running_loop().create_server(_Answers, "127.0.0.1", 0)
    port.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


class _Answers(asyncio.Protocol):
    """One connection: each request gets a message as Discord writes it, with the text that was sent."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        self._transport = cast("asyncio.Transport", transport)
        self._received = b""

    def data_received(self, data: bytes) -> None:
        """Answer every whole request."""
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:end].lower()
            _, found, length = head.partition(b"content-length:")
            size = int(length.split(b"\r\n")[0]) if found else 0
            if len(self._received) < end + 4 + size:
                return
            body = self._received[end + 4 : end + 4 + size]
            self._received = self._received[end + 4 + size :]
            self._answer(_message(body) if head.startswith(b"patch") else json.dumps(_USER).encode())

    def _answer(self, body: bytes) -> None:
        head = (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            f"X-RateLimit-Limit: 5\r\nX-RateLimit-Remaining: 4\r\nX-RateLimit-Reset-After: {WINDOW:.3f}\r\n"
            f"X-RateLimit-Bucket: 0123456789abcdef\r\nVia: 1.1 google\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._transport.write(head.encode() + body)


def _message(body: bytes) -> bytes:
    message = {
        "id": "5",
        "channel_id": "2",
        "author": _USER,
        "content": "",
        "timestamp": "2026-01-01T00:00:00.000000+00:00",
        "edited_timestamp": "2026-01-01T00:00:01.000000+00:00",
        "tts": False,
        "mention_everyone": False,
        "mentions": [],
        "mention_roles": [],
        "attachments": [],
        "embeds": [],
        "pinned": False,
        "type": 20,
        "flags": 1 << 15,
        "components": json.loads(body)["components"],
    }
    return json.dumps(message).encode()


if __name__ == "__main__":
    print(json.dumps([result.as_json() for result in asyncio.run(run())]))
