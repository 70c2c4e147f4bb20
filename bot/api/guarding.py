"""What every request passes before its endpoint: host, origin, key; and the form of every refusal."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Set
from dataclasses import dataclass
from uuid import uuid4

import structlog
from aiohttp import web

from bot.api.answers import dumped
from bot.api.errors import SERVER, ApiError, of
from bot.clock import Clock
from bot.errors import BotError, KeyRefused
from bot.services.access.keys import Keys, Owner

log = structlog.get_logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

OWNER = web.RequestKey("owner", Owner)
"""For whom a program asks, in a request that has passed."""
REQUEST_ID = web.RequestKey("request_id", str)
"""The value of the header ``x-request-id``."""

OPEN = frozenset({"/openapi.json"})
"""Paths that need no key."""
_HEADER_NAMES = re.compile(r"[A-Za-z0-9-]{1,64}(?:\s*,\s*[A-Za-z0-9-]{1,64}){0,40}")
_EXPOSED = "x-request-id, retry-after, x-ratelimit-limit-requests, x-ratelimit-remaining-requests"


@dataclass(frozen=True, slots=True)
class Guarding:
    """Who may talk to the API: ``hosts`` are allowed values of the header Host, ``origins`` of Origin."""

    hosts: Set[str]
    origins: Set[str]
    keys: Keys
    clock: Clock

    async def pass_on(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a request pass to its endpoint, or refuse it; every response has an id, errors OpenAI's form."""
        request[REQUEST_ID] = f"req_{uuid4().hex}"
        try:
            response = await self._checked(request, handler)
        except Exception as error:  # noqa: BLE001  # told() logs what is not expected
            response = refused(self.told(error, request))
        if not response.prepared:
            response.headers.update(self.headers(request))
        return response

    def told(self, error: Exception, request: web.Request) -> ApiError:
        """How the failure of a request is told to its program; what is no refusal of ours is logged."""
        if isinstance(error, ApiError):
            return error
        if isinstance(error, web.HTTPException):
            return _of_http(error)
        if isinstance(error, BotError):
            log.info("api.refused", path=request.path, error=type(error).__name__, detail=str(error))
            return of(error, now=self.clock.now())
        log.error("api.failed", path=request.path, request_id=request[REQUEST_ID], exc_info=error)
        return ApiError(500, "Something went wrong on our side.", SERVER, "internal_error")

    def headers(self, request: web.Request) -> dict[str, str]:
        """The headers of every response to this request."""
        headers = {"x-request-id": request[REQUEST_ID], "Cache-Control": "no-store", "Vary": "Origin"}
        origin = request.headers.get("Origin")
        if origin is not None and origin in self.origins:
            headers |= {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": _EXPOSED}
        return headers

    async def _checked(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        # A web page that has its name resolve to this machine (DNS rebinding) sends its own name.
        if request.host.lower() not in self.hosts:
            raise ApiError(403, "This host name is not served: see API_HOSTS.", code="host_not_allowed")
        origin = request.headers.get("Origin")
        if origin is not None and origin not in self.origins:
            raise ApiError(403, "This origin is not allowed: see API_CORS_ORIGINS.", code="origin_not_allowed")
        if request.method == "OPTIONS":
            return _preflight(request)
        if request.path not in OPEN:
            request[OWNER] = await self.keys.owner(_secret(request.headers))
        return await handler(request)


def _secret(headers: Mapping[str, str]) -> str:
    scheme, _, secret = headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise KeyRefused
    return secret.strip()


def _preflight(request: web.Request) -> web.Response:
    wanted = request.headers.get("Access-Control-Request-Headers", "")
    headers = {"Access-Control-Allow-Methods": "GET, POST", "Access-Control-Max-Age": "600"}
    if _HEADER_NAMES.fullmatch(wanted):
        headers["Access-Control-Allow-Headers"] = wanted
    return web.Response(status=204, headers=headers)


def _of_http(error: web.HTTPException) -> ApiError:
    """aiohttp's own refusals: unknown paths and methods, bodies that are too large."""
    told = {
        404: "There is no such path here: see /openapi.json.",
        405: "This path has another method: see /openapi.json.",
        413: "The body is too large.",
    }
    message = told.get(error.status, "The request was not understood.")
    return ApiError(
        error.status,
        message,
        code="not_found" if error.status == 404 else None,
        allow=error.headers.get("Allow"),
    )


def refused(error: ApiError) -> web.Response:
    """The response of a refusal."""
    return web.Response(
        body=dumped(error.body()),
        status=error.status,
        headers=error.headers(),
        content_type="application/json",
    )


def answered(value: object, headers: Mapping[str, str] | None = None) -> web.Response:
    """A response with JSON."""
    return web.Response(body=dumped(value), headers=headers, content_type="application/json")
