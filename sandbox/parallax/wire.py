"""The bytes of the scheduler's HTTP server, as recorded: header order and case, JSON spacing, error bodies.

The scheduler runs on uvicorn, which writes lower-case header names in the order given by the application
and adds `Transfer-Encoding` and `Connection` itself, capitalised, at the end (recordings 15 and 30). The
endpoints answer compact JSON; only `/cluster/status` writes Python's default spacing (recording 03).
"""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from email.utils import formatdate
from http import HTTPStatus
from typing import Final, TypeAlias

__all__ = [
    "BOTH_PROMPTS",
    "BUSY",
    "CONTEXT_TOO_LONG",
    "ENGINE_DEAD",
    "ENGINE_UNAVAILABLE",
    "EVENT_STREAM",
    "INTERNAL",
    "INVALID_BODY",
    "LAST_CHUNK",
    "MISSING_MESSAGES",
    "NDJSON",
    "NOTHING_TO_CONTINUE",
    "NOT_AN_OBJECT",
    "NO_KEY",
    "ROUTING_NOT_READY",
    "SERVER_NOT_READY",
    "UPSTREAM",
    "Headers",
    "Json",
    "JsonObject",
    "compact",
    "envelope",
    "error",
    "framed",
    "head",
    "no_such_model",
    "spaced",
]

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
JsonObject: TypeAlias = Mapping[str, Json]
Headers: TypeAlias = tuple[tuple[str, str], ...]

LAST_CHUNK: Final = b"0\r\n\r\n"

EVENT_STREAM: Final[Headers] = (
    ("x-content-type-options", "nosniff"),
    ("cache-control", "no-cache"),
    ("content-type", "text/event-stream; charset=utf-8"),
    ("vary", "Origin"),
)
NDJSON: Final[Headers] = (
    ("cache-control", "no-cache"),
    ("connection", "keep-alive"),
    ("content-type", "application/x-ndjson"),
    ("vary", "Origin"),
)


def error(message: str, kind: str, code: str) -> JsonObject:
    """The body of every chat error of the current dialect (recordings 06 to 09, 40, 41)."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


INVALID_BODY: Final = error("Invalid request body", "invalid_request_error", "invalid_request_error")
NOT_AN_OBJECT: Final = error(
    "Request body must be a JSON object", "invalid_request_error", "invalid_request_error"
)
SERVER_NOT_READY: Final = error("Server is not ready", "server_unavailable", "server_not_ready")
ROUTING_NOT_READY: Final = error("Routing pipelines not ready", "server_unavailable", "routing_not_ready")
BUSY: Final = error(
    "All pipelines are busy or not ready. Please retry later.", "rate_limit_error", "rate_limit_exceeded"
)
UPSTREAM: Final = error("Internal server error", "upstream_error", "upstream_error")
ENGINE_UNAVAILABLE: Final = error(
    "failed to submit chat request: engine core is not available", "server_error", "server_error"
)
ENGINE_DEAD: Final = error("engine core died", "server_error", "server_error")
INTERNAL: Final[JsonObject] = {
    "error": {"message": "Internal server error", "type": "server_error", "code": "server_error"}
}
"""What the real worker's front says when its engine fails (recordings 130 to 132): without `param`."""
NO_KEY: Final = error("Invalid API key", "authentication_error", "invalid_api_key")
CONTEXT_TOO_LONG: Final = error(
    "This model's maximum context length is 32768 tokens. However, your prompt contains 40001 input tokens.",
    "invalid_request_error",
    "invalid_request_error",
)
BOTH_PROMPTS: Final = error(
    "`continue_final_message` and `add_generation_prompt` cannot both be true.",
    "invalid_request_error",
    "invalid_request_error",
)
NOTHING_TO_CONTINUE: Final = error(
    "`continue_final_message` needs an assistant message at the end.",
    "invalid_request_error",
    "invalid_request_error",
)
MISSING_MESSAGES: Final = error(
    "Failed to deserialize the JSON body into the target type: missing field `messages`",
    "invalid_request_error",
    "json_parse_error",
)


def no_such_model(name: str) -> JsonObject:
    """The 404 of a node without a scheduler, also for a request that names no model."""
    return error(f"The model `{name}` does not exist.", "invalid_request_error", "model_not_found")


def compact(value: Json) -> bytes:
    """JSON as the endpoints answer it: no spaces, raw UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def spaced(value: Json) -> bytes:
    """JSON as `/cluster/status` streams it: Python's default spacing and escapes."""
    return json.dumps(value).encode()


def envelope(status: int, body: JsonObject) -> bytes:
    """What slips into a 200 stream when the worker's answer broke off (recordings 52, 81)."""
    return compact(
        {
            "__parallax_http_response__": True,
            "status_code": status,
            "content_type": "application/json",
            "body_base64": base64.b64encode(compact(body)).decode(),
        }
    )


def framed(data: bytes) -> bytes:
    """`data` as one chunk of a chunked body; must not be empty, for that would end the body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def head(status: int, headers: Iterable[tuple[str, str]], *, chunked: bool, close: bool) -> bytes:
    """The status line and headers: `date` and `server` first, what the framing needs last."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    lines.append(f"date: {formatdate(usegmt=True)}")
    lines.append("server: uvicorn")
    lines.extend(f"{name}: {value}" for name, value in headers)
    if chunked:
        lines.append("Transfer-Encoding: chunked")
    if close:
        lines.append("Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
