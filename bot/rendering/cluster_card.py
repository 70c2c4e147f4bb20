"""The cluster as text: the status card, the list of models, the way to join."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from bot.catalogue import say
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
class Card:
    """Sections of a card, in order, and its edge."""

    sections: tuple[str, ...]
    accent: Accent


def status_card(
    locale: str, status: ClusterStatus | None, *, availability: str, age: float | None, load: Load
) -> Card:
    """The status card.

    ``availability`` is usable, starting, no_model, unreachable or unknown; ``age`` of the report in seconds.
    """
    model = escape_inline(status.model or "") if status is not None else ""
    full = load.capacity is not None and 0 < load.capacity <= load.running
    state = "full" if availability == "usable" and full else availability
    glyph = "●" if availability == "usable" else "○"
    title = " · ".join(part for part in (f"**{model}**" if model else "", say(locale, f"status.{state}")) if part)
    head = f"{glyph} {title}"
    if age is not None:
        head += f"\n-# {say(locale, 'status.age', duration=compact_duration(max(age, 0.0), locale))}"
    sections = [head, _load_line(locale, load)]
    if availability == "unreachable":
        sections.append(say(locale, "status.remedy_unreachable"))
    elif status is not None:
        sections.append(_nodes(locale, status))
        if status.need_more_nodes:
            sections.append(say(locale, "status.need_more_nodes"))
    return Card(tuple(sections), _accent(availability, full=full))


def _accent(availability: str, *, full: bool) -> Accent:
    if availability == "unreachable":
        return Accent.BAD
    return Accent.GOOD if availability == "usable" and not full else Accent.WAITING


def _load_line(locale: str, load: Load) -> str:
    if load.capacity is None:
        return say(locale, "status.load_unknown", running=load.running, waiting=load.waiting)
    return say(locale, "status.load", running=load.running, capacity=load.capacity, waiting=load.waiting)


def _nodes(locale: str, status: ClusterStatus) -> str:
    if not status.nodes:
        return say(locale, "status.no_nodes")
    lines = [_node_line(locale, node) for node in status.nodes[:NODES_SHOWN]]
    if len(status.nodes) > NODES_SHOWN:
        lines.append(say(locale, "status.more_nodes", more=len(status.nodes) - NODES_SHOWN))
    return "\n".join(lines)


def _node_line(locale: str, node: Node) -> str:
    ready = node.state is NodeState.AVAILABLE
    key = {NodeState.AVAILABLE: "node_ready", NodeState.WAITING: "node_joining"}.get(node.state, "node_unknown")
    gpu = escape_inline(node.gpu_name[:40])
    if node.gpu_count > 1:
        gpu = f"{node.gpu_count} × {gpu}"
    memory = say(locale, "models.memory", gb=node.gpu_memory) if node.gpu_memory else ""
    parts = [part for part in (gpu, memory, say(locale, f"status.{key}")) if part]
    name = escape_inline(short_node(node.node_id))
    return f"{'●' if ready else '○'} **{name}** · {' · '.join(parts)}"


def short_node(node_id: str) -> str:
    """A peer id's tail: the heads of libp2p ids are all alike."""
    return node_id if len(node_id) <= 16 else "…" + node_id[-8:]


def models_page(locale: str, models: Sequence[Model], *, running: str | None, page: int) -> tuple[str, int]:
    """One page of the model list (from 0) and how many pages there are."""
    pages = max(1, -(-len(models) // MODELS_PER_PAGE))
    page = min(max(page, 0), pages - 1)
    head = f"### {say(locale, 'models.title')}\n-# {say(locale, 'models.page', page=page + 1, pages=pages)}"
    if not models:
        return f"{head}\n{say(locale, 'models.none')}", pages
    ordered = sorted(models, key=lambda model: (model.name != running, model.name.lower()))
    shown = ordered[page * MODELS_PER_PAGE : (page + 1) * MODELS_PER_PAGE]
    lines = [_model_line(locale, model, is_running=model.name == running) for model in shown]
    return "\n".join([head, *lines]), pages


def _model_line(locale: str, model: Model, *, is_running: bool) -> str:
    details = [escape_inline(part) for part in (model.provider, model.size) if part]
    if model.memory_gb:
        details.append(say(locale, "models.memory", gb=model.memory_gb))
    elif not model.size:
        details.append(say(locale, "models.unknown_memory"))
    if is_running:
        details.append(f"**{say(locale, 'models.running')}**")
    return f"{'●' if is_running else '○'} `{_in_code(model.name)}` · {' · '.join(details)}"


def _in_code(text: str) -> str:
    return "".join(character for character in text if character not in "`\n\r")[:100]


def join_card(locale: str, join: JoinCommand | None, status: ClusterStatus | None) -> Card:
    """How a node joins, with what that reveals."""
    title = f"### {say(locale, 'join.title')}"
    if join is None:
        return Card((title, say(locale, "join.not_initialised")), Accent.WAITING)
    sections = [
        title,
        say(locale, "join.command"),
        f"```sh\n{_in_code(join.command)}\n```",
        say(locale, "join.public" if join.public else "join.local"),
        f"-# {say(locale, 'join.warning')}",
    ]
    if status is not None:
        progress = say(locale, "join.progress", ready=status.ready_nodes, total=len(status.nodes))
        sections.append(f"-# {progress}")
    return Card(tuple(sections), Accent.GOOD)
