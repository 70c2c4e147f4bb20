"""Text that nobody waits for lies in its connection, and is given when somebody asks for it."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from bot import event_loop
from bot.domain.chat import ChatMessage, ChatRequest, Finish, Role, StreamEvent, Text
from bot.errors import StreamInterrupted
from bot.event_loop import LoopChoice
from bot.parallax import rounds
from bot.parallax.client import ParallaxClient
from bot.parallax.network import LYING
from bot.parallax.timeouts import Timeouts
from bot.tasks.demand import Demand
from tests.fakes.clocks import LoopClock

HELLO = ChatRequest(messages=(ChatMessage(Role.USER, "hello"),))
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"
PATIENT = Timeouts(connect=2.0, first_byte=5.0, idle=5.0, control=5.0)


@pytest.fixture(autouse=True, params=["alone", "among many"])
def _among(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With many answers at once, connections are read in rounds; it makes no difference to who reads."""
    if request.param == "among many":
        monkeypatch.setattr(rounds, "MANY", 1)


on_both_loops = pytest.mark.parametrize("loop", ["asyncio", "auto"])


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def said(text: str) -> bytes:
    payload = {"choices": [{"index": 0, "delta": {"content": text}}]}
    return chunk(b"data: " + json.dumps(payload).encode() + b"\n\n")


FINISH = chunk(b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n')


@dataclass(eq=False)
class Answer:
    """An answer that the test writes, and what is read of it."""

    demand: Demand = field(default_factory=Demand)
    heard: list[StreamEvent] = field(default_factory=list)
    error: Exception | None = None
    _told: asyncio.Event = field(default_factory=asyncio.Event)
    _peer: asyncio.Future[asyncio.StreamWriter] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def text(self) -> str:
        """What was read."""
        return "".join(event.text for event in self.heard if isinstance(event, Text))

    async def write(self, data: bytes) -> None:
        """Send bytes and give them the time to arrive on this machine."""
        writer = await self._peer
        writer.write(data)
        await writer.drain()

    async def until(self, text: str) -> None:
        """Wait until so much of the answer was read. Raises TimeoutError."""
        async with asyncio.timeout(5):
            while self.text != text:
                self._told.clear()
                await self._told.wait()

    async def lies(self) -> None:
        """Wait until something has arrived that is not read. Raises TimeoutError."""
        async with asyncio.timeout(5):
            while not self.demand.ask():  # noqa: ASYNC110  # what arrives raises no event before it is read
                await asyncio.sleep(0)

    async def break_off(self, *, reset: bool) -> None:
        """Close the connection in the middle of the answer."""
        writer = await self._peer
        if reset:
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take the question."""
        await reader.readuntil(b"\r\n\r\n")
        self._peer.set_result(writer)
        await self.ended.wait()
        writer.close()

    async def read(self, url: str, timeouts: Timeouts) -> None:
        """Ask, and read to the end."""
        client = ParallaxClient(url, timeouts=timeouts, clock=LoopClock())
        try:
            async with client.stream_chat(HELLO, demand=self.demand) as events:
                async for event in events:
                    self.heard.append(event)
                    self._told.set()
        except StreamInterrupted as error:
            self.error = error
        finally:
            self.ended.set()
            await client.aclose()


@asynccontextmanager
async def answering(timeouts: Timeouts = PATIENT) -> AsyncIterator[Answer]:
    """An answer whose first word was read."""
    answer = Answer()
    server = await asyncio.start_server(answer.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    reading = asyncio.create_task(answer.read(url, timeouts))
    try:
        await answer.write(HEAD + said("one "))
        await answer.until("one ")
        yield answer
        async with asyncio.timeout(5):
            await reading
    finally:
        reading.cancel()
        answer.ended.set()
        server.close()


@on_both_loops
def test_what_follows_lies_until_somebody_asks(loop: LoopChoice) -> None:
    """Then it is there after one turn of the loop, and the next word comes by itself again."""

    async def main() -> None:
        async with answering() as answer:
            await answer.write(said("two ") + said("three "))
            await answer.lies()
            assert answer.text == "one "
            await asyncio.sleep(0)
            assert answer.text == "one two three "
            await answer.write(said("four "))
            await answer.until("one two three four ")
            await answer.write(said("five ") + FINISH + END)
            await answer.ended.wait()
            assert answer.text == "one two three four five "
            assert isinstance(answer.heard[-1], Finish)

    event_loop.run(main(), loop)


@on_both_loops
@pytest.mark.parametrize("end", [END, chunk(b"data: [DONE]\n\n"), FINISH + chunk(b"data: [DONE]\n\n") + END])
def test_the_end_comes_at_once(loop: LoopChoice, end: bytes) -> None:
    async def main() -> None:
        async with answering() as answer:
            await answer.write(said("two ") + FINISH)
            await answer.write(end)
            await answer.ended.wait()
            assert answer.text == "one two "
            assert isinstance(answer.heard[-1], Finish)

    event_loop.run(main(), loop)


@on_both_loops
def test_much_text_is_read_though_nobody_asks(loop: LoopChoice) -> None:
    async def main() -> None:
        async with answering() as answer:
            words = ["word "] * (LYING // len(said("word ")) + 1)
            await answer.write(b"".join(map(said, words)))
            await answer.until("one " + "".join(words))
            await answer.write(FINISH + END)

    event_loop.run(main(), loop)


@on_both_loops
def test_what_lies_is_read_before_a_silence_ends_the_answer(loop: LoopChoice) -> None:
    """The silence counts from when it was read."""

    async def main() -> None:
        async with answering(Timeouts(connect=2.0, first_byte=5.0, idle=0.2, control=0.2)) as answer:
            await answer.write(said("two ") + said("three "))
            await answer.ended.wait()
            assert answer.text == "one two three "
            assert isinstance(answer.error, StreamInterrupted)
            assert answer.error.code == "stall"

    event_loop.run(main(), loop)


@on_both_loops
@pytest.mark.parametrize("breaks", [False, True])
def test_the_end_of_the_connection_is_noticed(loop: LoopChoice, breaks: bool) -> None:  # a parameter
    """What has arrived before is told first, also when nobody asks."""

    async def main() -> None:
        async with answering() as answer:
            await answer.write(said("two "))
            await answer.lies()
            await asyncio.sleep(0)
            await answer.write(said("three ") + said("four "))
            await answer.break_off(reset=breaks)
            await answer.ended.wait()
            assert isinstance(answer.error, StreamInterrupted)
            if not breaks:  # a reset may throw away what the peer has not taken yet
                assert answer.text == "one two three four "

    event_loop.run(main(), loop)
