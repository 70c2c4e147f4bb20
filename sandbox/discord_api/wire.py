"""What travels on the wire: JSON objects, and the errors Discord answers with.

Error codes and their texts: docs.discord.com, developers/topics/opcodes-and-status-codes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeAlias

JSON: TypeAlias = dict[str, Any]
"""A JSON object as read from, or written to, the wire."""


class ApiError(Exception):
    """A request that Discord refuses: ``status`` (HTTP), ``code`` (Discord's JSON code) and a body."""

    def __init__(self, status: int, code: int, message: str, errors: JSON | None = None) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.errors = errors

    def body(self) -> JSON:
        """The JSON body of the answer."""
        body: JSON = {"message": self.message, "code": self.code}
        if self.errors is not None:
            body["errors"] = self.errors
        return body


_KNOWN: dict[int, tuple[int, str]] = {
    10003: (404, "Unknown Channel"),
    10004: (404, "Unknown Guild"),
    10006: (404, "Unknown Invite"),
    10007: (404, "Unknown Member"),
    10008: (404, "Unknown Message"),
    10009: (404, "Unknown permission overwrite"),
    10011: (404, "Unknown Role"),
    10013: (404, "Unknown User"),
    10014: (404, "Unknown Emoji"),
    10015: (404, "Unknown Webhook"),
    10026: (404, "Unknown Ban"),
    10062: (404, "Unknown interaction"),
    10063: (404, "Unknown application command"),
    10065: (404, "Unknown Voice State"),
    10066: (404, "Unknown application command permissions"),
    10070: (404, "Unknown Guild Scheduled Event"),
    20001: (403, "Bots cannot use this endpoint"),
    20016: (429, "This action cannot be performed due to slowmode rate limit"),
    20028: (429, "The write action you are performing on the channel has hit the write rate limit."),
    30007: (400, "Maximum number of webhooks reached (15)"),
    30032: (400, "Maximum number of application commands reached (100)"),
    30034: (400, "Max number of daily application command creates has been reached (200)"),
    30046: (429, "Maximum number of edits to messages older than 1 hour reached. Try again later"),
    40005: (413, "Request entity too large"),
    40060: (400, "Interaction has already been acknowledged."),
    40094: (400, "Maximum number of follow-up messages reached"),
    50001: (403, "Missing Access"),
    50003: (403, "Cannot execute action on a DM channel"),
    50005: (403, "Cannot edit a message authored by another user"),
    50006: (400, "Cannot send an empty message"),
    50007: (403, "Cannot send messages to this user"),
    50013: (403, "Missing Permissions"),
    50016: (
        400,
        "Provided too few or too many messages to delete. Must provide at least 2 and at most 100 messages.",
    ),
    50021: (403, "Cannot execute action on a system message"),
    50024: (403, "Cannot execute action on this channel type"),
    50027: (401, "Invalid Webhook Token"),
    50034: (400, "A message provided was too old to bulk delete"),
    50041: (400, "Invalid API version provided"),
    50083: (400, "Thread is archived"),
    50109: (400, "The request body contains invalid JSON."),
    160002: (403, "Cannot reply without permission to read message history"),
    160004: (400, "A thread has already been created for this message"),
    160005: (403, "Thread is locked"),
    160006: (400, "Maximum number of active threads reached"),
}


def refuse(code: int) -> ApiError:
    """The error with Discord's documented text for ``code``; raises KeyError for a code not in the table."""
    status, message = _KNOWN[code]
    return ApiError(status, code, message)


def error_for(code: int) -> ApiError:
    """Like :func:`refuse`, but any other code becomes a plain 400 (for scripted faults)."""
    if code in _KNOWN:
        return refuse(code)
    return ApiError(400, code, "Scripted error")


def form_errors(problems: dict[str, tuple[str, str]]) -> ApiError:
    """The 50035 error: ``problems`` maps a dotted path to (code, message).

    Shape: docs.discord.com, developers/reference, "Error Messages".
    """
    tree: JSON = {}
    for path, (code, message) in problems.items():
        node = tree
        for part in path.split(".") if path else ():
            node = node.setdefault("?" if part == "_errors" else part, {})
        node.setdefault("_errors", []).append({"code": code, "message": message})
    return ApiError(400, 50035, "Invalid Form Body", tree)


def form_error(path: str, code: str, message: str) -> ApiError:
    """The 50035 error about one field."""
    return form_errors({path: (code, message)})


def too_long(path: str, limit: int) -> ApiError:
    """The 50035 error about a text above ``limit`` characters."""
    return form_error(path, "BASE_TYPE_MAX_LENGTH", f"Must be {limit} or fewer in length.")


def iso(moment: float) -> str:
    """A Unix time as Discord writes it."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds")
