"""Problems, recoveries and news as single lines of text: a glyph, what happened, when, what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.cluster.events import EventKind
from bot.domain.cluster.news import News
from bot.i18n.catalogue import say
from bot.presentation.page import compact_duration, escape_inline
from bot.presentation.status import short_node


def trouble_text(
    locale: str,
    kind: str,
    *,
    node: str = "",
    gpu: str = "",
    at: float,
    owner_id: int | None = None,
    cluster: str = "",
) -> str:
    """The text for a problem that began at ``at`` (epoch seconds). ``node`` is the node's name or peer id, ``gpu``
    its hardware, ``cluster`` the name of the cluster that it is about, where there are several."""
    parts = [*_cluster(cluster), say(locale, f"alert.{kind}", node=_node(node, gpu)), f"<t:{int(at)}:t>"]
    if owner_id is not None:
        parts.append(f"<@{owner_id}>")
    return "▲ " + " · ".join(parts)


def news_text(locale: str, news: News, *, node: str = "", cluster: str = "") -> str:
    """The text for a piece of news. ``node`` is the name or peer id of the node that it is about, ``cluster`` as
    in :func:`trouble_text`."""
    detail = news.detail
    match news.kind:
        case EventKind.MODEL_CHANGED:
            ours = bool(detail.get("ours"))
            key = "alert.model_changed" if ours else "alert.model_changed_other"
            glyph, text = "✓" if ours else "▲", say(locale, key, model=escape_inline(news.subject))
        case EventKind.CAPACITY_CHANGED:
            before, after = int(detail["before"] or 0), int(detail["after"] or 0)
            glyph, text = "●", say(locale, "alert.capacity_changed", before=before, after=after)
        case EventKind.USABLE:
            glyph, text = "✓", say(locale, "alert.usable", model=escape_inline(news.subject))
        case _:
            ready = news.kind is EventKind.NODE_READY
            came = "alert.node_joined_ready" if ready else "alert.node_joined"
            named = _node(node, str(detail.get("gpu") or ""))
            glyph, text = (
                "✓" if ready else "○",
                say(locale, came if news.joined else "alert.node_ready", node=named),
            )
    return f"{glyph} {' · '.join([*_cluster(cluster), text, f'<t:{int(news.at)}:t>'])}"


def _cluster(name: str) -> list[str]:
    return [f"**{escape_inline(name)}**"] if name else []


def _node(node: str, gpu: str) -> str:
    name = f"**{escape_inline(short_node(node))}**"
    return name + (f" ({escape_inline(gpu[:40])})" if gpu else "")


def recovery_text(locale: str, kind: str, *, node: str = "", at: float, away: float, cluster: str = "") -> str:
    """The text for a problem that ended at ``at`` (epoch seconds) after ``away`` seconds. ``cluster`` as in
    :func:`trouble_text`."""
    text = say(locale, f"alert.{kind}_over", node=_node(node, ""), duration=compact_duration(away, locale))
    return f"✓ {' · '.join([*_cluster(cluster), text, f'<t:{int(at)}:t>'])}"


LINES_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an alert, and the person whose node it is about."""

    text: str
    owner_id: int | None = None


def alert_lines(locale: str, lines: Sequence[Line]) -> tuple[str, tuple[int, ...]]:
    """One message for several lines, and the owners of the nodes in it, each once."""
    shown = [line.text for line in lines[:LINES_SHOWN]]
    if len(lines) > LINES_SHOWN:
        shown.append(say(locale, "alert.more", more=len(lines) - LINES_SHOWN))
    owners = dict.fromkeys(line.owner_id for line in lines[:LINES_SHOWN] if line.owner_id is not None)
    return "\n".join(shown), tuple(owners)
