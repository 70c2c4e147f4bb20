"""The export of a person's data as files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from bot.clock import utc
from bot.domain.access.keys import Key
from bot.domain.conversation.help_threads import KeptHelp
from bot.domain.conversation.personal_data import KeptQuestion
from bot.domain.conversation.summary import KeptSummary
from bot.domain.schedules.schedule import Schedule


def as_markdown(
    kept: Sequence[KeptQuestion],
    summaries: Sequence[KeptSummary],
    keys: Sequence[Key] = (),
    schedules: Sequence[Schedule] = (),
    helped: KeptHelp | None = None,
) -> bytes:
    """The questions with their answers, the summaries made of them, the keys, the schedules and what is stored of
    help channels, as Markdown in UTF-8."""
    parts = [f"# Questions and answers ({len(kept)})"]
    for one in kept:
        where = f"channel {one.channel_id}{' (private)' if one.private else ''}"
        parts.append(f"## {_time(one.asked_at)} · {where}")
        parts.append("\n".join(f"> {line}" for line in one.question.splitlines()) or "> (deleted)")
        if one.attached_text:
            parts.append(f"Attached:\n\n{one.attached_text}")
        parts.append(one.answer or f"({one.state})")
    for summary in summaries:
        parts.append(f"## Summary of earlier turns · {_time(summary.written_at)} · channel {summary.channel_id}")
        parts.append(summary.text)
    for key in keys:
        parts.append(f"## Key {key.name} ({key.prefix}…)")
        parts.extend(f"{name}: {text}" for name, text in _key_times(key).items() if text is not None)
    for schedule in schedules:
        parts.append(f"## Schedule: {schedule.new.words}")
        parts.extend(f"{name}: {value}" for name, value in _schedule_fields(schedule).items() if value is not None)
    parts.extend(f"## Help channels · {row['help']} · {row['at']}" for row in _help_rows(helped))
    return ("\n\n".join(parts) + "\n").encode()


def as_json(
    kept: Sequence[KeptQuestion],
    summaries: Sequence[KeptSummary],
    keys: Sequence[Key] = (),
    schedules: Sequence[Schedule] = (),
    helped: KeptHelp | None = None,
) -> bytes:
    """The same data as JSON in UTF-8: a list of objects, times in ISO 8601, ids as text; summaries, keys,
    schedules and help channels come last."""
    rows: list[dict[str, object]] = []
    for one in kept:
        row: dict[str, object] = asdict(one)
        row["asked_at"] = _time(one.asked_at)
        row["channel_id"] = str(one.channel_id)
        row["guild_id"] = None if one.guild_id is None else str(one.guild_id)
        rows.append(row)
    rows.extend(
        {
            "written_at": _time(summary.written_at),
            "channel_id": str(summary.channel_id),
            "guild_id": None if summary.guild_id is None else str(summary.guild_id),
            "summary": summary.text,
        }
        for summary in summaries
    )
    rows.extend({"key": key.name, "prefix": key.prefix, **_key_times(key)} for key in keys)
    rows.extend({"schedule": one.new.words, **_schedule_fields(one)} for one in schedules)
    rows.extend(_help_rows(helped))
    return json.dumps(rows, ensure_ascii=False, indent=2).encode()


def _help_rows(helped: KeptHelp | None) -> list[dict[str, object]]:
    if helped is None:
        return []
    rows: list[tuple[str, float]] = [
        *(
            (f"post {thread.thread_id} in channel {thread.channel_id}", thread.opened_at)
            for thread in helped.threads
        ),
        *((f"called a person into {call.thread_id}", call.called_at) for call in helped.calls),
    ]
    if helped.opted_out_at is not None:
        rows.append(("wants no automatic answers", helped.opted_out_at))
    return [{"help": what, "at": _time(at)} for what, at in rows]


def _key_times(key: Key) -> dict[str, str | None]:
    times = {"created_at": key.created_at, "expires_at": key.expires_at, "last_used_at": key.last_used_at}
    return {name: None if at is None else _time(at) for name, at in times.items()}


def _schedule_fields(schedule: Schedule) -> dict[str, object]:
    new, last = schedule.new, schedule.last_at
    return {
        "zone": new.zone.key,
        "channel_id": str(new.channel_id),
        "guild_id": None if new.guild_id is None else str(new.guild_id),
        "question": new.question,
        "with_summary": new.with_summary,
        "created_at": _time(new.created_at),
        "paused": schedule.paused_why is not None,
        "last_at": None if last is None else _time(last),
    }


def _time(seconds: float) -> str:
    return utc(seconds).isoformat(timespec="seconds")
