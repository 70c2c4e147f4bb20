"""``/v1/models``: the model that runs."""

from __future__ import annotations

from aiohttp import web

from bot.api.errors import model_not_found
from bot.api.guarding import answered
from bot.services.cluster.monitor import ClusterService

OWNED_BY = "parallax"


class ModelEndpoints:
    """Lists the one model that answers now; what else the scheduler could run is not offered."""

    def __init__(self, cluster: ClusterService, since: float) -> None:
        """``since`` in epoch seconds is told as the time when a model was made, which nobody knows."""
        self._cluster = cluster
        self._since = int(since)

    @property
    def running(self) -> str | None:
        """The model that runs, None when there is none or its name is not told."""
        status = self._cluster.view().status
        return None if status is None else status.model

    def routes(self) -> list[web.RouteDef]:
        """The endpoints, with the older clients' names of them."""
        return [
            web.get("/v1/models", self.listed, allow_head=False),
            web.get("/models", self.listed, allow_head=False),
            web.get("/v1/models/{name:.+}", self.one, allow_head=False),
        ]

    async def listed(self, _request: web.Request) -> web.Response:
        """All models that may be asked."""
        names = () if self.running is None else (self.running,)
        return answered({"object": "list", "data": [self._model(name) for name in names]})

    async def one(self, request: web.Request) -> web.Response:
        """One of them."""
        name = request.match_info["name"]
        if name != self.running:
            raise model_not_found(name)
        return answered(self._model(name))

    def _model(self, name: str) -> dict[str, object]:
        return {"id": name, "object": "model", "created": self._since, "owned_by": OWNED_BY}
