"""``/cluster/info`` and ``/queue``: what a program may see of the cluster, and of its owner's own requests."""

from __future__ import annotations

from aiohttp import web

from bot.api.guarding import OWNER, answered
from bot.domain.queue.request import RequestKind, RequestState
from bot.i18n.catalogue import DEFAULT_LOCALE, fill
from bot.services.cluster.clusters import Cluster, Clusters
from bot.services.requests.overview import QueueOverview


class ClusterEndpoints:
    """Read-only views. No address, no id of a node and no join command is in them."""

    def __init__(self, clusters: Clusters, queue: QueueOverview) -> None:
        self._clusters = clusters
        self._queue = queue

    def routes(self) -> list[web.RouteDef]:
        """The endpoints."""
        return [
            web.get("/cluster/info", self.info, allow_head=False),
            web.get("/queue", self.queue, allow_head=False),
        ]

    async def info(self, _request: web.Request) -> web.Response:
        """The model, the nodes without their names, and how busy they are; with several clusters those of the
        first, and of each by its name."""
        load = await self._queue.load()
        several = (
            [{"name": one.name, **_seen(one)} for one in self._clusters] if self._clusters.shown_names else []
        )
        return answered(
            {
                "object": "cluster",
                **_seen(self._clusters.first),
                **({"clusters": several} if several else {}),
                "capacity": load.capacity,
                "running": load.running,
                "waiting": load.waiting,
            }
        )

    async def queue(self, request: web.Request) -> web.Response:
        """The open requests of the key's owner, with positions and estimates in seconds."""
        mine = await self._queue.of(request[OWNER].person.user_id)
        hold = mine.hold
        return answered(
            {
                "object": "list",
                "data": [
                    {
                        "id": f"chatcmpl-{one.request.request_id}",
                        "object": "queue.request",
                        "kind": "api" if one.request.question.kind is RequestKind.API else "discord",
                        "state": one.request.state.value,
                        "position": one.position,
                        "estimated_wait": None if one.wait is None else round(one.wait, 1),
                        "created": int(one.request.question.asked_at),
                    }
                    for one in mine.mine
                    if one.request.state in {RequestState.QUEUED, RequestState.RUNNING}
                ],
                "waiting": mine.load.waiting,
                "running": mine.load.running,
                "held": None if hold is None else fill(DEFAULT_LOCALE, hold.key, dict(hold.params)),
            }
        )


def _seen(cluster: Cluster) -> dict[str, object]:
    """What is seen of one cluster."""
    view = cluster.service.view()
    status = view.status
    return {
        "status": view.availability.value,
        "model": None if status is None else status.model,
        "nodes": [
            {
                "status": node.state.value,
                "gpu": node.gpu_name or None,
                "gpu_count": node.gpu_count,
                "gpu_memory_gb": node.gpu_memory or None,
            }
            for node in (() if status is None else status.nodes)
        ],
    }
