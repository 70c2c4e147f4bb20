"""What may be written for the beginning of a summary."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.domain.channel_summary.since import LONGEST, Since, SinceMessage, SinceTime, SinceVisit, since_of
from bot.errors import UserError

_NOW = datetime(2026, 11, 28, 15, 30, tzinfo=UTC).timestamp()
_WORDS = {"today": "today", "gestern": "yesterday", "yesterday": "yesterday", "visit": "visit"}


def _at(day: int, hour: int = 0, minute: int = 0) -> SinceTime:
    return SinceTime(datetime(2026, 11, day, hour, minute, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("", SinceVisit()),
        ("visit", SinceVisit()),
        ("2 h", _at(28, 13, 30)),
        ("30min", _at(28, 15)),
        ("30 m", _at(28, 15)),
        ("3 D", _at(25, 15, 30)),
        ("1w", _at(21, 15, 30)),
        ("today", _at(28)),
        (" Gestern ", _at(27)),
        ("2026-11-20", _at(20)),
        ("99999w", SinceTime(_NOW - LONGEST)),
        ("1999-01-01", SinceTime(_NOW - LONGEST)),
        ("900000000000000001", SinceMessage(900_000_000_000_000_001)),
        ("https://discord.com/channels/1/2/3", SinceMessage(3, 1, 2)),
        ("<https://ptb.discord.com/channels/1/2/3>", SinceMessage(3, 1, 2)),
    ],
)
def test_what_is_understood(written: str, meant: Since) -> None:
    assert since_of(written, now=_NOW, words=_WORDS) == meant


@pytest.mark.parametrize(
    "written", ["soon", "2 hours ago", "12", "2026-13-01", "2026-11-29", "-1 h", "https://x.org/1"]
)
def test_what_is_not(written: str) -> None:
    with pytest.raises(UserError) as refused:
        since_of(written, now=_NOW, words=_WORDS)
    assert refused.value.key == "error.summary_since"
