"""The ids of buttons: ``answer:<action>:<request id>``, so that a press says all that is needed to act on it."""

from __future__ import annotations

from bot.rendering.page import Control

REQUEST_ID = r"[0-9a-f]{16}"


def control_id(control: Control, request_id: str) -> str:
    """The custom id of a control; at most 100 characters (Discord docs, components/reference, "Custom ID")."""
    return f"answer:{control.value}:{request_id}"
