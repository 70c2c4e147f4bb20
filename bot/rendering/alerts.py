"""Trouble and recovery as single lines: one glyph, what, when, what to do."""

from __future__ import annotations

from bot.catalogue import say
from bot.rendering.cluster_card import short_node
from bot.rendering.page import compact_duration, escape_inline


def trouble_text(
    locale: str, kind: str, *, node: str = "", gpu: str = "", at: float, owner_id: int | None = None
) -> str:
    """Something went wrong at ``at`` (epoch seconds). ``node`` is its name or peer id, ``gpu`` what it has."""
    name = f"**{escape_inline(short_node(node))}**"
    hardware = f" ({escape_inline(gpu[:40])})" if gpu else ""
    parts = [say(locale, f"alert.{kind}", node=name + hardware), f"<t:{int(at)}:t>"]
    if owner_id is not None:
        parts.append(f"<@{owner_id}>")
    return "▲ " + " · ".join(parts)


def model_text(locale: str, model: str, *, at: float, ours: bool) -> str:
    """The cluster has another model since ``at`` (epoch seconds); ``ours`` when this bot set it."""
    key = "alert.model_changed" if ours else "alert.model_changed_other"
    return f"{'✓' if ours else '▲'} {say(locale, key, model=escape_inline(model))} · <t:{int(at)}:t>"


def recovery_text(locale: str, kind: str, *, node: str = "", at: float, away: float) -> str:
    """It has passed at ``at`` (epoch seconds) after ``away`` seconds."""
    name = f"**{escape_inline(short_node(node))}**"
    duration = compact_duration(away, locale)
    return f"✓ {say(locale, f'alert.{kind}_over', node=name, duration=duration)} · <t:{int(at)}:t>"
