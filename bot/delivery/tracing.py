"""What Discord answers, seen on the wire.

discord.py returns from the call that drains a rate-limit bucket only after that bucket's reset
(``Ratelimit.__aexit__``, ``AsyncDeferredLock.__aexit__``), although Discord applied it at once, and it keeps the
rate-limit headers to itself. An ``aiohttp.TraceConfig`` sees every request of the library, bot-token and
interaction alike, when its headers arrive. Its callbacks run in the task that made the call, so a context
variable tells which of our calls a request belongs to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import SimpleNamespace

import aiohttp
import structlog

from bot.clock import Clock
from bot.rendering import Bucket
from bot.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class WireCall:
    """One call of ours to Discord. ``applied`` is done with the status of a success as soon as its headers
    are here, which may be seconds before the library returns."""

    bucket: Bucket
    applied: asyncio.Future[int] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    attempts: int = 0


current_call: ContextVar[WireCall | None] = ContextVar("current_call", default=None)


def _number(headers: Mapping[str, str], name: str) -> float | None:
    try:
        return float(headers[name])
    except (KeyError, ValueError):
        return None


class WireObserver:
    """Feeds the buckets and metrics from the trace."""

    def __init__(self, clock: Clock, metrics: Metrics) -> None:
        self._clock = clock
        self._metrics = metrics

    def trace_config(self) -> aiohttp.TraceConfig:
        """The trace to give to ``discord.Client(http_trace=…)``."""
        trace = aiohttp.TraceConfig()
        trace.on_request_start.append(self._started)
        trace.on_request_end.append(self._answered)
        trace.on_request_exception.append(self._broke)
        return trace

    async def _started(
        self,
        _session: aiohttp.ClientSession,
        _context: SimpleNamespace,
        _params: aiohttp.TraceRequestStartParams,
    ) -> None:
        call = current_call.get()
        if call is not None:
            call.attempts += 1
            # The pump took the first slot when it decided; what the library repeats takes one more each.
            if call.attempts > 1:
                call.bucket.sent(self._clock.monotonic())

    async def _answered(
        self,
        _session: aiohttp.ClientSession,
        _context: SimpleNamespace,
        params: aiohttp.TraceRequestEndParams,
    ) -> None:
        status, headers = params.response.status, params.response.headers
        self._metrics.discord_requests.labels(str(status)).inc()
        if status == 429:
            log.warning("discord.rate_limited", path=params.url.path, scope=headers.get("X-RateLimit-Scope", ""))
        call = current_call.get()
        if call is None:
            return
        now = self._clock.monotonic()
        if status == 429:
            call.bucket.rejected(now, retry_after=_number(headers, "Retry-After") or 1.0)
            return
        limit, remaining, reset_after = (
            _number(headers, f"X-RateLimit-{name}") for name in ("Limit", "Remaining", "Reset-After")
        )
        if limit is not None and remaining is not None and reset_after is not None:
            call.bucket.observed(now, limit=int(limit), remaining=int(remaining), reset_after=reset_after)
        else:
            call.bucket.lost(now)
        if status < 300 and not call.applied.done():
            call.applied.set_result(status)

    async def _broke(
        self,
        _session: aiohttp.ClientSession,
        _context: SimpleNamespace,
        _params: aiohttp.TraceRequestExceptionParams,
    ) -> None:
        self._metrics.discord_requests.labels("none").inc()
        if (call := current_call.get()) is not None:
            call.bucket.lost(self._clock.monotonic())
