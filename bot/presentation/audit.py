"""The audit log as text for operators."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.cluster.audit import AuditEntry
from bot.i18n.catalogue import say
from bot.presentation.page import escape_inline

DETAIL_SHOWN = 120


TEXT_LIMIT = 3800


def audit_text(locale: str, entries: Sequence[AuditEntry]) -> str:
    """The entries of the audit log, newest first. Discord shows each reader the times in their own time zone."""
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
