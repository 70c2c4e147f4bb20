"""A session of the gateway, which outlives its sockets, and one socket.

Source: docs.discord.com, developers/events/gateway, "Connection Lifecycle".
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from aiohttp import WSMessage, WSMsgType, web

from sandbox.discord_api.faults import Faults
from sandbox.discord_api.gateway_wire import Compression, frame
from sandbox.discord_api.wire import JSON

DISPATCH = 0
_REPLAY = 5000


@dataclass(eq=False, slots=True)
class Session:
    """One shard's session; it is kept for RESUME while no socket is attached."""

    id: str
    intents: int
    shard: tuple[int, int]
    sequence: int = 0
    sent: deque[tuple[int, bytes]] = field(default_factory=lambda: deque(maxlen=_REPLAY))
    connection: Connection | None = None
    presence: JSON = field(default_factory=lambda: {"status": "online", "activities": []})

    def owns(self, guild_id: int | None) -> bool:
        """Whether this shard hears of a guild; direct messages belong to shard 0 (gateway, "Sharding")."""
        index, count = self.shard
        return index == 0 if guild_id is None else (guild_id >> 22) % count == index

    def remembers(self, seen: int) -> bool:
        """Whether every event after number ``seen`` can still be replayed."""
        oldest = self.sent[0][0] if self.sent else 1
        return oldest - 1 <= seen <= self.sequence

    def dispatch(self, name: str, data: JSON) -> None:
        """Number an event, remember it and send it if someone is connected."""
        self.sequence += 1
        content = frame(DISPATCH, data, sequence=self.sequence, name=name)
        self.sent.append((self.sequence, content))
        if self.connection is not None:
            self.connection.send(content)


class Connection:
    """One websocket; what it sends leaves in order, half the latency after it was said."""

    def __init__(self, request: web.Request, socket: web.WebSocketResponse, faults: Faults) -> None:
        self.socket = socket
        self._request = request
        self._compression = Compression(request.query.get("compress", ""))
        self.session: Session | None = None
        self.received: deque[float] = deque()
        self._faults = faults
        self._queue: asyncio.Queue[tuple[float, bytes] | None] = asyncio.Queue()
        self._pings = 0
        self._pongs: dict[bytes, asyncio.Event] = {}

    def send(self, content: bytes) -> None:
        """Send a frame in its turn."""
        loop = asyncio.get_running_loop()
        self._queue.put_nowait((loop.time() + self._faults.latency / 2, content))

    async def round_trip(self) -> None:
        """Return once the client has read everything that was sent to it before, or is gone."""
        self._pings += 1
        name = str(self._pings).encode()
        heard = self._pongs[name] = asyncio.Event()
        try:
            await self.socket.ping(name)
            await heard.wait()
        except ConnectionError:
            return
        finally:
            del self._pongs[name]

    async def pinged(self, message: WSMessage) -> None:
        """Answer a ping of the client's, or note that it has answered one."""
        if message.type is WSMsgType.PING:
            await self.socket.pong(message.data)
        elif (waiting := self._pongs.get(bytes(message.data))) is not None:
            waiting.set()

    def abort(self) -> None:
        """Cut the connection without a closing handshake, as a lost network does."""
        self.finish()
        if self._request.transport is not None:
            self._request.transport.abort()

    def finish(self) -> None:
        """Stop :meth:`pump` after what was said before."""
        self._queue.put_nowait(None)
        for waiting in self._pongs.values():
            waiting.set()

    async def pump(self) -> None:
        """Deliver frames until :meth:`finish` or until the peer is gone."""
        loop = asyncio.get_running_loop()
        while (item := await self._queue.get()) is not None:
            due, content = item
            if (wait := due - loop.time()) > 0:
                await asyncio.sleep(wait)
            if self.socket.closed:
                return
            try:
                packed = self._compression.pack(content)
                await (self.socket.send_str(packed) if isinstance(packed, str) else self.socket.send_bytes(packed))
            except ConnectionError:
                return
