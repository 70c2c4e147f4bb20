"""Errors in OpenAI's form, and which of them belongs to which failure.

The statuses, types and codes are those of OpenAI's API reference ("Error codes"), as its SDKs read them: they
repeat by themselves after 408, 409, 429 and 5xx.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot.domain.queue.usage import DAY
from bot.errors import (
    AdmissionError,
    BotError,
    Draining,
    Ended,
    KeyRefused,
    NotAllowed,
    QueueFull,
    QuotaUsed,
    RequestRefused,
    SchedulerError,
    SchedulerNotReady,
    SchedulerUnreachable,
    StorageError,
    UserLimitReached,
)
from bot.i18n.catalogue import DEFAULT_LOCALE, fill

INVALID, RATE, SERVER = "invalid_request_error", "rate_limit_error", "server_error"
RETRY_SOON = 5.0
"""Seconds after which a program may try again where nothing better is known."""
LIMIT_RETRY = 2.0
"""Seconds after which a place in the queue may be free again."""


@dataclass
class ApiError(Exception):
    """A refusal, as it is sent. ``retry_after`` in seconds."""

    status: int
    message: str
    kind: str = INVALID
    code: str | None = None
    param: str | None = None
    retry_after: float | None = None
    allow: str | None = None
    """The methods that a path has, where it has not the one that was used."""

    def body(self) -> dict[str, object]:
        """The JSON object of the response, and of an event in a stream."""
        return {
            "error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code},
        }

    def headers(self) -> dict[str, str]:
        """The headers that go with it."""
        headers: dict[str, str] = {}
        if self.retry_after is not None:
            headers["Retry-After"] = str(max(1, math.ceil(self.retry_after)))
        if self.allow is not None:
            headers["Allow"] = self.allow
        if self.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return headers


def model_not_found(name: str) -> ApiError:
    """No such model runs now."""
    shown = name[:100]
    return ApiError(
        404, f"The model '{shown}' does not exist, or does not run now.", code="model_not_found", param="model"
    )


def invalid(message: str, param: str | None = None, code: str | None = None) -> ApiError:
    """The request has another form than the API's."""
    return ApiError(400, message, param=param, code=code)


_PLAIN: Mapping[type[BotError], ApiError] = {
    QueueFull: ApiError(503, "The queue is full.", SERVER, "queue_full", retry_after=RETRY_SOON),
    Draining: ApiError(
        503,
        "The bot restarts. A request lives as long as its connection: retry it.",
        SERVER,
        "restarting_retry",
        retry_after=RETRY_SOON,
    ),
}
"""Failures that are always told in the same words."""


def of(error: BotError, *, now: float) -> ApiError:
    """How a failure is told to a program; ``now`` in epoch seconds. No text of the scheduler's is in it."""
    if isinstance(error, SchedulerError):
        return _of_scheduler(error)
    if isinstance(error, Ended):
        return _of_end(str(error))
    if isinstance(error, AdmissionError):
        return _of_admission(error, now)
    message = fill(DEFAULT_LOCALE, error.key, error.params)
    if error.key == "error.roles_unknown":
        return ApiError(503, message, SERVER, "rights_unknown", retry_after=RETRY_SOON)
    if isinstance(error, KeyRefused):
        return ApiError(401, message, code="invalid_api_key")
    if isinstance(error, NotAllowed):
        return ApiError(403, message, "permission_error", "permission_denied")
    if isinstance(error, StorageError):
        return ApiError(503, message, SERVER, "storage", retry_after=RETRY_SOON)
    return ApiError(500, message, SERVER, "internal_error")


def _of_admission(error: AdmissionError, now: float) -> ApiError:
    if isinstance(error, UserLimitReached):
        told = f"Your programs have {error.params.get('count')} requests waiting, the limit."
        return ApiError(429, told, RATE, "rate_limit_exceeded", retry_after=LIMIT_RETRY)
    if isinstance(error, QuotaUsed):
        used, limit = error.params.get("used"), error.params.get("limit")
        told = f"You have used {used} tokens today, the limit is {limit}. The count resets at midnight (UTC)."
        left = DAY - now % DAY
        return ApiError(429, told, "insufficient_quota", "insufficient_quota", retry_after=left)
    plain = _PLAIN.get(type(error))
    if plain is not None:
        return replace(plain)
    return ApiError(503, fill(DEFAULT_LOCALE, error.key, error.params), SERVER, retry_after=RETRY_SOON)


def _of_end(state: str) -> ApiError:
    if state == "expired":
        return ApiError(503, "The request waited too long in the queue.", SERVER, "expired")
    # No status after which an SDK would ask again by itself.
    return ApiError(400, "The request was cancelled in Discord.", code="cancelled")


def _of_scheduler(error: SchedulerError) -> ApiError:
    retry_after = error.retry_after
    if isinstance(error, RequestRefused):
        if error.key == "error.prompt_too_long":
            tokens, limit = error.params.get("tokens"), error.params.get("limit")
            told = f"The prompt is {tokens} tokens, the model's context has {limit}."
            return invalid(told, "messages", "context_length_exceeded")
        return invalid("The cluster refused the request: it does not support something in it.", code="refused")
    if isinstance(error, SchedulerNotReady | SchedulerUnreachable):
        told = "The cluster is not ready: it has no model, no working nodes, or does not answer."
        return ApiError(503, told, SERVER, "cluster_not_ready", retry_after=retry_after or RETRY_SOON)
    return ApiError(500, fill(DEFAULT_LOCALE, error.key, {}), SERVER, "upstream_error", retry_after=retry_after)
