"""The session for calls to interactions' endpoints, observed without a trace."""

from __future__ import annotations

from functools import lru_cache
from types import TracebackType
from typing import Any

import aiohttp
import yarl

from bot.discord_io.delivery.rate_limit_trace import Attempt, WireObserver

KEPT_ADDRESSES = 1024


class _Unread(aiohttp.ClientResponse):
    """A response whose body is received, and taken for ``null`` when it tells of a success: discord.py decodes
    what ``text`` returns, and the whole message that answers an edit takes longer than the edit's own JSON."""

    async def text(self, encoding: str | None = None, errors: str = "strict") -> str:
        if self.status >= 300:
            return await super().text(encoding, errors)
        await self.read()
        return "null"


class ObservedSession:
    """Makes requests through the connections of another session, and tells the observer of each itself.

    It has what discord.py's webhook adapter uses of a session: ``request``. It is not closed: it ends with the
    connections, which are the other session's.
    """

    def __init__(
        self, session: aiohttp.ClientSession, observer: WireObserver, *, reads_successes: bool = True
    ) -> None:
        """``reads_successes``: whether anybody wants what an answer tells, besides that it is a success."""
        self.source = session
        self._observer = observer
        self._session = aiohttp.ClientSession(
            connector=session.connector,
            connector_owner=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            response_class=aiohttp.ClientResponse if reads_successes else _Unread,
        )

    def request(
        self,
        method: str,
        url: str,
        *,
        params: dict[str, int] | None = None,
        data: object = None,
        **options: Any,  # noqa: ANN401  # as the library passes them
    ) -> ObservedRequest:
        """A request as ``aiohttp.ClientSession.request`` takes it, to be entered once."""
        if isinstance(data, str):
            data = aiohttp.BytesPayload(data.encode())  # what aiohttp would look up how to send
        address = _address(url, tuple(params.items()) if params else ())
        return ObservedRequest(self._session, self._observer, method, address, {**options, "data": data})


class ObservedRequest:
    """One request: entering it waits for its permission, sends it and returns the response."""

    __slots__ = ("_address", "_method", "_observer", "_options", "_response", "_session")

    def __init__(
        self,
        session: aiohttp.ClientSession,
        observer: WireObserver,
        method: str,
        address: yarl.URL,
        options: dict[str, Any],
    ) -> None:
        self._session = session
        self._observer = observer
        self._method = method
        self._address = address
        self._options = options

    async def __aenter__(self) -> aiohttp.ClientResponse:
        attempt: Attempt = await self._observer.leave(interaction=True)
        try:
            response = await self._session.request(self._method, self._address, **self._options)
        except BaseException:
            self._observer.broke(attempt)
            raise
        self._observer.answered(attempt, response.status, response.headers, self._address.path)
        self._response = response
        return response

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._response.__aexit__(exc_type, exc, traceback)


@lru_cache(KEPT_ADDRESSES)  # an answer is edited at the same address again and again
def _address(url: str, params: tuple[tuple[str, int], ...]) -> yarl.URL:
    return yarl.URL(url).update_query(params)
