"""The double as one object: start it, act as its people, look at its world."""

from __future__ import annotations

import asyncio
import base64
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from sandbox.clock import Clock
from sandbox.discord_api import intents
from sandbox.discord_api.acts import Acts
from sandbox.discord_api.answered import Answered
from sandbox.discord_api.bot_state import BotState
from sandbox.discord_api.cluster_link import ClusterLink
from sandbox.discord_api.commands import CommandRegistry
from sandbox.discord_api.control import Control
from sandbox.discord_api.faults import Faults
from sandbox.discord_api.gateway import Gateway
from sandbox.discord_api.interactions import Interactions
from sandbox.discord_api.limits import Limits
from sandbox.discord_api.live import Live
from sandbox.discord_api.model import Channel, Message, User
from sandbox.discord_api.panel import PanelRoutes
from sandbox.discord_api.people import Person
from sandbox.discord_api.population import ALIASES, BOT_ID, opened
from sandbox.discord_api.rest import PREFIX, Rest, Traced
from sandbox.discord_api.routing import Services
from sandbox.discord_api.session_starts import SessionStarts
from sandbox.discord_api.waiting import Waiting

_PRIVILEGED = {
    "members": intents.GUILD_MEMBERS,
    "presences": intents.GUILD_PRESENCES,
    "message_content": intents.MESSAGE_CONTENT,
}
_MAX_BODY = 110 * 1024 * 1024


class DiscordDouble:
    """A Discord on this machine.

    ``port`` 0 takes a free one. ``latency`` is the real seconds of a round trip. ``limits`` switches the
    rate limits. ``privileged_intents`` are those ticked for the application in the developer portal
    (``"members"``, ``"presences"``, ``"message_content"``): asking for another one closes the gateway with
    4014, as Discord does. ``guilds`` describes a world of one's own as a file does
    (:mod:`sandbox.discord_api.world_file`), ``permissions`` are those of the bot's own role. Raises OSError when
    the port is taken, WorldFileError for a world that is none.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        latency: float = 0.06,
        limits: bool = True,
        *,
        clock: Clock | None = None,
        privileged_intents: Iterable[str] = (),
        token: str | None = None,
        guilds: Mapping[str, Any] | None = None,
        permissions: int | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self.clock = clock or Clock()
        self.token = token or _token()
        self.world, self.operators = opened(self.clock, guilds, permissions)
        self.world.privileged_intents = sum({_PRIVILEGED[name] for name in privileged_intents})
        self.faults = Faults(self.clock, latency)
        self.limits = Limits(self.clock, enabled=limits)
        self.gateway = Gateway(self.world, self.token, self.faults)
        self._calls = Answered(self.world, self.gateway)
        self.interactions = Interactions(self.world, self._calls)
        self._acts = Acts(self.world, self.interactions)
        self._commands = CommandRegistry(self.world)
        services = Services(self.world, self.interactions, self._commands)
        self.rest = Rest(services, self.token, self.limits, self.faults, self._calls)
        self._waiting = Waiting(self.world, BotState(self.gateway, self.rest, self.interactions))
        self._control = Control(self.world, self.rest, self.limits, self.faults, self.gateway, self.interactions)
        self._live = Live(self.world, self._acts, self.interactions, self.gateway, self._control)
        self._cluster = ClusterLink()
        self._panel = PanelRoutes(self._control, self._cluster, self._live.acted)
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=_MAX_BODY)
        app.router.add_route("*", "/api/{path:.*}", self.rest.handle)
        app.router.add_get("/gateway", self.gateway.handle)
        app.router.add_get("/gateway/", self.gateway.handle)
        self._live.add_routes(app)
        self._panel.add_routes(app)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self.world.base_url = f"http://{self._host}:{runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._calls.close()
        await self.interactions.close()
        await self._live.close()
        await self.gateway.close()
        await self._cluster.close()
        if self._runner is not None:
            await self._runner.cleanup()

    # -- where it is ---------------------------------------------------------------------------------------

    @property
    def page_url(self) -> str:
        """The web page."""
        return f"{self.world.base_url}/"

    @property
    def api_url(self) -> str:
        """What a bot takes for ``https://discord.com/api/v10``."""
        return f"{self.world.base_url}{PREFIX}"

    @property
    def gateway_url(self) -> str:
        """What a bot takes for ``wss://gateway.discord.gg/``."""
        return self.world.gateway_url

    @property
    def application_id(self) -> int:
        """The bot's application and user id."""
        return self.world.bot.id

    @property
    def privileged_intents(self) -> list[str]:
        """The names of the privileged intents that are ticked for the application."""
        return [name for name, bit in _PRIVILEGED.items() if self.world.privileged_intents & bit]

    @property
    def session_starts(self) -> SessionStarts:
        """How the bot may begin sessions: shards, how often, how far apart; may be changed at any time."""
        return self.world.session_starts

    @property
    def latency(self) -> float:
        """Real seconds of a round trip; may be changed at any time."""
        return self.faults.latency

    @latency.setter
    def latency(self, seconds: float) -> None:
        self.faults.latency = seconds

    @property
    def cluster_url(self) -> str | None:
        """The cluster double whose controls the page's panel shows; may be set at any time."""
        return self._cluster.url

    @cluster_url.setter
    def cluster_url(self, url: str | None) -> None:
        self._cluster.url = url

    @property
    def opened(self) -> asyncio.Event:
        """Set once somebody has opened the page."""
        return self._live.opened

    @property
    def visited(self) -> asyncio.Event:
        """Set once somebody did something on the page, or in its panel; whoever waits again clears it."""
        return self._live.acted

    @property
    def trace(self) -> deque[Traced]:
        """The REST requests that were served, oldest first."""
        return self.rest.trace

    # -- who is there --------------------------------------------------------------------------------------

    def person(self, name: str | int | User) -> Person:
        """Someone by user name, display name, id or part in the story (``"operator"``, ``"stranger"``…).

        Raises KeyError when there is nobody of that name.
        """
        if isinstance(name, User):
            return self._person(name)
        if isinstance(name, int):
            return self._person(self.world.users[name])
        for wanted in (name.lower(), ALIASES.get(name.lower())):
            for user in self.world.users.values():
                if not user.bot and wanted in (user.username.lower(), user.display_name.lower()):
                    return self._person(user)
        raise KeyError(name)

    def new_person(self, username: str, *guilds: str, locale: str = "en-US") -> Person:
        """Someone new who joins the named guilds (default: the first), with a client in this language."""
        user = User(self.world.ids.next(), username.lower(), username, locale=locale)
        wanted = guilds or [guild.name for guild in self.world.guilds.values()][:1]
        joined = [guild for guild in self.world.guilds.values() if guild.name in wanted]
        return self._person(self.world.add_user(user, joined))

    def channel(self, name: str) -> Channel:
        """A guild's channel or thread by name. Raises KeyError when there is none."""
        for channel in self.world.channels.values():
            if channel.name and channel.name == name.removeprefix("#"):
                return channel
        raise KeyError(name)

    def messages(self, channel: str | Channel) -> list[Message]:
        """All that stands in a channel, ephemeral messages of everyone included, oldest first."""
        found = self.channel(channel) if isinstance(channel, str) else channel
        return self.world.messages_in(found.id)

    def _person(self, user: User) -> Person:
        return Person(user, self.world, self._acts, self.faults, self._waiting)

    # -- waiting -------------------------------------------------------------------------------------------

    async def wait_until(
        self, predicate: Callable[[], object], timeout: float = 10.0, channel: Channel | None = None
    ) -> None:
        """Return once ``predicate()`` is truthy; after ``timeout`` seconds AssertionError with a dump."""
        await self._waiting.until(predicate, timeout, channel)

    async def bot_ready(self, timeout: float = 15.0) -> None:
        """Wait until the bot is connected with all its shards and has registered its commands."""
        await self.wait_until(lambda: self.gateway.complete and self.world.commands, timeout)

    async def bot_online(self, timeout: float = 15.0) -> None:
        """Wait until the bot is connected with all its shards."""
        await self.wait_until(lambda: self.gateway.complete, timeout)

    def dump(self, channel: Channel | None = None) -> str:
        """What the channels show, as text."""
        return self._waiting.dump(channel)

    # -- what goes wrong -----------------------------------------------------------------------------------

    def expire_tokens(self) -> None:
        """Let every interaction token given so far die, as after 15 minutes."""
        self.interactions.expire_tokens()


def _token() -> str:
    """A token as Discord writes them: clients read their application's id from its first part."""
    return f"{base64.b64encode(str(BOT_ID).encode()).decode().rstrip('=')}.sandbox.of-no-use-elsewhere"
