"""The page's way to the cluster's controls: same origin, so that the page needs no other host.

The Discord double knows nothing of the cluster; it passes the bytes on to the address it was given.
"""

from __future__ import annotations

import aiohttp
from aiohttp import web

from sandbox.discord_api.wire import JSON

_UNREACHABLE = 502
_PATIENCE = aiohttp.ClientTimeout(total=5.0)


class ClusterLink:
    """Passes requests on to ``{url}/_sandbox/…`` of a cluster double; without ``url`` there is no cluster."""

    def __init__(self) -> None:
        self.url: str | None = None
        self._session: aiohttp.ClientSession | None = None

    async def state(self) -> web.Response:
        """The cluster's state; ``{"away": "none" | "unreachable"}`` when there is nothing to see.

        Looking at a cluster that is away is no failure, so this is always answered with 200.
        """
        if self.url is None:
            return web.json_response({"away": "none"})
        seen = await self.pass_on("GET", "/_sandbox/cluster")
        return web.json_response({"away": "unreachable"}) if seen.status == _UNREACHABLE else seen

    async def pass_on(self, method: str, path: str, body: bytes = b"") -> web.Response:
        """The cluster's answer; 404 without a cluster and 502 when it does not answer, both with an error."""
        if self.url is None:
            return _error(404, "This sandbox has no cluster.")
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_PATIENCE)
        try:
            async with self._session.request(method, f"{self.url}{path}", data=body or None) as answer:
                content = await answer.read()
                return web.Response(status=answer.status, body=content, content_type="application/json")
        except (aiohttp.ClientError, TimeoutError):
            return _error(_UNREACHABLE, "The cluster cannot be reached.")

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def _error(status: int, sentence: str) -> web.Response:
    body: JSON = {"error": sentence}
    return web.json_response(body, status=status)
