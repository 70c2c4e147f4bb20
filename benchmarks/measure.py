"""What is measured: when a reader saw which token."""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sandbox.discord_api import Message
from sandbox.parallax.log import ChatRecord

_TOKEN = re.compile(r"\bt(\d{4})\b")
SAMPLE = 0.002


def numbered_tokens(count: int) -> Iterator[str]:
    """Tokens that tell their number, in sentences and paragraphs like an answer's."""
    for number in range(1, count + 1):
        end = ".\n\n" if number % 60 == 0 else ". " if number % 12 == 0 else " "
        yield f"t{number:04d}{end}"


def shows_token(text: str) -> bool:
    """Whether a text shows any numbered token."""
    return _TOKEN.search(text) is not None


@dataclass(frozen=True, slots=True)
class Seen:
    """From the moment ``at`` (monotonic seconds) a reader saw the first ``tokens`` tokens."""

    at: float
    tokens: int


def seen(messages: Sequence[Message]) -> list[Seen]:
    """What a reader saw of numbered tokens over all messages of an answer, in the order of time."""
    revisions = sorted(
        (
            Seen(revision.applied_at, _newest(revision.payload))
            for message in messages
            for revision in message.history
        ),
        key=lambda item: item.at,
    )
    best = 0
    result: list[Seen] = []
    for item in revisions:
        if item.tokens > best:
            best = item.tokens
            result.append(item)
    return result


def _newest(payload: Mapping[str, object]) -> int:
    # As JSON escapes it, a line's end would stand before the number like a letter.
    text = json.dumps(payload, ensure_ascii=False).replace("\\n", " ")
    return max((int(number) for number in _TOKEN.findall(text)), default=0)


def first_delay(record: ChatRecord, views: Sequence[Seen]) -> float:
    """Seconds from the scheduler's first token to the first text a reader saw."""
    return views[0].at - record.token_times[0]


def last_delay(record: ChatRecord, views: Sequence[Seen]) -> float:
    """Seconds from the scheduler's last token to the revision that shows it."""
    return next(view.at for view in views if view.tokens >= len(record.token_times)) - record.token_times[-1]


def staleness(
    record: ChatRecord, views: Sequence[Seen], *, since: float | None = None, until: float | None = None
) -> list[float]:
    """The age of the oldest token not yet visible, sampled each 2 ms from the first token to the last view, or
    between two moments (monotonic seconds)."""
    times = record.token_times
    ages: list[float] = []
    now, end, index = since or times[0], until or views[-1].at, 0
    visible = 0
    while now < end:
        while index < len(views) and views[index].at <= now:
            visible = views[index].tokens
            index += 1
        oldest = times[visible] if visible < len(times) else None
        ages.append(now - oldest if oldest is not None and oldest <= now else 0.0)
        now += SAMPLE
    return ages


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` (0–1) of ``values`` lie, by the nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered)) - 1))]


def summary(values: Sequence[float]) -> dict[str, float]:
    """Median, 95th percentile, mean and maximum, in milliseconds."""
    return {
        "median_ms": round(statistics.median(values) * 1000, 1),
        "p95_ms": round(percentile(values, 0.95) * 1000, 1),
        "mean_ms": round(statistics.fmean(values) * 1000, 1),
        "max_ms": round(max(values) * 1000, 1),
    }
