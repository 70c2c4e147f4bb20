"""The gateway: sessions that outlive their sockets, sharded, filtered by intents.

Source: docs.discord.com, developers/events/gateway. Frames are JSON, as text or in one zlib stream.
"""

from __future__ import annotations

import asyncio
import secrets

from aiohttp import WSMsgType, web

from sandbox.discord_api import intents, payloads
from sandbox.discord_api.faults import Faults
from sandbox.discord_api.gateway_requests import PRESENCE, REQUESTS
from sandbox.discord_api.gateway_sessions import Connection, Session
from sandbox.discord_api.gateway_wire import decode, frame, refusal
from sandbox.discord_api.session_starts import shard_in
from sandbox.discord_api.wire import JSON
from sandbox.discord_api.world import World, WorldEvent

HEARTBEAT_INTERVAL_MS = 41_250
_HEARTBEAT, _IDENTIFY, _RESUME, _RECONNECT, _INVALID, _HELLO, _ACK = 1, 2, 6, 7, 9, 10, 11
_SENDS_PER_MINUTE = 120
_GOODBYE_SECONDS = 1.0


class Gateway:
    """Accepts sockets at ``/gateway`` and passes the world's events on to the sessions."""

    def __init__(self, world: World, token: str, faults: Faults) -> None:
        self._world = world
        self._token = token
        self._faults = faults
        self._sessions: dict[str, Session] = {}
        self._connections: set[Connection] = set()
        self.identifies = 0
        self.resumes = 0
        world.listen(self._on_event)

    @property
    def online(self) -> bool:
        """Whether some session is connected and has got its READY."""
        return any(s.connection is not None for s in self._sessions.values())

    @property
    def connected(self) -> int:
        """How many sessions are connected. A token may have several for one shard, as two processes of one bot
        have; each is sent every event (docs.discord.com, events/gateway, "Sharding")."""
        return sum(s.connection is not None for s in self._sessions.values())

    @property
    def ready_shards(self) -> set[int]:
        """The shards that are connected."""
        return {s.shard[0] for s in self._sessions.values() if s.connection is not None}

    @property
    def complete(self) -> bool:
        """Whether every shard of the connected application is there."""
        counts = {s.shard[1] for s in self._sessions.values() if s.connection is not None}
        return bool(counts) and len(self.ready_shards) >= max(counts)

    def presence(self, shard: int | None = None) -> JSON:
        """How people see the bot: ``{"online", "status", "text"}``; ``shard``: in that shard's guilds."""
        for session in self._sessions.values():
            if session.connection is not None and shard in (None, session.shard[0]):
                activity = _activity(session.presence)
                text = activity.get("state") or activity.get("name") or ""
                return {"online": True, "status": session.presence.get("status", "online"), "text": text}
        return {"online": False, "status": "offline", "text": ""}

    # -- faults --------------------------------------------------------------------------------------------

    async def drop(self, code: int | None = None, *, forget: bool = False, shard: int | None = None) -> None:
        """Close every socket, or those of one shard: without ``code`` like a lost connection; with ``forget`` no
        RESUME succeeds."""
        meant = self._of(shard)
        if forget:
            self._sessions = {key: s for key, s in self._sessions.items() if shard not in (None, s.shard[0])}
        for connection in meant:
            if code is None:
                connection.abort()
            else:
                await connection.socket.close(code=code)

    def ask_to_reconnect(self, shard: int | None = None) -> None:
        """Send RECONNECT (op 7) to every connection, or to those of one shard."""
        for connection in self._of(shard):
            connection.send(frame(_RECONNECT))

    async def round_trip(self) -> None:
        """Return once every client that is connected has read everything that was sent to it before."""
        await asyncio.gather(*(connection.round_trip() for connection in list(self._connections)))

    def _of(self, shard: int | None) -> list[Connection]:
        return [c for c in self._connections if shard is None or (c.session and c.session.shard[0] == shard)]

    async def close(self) -> None:
        """Close every socket for good."""
        for connection in self._connections:
            connection.finish()
        await asyncio.gather(*(c.socket.close(code=1001) for c in list(self._connections)))

    # -- one connection ------------------------------------------------------------------------------------

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one websocket until it ends."""
        if self._faults.in_outage is not None:
            return web.Response(status=503)
        socket = web.WebSocketResponse(timeout=_GOODBYE_SECONDS, max_msg_size=4 * 1024 * 1024, autoping=False)
        await socket.prepare(request)
        if (code := refusal(request.query)) is not None:
            await socket.close(code=code, message=_CLOSE_REASONS[code].encode())
            return socket
        connection = Connection(request, socket, self._faults)
        self._connections.add(connection)
        connection.send(frame(_HELLO, {"heartbeat_interval": HEARTBEAT_INTERVAL_MS, "_trace": []}))
        pump = asyncio.create_task(connection.pump(), name="gateway pump")
        try:
            await self._read(connection)
        finally:
            self._detach(connection)
            connection.finish()
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)
        return socket

    async def _read(self, connection: Connection) -> None:
        async for message in connection.socket:
            if message.type in (WSMsgType.PING, WSMsgType.PONG):
                await connection.pinged(message)
            elif message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                return
            elif (code := self._on_frame(connection, message.data)) is not None:
                await connection.socket.close(code=code, message=_CLOSE_REASONS[code].encode())
                return

    def _on_frame(self, connection: Connection, content: str | bytes) -> int | None:
        """Obey one frame; returns the close code of a violation."""
        now = self._world.clock.monotonic()
        connection.received.append(now)
        while connection.received[0] <= now - 60:
            connection.received.popleft()
        if len(connection.received) > _SENDS_PER_MINUTE:
            return 4008
        read = decode(content)
        if read is None:
            return 4002
        op, data = read.get("op"), _object(read.get("d"))
        if op == _HEARTBEAT:
            connection.send(frame(_ACK))
            return None
        if op == _IDENTIFY:
            return self._identify(connection, data)
        if op == _RESUME:
            return self._resume(connection, data)
        if connection.session is None:
            return 4003
        return self._on_session_frame(connection.session, op, data)

    def _on_session_frame(self, session: Session, op: object, data: JSON) -> int | None:
        request = REQUESTS.get(op) if isinstance(op, int) else None
        if request is None:
            return 4001
        code = request(self._world, session, data)
        if op == PRESENCE:
            self._announce()
        return code

    def _identify(self, connection: Connection, data: JSON) -> int | None:
        if connection.session is not None:
            return 4005
        if data.get("token") != self._token:
            return 4004
        wanted = data.get("intents")
        if type(wanted) is not int or wanted & ~intents.KNOWN:
            return 4013
        if wanted & intents.PRIVILEGED & ~self._world.privileged_intents:
            return 4014
        shard, starts = shard_in(data), self._world.session_starts
        refusal = starts.refusal(shard)
        if shard is None or refusal is not None:
            return refusal
        self.identifies += 1
        if not starts.take(shard[0]):
            connection.send(frame(_INVALID, False))
            self._world.touch()
            return None
        session = Session(secrets.token_hex(16), wanted, shard)
        if _object(data.get("presence")):
            session.presence = data["presence"]
        self._forget_older(session.shard)
        self._sessions[session.id] = session
        self._attach(connection, session)
        session.dispatch("READY", self._ready(session))
        for guild in self._world.guilds_of(self._world.bot.id):
            if session.owns(guild.id):
                session.dispatch("GUILD_CREATE", self._guild_payload(session, guild.id))
        self._announce()
        return None

    def _forget_older(self, shard: tuple[int, int]) -> None:
        """Keep one session of a shard for RESUME: another process may have been cut off while this one begins."""
        for other in [s for s in self._sessions.values() if s.shard == shard and s.connection is None][:-1]:
            del self._sessions[other.id]

    def _resume(self, connection: Connection, data: JSON) -> int | None:
        if data.get("token") != self._token:
            return 4004
        session = self._sessions.get(str(data.get("session_id")))
        seen = data.get("seq")
        if session is None or type(seen) is not int or not session.remembers(seen):
            connection.send(frame(_INVALID, False))
            return None
        self.resumes += 1
        self._attach(connection, session)
        for sequence, content in session.sent:
            if sequence > seen:
                connection.send(content)
        session.dispatch("RESUMED", {"_trace": []})
        self._announce()
        return None

    def _attach(self, connection: Connection, session: Session) -> None:
        if session.connection is not None:
            session.connection.session = None
        session.connection = connection
        connection.session = session

    def _detach(self, connection: Connection) -> None:
        self._connections.discard(connection)
        session = connection.session
        if session is not None and session.connection is connection:
            session.connection = None
            self._announce()

    def _announce(self) -> None:
        self._world.emit(WorldEvent("bot", self.presence()))

    # -- events --------------------------------------------------------------------------------------------

    def _ready(self, session: Session) -> JSON:
        guilds = [g for g in self._world.guilds_of(self._world.bot.id) if session.owns(g.id)]
        return {
            "v": 10,
            "user": payloads.me(self._world.bot),
            "guilds": [{"id": str(g.id), "unavailable": True} for g in guilds],
            "session_id": session.id,
            "resume_gateway_url": self._world.gateway_url,
            "shard": list(session.shard),
            "application": {"id": str(self._world.bot.id), "flags": 0},
            "session_type": "normal",
            "private_channels": [],
            "relationships": [],
            "_trace": [],
        }

    def _guild_payload(self, session: Session, guild_id: int) -> JSON:
        guild = self._world.guilds[guild_id]
        everyone = session.intents & intents.GUILD_MEMBERS
        members = [m for m in guild.members.values() if everyone or m.user is self._world.bot]
        bot = self._world.bot.id
        channels = [c for c in self._world.channels_of(guild_id) if self._world.can_see(bot, c)]
        return payloads.guild(guild, channels, members, joined_at=guild.members[bot].joined_at)

    def _on_event(self, event: WorldEvent) -> None:
        if not event.name.isupper() or event.user_id is not None:
            return
        channel = self._world.channels.get(event.channel_id) if event.channel_id else None
        hidden = channel is not None and not self._world.can_see(self._world.bot.id, channel)
        if hidden and event.name != "INTERACTION_CREATE":  # a command works where the bot sees nothing
            return
        for session in list(self._sessions.values()):
            if session.owns(event.guild_id):
                data = intents.visible(self._world, session.intents, event)
                if data is not None:
                    session.dispatch(event.name, data)


_CLOSE_REASONS = {
    4001: "Unknown opcode.",
    4002: "Error while decoding payload.",
    4003: "Not authenticated.",
    4004: "Authentication failed.",
    4005: "Already authenticated.",
    4008: "You are being rate limited.",
    4010: "Invalid shard.",
    4011: "Sharding required.",
    4012: "Invalid API version.",
    4013: "Invalid intent(s).",
    4014: "Disallowed intent(s).",
}


def _activity(presence: JSON) -> JSON:
    """What the bot does: of ``activities``, or of ``game``, which discord.py sends in IDENTIFY."""
    activities = presence.get("activities") or [presence.get("game")]
    return _object(activities[0] if isinstance(activities, list) else None)


def _object(value: object) -> JSON:
    return value if isinstance(value, dict) else {}
