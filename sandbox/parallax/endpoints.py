"""Every endpoint but chat: models, join command, status, init, the page, CORS, and what is not found."""

import json
from collections.abc import Awaitable, Callable
from typing import Final

from sandbox.parallax import models, wire
from sandbox.parallax.api import ApiOptions, Dialect
from sandbox.parallax.clock import ScaledClock
from sandbox.parallax.cluster import Cluster, FailedInitError
from sandbox.parallax.exchange import Exchange
from sandbox.parallax.wire import Json, JsonObject

__all__ = ["Endpoints"]

STATUS_SECONDS: Final = 1.0
NOT_FOUND: Final[JsonObject] = {"detail": "Not Found"}

_PAGE: Final = b"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Parallax double</title>
<h1>Parallax double</h1>
<p>This is not Parallax. It is the sandbox of parallax-discord: it speaks the scheduler's protocol and
makes its answers up. The real one: <a href="https://github.com/GradientHQ/parallax">GradientHQ/parallax</a>.</p>
<p><a href="/cluster/status_json">Cluster status</a> \xc2\xb7 <a href="/model/list">Models</a> \xc2\xb7
<a href="/_sandbox/cluster">What the double knows</a></p>
</html>
"""


class Endpoints:
    """The server's own answers, in every dialect."""

    def __init__(self, *, clock: ScaledClock, cluster: Cluster, api: ApiOptions) -> None:
        self._api = api
        self._clock = clock
        self._cluster = cluster
        self._routes: dict[tuple[str, str], Callable[[Exchange, bytes], Awaitable[None]]] = {
            ("GET", "/model/list"): self._model_list,
            ("GET", "/v1/models"): self._v1_models,
            ("GET", "/node/join/command"): self._join_command,
            ("GET", "/cluster/status"): self._status,
            ("GET", "/cluster/status_json"): self._status_json,
            ("POST", "/scheduler/init"): self._init,
            ("GET", "/"): self._page,
        }
        self._unknown_to = {
            Dialect.CURRENT: set[str](),
            Dialect.DOCUMENTED: {"/v1/models", "/cluster/status_json"},
            Dialect.NODE: {path for _, path in self._routes} - {"/v1/models"},
        }

    async def serve(self, exchange: Exchange, body: bytes) -> None:
        """Answer a request that is no chat."""
        if exchange.method == "OPTIONS":
            await self._preflight(exchange)
            return
        method = "GET" if exchange.method == "HEAD" else exchange.method
        route = self._routes.get((method, exchange.path))
        if route is None or exchange.path in self._unknown_to[self._api.dialect]:
            await exchange.json(404, NOT_FOUND)
            return
        await route(exchange, body)

    async def _model_list(self, exchange: Exchange, _: bytes) -> None:
        await exchange.json(200, models.listed(documented=self._api.documented))

    async def _v1_models(self, exchange: Exchange, _: bytes) -> None:
        name = self._cluster.model
        data: list[Json] = []
        if name is not None:
            data.append({"id": name, "object": "model", "created": 0, "owned_by": "parallax"})
        await exchange.json(200, {"object": "list", "data": data})

    async def _join_command(self, exchange: Exchange, _: bytes) -> None:
        command = self._cluster.join_command
        data: Json = command
        if command is not None and not self._api.documented:
            data = {"command": command}
        await exchange.json(200, {"type": "node_join_command", "data": data})

    async def _status(self, exchange: Exchange, _: bytes) -> None:
        await exchange.start(200, wire.NDJSON)
        while not exchange.gone:
            if self._cluster.poisoned:
                await exchange.cut()
                return
            line = self._cluster.status(documented=self._api.documented)
            await exchange.chunk(wire.spaced(line) + b"\n")
            await self._clock.sleep(STATUS_SECONDS)

    async def _status_json(self, exchange: Exchange, _: bytes) -> None:
        if self._cluster.poisoned:
            await exchange.internal_error()
        else:
            await exchange.json(200, self._cluster.status(documented=False))

    async def _init(self, exchange: Exchange, body: bytes) -> None:
        try:
            request: JsonObject | None = json.loads(body)
        except ValueError:
            request = None
        if not isinstance(request, dict):
            await exchange.internal_error()
            return
        for field in ("model_name", "init_nodes_num"):
            if request.get(field) is None:
                await exchange.json(400, _init_error(f"{field} is required"))
                return
        name, nodes = request["model_name"], request["init_nodes_num"]
        local = request.get("is_local_network")
        try:
            await self._cluster.init(str(name), nodes, local)
        except FailedInitError as failed:
            await exchange.json(500, _init_error(str(failed)))
            return
        data: Json = None
        if not self._api.documented:
            data = {"model_name": name, "init_nodes_num": nodes, "is_local_network": local}
        await exchange.json(200, {"type": "scheduler_init", "data": data})

    async def _page(self, exchange: Exchange, _: bytes) -> None:
        await exchange.answer(200, (("content-type", "text/html; charset=utf-8"), ("vary", "Origin")), _PAGE)

    @staticmethod
    async def _preflight(exchange: Exchange) -> None:
        headers = (
            ("vary", "Origin"),
            ("access-control-allow-methods", "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"),
            ("access-control-max-age", "600"),
            ("access-control-allow-headers", "accept, authorization, content-type"),
            ("content-type", "text/plain; charset=utf-8"),
        )
        await exchange.answer(200, headers, b"OK")


def _init_error(message: str) -> JsonObject:
    return {"type": "scheduler_init", "error": message}
