"""``/healthz`` (the process lives), ``/readyz`` (it can serve) and ``/metrics``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog
from aiohttp import web

from bot.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

Readiness = Callable[[], dict[str, bool]]


@asynccontextmanager
async def health_server(bind: str, metrics: Metrics, readiness: Readiness) -> AsyncIterator[int | None]:
    """Serve on ``host:port`` while the context is open; yields the port.

    Yields None when ``bind`` is empty or the port is taken. A taken port is only a warning: a bot without its
    health page still answers questions.
    """
    if not bind:
        yield None
        return
    host, _, port = bind.rpartition(":")

    async def healthz(_request: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def readyz(_request: web.Request) -> web.Response:
        parts = readiness()
        return web.json_response(parts, status=200 if all(parts.values()) else 503)

    async def exposition(_request: web.Request) -> web.Response:
        metrics.ready(readiness())
        return web.Response(body=metrics.exposition(), headers={"Content-Type": "text/plain; version=0.0.4"})

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", exposition)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host.strip("[]") or "127.0.0.1", int(port))
        try:
            await site.start()
        except OSError as error:
            log.warning("health.port_taken", bind=bind, reason=str(error))
            yield None
            return
        address = runner.addresses[0] if runner.addresses else (host, int(port))
        yield int(address[1])
    finally:
        await runner.cleanup()
