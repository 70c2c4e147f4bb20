"""What is measured of the parts of the bot that know no questions: database, child processes, API, event loop.

Each meter belongs to one :class:`bot.telemetry.metrics.Metrics` and records with labels that are bounded here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_DATABASE_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30)
_CHILD_SECONDS = (0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_LAG_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)

OTHER_PATH = "other"
"""The label of every path that the API does not have."""
CLOSED = "closed"
"""The status of a request whose program closed the connection before it was answered."""


class DatabaseMeter:
    """Transactions, from the moment at which a task hands one in to its result."""

    def __init__(self, registry: CollectorRegistry) -> None:
        seconds = Histogram(
            "parallax_database_seconds",
            "From handing in a transaction to its result: the wait for a connection, the work and the commit.",
            ("kind",),
            buckets=_DATABASE_SECONDS,
            registry=registry,
        )
        failures = Counter(
            "parallax_database_failures_total",
            "Transactions that the database did not carry out.",
            ("kind",),
            registry=registry,
        )
        self._read, self._write = seconds.labels("read"), seconds.labels("write")
        self._failed = {writes: failures.labels("write" if writes else "read") for writes in (False, True)}

    def took(self, seconds: float, *, writes: bool) -> None:
        """Note a transaction that took so many seconds."""
        (self._write if writes else self._read).observe(seconds)

    def failed(self, *, writes: bool) -> None:
        """Note a transaction that the database did not carry out."""
        self._failed[writes].inc()


class ChildMeter:
    """Child processes that read documents and draw charts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._running = Gauge("parallax_child_processes", "Child processes that run.", registry=registry)
        self._seconds = Histogram(
            "parallax_child_process_seconds",
            "How long a child process ran, by its module.",
            ("module",),
            buckets=_CHILD_SECONDS,
            registry=registry,
        )
        self._failures = Counter(
            "parallax_child_process_failures_total",
            "Child processes that failed or were ended at a limit, by their module.",
            ("module",),
            registry=registry,
        )

    @contextmanager
    def running(self, module: str) -> Iterator[None]:
        """Count a child of this module of :mod:`bot.workers` as running inside the block, and as failed when the
        block raises."""
        name = module.rpartition(".")[2]
        with (
            self._running.track_inprogress(),
            self._seconds.labels(name).time(),
            self._failures.labels(name).count_exceptions(),
        ):
            yield


class ApiMeter:
    """Requests to the API for programs."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "parallax_api_requests_total",
            f"Requests to the API by path ({OTHER_PATH}: one that it does not have) and status ({CLOSED}: the "
            "program closed the connection first).",
            ("path", "status"),
            registry=registry,
        )
        self._open = Gauge(
            "parallax_api_open_requests", "Requests to the API that are being answered.", registry=registry
        )

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Count a request as being answered inside the block."""
        with self._open.track_inprogress():
            yield

    def answered(self, path: str | None, status: int | None) -> None:
        """Note how a request ended. ``path`` is the API's own form of it, None for one that it does not have;
        ``status`` None: the program closed the connection first."""
        self._requests.labels(path or OTHER_PATH, CLOSED if status is None else str(status)).inc()


class LoopMeter:
    """How late the event loop runs what is due."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._lag = Histogram(
            "parallax_loop_lag_seconds",
            "How much later than due the event loop woke a task, looked at twice a second.",
            buckets=_LAG_SECONDS,
            registry=registry,
        )

    def late(self, seconds: float) -> None:
        """Note that a task was woken so many seconds late (≥ 0)."""
        self._lag.observe(seconds)
