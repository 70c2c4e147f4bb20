"""Trace of all HTTP requests to Discord and their answers.

discord.py returns from the call that uses up a rate-limit bucket only after that bucket's reset
(``Ratelimit.__aexit__``, ``AsyncDeferredLock.__aexit__``), although Discord applied it at once, and it does not
expose the rate-limit headers. An ``aiohttp.TraceConfig`` sees every request of the library, with bot token or
interaction token, when it begins and when its headers arrive. Its callbacks run in the task that made the call, so
a context variable identifies the call that a request belongs to. A request also waits for its callbacks, so the
library's own calls wait here for their slot in the budget of the bot's token.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import SimpleNamespace

import aiohttp
import discord
import structlog
import yarl
from prometheus_client import Counter

from bot.clock import Clock
from bot.discord_io.delivery.edit_pacing import Bucket
from bot.discord_io.outgoing import Outgoing, Ticket
from bot.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

_MESSAGE = re.compile(r"/channels/(\d+)/messages(?:/\d+)?")


@dataclass(slots=True, eq=False)
class WireCall:
    """One call of the bot to Discord, for whose first attempt a slot of ``bucket`` is taken already.

    ``applied`` is done as soon as the headers of a success arrive, which may be seconds before the library
    returns; without a success, when the call has ended.
    """

    bucket: Bucket
    applied: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    attempts: int = 0

    def release(self) -> None:
        """Let whoever waits for it go on."""
        if not self.applied.done():
            self.applied.set_result(None)

    def ended(self, _task: object) -> None:
        """Release the call, and give its slot back when it ended before any attempt."""
        if self.attempts == 0:
            self.bucket.returned()
        self.release()


current_call: ContextVar[WireCall | None] = ContextVar("current_call", default=None)


def _number(headers: Mapping[str, str], name: str) -> float | None:
    if (told := headers.get(name)) is None:
        return None
    try:
        value = float(told)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def is_api_call(url: yarl.URL) -> bool:
    """Whether this is a call to Discord's API: not the gateway, and not the CDN."""
    return str(url).startswith(f"{discord.http.Route.BASE}/")


def is_exempt(url: yarl.URL) -> bool:
    """Whether an API call goes to an interaction's or a webhook's endpoint, which the global limit does not count
    (docs, topics/rate-limits, "Global Rate Limit")."""
    return str(url).removeprefix(discord.http.Route.BASE).startswith(("/interactions/", "/webhooks/"))


def written_channel(method: str, url: yarl.URL) -> int | None:
    """The channel in which a call sends, edits or deletes a message; None for any other call."""
    found = _MESSAGE.fullmatch(str(url.with_query(None)).removeprefix(discord.http.Route.BASE))
    return int(found[1]) if found is not None and method in {"POST", "PATCH", "DELETE"} else None


@dataclass(slots=True, eq=False)
class Attempt:
    """A request on its way: its permission, and the bucket in which Discord counts it, where one is kept."""

    ticket: Ticket
    bucket: Bucket | None


class WireObserver:
    """Updates the buckets and metrics with every request and its answer, and lets requests wait for their
    permission.

    It sees the requests of the client's session through its trace. A trace makes an object and awaits a signal at
    each of a dozen moments of a request, which costs as much as the request itself, so who makes requests on a
    session without one calls the methods: :mod:`bot.discord_io.delivery.observed_session`.
    """

    def __init__(self, clock: Clock, metrics: Metrics, outgoing: Outgoing) -> None:
        self._clock = clock
        self._metrics = metrics
        self._outgoing = outgoing
        self._by_status: dict[int, Counter] = {}

    def trace_config(self) -> aiohttp.TraceConfig:
        """The trace to give to ``discord.Client(http_trace=…)``."""
        trace = aiohttp.TraceConfig()
        trace.on_request_start.append(self._started)
        trace.on_request_end.append(self._ended)
        trace.on_request_exception.append(self._excepted)
        return trace

    async def leave(self, *, interaction: bool, counted_in: Bucket | None = None) -> Attempt:
        """Wait until the running task's request may leave.

        ``interaction``: it goes to an endpoint that the global limit does not count. ``counted_in`` is the bucket
        in which Discord counts it, where that is not the one of the delivery's call. Raises :class:`HeldBack`.
        Every return is followed by :meth:`answered` or :meth:`broke`.
        """
        bucket = await self._slot(current_call.get(), counted_in)
        try:
            return Attempt(await self._outgoing.leave(interaction=interaction), bucket)
        except BaseException:
            # A request that has not begun gets no end event.
            if bucket is not None:
                bucket.returned()
            raise

    def answered(self, attempt: Attempt | None, status: int, headers: Mapping[str, str], path: str) -> None:
        """Take in the headers of an answer; ``attempt`` None: it is not from Discord's API."""
        if (counter := self._by_status.get(status)) is None:
            counter = self._by_status[status] = self._metrics.discord_requests.labels(str(status))
        counter.inc()
        scope = headers.get("X-RateLimit-Scope", "")
        if status == 429:
            log.warning("discord.rate_limited", path=path, scope=scope)
            self._metrics.limits.refused(scope)
        if attempt is None:
            return
        self._outgoing.answered(attempt.ticket, status, scope=scope, retry_after=_number(headers, "Retry-After"))
        if attempt.bucket is None:
            return
        self._note(attempt.bucket, headers, self._clock.monotonic(), refused=status == 429)
        call = current_call.get()
        if call is not None and status < 300:
            call.release()

    def broke(self, attempt: Attempt | None) -> None:
        """Note that no answer came, because the connection broke or the wait for it was given up."""
        self._metrics.discord_requests.labels("none").inc()
        if attempt is None:
            return
        self._outgoing.answered(attempt.ticket, None)
        if attempt.bucket is not None:
            attempt.bucket.lost(self._clock.monotonic())

    async def _slot(self, call: WireCall | None, counted_in: Bucket | None) -> Bucket | None:
        """The bucket in which Discord counts this attempt, with a slot taken; None where none is kept.

        Only the first attempt of a delivery's call has its slot already. A repetition by the library waits for one
        of its own: the library leaves when its own pause is over, whether or not the window has room.
        """
        bucket = call.bucket if counted_in is None and call is not None else counted_in
        if call is not None:
            call.attempts += 1
            if call.attempts == 1:
                if bucket is call.bucket:
                    return bucket
                # Taken among the channel's edits, before it was known that this is no edit.
                call.bucket.returned()
        return None if bucket is None else await self._taken(bucket)

    async def _taken(self, bucket: Bucket) -> Bucket:
        while (at := bucket.next_final(now := self._clock.monotonic())) > now:
            await self._clock.sleep(at - now)
        bucket.sent(now)
        return bucket

    @staticmethod
    def _note(bucket: Bucket, headers: Mapping[str, str], now: float, *, refused: bool) -> None:
        limit, remaining, reset_after = (
            _number(headers, name)
            for name in ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset-After")
        )
        if limit is not None and remaining is not None and reset_after is not None:
            bucket.observed(now, limit=int(limit), remaining=int(remaining), reset_after=reset_after)
            if refused:
                bucket.block(now, retry_after=_number(headers, "Retry-After") or 1.0)
        elif refused:
            bucket.rejected(now, retry_after=_number(headers, "Retry-After") or 1.0)
        else:
            bucket.lost(now)

    async def _started(
        self,
        _session: aiohttp.ClientSession,
        context: SimpleNamespace,
        params: aiohttp.TraceRequestStartParams,
    ) -> None:
        context.attempt = None
        if not is_api_call(params.url):
            return
        channel_id = written_channel(params.method, params.url)
        counted_in = None
        if channel_id is not None:
            counted_in = self._outgoing.channel_buckets.of(channel_id).counting(params.method)
        context.attempt = await self.leave(interaction=is_exempt(params.url), counted_in=counted_in)

    async def _ended(
        self,
        _session: aiohttp.ClientSession,
        context: SimpleNamespace,
        params: aiohttp.TraceRequestEndParams,
    ) -> None:
        self.answered(context.attempt, params.response.status, params.response.headers, params.url.path)

    async def _excepted(
        self,
        _session: aiohttp.ClientSession,
        context: SimpleNamespace,
        _params: aiohttp.TraceRequestExceptionParams,
    ) -> None:
        self.broke(context.attempt)
