"""What an error of a node or of the scheduler is, from its body and its status."""

from __future__ import annotations

import base64

import pytest

from bot.domain.chat import ChatRequest
from bot.errors import (
    ClusterBusy,
    KeyWanted,
    RequestRefused,
    SchedulerNotReady,
    SchedulerUnreachable,
    UpstreamFailed,
)
from bot.parallax import bounds
from bot.parallax.errors import ENVELOPE, MODEL_NOT_FOUND, ErrorBody, from_response, read_error, retry_after
from bot.parallax.sent_prompt import SentPrompt


def envelope(status: object, body: object) -> dict[str, object]:
    """A worker's whole response inside of a stream."""
    return {ENVELOPE: True, "status_code": status, "body_base64": body}


def encoded(text: str) -> str:
    """As the worker encodes its body."""
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        (envelope(503, encoded('{"error": {"message": "full"}}')), ErrorBody("full", None, 503)),
        (envelope(500, encoded("plain words")), ErrorBody("plain words", None, 500)),
        (envelope("x", "a"), ErrorBody("no body")),
        (envelope(500, 7), ErrorBody("no body", None, 500)),
        ({"error": "words"}, ErrorBody("words")),
        ({"error": {}}, ErrorBody("no message")),
        ({"object": "error", "message": "m", "code": 400}, ErrorBody("m", None, 400)),
        ({"detail": ""}, ErrorBody("no detail")),
    ],
)
def test_errors_in_all_their_forms(payload: dict[str, object], found: ErrorBody) -> None:
    """Also with a body that cannot be decoded."""
    assert read_error(payload) == found


@pytest.mark.parametrize(
    "payload", [{}, {"choices": []}, {"error": None, "choices": []}, {"error": {}, "choices": []}]
)
def test_what_is_no_error(payload: dict[str, object]) -> None:
    assert read_error(payload) is None


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, b"", KeyWanted),
        (404, b"not here", SchedulerUnreachable),
        (404, b'{"error": {"message": "no", "code": "' + MODEL_NOT_FOUND.encode() + b'"}}', RequestRefused),
        (200, b"<html>", SchedulerUnreachable),
        (418, b"teapot", RequestRefused),
        (429, b"", ClusterBusy),
        (503, b"", SchedulerNotReady),
        (500, b"", UpstreamFailed),
    ],
)
def test_a_response_that_is_no_answer(status: int, body: bytes, kind: type[Exception]) -> None:
    """A missing route is another server; a model that is missing there is the scheduler's own answer."""
    assert isinstance(from_response(status, body), kind)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 40.0),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 0.0),
        ("soon", None),
        (str(bounds.RETRY_AFTER + 1), None),
        ("-1", None),
    ],
)
def test_how_long_to_wait(header: str | None, seconds: float | None) -> None:
    """A number of seconds or a date, within the bound."""
    assert retry_after(header, 60.0) == seconds


def test_a_request_without_messages_is_echoed_by_nothing() -> None:
    """There is no prompt that an answer could begin with."""
    assert SentPrompt.of(ChatRequest(messages=(), max_tokens=1)) == SentPrompt()
