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
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import cast

with warnings.catch_warnings():  # discord.py 2.7 imports audioop, which Python 3.11 calls deprecated
    warnings.simplefilter("ignore", DeprecationWarning)
    import discord

from benchmarks.verdict import Result
from bot.clock import SystemClock
from bot.discord_io.delivery.answer import AnswerDelivery
from bot.discord_io.delivery.rate_limit_trace import Attempt, WireObserver
from bot.discord_io.delivery.registry import Deliveries
from bot.discord_io.interaction_calls import repeat_broken_calls
from bot.discord_io.outgoing import Outgoing
from bot.domain.queue.request import Destination
from bot.presentation.answer import AnswerView
from bot.presentation.page import Page
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
MANY = 40
"""Answers that grow at once, as fast as this process can show them: then nothing but edits is measured."""
SHORT_WINDOW = 0.02
"""The same for them: no answer waits for its slot."""
PIECES = 4
"""Pieces that have come when an answer is edited again."""
PATIENCE = 60.0
"""Seconds for all edits of a round."""

_USER = {"id": "1", "username": "bot", "discriminator": "0", "avatar": None, "global_name": None, "bot": True}


async def run() -> list[Result]:
    """Measure; about twenty seconds."""
    with _Server(WINDOW) as server:
        discord.http.Route.BASE = server.url
        async with _delivering(token=True) as own, _delivering(token=False) as shared:
            await own.edit(EDITS // 4)
            await shared.edit(CHANNEL_EDITS // 3)
            by_token = [await own.edit(EDITS) for _ in range(ROUNDS)]
            by_channel = await shared.edit(CHANNEL_EDITS)
    with _Server(SHORT_WINDOW) as server:
        discord.http.Route.BASE = server.url
        async with _delivering(token=True, answers=MANY) as many:
            await many.edit_all(MANY * 10)
            of_many = [await many.edit_all(MANY * 50) for _ in range(ROUNDS)]
    figures = {
        "interaction_us": statistics.median(by_token),
        "channel_us": by_channel,
        "of_many_us": statistics.median(of_many),
    }
    return [Result("edits.cpu_of_one", {name: round(value, 1) for name, value in figures.items()})]


class _Observer(WireObserver):
    """Counts the edits that Discord has answered: all its answers but one, to the login."""

    edits = -1

    def answered(self, attempt: Attempt | None, status: int, headers: Mapping[str, str], path: str) -> None:
        """Take note of an answer."""
        self.edits += 1
        super().answered(attempt, status, headers, path)


class _View(AnswerView):
    """An answer that knows whether all its text has left."""

    has_left = True

    def render(self) -> tuple[Page, ...]:
        """As the answer; an edit leaves with it."""
        self.has_left = True
        return super().render()


class _Editing:
    """Answers that grow, and their deliveries."""

    def __init__(self, answers: Sequence[tuple[_View, AnswerDelivery]], observer: _Observer) -> None:
        self._answers = answers
        self._observer = observer
        self._text = (TEXT * PAGE)[:PAGE]
        self._numbers = [0] * len(answers)

    async def edit(self, count: int) -> float:
        """Make so many edits of the first answer; returns the microseconds of CPU of each, without those of taking
        in the text. Raises TimeoutError."""
        await asyncio.sleep(0.05)
        feeding, since = 0.0, self._observer.edits
        began = time.process_time()
        async with asyncio.timeout(PATIENCE):
            while self._observer.edits - since < count:
                feeding += self._feed(0)
                self._answers[0][1].changed()
                await asyncio.sleep(PAUSE)
        return (time.process_time() - began - feeding) / (self._observer.edits - since) * 1e6

    async def edit_all(self, count: int) -> float:
        """Make so many edits of all answers, each again as soon as its last one has left. As :meth:`edit`."""
        feeding, since = 0.0, self._observer.edits
        began = time.process_time()
        async with asyncio.timeout(PATIENCE):
            while self._observer.edits - since < count:
                for number, (view, delivery) in enumerate(self._answers):
                    if view.has_left:
                        view.has_left = False
                        feeding += sum(self._feed(number) for _ in range(PIECES))
                        delivery.changed()
                await asyncio.sleep(PAUSE / 2)
        return (time.process_time() - began - feeding) / (self._observer.edits - since) * 1e6

    def _feed(self, number: int) -> float:
        """Add a piece to an answer; returns the seconds of CPU."""
        began = time.process_time()
        at = self._numbers[number] * PIECE % PAGE
        self._numbers[number] += 1
        view, _ = self._answers[number]
        if at == 0:
            view.show_asked("benchmark/model")
        view.text(self._text[at : at + PIECE])
        return time.process_time() - began


@asynccontextmanager
async def _delivering(*, token: bool, answers: int = 1) -> AsyncIterator[_Editing]:
    clock, metrics = SystemClock(), Metrics()
    outgoing = Outgoing(clock, metrics)
    observer = _Observer(clock, metrics, outgoing)
    repeat_broken_calls(observer)
    async with discord.Client(intents=discord.Intents.none(), http_trace=observer.trace_config()) as client:
        await client.http.static_login("token")
        deliveries = Deliveries(client, clock, outgoing)
        yield _Editing([_opened(deliveries, clock, number, token=token) for number in range(answers)], observer)
        await deliveries.aclose()
        await outgoing.aclose()


def _opened(
    deliveries: Deliveries, clock: SystemClock, number: int, *, token: bool
) -> tuple[_View, AnswerDelivery]:
    view = _View(question="How do I split a table?", asker="<@1>", locale="en-US", clock=clock, max_pages=5)
    destination = Destination(
        application_id=1,
        channel_id=2 + number,
        guild_id=3,
        private=False,
        channel_route=True,
        token=f"token{number}" if token else None,
        token_expires_at=clock.now() + 3600.0 if token else None,
    )
    delivery = deliveries.open(
        f"{number:016x}",
        destination,
        view,
        locale="en-US",
        on_sent=lambda _page, _message_id: None,
        on_gone=lambda: None,
    )
    delivery.acknowledged(5)
    return view, delivery


class _Server:
    """A Discord that takes every edit, in a process of its own."""

    def __init__(self, window: float) -> None:
        context = get_context("spawn")
        receiving, sending = context.Pipe(duplex=False)
        self._process = context.Process(target=_serve, args=(sending, window), daemon=True)
        self._process.start()
        self.url = f"http://127.0.0.1:{receiving.recv()}/api/v10"

    def __enter__(self) -> _Server:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.join()


def _serve(port: Connection, window: float) -> None:
    asyncio.run(_serving(port, window))


async def _serving(port: Connection, window: float) -> None:
    server = await asyncio.get_running_loop().create_server(partial(_Answers, window), "127.0.0.1", 0)
    port.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


class _Answers(asyncio.Protocol):
    """One connection: each request gets a message as Discord writes it, with the text that was sent."""

    def __init__(self, window: float) -> None:
        self._window = window

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
            f"X-RateLimit-Limit: 5\r\nX-RateLimit-Remaining: 4\r\nX-RateLimit-Reset-After: {self._window:.3f}\r\n"
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
