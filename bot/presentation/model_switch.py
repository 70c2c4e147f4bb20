"""The card of a model switch: a tick for each step done, an arrow for the current one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bot.domain.cluster.switch_steps import STEPS, Step, Switch, SwitchState
from bot.domain.status import ClusterStatus, Model
from bot.i18n.catalogue import say
from bot.presentation.join import joined_memory
from bot.presentation.models import fit_text
from bot.presentation.page import escape_inline
from bot.presentation.status import Accent, Card, CardButton


def switch_card(
    locale: str,
    switch: Switch,
    *,
    status: ClusterStatus | None,
    running: int,
    returning: int,
    hidden: int,
    trouble: str | None,
    names_cluster: bool = False,
) -> Card:
    """The card that shows the progress of a switch. The actions of its buttons contain the switch's id.
    ``names_cluster``: it says which cluster gets the model.

    ``returning`` and ``hidden``: workers that are not listed and may run, as in :class:`SwitchObservation`.
    """
    unlisted = _unlisted(locale, status, returning=returning, hidden=hidden)
    lines = [_line(locale, switch, step, status=status, running=running, unlisted=unlisted) for step in STEPS]
    named = f"{escape_inline(switch.cluster)}: " if names_cluster else ""
    title = f"### {named}{say(locale, f'switch.{switch.state.value}', model=escape_inline(switch.model))}"
    sections = [title, "\n".join(lines)]
    join = status.join if status is not None else None
    if switch.state is SwitchState.OPEN and switch.step in {Step.START, Step.USABLE} and join is not None:
        command = "".join(character for character in join.command if character not in "`\n\r")
        sections.append(f"{say(locale, 'switch.join')}\n```sh\n{command}\n```")
    if trouble is not None:
        sections.append(f"▲ {say(locale, trouble)}")
    accent = Accent.BAD if trouble is not None else Accent.WAITING
    if switch.state is SwitchState.DONE:
        accent = Accent.GOOD
    return Card(tuple(sections), accent, _buttons(locale, switch), f"-# <t:{int(switch.started_at)}:R>")


def _line(
    locale: str, switch: Switch, step: Step, *, status: ClusterStatus | None, running: int, unlisted: str
) -> str:
    at, here = STEPS.index(step), STEPS.index(switch.step)
    if switch.state is SwitchState.DONE or at < here:
        if step is Step.STOP and switch.workers == 0:
            return f"✓ {say(locale, 'switch.done_stop_none')}"
        return f"✓ {say(locale, f'switch.done_{step.value}', counted=_count(switch, step))}"
    if at > here or switch.state is not SwitchState.OPEN:
        return f"· {say(locale, f'switch.later_{step.value}')}"
    nodes = len(status.nodes) if status is not None else 0
    if step is Step.STOP and unlisted:
        return f"▸ {unlisted}"
    now = {"running": running, "nodes": nodes, "workers": switch.workers, "wanted": switch.nodes}
    return f"▸ {say(locale, f'switch.now_{step.value}', **now)}"


def _unlisted(locale: str, status: ClusterStatus | None, *, returning: int, hidden: int) -> str:
    """What to do about workers that may run although none is listed; empty when there is none."""
    if status is None or status.nodes:
        return ""
    if returning:
        return say(locale, "switch.now_stop_returning", returning=returning)
    return say(locale, "switch.now_stop_hidden", hidden=hidden) if hidden else ""


def _count(switch: Switch, step: Step) -> int:
    return {Step.DRAIN: switch.drained, Step.STOP: switch.workers}.get(step, switch.nodes)


def _buttons(locale: str, switch: Switch) -> tuple[CardButton, ...]:
    buttons: list[CardButton] = []
    if switch.state is SwitchState.OPEN:
        key = "switch.cancel" if switch.claimed_at is None else "switch.give_up"
        buttons.append(CardButton(say(locale, key), f"cancel:{switch.switch_id}"))
    went = switch.claimed_at is not None
    if switch.previous_model and went and switch.state in {SwitchState.OPEN, SwitchState.DONE}:
        label = say(locale, "switch.back", model=switch.previous_model.rpartition("/")[2][:50])
        buttons.append(CardButton(label, f"back:{switch.switch_id}"))
    return tuple(buttons)


NAMES_SHOWN = 8


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
    cluster: str = "",
) -> str:
    """The question before a switch to ``model`` is confirmed: what it would do. ``askers`` are the user ids of all
    running and waiting questions, one for each question. ``cluster`` names the cluster where there are several."""
    current = status.model if status is not None else None
    name = escape_inline(model.name)
    network = say(locale, "init.local" if local_network else "init.public")
    lines = [
        say(locale, "init.switch", current=escape_inline(current), model=name)
        if current
        else say(locale, "init.confirm", model=name),
        say(locale, "init.details", count=nodes, network=network),
    ]
    if cluster:
        lines.insert(0, f"**{escape_inline(cluster)}**")
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
