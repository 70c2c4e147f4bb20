"""The API's listener."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog
from aiohttp import web

from bot.api import bounds
from bot.api.chat import ChatEndpoints
from bot.api.cluster import ClusterEndpoints
from bot.api.guarding import Guarding, Handler, answered
from bot.api.models import ModelEndpoints
from bot.api.openapi import document
from bot.clock import Clock
from bot.errors import ConfigError
from bot.services.access.keys import Keys
from bot.services.cluster.clusters import Clusters
from bot.services.requests.overview import QueueOverview
from bot.services.requests.program_requests import ProgramRequests
from bot.telemetry.meters import ApiMeter

log = structlog.get_logger(__name__)

LOCAL = ("localhost", "127.0.0.1", "[::1]")
"""Names under which this machine reaches itself."""


@dataclass(frozen=True, slots=True)
class ApiOptions:
    """``bind`` is ``host:port``; ``hosts`` and ``origins`` are allowed values of the headers Host and Origin."""

    bind: str
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ApiServices:
    """What the endpoints use."""

    keys: Keys
    clusters: Clusters
    queue: QueueOverview
    requests: ProgramRequests


class ApiServer:
    """Serves the API while :meth:`serving` is open."""

    def __init__(self, services: ApiServices, options: ApiOptions, clock: Clock, meter: ApiMeter) -> None:
        self._meter = meter
        self._services = services
        self._options = options
        self._clock = clock

    async def run(self, ready: Callable[[], Awaitable[None]]) -> None:
        """Wait until the bot is ``ready`` to look people up, then serve until cancelled. Raises
        :class:`ConfigError`."""
        await ready()
        async with self.serving():
            await asyncio.Event().wait()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        """Listen; yields the port. Raises :class:`ConfigError` when the address cannot be listened on."""
        host, _, port = self._options.bind.rpartition(":")
        host = host.strip("[]")
        hosts: set[str] = set()
        runner = web.AppRunner(
            self._application(hosts),
            access_log=None,
            # Whoever sends no HTTP would fill the log with tracebacks; our own failures are logged where they are.
            logger=_silent(),
            # The end of a connection ends its request, in whichever phase that is.
            handler_cancellation=True,
            shutdown_timeout=1.0,
            keepalive_timeout=bounds.KEEP_ALIVE,
            max_line_size=bounds.LINE,
            max_field_size=bounds.FIELD,
            max_headers=bounds.HEADERS,
            # A body is bounded as it comes, and no encoding is promised.
            auto_decompress=False,
        )
        await runner.setup()
        try:
            site = web.TCPSite(runner, host, int(port))
            try:
                await site.start()
            except OSError as error:
                raise ConfigError(
                    f"API_BIND {self._options.bind} cannot be listened on: {error.strerror}"
                ) from error
            bound = int(runner.addresses[0][1])
            hosts.update(self._hosts(host, bound))
            log.info("api.serving", host=host, port=bound)
            yield bound
        finally:
            await runner.cleanup()

    def _hosts(self, host: str, port: int) -> set[str]:
        """The values of Host that are allowed: the given ones, with and without the port, and those of the
        address that is listened on."""
        names = {*self._options.hosts, f"[{host}]" if ":" in host else host, *LOCAL}
        return names | {f"{name}:{port}" for name in names}

    def _application(self, hosts: set[str]) -> web.Application:
        services, clock = self._services, self._clock
        guarding = Guarding(hosts, frozenset(self._options.origins), services.keys, clock)
        models = ModelEndpoints(services.clusters, clock.now())

        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await measured(guarding.pass_on(request, handler), request, self._meter)

        application = web.Application(middlewares=[guard], client_max_size=bounds.BODY)
        application.add_routes(
            [
                *models.routes(),
                *ClusterEndpoints(services.clusters, services.queue).routes(),
                *ChatEndpoints(services.requests, models, guarding, clock).routes(),
                web.get("/openapi.json", _described, allow_head=False),
            ]
        )
        return application

    def end_waiting(self) -> None:
        """See :meth:`ProgramRequests.end_waiting`."""
        self._services.requests.end_waiting()

    async def end_all(self) -> None:
        """See :meth:`ProgramRequests.end_all`."""
        await self._services.requests.end_all()


async def measured(
    response: Awaitable[web.StreamResponse], request: web.Request, meter: ApiMeter
) -> web.StreamResponse:
    """Await the response to a request and tell the meter how it ended."""
    resource = request.match_info.route.resource
    path, status = None if resource is None else resource.canonical, None
    with meter.answering():
        try:
            made = await response
            status = made.status
            return made
        finally:
            meter.answered(path, status)


def _silent() -> logging.Logger:
    logger = logging.getLogger(f"{__name__}.http")
    logger.disabled = True
    return logger


async def _described(_request: web.Request) -> web.Response:
    return answered(document())
