"""Text of what a look at everything the bot depends on has found."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.checkup import Finding, Level, worst
from bot.i18n.catalogue import say
from bot.presentation.page import escape_inline

TEXT_LIMIT = 3600
DETAIL_SHOWN = 300

_MARKS = {Level.BROKEN: "❌", Level.WARNING: "⚠️", Level.OK: "✅"}
_SUMMARIES = {Level.BROKEN: "doctor.broken", Level.WARNING: "doctor.warning", Level.OK: "doctor.ok"}


def checkup_text(locale: str, findings: Sequence[Finding]) -> str:
    """The findings, the worst first. They are in English, as in the terminal and in the log."""
    lines = [f"### {say(locale, 'doctor.title')}", say(locale, _SUMMARIES[worst(findings)])]
    order = list(_MARKS)
    ranked = sorted(findings, key=lambda finding: order.index(finding.level))
    for number, finding in enumerate(ranked):
        line = f"{_MARKS[finding.level]} **{escape_inline(finding.what[:80])}**: "
        line += escape_inline(finding.sentence[:DETAIL_SHOWN])
        if sum(map(len, lines)) + len(line) > TEXT_LIMIT:
            lines.append(say(locale, "doctor.more", rest=len(ranked) - number))
            break
        lines.append(line)
    return "\n".join(lines)
