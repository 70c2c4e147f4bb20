"""What the page's control panel asks: the switches, the traces, and the way to the cluster's controls."""

from __future__ import annotations

import asyncio

from aiohttp import web

from sandbox.discord_api.client_rules import RefusedError
from sandbox.discord_api.cluster_link import ClusterLink
from sandbox.discord_api.control import Control
from sandbox.discord_api.live_requests import error, json_body, same_origin
from sandbox.discord_api.wire import ApiError

_TRACED = 500


class PanelRoutes:
    """Serves the panel's part of ``/_sandbox``."""

    def __init__(self, control: Control, cluster: ClusterLink, acted: asyncio.Event) -> None:
        self._control = control
        self._cluster = cluster
        self._acted = acted

    def add_routes(self, app: web.Application) -> None:
        """Register the routes."""
        app.router.add_get("/_sandbox/trace", self._trace)
        app.router.add_get("/_sandbox/limits", self._limits)
        app.router.add_get("/_sandbox/staleness", self._staleness)
        app.router.add_get("/_sandbox/discord", self._state)
        app.router.add_post("/_sandbox/discord", self._discord)
        app.router.add_get("/_sandbox/cluster", self._see_cluster)
        app.router.add_post("/_sandbox/cluster", self._change_cluster)

    async def _trace(self, _request: web.Request) -> web.Response:
        return web.json_response(self._control.recent_requests(_TRACED))

    async def _limits(self, _request: web.Request) -> web.Response:
        return web.json_response(self._control.limits_report())

    async def _staleness(self, _request: web.Request) -> web.Response:
        return web.json_response({"answers": self._control.staleness()})

    async def _state(self, _request: web.Request) -> web.Response:
        return web.json_response(self._control.state())

    async def _discord(self, request: web.Request) -> web.Response:
        if not same_origin(request):
            return error(403, "Another site's page may not do this.")
        self._acted.set()
        try:
            await self._control.change(await json_body(request))
        except ApiError as refused:
            return error(400, refused.message)
        except (RefusedError, ValueError, TypeError) as refused:
            return error(400, str(refused))
        return web.json_response(self._control.state())

    async def _see_cluster(self, _request: web.Request) -> web.Response:
        return await self._cluster.state()

    async def _change_cluster(self, request: web.Request) -> web.Response:
        if not same_origin(request):
            return error(403, "Another site's page may not do this.")
        self._acted.set()
        return await self._cluster.pass_on("POST", "/_sandbox/cluster", await request.read())
