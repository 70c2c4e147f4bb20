"""``/v1/models``: the models that run."""

from __future__ import annotations

from aiohttp import web

from bot.api.errors import model_not_found
from bot.api.guarding import answered
from bot.services.cluster.clusters import Clusters

OWNED_BY = "parallax"


class ModelEndpoints:
    """Lists what answers now, one model for each cluster; what else the schedulers could run is not offered."""

    def __init__(self, clusters: Clusters, since: float) -> None:
        """``since`` in epoch seconds is told as the time when a model was made, which nobody knows."""
        self._clusters = clusters
        self._since = int(since)

    def running(self, wanted: str | None, cluster: str) -> str | None:
        """The model that answers who wants this one; for None the one of this ``cluster``, or else the first that
        runs. None when none runs or its name is not told. Raises :class:`ApiError` when others run."""
        models = self._clusters.models
        if wanted is not None:
            if models and wanted not in models:
                raise model_not_found(wanted)
            return wanted if models else None
        there = (name for name, clusters in models.items() if cluster in clusters)
        return next(there, next(iter(models), None))

    def routes(self) -> list[web.RouteDef]:
        """The endpoints, with the older clients' names of them."""
        return [
            web.get("/v1/models", self.listed, allow_head=False),
            web.get("/models", self.listed, allow_head=False),
            web.get("/v1/models/{name:.+}", self.one, allow_head=False),
        ]

    async def listed(self, _request: web.Request) -> web.Response:
        """All models that may be asked."""
        return answered({"object": "list", "data": [self._model(name) for name in self._clusters.models]})

    async def one(self, request: web.Request) -> web.Response:
        """One of them."""
        name = request.match_info["name"]
        if name not in self._clusters.models:
            raise model_not_found(name)
        return answered(self._model(name))

    def _model(self, name: str) -> dict[str, object]:
        return {"id": name, "object": "model", "created": self._since, "owned_by": OWNED_BY}
