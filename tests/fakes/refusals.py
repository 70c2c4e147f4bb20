"""What discord.py raises when Discord refuses a call."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import aiohttp
import discord


def refusal(status: int, code: int, *, field: str = "") -> discord.HTTPException:
    """For an answer of this HTTP status with this code of Discord's, about a ``field`` of the request."""
    response = cast("aiohttp.ClientResponse", SimpleNamespace(status=status, reason="no"))
    errors = {"errors": {field: {"_errors": [{"code": "NO", "message": "no"}]}}} if field else {}
    kind = {403: discord.Forbidden, 404: discord.NotFound}.get(status, discord.HTTPException)
    return kind(response, {"code": code, "message": "no", **errors})
