"""The ids of buttons: ``answer:<action>:<request id>``, which is all that is needed to handle a press."""

from __future__ import annotations

REQUEST_ID = r"[0-9a-f]{16}"
