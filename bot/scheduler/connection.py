"""The pooled HTTP/1.1 connection to one scheduler: requests, limits, translated errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from bot.clock import Clock
from bot.errors import ConfigError, SchedulerUnreachable
from bot.scheduler.failures import (
    after_headers,
    before_headers,
    elsewhere,
    from_response,
    interrupted,
    retry_after,
)
from bot.scheduler.timeouts import Timeouts
from bot.scheduler.untrusted import parse_json

_BODY_LIMIT = 8 * 1024 * 1024
_ERROR_LIMIT = 64 * 1024
_KEEP_ALIVE_S = 2.0
"""Below uvicorn's 5 s: a request must not meet a connection that the scheduler is just closing."""


def _checked(base_url: str) -> httpx.URL:
    try:
        url = httpx.URL(base_url.strip())
    except httpx.InvalidURL as exc:
        raise ConfigError(f"PARALLAX_URL is not a URL ({exc}): use a form like http://localhost:3001") from exc
    if url.scheme not in {"http", "https"} or not url.host:
        raise ConfigError("PARALLAX_URL must start with http:// or https:// and name a host")
    return url


class Connection:
    """Requests to one scheduler, with limits and translated errors.

    The pool has no limit of its own: how many requests run at once is the queue's decision. Proxies and
    credentials from the environment are ignored: the address is that of the cluster itself.
    """

    def __init__(
        self, base_url: str, timeouts: Timeouts, clock: Clock, transport: httpx.AsyncBaseTransport | None
    ) -> None:
        url = _checked(base_url)
        self._clock = clock
        self._web_page = str(url.copy_with(userinfo=b"", fragment=None))
        self._http = httpx.AsyncClient(
            base_url=url,
            transport=transport,
            timeout=httpx.Timeout(None, connect=timeouts.connect, write=timeouts.control),
            limits=httpx.Limits(
                max_connections=None, max_keepalive_connections=20, keepalive_expiry=_KEEP_ALIVE_S
            ),
            # a compressing proxy would hold tokens back
            headers={"Accept-Encoding": "identity", "User-Agent": "parallax-discord"},
            follow_redirects=False,
            trust_env=False,
        )

    @property
    def web_page(self) -> str:
        """The address without credentials."""
        return self._web_page

    async def aclose(self) -> None:
        """Close every connection, in use or not."""
        await self._http.aclose()

    @asynccontextmanager
    async def open(
        self, method: str, path: str, *, within: float, body: object = None, accept: str = "application/json"
    ) -> AsyncIterator[httpx.Response]:
        """Send and wait at most ``within`` seconds for a 200's headers. Leaving closes what is half read.

        Raises :class:`SchedulerUnreachable` when none came, and what the status says for any other.
        """
        request = self._http.build_request(method, path, json=body, headers={"Accept": accept})
        try:
            async with asyncio.timeout(within):
                response = await self._http.send(request, stream=True)
        except TimeoutError as exc:
            raise SchedulerUnreachable(f"{method} {path}: no answer within {within:g} s", code="timeout") from exc
        except httpx.HTTPError as exc:
            raise before_headers(exc) from exc
        try:
            if response.status_code != httpx.codes.OK:
                raise from_response(
                    response.status_code,
                    await _error_body(response, within),
                    wait=retry_after(response.headers.get("retry-after"), self._clock.now()),
                )
            yield response
        finally:
            await response.aclose()

    async def call(self, method: str, path: str, *, within: float, body: object = None) -> object:
        """The JSON of a response, all of it within ``within`` seconds."""
        try:
            async with (
                asyncio.timeout(within),
                self.open(method, path, within=within, body=body) as response,
            ):
                return await read_json(response)
        except TimeoutError as exc:
            raise SchedulerUnreachable(f"{method} {path}: not whole within {within:g} s", code="timeout") from exc


def content_type(response: httpx.Response) -> str:
    """The media type without its parameters, lower case; empty when the response has none."""
    header: str = response.headers.get("content-type", "")
    return header.partition(";")[0].strip().lower()


async def read_json(response: httpx.Response) -> object:
    """The JSON value a 200 consists of. A web page in its place is another server's answer."""
    kind = content_type(response)
    if kind == "text/html":
        raise elsewhere("it answered with a web page", response.status_code)
    raw = bytearray()
    try:
        async for chunk in response.aiter_bytes():
            raw += chunk
            if len(raw) > _BODY_LIMIT:
                raise interrupted(f"a body of more than {_BODY_LIMIT} bytes", "malformed")
    except httpx.HTTPError as exc:
        raise after_headers(exc) from exc
    try:
        return parse_json(bytes(raw))
    except ValueError as exc:
        raise elsewhere(f"it answered with {kind or 'something'} that is not JSON", response.status_code) from exc


async def _error_body(response: httpx.Response, within: float) -> bytes:
    """What can be had of an error's body: the status says enough, so one that breaks is no failure."""
    raw = bytearray()
    try:
        async with asyncio.timeout(within):
            async for chunk in response.aiter_bytes():
                raw += chunk
                if len(raw) > _ERROR_LIMIT:
                    break
    except (TimeoutError, httpx.HTTPError):
        return bytes(raw)
    return bytes(raw)
