"""Reading the page's requests and refusing them in one form: ``{"error": "sentence"}``."""

from __future__ import annotations

import json

from aiohttp import web

from sandbox.discord_api.client_rules import RefusedError
from sandbox.discord_api.wire import JSON


def same_origin(request: web.Request) -> bool:
    """Browsers send Origin with websockets and POSTs; other sites must not act through a person's browser."""
    origin = request.headers.get("Origin")
    return origin is None or origin.split("://", 1)[-1] == request.host


async def json_body(request: web.Request) -> JSON:
    """The JSON object of a request, empty without a body. Raises RefusedError or ValueError."""
    raw = await request.read()
    body = json.loads(raw) if raw else {}
    if not isinstance(body, dict):
        raise RefusedError("The body must be a JSON object.")
    return body


def error(status: int, sentence: str) -> web.Response:
    """A refusal that the page shows as it stands."""
    return web.json_response({"error": sentence}, status=status)
