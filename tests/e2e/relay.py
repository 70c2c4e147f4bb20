"""A relay between the bot and the Discord double, which works as an HTTP proxy."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(eq=False)
class Relay:
    """Passes bytes on to ``host:port``. A server takes the addresses that clients send to a proxy as they are."""

    host: str
    port: int
    address: str = ""
    heads: list[bytes] = field(default_factory=list)
    """What clients sent and begins like a request, oldest first."""
    open: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, connections: int, within: float) -> None:
        """Wait until so many connections are open. Raises TimeoutError after ``within`` seconds."""
        async with asyncio.timeout(within):
            while self.open != connections:
                self._changed.clear()
                await self._changed.wait()

    async def _passed(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self._changed.set()
        try:
            there, back = await asyncio.open_connection(self.host, self.port)
            answering = asyncio.create_task(_pipe(there, writer))
            await _pipe(reader, back, self._note)
            await answering
        finally:
            self.open -= 1
            self._changed.set()
            writer.close()

    def _note(self, part: bytes) -> None:
        if part.startswith((b"GET ", b"POST ", b"PUT ", b"PATCH ", b"DELETE ")):
            self.heads.append(part)


async def _pipe(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, note: Callable[[bytes], None] = lambda _: None
) -> None:
    with contextlib.suppress(ConnectionError):
        while part := await reader.read(65536):
            note(part)
            writer.write(part)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def relayed(api_url: str) -> AsyncIterator[Relay]:
    """A relay to the host and port of an address."""
    host, _, port = api_url.removeprefix("http://").partition("/")[0].partition(":")
    relay = Relay(host, int(port))
    async with await asyncio.start_server(relay._passed, "127.0.0.1", 0) as server:
        relay.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield relay
