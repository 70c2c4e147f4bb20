"""The status card of the cluster, and texts about its nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from bot.domain.cluster.history import Figures
from bot.domain.status import ClusterStatus, Node, NodeState
from bot.i18n.catalogue import say
from bot.presentation.page import compact_duration, escape_inline

NODES_SHOWN = 20


class Accent(Enum):
    """The colour of a card's edge, as 0xRRGGBB: visible in Discord's dark and light themes."""

    GOOD = 0x3BA55D
    WAITING = 0xFAA61A
    BAD = 0xED4245


@dataclass(frozen=True, slots=True)
class Load:
    """The load of the cluster. ``capacity`` is None when the dialect does not report it and nothing was
    learned."""

    running: int
    capacity: int | None
    waiting: int


@dataclass(frozen=True, slots=True)
class CardButton:
    """A button of a card: ``action`` is what a press does (see :data:`CARD_ACTIONS`), or it opens ``url``."""

    label: str
    action: str = ""
    url: str = ""


CARD_ACTIONS = ("live", "chart", "join")


@dataclass(frozen=True, slots=True)
class Card:
    """A card: its sections in order, its edge and its buttons. ``stamp`` is the text about its age and is ignored
    when two cards are compared; ``live`` while the card is updated."""

    sections: tuple[str, ...]
    accent: Accent
    buttons: tuple[CardButton, ...] = ()
    stamp: str = field(default="", compare=False)
    live: bool = False


NO_FIGURES = Figures()


def status_card(
    locale: str,
    status: ClusterStatus | None,
    *,
    availability: str,
    received_at: float | None,
    load: Load,
    figures: Figures = NO_FIGURES,
    speeds: Mapping[str, float] | None = None,
    names: Mapping[str, str] | None = None,
    frozen: bool = False,
    failing: bool = False,
    stranded: bool = False,
    wants_key: bool = False,
    standalone: bool = False,
    model_fault: str | None = None,
    web_page: str = "",
    nodes_shown: int = NODES_SHOWN,
    of_several: bool = False,
) -> Card:
    """The status card.

    ``availability`` is usable, starting, no_model, unreachable or unknown; ``received_at`` is when the report
    came, in epoch seconds: Discord shows each reader how long ago that is. ``names`` are people's names for
    nodes, ``speeds`` their tokens per second where known. ``model_fault`` is model_unlisted or model_failed when
    the model cannot run. ``standalone``: a node answers that runs without a scheduler. At most ``nodes_shown``
    nodes are shown; ``of_several``: it is a part of :func:`clusters_card`, which says how many questions wait.
    """
    full = load.capacity is not None and 0 < load.capacity <= load.running
    state = _state(availability, full=full, frozen=frozen, failing=failing, stranded=stranded)
    if state == "unreachable" and wants_key:
        state = "wants_key"
    elif state == "starting" and model_fault is not None:
        state = model_fault
    elif state == "unknown" and standalone:
        # What another server reported before says nothing of this one.
        state, status = "standalone", None
    model = escape_inline(status.model or "") if status is not None else ""
    glyph = "●" if availability == "usable" else "○"
    title = " · ".join(part for part in (f"**{model}**" if model else "", say(locale, f"status.{state}")) if part)
    sections = [f"{glyph} {title}", _load_line(locale, load, figures, of_several=of_several)]
    if state in REMEDIES:
        sections.append(say(locale, f"status.remedy_{state}"))
    if availability != "unreachable" and status is not None:
        if status.nodes:
            sections.append(_nodes(locale, status, names or {}, speeds or {}, nodes_shown))
        elif state not in REMEDIES:
            sections.append(say(locale, "status.no_nodes"))
        if status.need_more_nodes and not stranded:
            sections.append(say(locale, "status.need_more_nodes"))
    return Card(
        tuple(sections),
        _accent(availability, full=full, bad=failing or stranded or state == model_fault),
        _card_buttons(locale, web_page),
        "" if received_at is None else f"-# <t:{int(received_at)}:R>",
    )


CARD_ROOM = 3_600
"""Characters of all clusters together; Discord takes 4,000 of one message's text."""


def clusters_card(locale: str, drawn: Callable[[int], Sequence[tuple[str, Card]]], *, waiting: int) -> Card:
    """The cards of several clusters as one, each under its name. ``drawn`` draws them, given how many nodes each
    may show: as many as there is room for. ``waiting`` questions are in the queue, which they share."""
    cards = drawn(NODES_SHOWN)
    for fewer in (8, 4, 2, 0):
        if sum(len(_under(name, card)) for name, card in cards) <= CARD_ROOM:
            break
        cards = drawn(fewer)
    parts = [_under(name, card)[: CARD_ROOM // len(cards) if fewer == 0 else CARD_ROOM] for name, card in cards]
    worst = max((card.accent for _, card in cards), key=list(Accent).index)
    pages = [replace(button, label=name) for name, card in cards for button in card.buttons if button.url]
    stamps = sorted(card.stamp for _, card in cards if card.stamp)
    return Card(
        (say(locale, "status.waiting", waiting=waiting), *parts),
        worst,
        (*_card_buttons(locale, ""), *pages[: MOST_BUTTONS - len(CARD_ACTIONS)]),
        stamps[0] if stamps else "",
    )


def _under(name: str, card: Card) -> str:
    return f"**{escape_inline(name)}**\n" + "\n".join(card.sections)


def of_cluster(name: str, card: Card) -> Card:
    """The card of one of several clusters under its name; its buttons are about this one."""
    buttons = [
        replace(button, action=f"{button.action}:{name}") if button.action else button for button in card.buttons
    ]
    title = f"**{escape_inline(name)}** · {card.sections[0]}"
    return replace(card, sections=(title, *card.sections[1:]), buttons=tuple(buttons))


MOST_BUTTONS = 5
"""Buttons in one row, as Discord allows them."""

REMEDIES = frozenset(
    {
        "unreachable",
        "wants_key",
        "frozen",
        "failing",
        "stranded",
        "no_model",
        "model_unlisted",
        "model_failed",
        "standalone",
    }
)


def _state(availability: str, *, full: bool, frozen: bool, failing: bool, stranded: bool) -> str:
    if availability == "unreachable":
        return "frozen" if frozen else "unreachable"
    if stranded:
        return "stranded"
    if availability != "usable":
        return availability
    if failing:
        return "failing"
    return "full" if full else "usable"


def _card_buttons(locale: str, web_page: str) -> tuple[CardButton, ...]:
    buttons = [CardButton(say(locale, f"status.{action}"), action) for action in CARD_ACTIONS]
    if web_page:
        buttons.append(CardButton(say(locale, "status.open_page"), url=web_page))
    return tuple(buttons)


def _accent(availability: str, *, full: bool, bad: bool) -> Accent:
    if availability == "unreachable" or bad:
        return Accent.BAD
    return Accent.GOOD if availability == "usable" and not full else Accent.WAITING


def _load_line(locale: str, load: Load, figures: Figures, *, of_several: bool) -> str:
    if load.capacity is None:
        key = "status.load_unknown_here" if of_several else "status.load_unknown"
    else:
        key = "status.load_here" if of_several else "status.load"
    text = say(locale, key, running=load.running, capacity=load.capacity, waiting=load.waiting)
    seen = []
    if figures.ttft is not None:
        seen.append(say(locale, "receipt.ttft", duration=compact_duration(figures.ttft, locale)))
    if figures.tokens_per_second is not None:
        seen.append(say(locale, "footer.speed", rate=f"{figures.tokens_per_second:.0f}"))
    if not seen:
        return text
    return f"{text}\n-# {say(locale, 'status.last_hour', figures=' · '.join(seen))}"


def _nodes(
    locale: str, status: ClusterStatus, names: Mapping[str, str], speeds: Mapping[str, float], shown: int
) -> str:
    lines = [_node_line(locale, node, names, speeds.get(node.node_id)) for node in status.nodes[:shown]]
    if len(status.nodes) > shown:
        lines.append(say(locale, "status.more_nodes", more=len(status.nodes) - shown))
    return "\n".join(lines)


def _node_line(locale: str, node: Node, names: Mapping[str, str], rate: float | None) -> str:
    ready = node.state is NodeState.AVAILABLE
    key = {NodeState.AVAILABLE: "node_ready", NodeState.WAITING: "node_joining"}.get(node.state, "node_unknown")
    memory = say(locale, "models.memory", gb=node.gpu_memory) if node.gpu_memory else ""
    speed = say(locale, "footer.speed", rate=f"{rate:.0f}") if rate is not None and ready else ""
    parts = [part for part in (gpu_text(node), memory, say(locale, f"status.{key}"), speed) if part]
    name = escape_inline(names.get(node.node_id) or short_node(node.node_id))
    return f"{'●' if ready else '○'} **{name}** · {' · '.join(parts)}"


def gpu_text(node: Node) -> str:
    """A node's GPUs as text for the middle of a line."""
    gpu = escape_inline(node.gpu_name[:40])
    return f"{node.gpu_count} × {gpu}" if node.gpu_count > 1 else gpu


def short_node(node_id: str) -> str:
    """The last characters of a peer id: all libp2p ids begin with the same ones."""
    return node_id if len(node_id) <= 16 else "…" + node_id[-8:]


def in_code(text: str) -> str:
    """The text for a code span: at most 100 characters on one line, without backticks."""
    return "".join(character for character in text if character not in "`\n\r")[:100]
