"""The cluster as text: the status card, the list of models, the way to join."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from bot.catalogue import say
from bot.cluster.records import Figures, Sample
from bot.inference import ClusterStatus, JoinCommand, Model, Node, NodeState
from bot.rendering.page import compact_duration, escape_inline

NODES_SHOWN = 20
MODELS_PER_PAGE = 15


class Accent(Enum):
    """The card's edge, as 0xRRGGBB: legible beside Discord's dark and light themes."""

    GOOD = 0x3BA55D
    WAITING = 0xFAA61A
    BAD = 0xED4245


@dataclass(frozen=True, slots=True)
class Load:
    """How much is going on. ``capacity`` None when the dialect does not tell and nothing was learned."""

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
    """Sections of a card, in order, its edge and its buttons. ``stamp`` says how old it is, and is no difference
    between two cards; ``live`` while it is kept current."""

    sections: tuple[str, ...]
    accent: Accent
    buttons: tuple[CardButton, ...] = ()
    stamp: str = field(default="", compare=False)
    live: bool = False


NO_FIGURES = Figures()

# What is called a day: the first sample in it may be an hour's, or the first after a restart.
ALMOST_A_DAY, A_DAY_AT_MOST = 23.5 * 3600.0, 24.5 * 3600.0


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
    web_page: str = "",
) -> Card:
    """The status card.

    ``availability`` is usable, starting, no_model, unreachable or unknown; ``received_at`` is when the report
    came, in epoch seconds: Discord shows each reader how long ago that is. ``names`` are people's names for
    nodes, ``speeds`` their tokens per second where known.
    """
    model = escape_inline(status.model or "") if status is not None else ""
    full = load.capacity is not None and 0 < load.capacity <= load.running
    state = _state(availability, full=full, frozen=frozen, failing=failing, stranded=stranded)
    glyph = "●" if availability == "usable" else "○"
    title = " · ".join(part for part in (f"**{model}**" if model else "", say(locale, f"status.{state}")) if part)
    sections = [f"{glyph} {title}", _load_line(locale, load, figures)]
    if state in REMEDIES:
        sections.append(say(locale, f"status.remedy_{state}"))
    if availability != "unreachable" and status is not None:
        sections.append(_nodes(locale, status, names or {}, speeds or {}))
        if status.need_more_nodes and not stranded:
            sections.append(say(locale, "status.need_more_nodes"))
    return Card(
        tuple(sections),
        _accent(availability, full=full, bad=failing or stranded),
        _card_buttons(locale, web_page),
        "" if received_at is None else f"-# <t:{int(received_at)}:R>",
    )


REMEDIES = frozenset({"unreachable", "frozen", "failing", "stranded"})


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


def _load_line(locale: str, load: Load, figures: Figures) -> str:
    if load.capacity is None:
        text = say(locale, "status.load_unknown", running=load.running, waiting=load.waiting)
    else:
        text = say(locale, "status.load", running=load.running, capacity=load.capacity, waiting=load.waiting)
    seen = []
    if figures.ttft is not None:
        seen.append(say(locale, "receipt.ttft", duration=compact_duration(figures.ttft, locale)))
    if figures.tokens_per_second is not None:
        seen.append(say(locale, "footer.speed", rate=f"{figures.tokens_per_second:.0f}"))
    if not seen:
        return text
    return f"{text}\n-# {say(locale, 'status.last_hour', figures=' · '.join(seen))}"


def _nodes(locale: str, status: ClusterStatus, names: Mapping[str, str], speeds: Mapping[str, float]) -> str:
    if not status.nodes:
        return say(locale, "status.no_nodes")
    lines = [_node_line(locale, node, names, speeds.get(node.node_id)) for node in status.nodes[:NODES_SHOWN]]
    if len(status.nodes) > NODES_SHOWN:
        lines.append(say(locale, "status.more_nodes", more=len(status.nodes) - NODES_SHOWN))
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
    """A node's GPUs, for the middle of a line."""
    gpu = escape_inline(node.gpu_name[:40])
    return f"{node.gpu_count} × {gpu}" if node.gpu_count > 1 else gpu


def short_node(node_id: str) -> str:
    """A peer id's tail: the heads of libp2p ids are all alike."""
    return node_id if len(node_id) <= 16 else "…" + node_id[-8:]


def joined_memory(status: ClusterStatus | None) -> float:
    """GB of all GPUs that have joined."""
    return sum(node.gpu_memory * node.gpu_count for node in status.nodes) if status is not None else 0.0


def fit_text(locale: str, model: Model, memory: float) -> str:
    """Whether a model fits into ``memory`` GB; empty when the scheduler does not tell what it needs."""
    if not model.memory_gb:
        return ""
    missing = math.ceil(model.memory_gb - memory)
    return say(locale, "models.fits") if missing <= 0 else say(locale, "models.needs", gb=missing)


def found_models(models: Sequence[Model], wanted: str, *, running: str | None) -> list[Model]:
    """The models whose name or provider contains every word of ``wanted``, the running one first."""
    words = wanted.lower().split()
    found = [one for one in models if all(word in f"{one.name} {one.provider or ''}".lower() for word in words)]
    return sorted(found, key=lambda model: (model.name != running, model.name.lower()))


def models_page(
    locale: str,
    models: Sequence[Model],
    *,
    running: str | None,
    page: int,
    memory: float | None = None,
    wanted: str = "",
) -> tuple[str, int]:
    """One page of the models that match ``wanted`` (from 0) and how many pages there are.

    ``memory`` in GB: whether each fits is told, for operators; None leaves that out."""
    found = found_models(models, wanted, running=running)
    pages = max(1, -(-len(found) // MODELS_PER_PAGE))
    page = min(max(page, 0), pages - 1)
    small = say(locale, "models.page", page=page + 1, pages=pages)
    if wanted:
        small += f" · {say(locale, 'models.wanted', wanted=escape_inline(wanted[:80]))}"
    head = f"### {say(locale, 'models.title')}\n-# {small}"
    if not found:
        return f"{head}\n{say(locale, 'models.nothing' if models else 'models.none')}", pages
    shown = found[page * MODELS_PER_PAGE : (page + 1) * MODELS_PER_PAGE]
    lines = [_model_line(locale, model, is_running=model.name == running, memory=memory) for model in shown]
    return "\n".join([head, *lines]), pages


def _model_line(locale: str, model: Model, *, is_running: bool, memory: float | None) -> str:
    details = [escape_inline(part) for part in (model.provider, model.size) if part]
    if model.memory_gb:
        details.append(say(locale, "models.memory", gb=model.memory_gb))
    elif not model.size:
        details.append(say(locale, "models.unknown_memory"))
    if is_running:
        details.append(f"**{say(locale, 'models.running')}**")
    elif memory is not None and (fit := fit_text(locale, model, memory)):
        details.append(fit)
    return f"{'●' if is_running else '○'} `{_in_code(model.name)}` · {' · '.join(details)}"


def _in_code(text: str) -> str:
    return "".join(character for character in text if character not in "`\n\r")[:100]


SYSTEMS = ("linux", "macos", "windows")


def join_card(
    locale: str, join: JoinCommand | None, status: ClusterStatus | None, *, system: str = "linux", came: str = ""
) -> Card:
    """How a node joins from this ``system``, with what that reveals; ``came`` names a node that has just come.

    Sources, in GradientHQ/parallax: the steps are docs/user_guide/install.md ("From Source", "Windows
    Application", "Docker"); ports and "lattica RPC call failed" are the FAQ of docs/user_guide/quick_start.md; the
    servers on port 18080 are in src/parallax/cli.py (``PUBLIC_RELAY_SERVERS``); a symmetric NAT ends the program
    where relays are in use ("relay does not work on this type of NAT", src/backend/server/scheduler_manage.py);
    "No peers found" is issue 286, WSL's mirrored network is issue 86. That Parallax on Windows runs in WSL 2, and
    the least card there, are from the README of GradientHQ/parallax_win_cli. The seconds until a node is listed
    were measured on the real scheduler.
    """
    title = f"### {say(locale, 'join.title')}"
    if join is None:
        return Card((title, say(locale, "join.not_initialised")), Accent.WAITING)
    sections = [
        title,
        f"{say(locale, 'join.command')}\n```sh\n{_in_code(join.command)}\n```",
        say(locale, f"join.steps_{system}"),
        say(locale, "join.public" if join.public else "join.local"),
        say(locale, "join.obstacles_public" if join.public else "join.obstacles_local"),
        f"-# {say(locale, 'join.warning')}",
    ]
    if status is not None:
        progress = say(locale, "join.progress", ready=status.ready_nodes, total=len(status.nodes))
        sections.append(f"-# {progress}")
    if came:
        sections.append(f"✓ {came}")
    return Card(tuple(sections), Accent.GOOD)


def chart_title(samples: Sequence[Sample], locale: str | None) -> str:
    """The time that the samples cover, in words."""
    covered = samples[-1].at + samples[-1].span - samples[0].at
    if ALMOST_A_DAY < covered < A_DAY_AT_MOST:
        return say(locale, "chart.title")
    # Under a minute every second counts, later only minutes do.
    rounded = covered if covered < 60 else 60.0 * round(covered / 60)
    return say(locale, "chart.title_part", duration=compact_duration(max(1.0, rounded), locale))
