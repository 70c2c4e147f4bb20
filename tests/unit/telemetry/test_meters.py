"""What each meter counts, with labels that are bounded."""

from __future__ import annotations

import pytest

from bot.errors import NodeFailed, SchedulerUnreachable
from bot.telemetry.metrics import Metrics


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    """What a query of this series would show."""
    return metrics.registry.get_sample_value(name, labels)


def test_a_child_process_is_counted_while_it_runs_and_when_it_fails() -> None:
    """By its module's own name."""
    metrics = Metrics()
    with metrics.children.running("bot.workers.documents"):
        assert value(metrics, "parallax_child_processes") == 1
    with pytest.raises(RuntimeError), metrics.children.running("bot.workers.documents"):
        raise RuntimeError

    assert value(metrics, "parallax_child_processes") == 0
    assert value(metrics, "parallax_child_process_seconds_count", module="documents") == 2
    assert value(metrics, "parallax_child_process_failures_total", module="documents") == 1


def test_paths_that_the_api_does_not_have_are_one_path() -> None:
    """Whoever tries a thousand paths must not make a thousand series."""
    metrics = Metrics()
    metrics.api.answered("/v1/models", 200)
    metrics.api.answered(None, 404)
    metrics.api.answered("/v1/chat/completions", None)

    assert value(metrics, "parallax_api_requests_total", path="/v1/models", status="200") == 1
    assert value(metrics, "parallax_api_requests_total", path="other", status="404") == 1
    assert value(metrics, "parallax_api_requests_total", path="/v1/chat/completions", status="closed") == 1


def test_scopes_that_discord_does_not_have_are_one_scope() -> None:
    """The header comes from outside."""
    metrics = Metrics()
    for scope in ("user", "shared", "", "made up"):
        metrics.limits.refused(scope)

    assert value(metrics, "discord_rate_limited_total", scope="user") == 1
    assert value(metrics, "discord_rate_limited_total", scope="none") == 2


def test_errors_of_schedulers_are_counted_by_their_class() -> None:
    metrics = Metrics()
    metrics.failed_at_scheduler(NodeFailed("x"), "chat")
    metrics.failed_at_scheduler(SchedulerUnreachable("x"), "status")

    assert value(metrics, "parallax_scheduler_errors_total", kind="node_failed", call="chat") == 1
    assert value(metrics, "parallax_scheduler_errors_total", kind="scheduler_unreachable", call="status") == 1


def test_readiness_is_shown_by_part() -> None:
    metrics = Metrics()
    metrics.ready({"discord": True, "database": False})

    assert value(metrics, "parallax_ready", part="discord") == 1
    assert value(metrics, "parallax_ready", part="database") == 0


def test_the_age_of_text_is_told_only_where_an_edit_shows_streamed_text() -> None:
    metrics = Metrics()
    metrics.edits.applied("interaction", "text", text_age=0.4)
    metrics.edits.applied("channel", "last", text_age=None)

    assert value(metrics, "discord_edits_total", route="interaction", purpose="text") == 1
    assert value(metrics, "discord_edits_total", route="channel", purpose="last") == 1
    assert value(metrics, "discord_text_age_seconds_count") == 1
    assert value(metrics, "discord_text_age_seconds_sum") == 0.4
