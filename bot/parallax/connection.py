"""The pooled HTTP/1.1 connection to one scheduler: requests, limits, translated errors."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.request import getproxies

import httpx

from bot.clock import Clock
from bot.errors import ConfigError, SchedulerUnreachable, StreamInterrupted, UpstreamFailed
from bot.parallax import bounds
from bot.parallax.body import Body
from bot.parallax.errors import before_headers, elsewhere, from_response, retry_after
from bot.parallax.timeouts import Timeouts
from bot.parallax.transport import Transport
from bot.parallax.untrusted import parse_json, printable

_API_PATH = re.compile(r"(/v1(/chat/completions)?)?/*$")
"""What addresses of OpenAI-compatible servers end with, which is a part of the paths that are called."""

_KEEP_ALIVE_S = 2.0
"""Below uvicorn's 5 s: a request must not meet a connection that the scheduler is just closing."""


def _checked(base_url: str) -> httpx.URL:
    try:
        url = httpx.URL(base_url.strip())
    except httpx.InvalidURL:
        # The cause is left out, also from the chain: it repeats parts of the address, which may be a password.
        raise ConfigError("PARALLAX_URL is not a URL: use a form like http://localhost:3001") from None
    if url.scheme not in {"http", "https"} or not url.host:
        raise ConfigError("PARALLAX_URL must start with http:// or https:// and name a host")
    return url.copy_with(path=_API_PATH.sub("", url.path))


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _proxies() -> bool:
    """Whether the environment names any proxy that httpx would take for some address."""
    return bool(getproxies().keys() & {"http", "https", "all"})


def _tls(url: httpx.URL) -> ssl.SSLContext:
    """What checks the scheduler's certificate. The authorities' certificates take 40 ms to read and are read for
    HTTPS only; for HTTP a context without them does, which trusts nobody."""
    return httpx.create_ssl_context() if url.scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class Connection:
    """Requests to one scheduler, with limits and translated errors.

    A login in the address is sent in the header, for a proxy in front of the scheduler, and appears in no error.
    ``api_key`` is sent as a bearer token; it appears in no error either. They use the same header, so there can be
    only one of them: raises :class:`ConfigError`.

    The pool has no limit of its own: how many requests run at once is the queue's decision. HTTP_PROXY,
    HTTPS_PROXY, ALL_PROXY and NO_PROXY apply, as httpx reads them, except to a scheduler on this machine.
    """

    def __init__(
        self,
        base_url: str,
        timeouts: Timeouts,
        clock: Clock,
        transport: httpx.AsyncBaseTransport | None,
        api_key: str,
    ) -> None:
        url = _checked(base_url)
        if api_key and url.userinfo:
            raise ConfigError("set either PARALLAX_API_KEY or a login in PARALLAX_URL, not both")
        if not (api_key.isascii() and api_key.isprintable()) or " " in api_key:
            raise ConfigError("PARALLAX_API_KEY has a space or another character that no key has")
        self._clock = clock
        try:
            self._http = self._client(url, timeouts, transport, api_key)
        except (ImportError, ValueError) as exc:
            # Without the cause: it may repeat a password of the proxy.
            why = f"not usable ({type(exc).__name__}): use an address like http://proxy.example:3128"
            raise ConfigError(f"HTTP_PROXY, HTTPS_PROXY or ALL_PROXY is {why}") from None

    @staticmethod
    def _client(
        url: httpx.URL, timeouts: Timeouts, transport: httpx.AsyncBaseTransport | None, api_key: str
    ) -> httpx.AsyncClient:
        headers = {"Accept-Encoding": "identity", "User-Agent": "parallax-discord"}
        if api_key:
            headers["Authorization"] = f"Bearer {api_key}"
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=_KEEP_ALIVE_S)
        if transport is None and (_is_this_machine(url.host) or not _proxies()):
            # With a proxy, httpx reads by itself: its choice among the proxies is not repeated here.
            transport = Transport(limits, _tls(url))
        return httpx.AsyncClient(
            base_url=url.copy_with(userinfo=b"", query=None, fragment=None),
            auth=(url.username, url.password) if url.userinfo else None,
            transport=transport,
            timeout=httpx.Timeout(None, connect=timeouts.connect, write=timeouts.control),
            limits=limits,
            # A compressing proxy would hold tokens back, and a kilobyte may decompress to gigabytes. A compressed
            # response is refused, so every body is read as it comes (`aiter_raw`).
            headers=headers,
            follow_redirects=False,
            trust_env=not _is_this_machine(url.host),
        )

    async def aclose(self) -> None:
        """Close every connection, in use or not."""
        await self._http.aclose()

    @asynccontextmanager
    async def open(
        self, method: str, path: str, *, within: float, body: object = None, accept: str = "application/json"
    ) -> AsyncIterator[httpx.Response]:
        """Send a request and wait at most ``within`` seconds for the headers of a 200. Leaving closes a connection
        whose body is not read to its end.

        Raises :class:`SchedulerUnreachable` when no response came, the error for the status when it is not 200,
        and :class:`UpstreamFailed` for an encoded body, which was not requested.
        """
        request = self._http.build_request(method, path, json=body, headers={"Accept": accept})
        try:
            async with asyncio.timeout(within):
                response = await self._http.send(request, stream=True)
        except TimeoutError as exc:
            raise SchedulerUnreachable(f"{method} {path}: no answer within {within:g} s", code="timeout") from exc
        except httpx.HTTPError as exc:
            raise before_headers(exc) from exc
        encoding = _encoding(response)
        try:
            if response.status_code != httpx.codes.OK:
                raise from_response(
                    response.status_code,
                    b"" if encoding else await _error_body(response, within, self._clock),
                    wait=retry_after(response.headers.get("retry-after"), self._clock.now()),
                )
            if encoding:
                raise UpstreamFailed(
                    f"the body is encoded as {encoding}, although no encoding is accepted",
                    status=response.status_code,
                    code="encoded",
                )
            yield response
        finally:
            await response.aclose()

    async def call(self, method: str, path: str, *, within: float, body: object = None) -> object:
        """Send a request and return the JSON of its response, all within ``within`` seconds."""
        try:
            async with (
                asyncio.timeout(within),
                self.open(method, path, within=within, body=body) as response,
            ):
                return await read_json(response, self._clock)
        except TimeoutError as exc:
            raise SchedulerUnreachable(f"{method} {path}: not whole within {within:g} s", code="timeout") from exc


def content_type(response: httpx.Response) -> str:
    """The media type without its parameters, lower case; empty when the response has none."""
    header: str = response.headers.get("content-type", "")
    return header.partition(";")[0].strip().lower()


def _encoding(response: httpx.Response) -> str:
    """The encoding of the body, for a log; empty when it is not encoded."""
    header: str = response.headers.get("content-encoding", "")
    names = {name.strip().lower() for name in header.split(",")} - {"", "identity"}
    return printable(header, bounds.SHORT_NAME) or "something" if names else ""


async def read_json(response: httpx.Response, clock: Clock) -> object:
    """The JSON value in the body of a 200. A web page instead means that another server answers there."""
    kind = content_type(response)
    if kind == "text/html":
        raise elsewhere("it answered with a web page", response.status_code)
    body, raw = Body(response, clock), bytearray()
    while part := await body.part():
        raw += part
        if len(raw) > bounds.BODY:
            raise StreamInterrupted(f"a body of more than {bounds.BODY} bytes", code="malformed")
    try:
        return parse_json(bytes(raw))
    except ValueError as exc:
        raise elsewhere(f"it answered with {kind or 'something'} that is not JSON", response.status_code) from exc


async def _error_body(response: httpx.Response, within: float, clock: Clock) -> bytes:
    """The part of an error's body that could be read. A body that breaks is no failure: the status is enough."""
    body, raw = Body(response, clock), bytearray()
    with suppress(TimeoutError, StreamInterrupted):
        async with asyncio.timeout(within):
            while len(raw) <= bounds.ERROR_BODY and (part := await body.part()):
                raw += part
    return bytes(raw)
