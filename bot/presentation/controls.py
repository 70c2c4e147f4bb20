"""The ids of buttons: ``answer:<action>:<request id>``, so that a press says all that is needed to act on it."""

from __future__ import annotations

REQUEST_ID = r"[0-9a-f]{16}"
