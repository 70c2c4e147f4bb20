"""Text of the audit log."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.cluster.audit import AuditEntry
from bot.i18n.catalogue import DEFAULT_LOCALE, say, sentences
from bot.presentation.page import escape_inline

DETAIL_SHOWN = 120
TEXT_LIMIT = 3800


def audit_text(locale: str, entries: Sequence[AuditEntry]) -> str:
    """The entries, newest first. Discord shows each reader the times in their own time zone."""
    head = f"### {say(locale, 'audit.title')}"
    if not entries:
        return f"{head}\n{say(locale, 'audit.none')}"
    lines = [head]
    for entry in entries:
        line = f"<t:{int(entry.at)}:f> · <@{entry.actor_id}> · {_action(locale, entry)}{_detail(entry)}"
        if sum(map(len, lines)) + len(line) > TEXT_LIMIT:
            break
        lines.append(line)
    return "\n".join(lines)


def _action(locale: str, entry: AuditEntry) -> str:
    """The action in words; the stored name of one that has no words, for example of a newer version."""
    key = f"audit.action.{entry.action}"
    return say(locale, key) if key in sentences(DEFAULT_LOCALE) else escape_inline(entry.action)


def _detail(entry: AuditEntry) -> str:
    said = entry.detail
    if isinstance(said, dict):
        said = ", ".join(f"{key} {value}" for key, value in said.items() if value not in (None, False, ""))
    return f" · {escape_inline(str(said)[:DETAIL_SHOWN])}" if said else ""
