"""What operators read: the question before a switch, and who did what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bot.catalogue import say
from bot.cluster.records import AuditEntry
from bot.inference import ClusterStatus, Model
from bot.rendering.cluster_card import fit_text, joined_memory
from bot.rendering.page import escape_inline

NAMES_SHOWN = 8
DETAIL_SHOWN = 120
TEXT_LIMIT = 3800


def switch_question(
    locale: str,
    model: Model,
    *,
    nodes: int,
    local_network: bool,
    status: ClusterStatus | None,
    running: int,
    waiting: int,
    askers: Sequence[int],
) -> str:
    """What a switch to ``model`` would do, before it is confirmed. ``askers`` are the user ids of everything that
    runs and waits, once for each question."""
    current = status.model if status is not None else None
    name = escape_inline(model.name)
    network = say(locale, "init.local" if local_network else "init.public")
    lines = [
        say(locale, "init.switch", current=escape_inline(current), model=name)
        if current
        else say(locale, "init.confirm", model=name),
        say(locale, "init.details", count=nodes, network=network),
    ]
    if running or waiting:
        interrupts = say(locale, "init.interrupts", running=running, waiting=waiting)
        lines.append(f"{interrupts} ({_people(askers)})")
        lines.append(say(locale, "init.kept"))
    if status is not None and status.nodes:
        if fit := fit_text(locale, model, joined_memory(status)):
            lines.append(say(locale, "init.memory", gb=model.memory_gb, fit=fit))
        lines.append(f"-# {say(locale, 'init.danger')}")
    return "\n".join(lines)


def _people(askers: Sequence[int]) -> str:
    counted = Counter(askers).most_common()
    shown = [f"<@{user}>" if count == 1 else f"<@{user}> ×{count}" for user, count in counted[:NAMES_SHOWN]]
    return ", ".join(shown) + (", …" if len(counted) > NAMES_SHOWN else "")


def audit_text(locale: str, entries: Sequence[AuditEntry]) -> str:
    """Who did what, newest first. Discord shows each reader the times in their own time zone."""
    head = f"### {say(locale, 'audit.title')}"
    if not entries:
        return f"{head}\n{say(locale, 'audit.none')}"
    lines = [head]
    for entry in entries:
        line = f"<t:{int(entry.at)}:f> · <@{entry.actor_id}> · {escape_inline(entry.action)}{_detail(entry)}"
        if sum(map(len, lines)) + len(line) > TEXT_LIMIT:
            break
        lines.append(line)
    return "\n".join(lines)


def _detail(entry: AuditEntry) -> str:
    if not isinstance(entry.detail, dict):
        return f" · {escape_inline(str(entry.detail)[:DETAIL_SHOWN])}" if entry.detail else ""
    said = ", ".join(f"{key} {value}" for key, value in entry.detail.items() if value not in (None, False, ""))
    return f" · {escape_inline(said[:DETAIL_SHOWN])}" if said else ""
