"""The confirmation before a switch of the model, and the message that follows it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import discord
import pytest
from discord import ui

from bot.discord_io.client import Services
from bot.discord_io.command_tree import text_layout
from bot.domain.cluster.switch_steps import Switch, SwitchState
from bot.errors import StorageError, UserError
from bot.presentation.status import Accent, Card
from bot.services.access.operators import Operators
from bot.services.operations.model_switch import ModelSwitcher, Plan
from bot.services.operations.switchers import Switchers
from cogs.ui.base import Press
from cogs.ui.switch import ConfirmSwitch, NameModal, SwitchControl, follow_switch
from tests.fakes.refusals import refusal

OPERATOR, TEAM = 99, 8
PLAN = Plan("0a0a0a0a", "a-lab/new", 1, local_network=True)


def switch(switch_id: str = PLAN.plan_id, *, state: SwitchState = SwitchState.OPEN, **more: Any) -> Switch:
    """A switch to the planned model."""
    facts: dict[str, Any] = {
        "model": PLAN.model,
        "nodes": 1,
        "local_network": True,
        "previous_model": "a-lab/old",
        "previous_nodes": 1,
        "by": OPERATOR,
        "started_at": 1.0,
        "step_since": 1.0,
        "drained": 0,
        "workers": 1,
        "paused_before": False,
    }
    return Switch(switch_id=switch_id, state=state, **{**facts, **more})


@dataclass(eq=False)
class Switching:
    """A service whose switch a test changes; its card is the switch's state."""

    current: Switch | None = field(default_factory=switch)
    error: Exception | None = None
    begun: list[Plan] = field(default_factory=list)
    listeners: list[Callable[[], None]] = field(default_factory=list)

    async def begin(self, plan: Plan, *, by: int) -> Switch:
        """Return the switch that is under way."""
        self.begun.append(plan)
        assert self.current is not None
        return self.current

    async def back(self, switch_id: str, *, by: int, plan_id: str) -> Switch | None:
        """The same."""
        return self.current

    async def cancel(self, switch_id: str, *, by: int) -> Switch | None:
        """The same."""
        return self.current

    async def get(self, switch_id: str) -> Switch | None:
        """The switch, if it is this one. Raises what a test has set."""
        if self.error is not None:
            raise self.error
        return self.current

    async def card(self, switch: Switch, locale: str) -> Card:
        """Its state and its model."""
        return Card((f"{switch.state.value} {switch.model}",), Accent.WAITING)

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Remember who is told."""
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def changed(self, **changes: Any) -> None:
        """Tell that the switch is another one now."""
        assert self.current is not None
        self.current = switch(**{"switch_id": self.current.switch_id, **changes})
        for listener in self.listeners:
            listener()


@dataclass(eq=False)
class Followed:
    """A background whose tasks a test waits for."""

    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def follow(self, work: Coroutine[Any, Any, None], *, name: str) -> None:
        """Run ``work`` in a task of its own."""
        self.tasks.append(asyncio.create_task(work, name=name))

    async def ended(self) -> None:
        """Wait until nothing is followed any more. Raises TimeoutError, and what a task raised."""
        await asyncio.wait_for(asyncio.gather(*self.tasks), 5.0)


@dataclass(eq=False)
class Pressed:
    """A press of the operator's, and what Discord was sent for it."""

    expired: bool = False
    failure: Exception | None = None
    shown: list[str] = field(default_factory=list)
    dialogues: list[ui.Modal] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make the interaction."""
        self._done = False
        self.press = cast(
            "Press",
            SimpleNamespace(
                extras={},
                user=SimpleNamespace(id=OPERATOR),
                guild_id=None,
                client=SimpleNamespace(get_guild=lambda _id: None),
                locale=discord.Locale.american_english,
                message=SimpleNamespace(id=1),
                response=self,
                is_expired=lambda: self.expired,
                edit_original_response=self._edit,
            ),
        )

    def is_done(self) -> bool:
        """Whether it was answered."""
        return self._done

    async def defer(self, **_: object) -> None:
        """Acknowledge it."""
        self._done = True

    async def send_modal(self, dialogue: ui.Modal) -> None:
        """Answer with a dialogue."""
        self._done = True
        self.dialogues.append(dialogue)

    async def edit_message(self, *, view: ui.LayoutView, **_: object) -> None:
        """Answer by changing the message."""
        self._done = True
        self.shown.append(words(view))

    async def _edit(self, *, view: ui.LayoutView, **_: object) -> SimpleNamespace:
        if self.failure is not None:
            raise self.failure
        self.shown.append(words(view))
        return SimpleNamespace(id=1)


def words(view: ui.LayoutView) -> str:
    """The text of a message."""
    return "\n".join(item.content for item in view.walk_children() if isinstance(item, ui.TextDisplay))


def services(switching: Switching, followed: Followed) -> Services:
    """Those of an operator."""
    return cast(
        "Services",
        SimpleNamespace(
            operators=Operators(user_ids=[OPERATOR], role_ids=[], guild_ids=[]),
            for_operators=lambda: None,
            operations=SimpleNamespace(
                switchers=Switchers({"": cast("ModelSwitcher", switching)}),
                background=followed,
                card_layout=lambda card, _kind: text_layout(*card.sections),
            ),
        ),
    )


@pytest.fixture
def switching() -> Switching:
    """A switch that is under way."""
    return Switching()


def confirmation(switching: Switching, followed: Followed, *, typed: bool) -> ConfirmSwitch:
    """The question whether to switch."""
    made = services(switching, followed)
    return ConfirmSwitch(made, PLAN, text="Sure?", typed=typed, locale="en", owner_id=OPERATOR)


async def pressed(view: ConfirmSwitch, number: int) -> Pressed:
    """Press a button of the question: 0 confirms, 1 dismisses."""
    one = Pressed()
    buttons = [item for item in view.walk_children() if isinstance(item, ui.Button)]
    await buttons[number].callback(one.press)
    return one


async def test_a_model_that_runs_is_replaced_only_after_its_name_was_typed(switching: Switching) -> None:
    """Another name begins nothing; spaces around the name do not matter."""
    followed = Followed()
    (dialogue,) = (await pressed(confirmation(switching, followed, typed=True), 0)).dialogues
    assert isinstance(dialogue, NameModal)
    assert switching.begun == []
    for typed, begun in (("a-lab/other", []), (f" {PLAN.model} ", [PLAN])):
        dialogue._name._value = typed
        submitted = Pressed()
        if begun:
            await dialogue.on_submit(submitted.press)
        else:
            with pytest.raises(UserError) as refused:
                await dialogue.on_submit(submitted.press)
            assert refused.value.key == "error.name_differs"
        assert switching.begun == begun
    await until_followed(switching)
    switching.changed(state=SwitchState.DONE)
    await followed.ended()


async def test_a_dismissed_question_loses_its_buttons_and_a_later_press_changes_nothing(
    switching: Switching,
) -> None:
    """Two people's clients may press at the same time: the second press is acknowledged."""
    view = confirmation(switching, Followed(), typed=False)
    (text,) = (await pressed(view, 1)).shown
    assert text
    late = await pressed(view, 1)
    assert (late.shown, late.is_done()) == ([], True)
    assert switching.begun == []


@pytest.mark.parametrize("failure", [None, refusal(404, 10008)], ids=["shown", "message gone"])
async def test_nobody_decides(switching: Switching, failure: Exception | None) -> None:
    """The buttons go, which would not work any more; where the message is gone, nothing is raised."""
    view = confirmation(switching, Followed(), typed=False)
    await view.on_timeout()
    shown = Pressed(failure=failure)
    view.shown = shown.press
    await view.on_timeout()
    assert len(shown.shown) == (failure is None)
    await view.on_timeout()
    assert len(shown.shown) == (failure is None), "it is said once"
    view.shown = (confirmed := Pressed()).press
    await view.on_timeout()
    assert confirmed.shown == []


async def until_followed(switching: Switching) -> None:
    """Wait until the next change of the switch will be shown."""
    for _ in range(10):
        await asyncio.sleep(0)
    assert switching.listeners


async def test_the_message_follows_the_switch_to_its_end(switching: Switching) -> None:
    """Each change is shown once, and a switch that is over is not followed any more."""
    followed, one = Followed(), Pressed()
    assert switching.current is not None
    await follow_switch(services(switching, followed), one.press, switching.current, wanted=PLAN)
    await until_followed(switching)
    switching.changed()
    await until_followed(switching)
    switching.changed(state=SwitchState.DONE)
    await followed.ended()
    assert one.shown == ["open a-lab/new", "done a-lab/new"]
    assert switching.listeners == []


async def test_who_confirmed_another_switch_is_told_so(switching: Switching) -> None:
    """Somebody else's is under way: theirs was not begun."""
    followed, one = Followed(), Pressed(expired=True)
    switching.current = switch("0b0b0b0b", model="a-lab/theirs", by=7)
    await follow_switch(services(switching, followed), one.press, switching.current, wanted=PLAN)
    (text,) = one.shown
    assert text.startswith("▲ ")
    assert all(word in text for word in ("a-lab/new", "a-lab/theirs", "<@7>"))
    await followed.ended()
    assert switching.listeners == [], "an expired interaction is not followed"


async def test_a_switch_that_cannot_be_read_is_not_followed(switching: Switching) -> None:
    """The disk fails: the message stays as it is, and the task ends."""
    followed, one = Followed(), Pressed()
    assert switching.current is not None
    await follow_switch(services(switching, followed), one.press, switching.current)
    await until_followed(switching)
    switching.error = StorageError("disk full")
    switching.changed()
    await followed.ended()
    assert one.shown == ["open a-lab/new"]
    assert switching.listeners == []


def control(action: str) -> SwitchControl:
    """A button under a switch's message."""
    button: ui.Button[Any] = ui.Button(custom_id=f"switch:{action}:{PLAN.plan_id}")
    return SwitchControl(button, {"action": action, "switch": PLAN.plan_id})


async def test_the_way_back_asks_for_the_name_of_the_model_that_ran_before(switching: Switching) -> None:
    """And is refused where none ran."""
    followed, one = Followed(), Pressed()
    made = services(switching, followed)
    await control("back").act(made, one.press)
    (dialogue,) = one.dialogues
    assert isinstance(dialogue, NameModal)
    dialogue._name._value = "a-lab/old"
    submitted = Pressed(expired=True)
    await dialogue.on_submit(submitted.press)
    assert submitted.shown
    for nothing in (None, switch(previous_model=None)):
        switching.current = nothing
        with pytest.raises(UserError) as refused:
            await control("back").act(made, Pressed().press)
        assert refused.value.key == "error.switch_over"
    switching.current = None
    gone = Pressed()
    await dialogue.on_submit(gone.press)
    assert (gone.shown, gone.is_done()) == ([], True)


async def test_a_switch_that_is_not_stored_any_more_is_not_shown(switching: Switching) -> None:
    """Its button may be old: the press is acknowledged, and the message stays."""
    followed = Followed()
    made = services(switching, followed)
    switching.current = None
    one = Pressed()
    await control("cancel").act(made, one.press)
    assert (one.shown, one.is_done()) == ([], True)

    stored = switch()
    await follow_switch(made, Pressed(expired=True).press, stored)
    switching.current = stored
    ended = Pressed(expired=True)
    await control("cancel").act(made, ended.press)
    assert ended.shown == ["open a-lab/new"]
