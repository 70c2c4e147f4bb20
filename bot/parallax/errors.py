"""Conversion of the scheduler's failures to the error classes of :mod:`bot.errors`.

Statuses and bodies are those of the recordings: ``{"error": {message, type, param, code}}`` from the chat
route, ``{"type", "error": "text"}`` from ``/scheduler/init``, ``{"detail": "text"}`` from the web framework,
plain text from a crash.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime

import httpx

from bot.errors import (
    ClusterBusy,
    RequestRefused,
    SchedulerError,
    SchedulerNotReady,
    SchedulerUnreachable,
    StreamInterrupted,
    UpstreamFailed,
)
from bot.parallax import bounds
from bot.parallax.untrusted import mapping, parse_json, printable, quantity, whole_number

NOT_A_SCHEDULER = "not_a_scheduler"
ENVELOPE = "__parallax_http_response__"

_REFUSALS = frozenset({400, 409, 413, 414, 415, 422})

_TOO_LONG = (
    # recording 51; then vLLM's other wordings, then SGLang's
    re.compile(
        r"maximum context length is (?P<limit>\d+)\D.*?(?:contains|resulted in|requested) (?P<tokens>\d+)",
        re.DOTALL,
    ),
    re.compile(r"\((?P<tokens>\d+) tokens\)\D*?(?:longer than|exceeds)\D*?(?P<limit>\d+)", re.DOTALL),
)

_STATUS_OF_TYPE = {
    "invalid_request_error": 400,
    "badrequesterror": 400,
    "rate_limit_error": 429,
    "server_unavailable": 503,
    "upstream_error": 502,
    "server_error": 500,
    "internalservererror": 500,
}


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """The content of an error's body. ``message`` and ``code`` are untrusted, one line each, of limited length."""

    message: str
    code: str | None = None
    status: int | None = None


def read_error(payload: Mapping[str, object]) -> ErrorBody | None:
    """The error in a JSON object of a stream or a body; None when the object is no error.

    ``{"error": null}`` together with choices is no error.
    """
    if payload.get(ENVELOPE):
        return _read_envelope(payload)
    error = payload.get("error")
    if isinstance(error, dict) and (error or "choices" not in payload):
        return _read_fields(error)
    if isinstance(error, str) and error:
        return ErrorBody(printable(error, bounds.DETAIL))
    if payload.get("object") == "error":
        return _read_fields(payload)
    if "detail" in payload and "choices" not in payload:
        return ErrorBody(printable(payload["detail"], bounds.DETAIL) or "no detail")
    return None


def _read_fields(fields: Mapping[str, object]) -> ErrorBody:
    kind = printable(fields.get("type"), bounds.CODE)
    code = fields.get("code")
    # Some engines use the status as the code; others use numbers of their own, which have no meaning here.
    status = whole_number(code, least=400, most=bounds.STATUS_MOST) or _STATUS_OF_TYPE.get(kind.lower())
    name = printable(code, bounds.CODE)
    return ErrorBody(
        message=printable(fields.get("message"), bounds.DETAIL) or "no message",
        code=(name if not name.isdigit() else "") or kind or None,
        status=status,
    )


def _read_envelope(payload: Mapping[str, object]) -> ErrorBody:
    """Read a worker's whole HTTP response, which the RPC handler puts into the stream (recordings 52, 80)."""
    status = whole_number(payload.get("status_code"), least=bounds.STATUS_LEAST, most=bounds.STATUS_MOST)
    encoded = payload.get("body_base64")
    try:
        raw = base64.b64decode(encoded if isinstance(encoded, str) else "", validate=False)
    except (binascii.Error, ValueError):
        raw = b""
    return replace(read_body(raw), status=status)


def read_body(raw: bytes) -> ErrorBody:
    """The error in a response's body, in any of its forms."""
    try:
        payload = mapping(parse_json(raw))
    except ValueError:
        payload = None
    found = read_error(payload) if payload is not None else None
    return found or ErrorBody(printable(raw.decode("utf-8", "replace"), bounds.DETAIL) or "no body")


def retry_after(header: str | None, now: float) -> float | None:
    """The seconds of a ``Retry-After`` header, which is a number or a date. ``now`` in seconds since the epoch.
    None when it is neither, or longer than the bound."""
    if header is None:
        return None
    try:
        return quantity(float(header), most=bounds.RETRY_AFTER)
    except ValueError:
        pass
    try:
        return quantity(max(0.0, parsedate_to_datetime(header).timestamp() - now), most=bounds.RETRY_AFTER)
    except (ValueError, OverflowError, OSError):
        return None


def from_status(body: ErrorBody, *, wait: float | None = None) -> SchedulerError:
    """The error for a body with a status, from a node or the scheduler. ``wait`` is its Retry-After in seconds."""
    status = body.status
    message = f"{status or 'no status'} {body.code or '-'}: {body.message}"
    if status == 429:
        return ClusterBusy(message, status=status, code=body.code, retry_after=wait)
    if status == 503:
        return SchedulerNotReady(message, status=status, code=body.code, retry_after=wait)
    if status in _REFUSALS:
        return _refusal(message, body)
    return UpstreamFailed(message, status=status, code=body.code, retry_after=wait)


def from_response(status: int, raw: bytes, *, wait: float | None = None) -> SchedulerError:
    """The error for a response of the server at PARALLAX_URL itself."""
    body = replace(read_body(raw), status=status)
    if status in {401, 403, 407}:
        return SchedulerUnreachable(
            f"{status}: something before the scheduler asks for a login, which Parallax has none of; "
            "check PARALLAX_URL",
            status=status,
            code="login_required",
        )
    if status < 400 or status in {404, 405, 410}:
        return elsewhere(f"it answered {status}", status)
    if status < 500 and status not in _REFUSALS | {408, 429}:
        return RequestRefused(f"{status} {body.message}", status=status, code=body.code)
    return from_status(body, wait=wait)


def elsewhere(what: str, status: int | None = None) -> SchedulerUnreachable:
    """The error for an address that answers, but not as a scheduler does."""
    return SchedulerUnreachable(
        f"PARALLAX_URL does not point to a Parallax scheduler: {what}", status=status, code=NOT_A_SCHEDULER
    )


def _refusal(message: str, body: ErrorBody) -> RequestRefused:
    for pattern in _TOO_LONG:
        found = pattern.search(body.message)
        if found is None:
            continue
        tokens, limit = (whole_number(found[name], most=bounds.TOKENS) for name in ("tokens", "limit"))
        if tokens is not None and limit is not None:
            return RequestRefused(
                message,
                status=body.status,
                code=body.code,
                key="error.prompt_too_long",
                tokens=tokens,
                limit=limit,
            )
    return RequestRefused(message, status=body.status, code=body.code)


def before_headers(exc: httpx.HTTPError) -> SchedulerUnreachable:
    """The error when no response came."""
    if isinstance(exc, httpx.ConnectTimeout):
        code = "connect_timeout"
    elif isinstance(exc, httpx.ConnectError | httpx.UnsupportedProtocol):
        code = "connect_failed"
    else:
        code = "connection_lost"
    return SchedulerUnreachable(f"{type(exc).__name__}: {printable(str(exc), bounds.DETAIL)}", code=code)


def after_headers(exc: httpx.HTTPError) -> StreamInterrupted:
    """The error when a response broke off."""
    detail = printable(str(exc), bounds.DETAIL)
    return StreamInterrupted(f"{type(exc).__name__}: {detail}", code="connection_lost")
