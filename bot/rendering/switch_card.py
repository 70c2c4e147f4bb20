"""A switch of the model as a card: a tick for what is done, an arrow for what is going on."""

from __future__ import annotations

from bot.catalogue import say
from bot.cluster.switching import STEPS, Step, Switch, SwitchState
from bot.inference import ClusterStatus, JoinCommand
from bot.rendering.cluster_card import Accent, Card, CardButton
from bot.rendering.page import escape_inline


def switch_card(
    locale: str,
    switch: Switch,
    *,
    status: ClusterStatus | None,
    running: int,
    join: JoinCommand | None,
    trouble: str | None,
) -> Card:
    """How far the switch is. Its buttons' actions carry the switch's id."""
    lines = [_line(locale, switch, step, status=status, running=running) for step in STEPS]
    sections = [_title(locale, switch), "\n".join(lines)]
    if switch.state is SwitchState.OPEN and switch.step in {Step.START, Step.USABLE} and join is not None:
        command = "".join(character for character in join.command if character not in "`\n\r")
        sections.append(f"{say(locale, 'switch.join')}\n```sh\n{command}\n```")
    if trouble is not None:
        sections.append(f"▲ {say(locale, trouble)}")
    accent = Accent.BAD if trouble is not None else Accent.WAITING
    if switch.state is SwitchState.DONE:
        accent = Accent.GOOD
    return Card(tuple(sections), accent, _buttons(locale, switch), f"-# <t:{int(switch.started_at)}:R>")


def _title(locale: str, switch: Switch) -> str:
    return f"### {say(locale, f'switch.{switch.state.value}', model=escape_inline(switch.model))}"


def _line(locale: str, switch: Switch, step: Step, *, status: ClusterStatus | None, running: int) -> str:
    at, here = STEPS.index(step), STEPS.index(switch.step)
    if switch.state is SwitchState.DONE or at < here:
        text = say(locale, f"switch.done_{step.value}", counted=_count(switch, step))
        return f"✓ {text}"
    if at > here or switch.state is not SwitchState.OPEN:
        return f"· {say(locale, f'switch.later_{step.value}')}"
    nodes = len(status.nodes) if status is not None else 0
    now = {"running": running, "nodes": nodes, "workers": switch.workers, "wanted": switch.nodes}
    return f"▸ {say(locale, f'switch.now_{step.value}', **now)}"


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
