"""Every message with buttons and every dialogue asks again who may, at each press and each submission.

A new one needs a row here, which says who may use it.
"""

from __future__ import annotations

import datetime as dt
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import discord
import pytest
from discord import ui

import cogs
from bot.discord_io.client import ParallaxBot, Services
from bot.discord_io.command_tree import Guard
from bot.discord_io.outgoing import for_operators
from bot.domain.conversation.profile import Chosen, ChosenScopes, Profile, Scope, ScopeChain
from bot.domain.interaction_rates import InteractionRates, RateLimit
from bot.errors import NotAllowed
from bot.i18n.catalogue import say
from bot.presentation.page import Control
from bot.presentation.status import Load
from bot.services.access.operators import Operators
from bot.services.access.profiles import Profiles
from bot.services.access.rules import Access, Act
from bot.services.cluster.clusters import Cluster, Clusters
from bot.services.operations.model_switch import Plan
from bot.services.requests.overview import MyQueue
from cogs.context import Forget
from cogs.messages import AskAbout
from cogs.queue import QueueView
from cogs.settings import SettingsView
from cogs.ui import profile_modals
from cogs.ui.answer_buttons import ACTIONS, AnswerControl
from cogs.ui.base import BaseLayout, BaseModal, DurableButton
from cogs.ui.help_buttons import HelpChoice
from cogs.ui.help_modal import HelpModal
from cogs.ui.join import JoinView
from cogs.ui.models import ModelPages, _Search
from cogs.ui.queue_admin import QueueAdminView
from cogs.ui.schedule_list import ScheduleList
from cogs.ui.status_buttons import StatusControl
from cogs.ui.switch import ConfirmSwitch, NameModal, SwitchControl
from tests.fakes.clocks import FastClock
from tests.fakes.members import NoMembers

TEAM, ROOM, OPERATOR, OWNER, BLOCKED = 8, 71, 99, 1, 3
DEFAULTS = Profile(persona="", context_tokens=6000, answer_tokens=2000)
PLACE = ScopeChain((Scope("channel", ROOM, "general"), Scope("server", TEAM, "Team")))


@dataclass
class MemoryProfiles:
    """What was chosen, in memory."""

    kept: dict[int, dict[str, object]] = field(default_factory=dict)

    async def chosen(self, scope_ids: Sequence[int]) -> Mapping[int, Mapping[str, object]]:
        """Of those scopes."""
        return {one: self.kept[one] for one in scope_ids if one in self.kept}

    async def scopes(self) -> ChosenScopes:
        """All that chose anything."""
        return ChosenScopes("", frozenset(self.kept))

    async def choose(self, scope_id: int, changes: Mapping[str, Chosen | None], *, by: int, now: float) -> None:
        """Not to be reached by anybody who is refused."""
        raise AssertionError((scope_id, changes, by, now))


OPERATORS = Operators(user_ids=[OPERATOR], role_ids=[], guild_ids=[])
PROFILES = Profiles(MemoryProfiles({TEAM: {"blocked_users": [BLOCKED]}}), FastClock(1.0), DEFAULTS)
ACCESS = Access(PROFILES, OPERATORS, NoMembers())
UNSEEN = SimpleNamespace(view=lambda: SimpleNamespace(status=None))
CLUSTERS = Clusters([Cluster("", cast("Any", None), cast("Any", None), cast("Any", UNSEEN))])
SERVICES = cast(
    "Services",
    SimpleNamespace(
        operators=OPERATORS,
        access=ACCESS,
        profiles=PROFILES,
        clusters=CLUSTERS,
        queue=None,
        for_operators=for_operators,
    ),
)
NONE = cast("Any", None)


class Bot(ParallaxBot):
    """Never connected; knows the team's server."""

    def get_guild(self, guild_id: int, /) -> Any:
        """The team's, whichever is asked for."""
        return SimpleNamespace(id=guild_id, name="Team", get_channel=lambda _id: None)


def bot(*allowed: int) -> Bot:
    """A bot whose rate limits nobody reaches, for these servers."""
    made, clock = Bot.__new__(Bot), FastClock(1.0)
    made.services = SERVICES
    made.guard = Guard(InteractionRates(RateLimit(1000, 1000.0), clock), clock, allowed_guild_ids=allowed)
    return made


def press(user: int, *, manager: bool = False, allowed: tuple[int, ...] = ()) -> discord.Interaction[Any]:
    """Somebody acts in the team's channel."""
    client = bot(*allowed)
    return cast(
        "discord.Interaction[Any]",
        SimpleNamespace(
            user=SimpleNamespace(id=user),
            created_at=dt.datetime.now(dt.UTC),
            extras={},
            guild=client.get_guild(TEAM),
            guild_id=TEAM,
            is_guild_integration=lambda: True,
            channel=SimpleNamespace(name="general"),
            channel_id=ROOM,
            client=client,
            locale=discord.Locale.american_english,
            permissions=discord.Permissions(manage_guild=manager),
        ),
    )


def _settings() -> SettingsView:
    return SettingsView(PROFILES, ACCESS, PLACE, owner_id=OWNER, locale="en-US")


def _edit() -> profile_modals.Edit:
    return profile_modals.Edit({}, "en-US", _settings().authorise, NONE)


def _confirm() -> ConfirmSwitch:
    plan = Plan("00000000", "model", 1, local_network=True)
    return ConfirmSwitch(SERVICES, plan, text="?", typed=True, locale="en-US", owner_id=OWNER)


def _pages() -> ModelPages:
    return ModelPages((), running=None, memory=None, wanted="", locale="en-US", owner_id=OWNER)


def _line() -> QueueAdminView:
    return QueueAdminView(SERVICES, (), (), locale="en-US", owner_id=OWNER, now=0.0)


def _mine() -> QueueView:
    mine = MyQueue(mine=(), load=Load(0, None, 0), hold=None, announced=True)
    return QueueView(NONE, mine, locale="en-US", owner_id=OWNER)


def _about() -> AskAbout:
    return AskAbout(ACCESS, NONE, NONE, None, "en-US")


Made = BaseLayout | BaseModal
OPERATORS_ONLY: dict[type[Made], Callable[[], Made]] = {
    ConfirmSwitch: _confirm,
    NameModal: lambda: NameModal(SERVICES, "model", NONE, "en-US"),
    QueueAdminView: _line,
}
MANAGERS_ONLY: dict[type[Made], Callable[[], Made]] = {
    SettingsView: _settings,
    profile_modals.PersonaModal: lambda: profile_modals.PersonaModal(_edit()),
    profile_modals.NumbersModal: lambda: profile_modals.NumbersModal(_edit(), defaults=DEFAULTS),
    profile_modals.SwitchesModal: lambda: profile_modals.SwitchesModal(_edit()),
    profile_modals.PeopleModal: lambda: profile_modals.PeopleModal(_edit()),
    HelpModal: lambda: HelpModal(_edit(), defaults=DEFAULTS),
}
NOT_FOR_BLOCKED: dict[type[Made], Callable[[], Made]] = {
    JoinView: lambda: JoinView(SERVICES, CLUSTERS.first, None, locale="en-US", owner_id=OWNER),
    AskAbout: _about,
}
ITS_OWNERS_ALWAYS: dict[type[Made], Callable[[], Made]] = {
    ModelPages: _pages,
    _Search: lambda: _Search(_pages(), "", "en-US"),
    QueueView: _mine,
    ScheduleList: lambda: ScheduleList(NONE, locale="en-US", owner_id=OWNER, guild_id=None, everybody=False),
    Forget: lambda: Forget(NONE, user_id=OWNER, locale="en-US"),
}
EVERY = {**OPERATORS_ONLY, **MANAGERS_ONLY, **NOT_FOR_BLOCKED, **ITS_OWNERS_ALWAYS}
BASES = {BaseLayout, BaseModal, profile_modals.ProfileModal}


def _classes() -> Iterator[type]:
    for module in pkgutil.walk_packages(cogs.__path__, "cogs."):
        for _, one in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if one.__module__ == module.name:
                yield one


def test_every_message_and_dialogue_has_a_row() -> None:
    """Found in the cogs themselves: none is of the library's own bases, where nothing is checked."""
    interactive = {one for one in _classes() if issubclass(one, ui.View | ui.LayoutView | ui.Modal)}
    assert interactive - BASES == set(EVERY)
    assert all(issubclass(one, BaseLayout | BaseModal) for one in interactive)


@pytest.mark.parametrize("one", EVERY)
def test_none_goes_round_the_check(one: type[Made]) -> None:
    """The bases call it, so nobody else decides what a press has to pass."""
    base = BaseLayout if issubclass(one, BaseLayout) else BaseModal
    assert one.interaction_check is base.interaction_check
    assert one.on_error is base.on_error
    assert one.authorise is not base.authorise


@pytest.mark.parametrize("base", [BaseLayout, BaseModal])
def test_one_that_says_nothing_cannot_be_made(base: type[Any]) -> None:
    """A class without the check cannot be instantiated."""
    forgetful = type("Forgetful", (base,), {})
    with pytest.raises(TypeError, match="authorise"):
        forgetful()


async def refused(made: Made, interaction: discord.Interaction[Any]) -> str | None:
    """The key of the sentence; None when the press goes on."""
    if isinstance(made, BaseLayout):
        made._owner_id = interaction.user.id
    try:
        assert await made.interaction_check(interaction)
    except NotAllowed as error:
        return error.key
    return None


@pytest.mark.parametrize("make", OPERATORS_ONLY.values(), ids=[one.__name__ for one in OPERATORS_ONLY])
async def test_only_operators(make: Callable[[], Made]) -> None:
    """Not who was one when it was opened, and no manager of a server."""
    assert await refused(make(), press(OPERATOR)) is None
    assert await refused(make(), press(OWNER, manager=True)) == "error.not_allowed"


@pytest.mark.parametrize("make", MANAGERS_ONLY.values(), ids=[one.__name__ for one in MANAGERS_ONLY])
async def test_only_managers(make: Callable[[], Made]) -> None:
    """Not who was one when it was opened."""
    assert await refused(make(), press(OWNER, manager=True)) is None
    assert await refused(make(), press(OPERATOR)) is None
    assert await refused(make(), press(OWNER)) == "error.not_manager"


@pytest.mark.parametrize("make", NOT_FOR_BLOCKED.values(), ids=[one.__name__ for one in NOT_FOR_BLOCKED])
async def test_not_for_who_was_blocked_meanwhile(make: Callable[[], Made]) -> None:
    """The block counts at the press."""
    assert await refused(make(), press(OWNER)) is None
    assert await refused(make(), press(BLOCKED)) in {"error.ask_blocked", "error.join_not_allowed"}


@pytest.mark.parametrize("make", ITS_OWNERS_ALWAYS.values(), ids=[one.__name__ for one in ITS_OWNERS_ALWAYS])
async def test_what_is_a_persons_own_stays_theirs(make: Callable[[], Made]) -> None:
    """Also for who was blocked."""
    assert await refused(make(), press(BLOCKED)) is None


@pytest.mark.parametrize("one", [one for one in EVERY if issubclass(one, BaseLayout)])
async def test_a_message_is_its_owners_alone(one: type[Made]) -> None:
    """Not even an operator's who did not open it."""
    made = EVERY[one]()
    with pytest.raises(NotAllowed) as raised:
        await made.interaction_check(press(OPERATOR))
    assert raised.value.key == "error.not_yours"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sentences that the guard tells people."""
    sentences: list[str] = []

    async def tell(_interaction: discord.Interaction[Any], sentence: str) -> None:
        sentences.append(sentence)

    monkeypatch.setattr("bot.discord_io.command_tree.tell", tell)
    return sentences


@pytest.mark.parametrize("one", EVERY)
@pytest.mark.parametrize("user", [OWNER, OPERATOR])
async def test_a7_nothing_can_be_pressed_or_submitted_in_another_server(
    one: type[Made], user: int, told: list[str]
) -> None:
    """By nobody; it is said in a sentence."""
    made, there = EVERY[one](), press(user, manager=True, allowed=(TEAM + 1,))
    if isinstance(made, BaseLayout):
        made._owner_id = user
        assert not await made.interaction_check(there)
        assert told == [say("en-US", "error.elsewhere")]
    else:
        assert await refused(made, there) == "error.elsewhere"


@pytest.mark.parametrize("control", ACTIONS)
async def test_a7_no_button_under_an_answer_works_in_another_server(control: Control, told: list[str]) -> None:
    """Not even Stop: whoever is there is not a person of the team."""
    button = ui.Button[Any](custom_id=f"answer:{control.value}:{'0' * 16}")
    item = AnswerControl(button, {"action": control.value, "request": "0" * 16})
    assert not await item.interaction_check(press(OWNER, allowed=(TEAM + 1,)))
    assert told == [say("en-US", "error.elsewhere")]
    assert await item.interaction_check(press(OWNER, allowed=(TEAM,)))


def test_the_buttons_that_outlive_a_restart_are_known() -> None:
    """They belong to nobody, so each checks for itself: under answers by the table below, under status cards
    /join alone, under a switch all, in help channels
    none, where people choose for themselves (tests/e2e/test_permissions_of_buttons.py presses them)."""
    found = {one for one in _classes() if issubclass(one, ui.DynamicItem)}
    assert found == {AnswerControl, HelpChoice, StatusControl, SwitchControl, DurableButton}
    for one in found:
        assert one.interaction_check is DurableButton.interaction_check
        assert one.callback is DurableButton.callback


def test_every_button_under_an_answer_says_what_it_is() -> None:
    """What asks the cluster or rates takes the right to; what ends or shows does not."""
    assert {one: right for one, (_, right) in ACTIONS.items() if right is not None} == {
        Control.REGENERATE: Act.ASK,
        Control.RETRY: Act.ASK,
        Control.CONTINUE: Act.ASK,
        Control.PERSON: Act.CALL,
        Control.LIKE: Act.RATE,
        Control.DISLIKE: Act.RATE,
    }


@pytest.mark.parametrize("control", ACTIONS)
@pytest.mark.parametrize("user", [OWNER, BLOCKED])
async def test_a_press_under_an_answer(monkeypatch: pytest.MonkeyPatch, control: Control, user: int) -> None:
    """The block counts before anything is done."""
    done: list[Control] = []
    told: list[str] = []

    async def act(_services: Services, _request_id: str, _press: discord.Interaction[Any]) -> None:
        done.append(control)

    async def report(_press: discord.Interaction[Any], error: BaseException) -> None:
        assert isinstance(error, NotAllowed)
        told.append(error.key)

    right = ACTIONS[control][1]
    monkeypatch.setitem(ACTIONS, control, (act, right))
    monkeypatch.setattr("cogs.ui.base.report", report)
    interaction = press(user)
    button = ui.Button[Any](custom_id=f"answer:{control.value}:{'0' * 16}")
    await AnswerControl(button, {"action": control.value, "request": "0" * 16}).callback(interaction)
    if user == BLOCKED and right is not None:
        assert (done, told) == ([], ["error.rate_not_allowed" if right is Act.RATE else "error.ask_blocked"])
    else:
        assert (done, told) == ([control], [])
