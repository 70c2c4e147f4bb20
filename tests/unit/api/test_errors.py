"""What a failure is called in the API."""

from __future__ import annotations

import pytest

from bot.api.errors import of
from bot.errors import (
    BotError,
    ClusterBusy,
    Draining,
    Ended,
    KeyRefused,
    NodeFailed,
    NotAllowed,
    QueueFull,
    QuotaUsed,
    RequestRefused,
    SchedulerNotReady,
    SchedulerUnreachable,
    StorageError,
    UserLimitReached,
)

SECRET = "the scheduler's own words"


@pytest.mark.parametrize(
    ("error", "status", "code", "repeated"),
    [
        (KeyRefused(), 401, "invalid_api_key", False),
        (NotAllowed(SECRET, key="error.ask_blocked"), 403, "permission_denied", False),
        (NotAllowed(SECRET, key="error.roles_unknown"), 503, "rights_unknown", True),
        (UserLimitReached(count=20, limit=20), 429, "rate_limit_exceeded", True),
        (QuotaUsed(used=9, limit=8, resets="<t:1:R>"), 429, "insufficient_quota", True),
        (QueueFull(count=9, limit=9), 503, "queue_full", True),
        (Draining(), 503, "restarting_retry", True),
        (StorageError(SECRET), 503, "storage", True),
        (Ended("cancelled"), 400, "cancelled", False),
        (Ended("expired"), 503, "expired", False),
        (RequestRefused(SECRET), 400, "refused", False),
        (
            RequestRefused(SECRET, key="error.prompt_too_long", tokens=9, limit=8),
            400,
            "context_length_exceeded",
            False,
        ),
        (SchedulerNotReady(SECRET), 503, "cluster_not_ready", True),
        (SchedulerUnreachable(SECRET), 503, "cluster_not_ready", True),
        (NodeFailed(SECRET), 500, "upstream_error", False),
        (ClusterBusy(SECRET, retry_after=3.2), 500, "upstream_error", True),
        (BotError(SECRET), 500, "internal_error", False),
    ],
)
def test_every_failure_has_its_status(error: BotError, status: int, code: str, repeated: bool) -> None:
    """And a code, a time to try again where that helps, and no word of the scheduler's or the database's."""
    told = of(error, now=1_000.0)
    assert (told.status, told.code, told.retry_after is not None) == (status, code, repeated)
    assert set(told.body()["error"]) == {"message", "type", "param", "code"}  # type: ignore[call-overload]  # JSON
    assert SECRET not in told.message
    assert "<t:" not in told.message
    assert "{" not in told.message


def test_a_quota_begins_anew_at_midnight() -> None:
    """Rounded up to whole seconds."""
    told = of(QuotaUsed(used=9, limit=8, resets="x"), now=86_400.0 * 3 - 10.5)
    assert told.headers() == {"Retry-After": "11"}
