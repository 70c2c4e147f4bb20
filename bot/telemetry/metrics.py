"""The bot's Prometheus metrics.

They have a registry of their own instead of the global one, so that two bots in one process (tests) do not
collide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from bot.errors import BotError, NotTakenNow, QueueFull, StorageError
from bot.telemetry.discord_meters import EditMeter, LimitMeter
from bot.telemetry.meters import ApiMeter, ChildMeter, DatabaseMeter, LoopMeter

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900)


def _reason(key: str) -> str:
    """A sentence's key in the catalogue, of which there are few, as a label."""
    return key.removeprefix("error.")


class Metrics:
    """All metrics. Labels carry no names of people, channels or prompts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.questions = Counter(
            "parallax_questions_total",
            "Questions by how they ended and how they were asked (command: typed or from a message's menu; "
            "message: a mention, reply or direct message, or in a thread; regenerate, continue; api).",
            ("outcome", "door"),
            registry=self.registry,
        )
        self.refusals = Counter(
            "parallax_questions_refused_total",
            "Questions that were not taken into the queue, by the reason.",
            ("reason",),
            registry=self.registry,
        )
        # From 0 on, or Prometheus would not see the first as an increase.
        for error in (QueueFull, StorageError, NotTakenNow):
            self.refusals.labels(_reason(error.key))
        self.waiting = Gauge("parallax_questions_waiting", "Questions in the queue.", registry=self.registry)
        self.oldest_seconds = Gauge(
            "parallax_oldest_question_seconds",
            "For how long the oldest question in the queue has waited; 0 when none waits.",
            registry=self.registry,
        )
        self.held = Gauge(
            "parallax_queue_held",
            "1 while no question leaves the queue: a pause or a cluster.",
            registry=self.registry,
        )
        self.running = Gauge("parallax_questions_running", "Questions running.", registry=self.registry)
        self.capacity = Gauge("parallax_capacity", "Questions that may run at once.", registry=self.registry)
        self.wait_seconds = Histogram(
            "parallax_wait_seconds",
            "From a question until a pipeline took it, of questions that were answered.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.ttft_seconds = Histogram(
            "parallax_ttft_seconds",
            "From when a pipeline took a question to its first token.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.tokens = Counter("parallax_tokens_total", "Tokens by kind.", ("kind",), registry=self.registry)
        self.discord_requests = Counter(
            "discord_requests_total", "Requests to Discord by status.", ("status",), registry=self.registry
        )
        self.scheduler_errors = Counter(
            "parallax_scheduler_errors_total",
            "What schedulers did not do, by kind and by what was asked of them (chat, status).",
            ("kind", "call"),
            registry=self.registry,
        )
        self.cluster_usable = Gauge(
            "parallax_cluster_usable", "1 when a question has a chance.", registry=self.registry
        )
        self.named_cluster_usable = Gauge(
            "parallax_named_cluster_usable",
            "1 when a question has a chance at this one of several clusters.",
            ("cluster",),
            registry=self.registry,
        )
        self._usable: dict[str, bool] = {}
        self.invalid_answers = Gauge(
            "discord_invalid_answers",
            "Answers 401, 403, 404 and 429 of the last ten minutes, counted up to 5000; Discord bans at 10000.",
            registry=self.registry,
        )
        self.brake_level = Gauge(
            "discord_brake_level",
            "0: everything is sent, 1: last states of answers only, 2: what operators need only.",
            registry=self.registry,
        )
        self.late_interactions = Counter(
            "discord_late_interactions_total", "Interactions acknowledged too late.", registry=self.registry
        )
        self.shard_connected = Gauge(
            "discord_shard_connected",
            "1 while this shard of the process has a session with Discord.",
            ("shard",),
            registry=self.registry,
        )
        self.shard_latency = Gauge(
            "discord_shard_latency_seconds",
            "From the last heartbeat of a shard to its acknowledgement; Inf before the first.",
            ("shard",),
            registry=self.registry,
        )
        self.shard_sessions = Counter(
            "discord_shard_sessions_total",
            "How often a shard was connected: with a new session, or with the one before (resumed).",
            ("shard", "how"),
            registry=self.registry,
        )
        self._ready = Gauge(
            "parallax_ready",
            "1 while this part of the process is ready, as /readyz tells.",
            ("part",),
            registry=self.registry,
        )
        self.edits = EditMeter(self.registry)
        self.limits = LimitMeter(self.registry)
        self.database = DatabaseMeter(self.registry)
        self.children = ChildMeter(self.registry)
        self.api = ApiMeter(self.registry)
        self.loop = LoopMeter(self.registry)
        ProcessCollector(registry=self.registry)

    def refused(self, error: BotError) -> None:
        """Count a question that was not taken into the queue because of this."""
        self.refusals.labels(_reason(error.key)).inc()

    def failed_at_scheduler(self, error: Exception, call: str) -> None:
        """Count an error of a scheduler, by its class. ``call``: what was asked of it."""
        kind = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in type(error).__name__)
        self.scheduler_errors.labels(kind.lstrip("_"), call).inc()

    def oldest_is(self, age: Callable[[], float]) -> None:
        """Ask ``age`` for the seconds that the oldest question has waited, whenever somebody reads the metrics."""
        self.oldest_seconds.set_function(age)

    def ready(self, parts: Mapping[str, bool]) -> None:
        """Show which parts of the process are ready."""
        for part, is_ready in parts.items():
            self._ready.labels(part).set(is_ready)

    def found_usable(self, cluster: str, *, usable: bool) -> None:
        """Note whether a question has a chance at a cluster; its name is empty when there is only one."""
        self._usable[cluster] = usable
        self.cluster_usable.set(any(self._usable.values()))
        if cluster:
            self.named_cluster_usable.labels(cluster).set(usable)

    def exposition(self) -> bytes:
        """The text format of ``/metrics``."""
        return generate_latest(self.registry)
