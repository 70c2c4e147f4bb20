"""From when on a channel is summarised: a message, a time, or somebody's last message."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from bot.errors import UserError

_SECONDS = {"m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_AGO = re.compile(r"(\d{1,5})\s*(min|[mhdw])\Z", re.IGNORECASE)
_LINK = re.compile(r"<?https?://(?:\w+\.)?discord(?:app)?\.com/channels/(\d{1,20})/(\d{1,20})/(\d{1,20})/?>?\Z")
_ID = re.compile(r"\d{17,20}\Z")
LONGEST = 365 * 86_400
"""Seconds that it may be ago."""


@dataclass(frozen=True, slots=True)
class SinceMessage:
    """From this message on; ``server`` and ``channel`` None: where the command was used."""

    message: int
    server: int | None = None
    channel: int | None = None


@dataclass(frozen=True, slots=True)
class SinceTime:
    """From this moment on, in epoch seconds."""

    moment: float


@dataclass(frozen=True, slots=True)
class SinceVisit:
    """From the person's own last message on."""


Since = SinceMessage | SinceTime | SinceVisit


def since_of(text: str, *, now: float, words: Mapping[str, str]) -> Since:
    """What a person wrote: the link or id of a message, ``30 m``, ``2 h``, ``3 d``, ``1 w``, a date
    (``2026-11-20``), or one of ``words``, which are in lower case and stand for ``today``, ``yesterday`` or
    ``visit``. Days begin at midnight UTC, because Discord does not tell where a person is. Nothing written is the
    last visit. Raises :class:`UserError`."""
    written = " ".join(text.split())
    meant = words.get(written.casefold(), "" if written else "visit")
    today = datetime.fromtimestamp(now, UTC).date()
    if meant == "visit":
        return SinceVisit()
    if meant:
        return _begin(today - timedelta(days=meant == "yesterday"), now)
    if link := _LINK.match(written):
        return SinceMessage(int(link[3]), int(link[1]), int(link[2]))
    if _ID.match(written):
        return SinceMessage(int(written))
    if ago := _AGO.match(written):
        return SinceTime(now - min(LONGEST, int(ago[1]) * _SECONDS[ago[2].lower()]))
    try:
        return _begin(date.fromisoformat(written), now)
    except ValueError as error:
        raise UserError("not a time", key="error.summary_since") from error


def _begin(day: date, now: float) -> SinceTime:
    moment = datetime.combine(day, time(), UTC).timestamp()
    if moment > now:
        raise UserError("in the future", key="error.summary_since")
    return SinceTime(max(moment, now - LONGEST))
