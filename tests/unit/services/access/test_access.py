"""A person in a place: what is looked up, and what is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from bot.domain.conversation.profile import Profile, Scope, ScopeChain
from bot.errors import AccessLost, NotAllowed
from bot.services.access.operators import Operators, Person
from bot.services.access.profiles import Profiles
from bot.services.access.rules import Access, Act, Standing, require
from tests.fakes.clocks import HandClock
from tests.fakes.profiles import NoProfiles

DEFAULTS = Profile(persona="", context_tokens=6000, answer_tokens=2000)
THREAD, CHANNEL, SERVER = (
    Scope("thread", 72, "A question"),
    Scope("channel", 71, "general"),
    Scope("server", 8, "Team"),
)
DIRECT = ScopeChain((Scope("direct", 90, ""),))


class CountedProfiles(NoProfiles):
    """Counts how often it is read."""

    def __init__(self) -> None:
        self.read: list[Sequence[int]] = []

    async def chosen(self, scope_ids: Sequence[int]) -> Mapping[int, Mapping[str, object]]:
        """Nothing."""
        self.read.append(scope_ids)
        return {}


class Unreachable:
    """A :class:`bot.services.access.rules.Members` that Discord tells nothing."""

    async def roles(self, guild_id: int, user_id: int) -> frozenset[int] | None:
        """Fail."""
        raise AccessLost("50001")


def access(store: NoProfiles, *, homes: Sequence[int] = ()) -> Access:
    operators = Operators(user_ids=[99], role_ids=[], guild_ids=[])
    return Access(Profiles(store, HandClock(), DEFAULTS), operators, Unreachable(), homes=homes)


@pytest.mark.parametrize("person", [Person(1, 8), Person(1, None)], ids=["in the server", "by direct message"])
async def test_what_the_caller_has_read_is_not_read_again(person: Person) -> None:
    """And counts: the person is blocked in it."""
    store = CountedProfiles()
    place = ScopeChain((CHANNEL, SERVER)) if person.guild_id else DIRECT
    blocking = Profile(persona="", context_tokens=1, answer_tokens=1, blocked_users=frozenset({1}))
    with pytest.raises(NotAllowed) as raised:
        await access(store).require(Act.ASK, person, place, profile=blocking)
    assert raised.value.key == "error.ask_blocked"
    assert store.read == []


async def test_the_settings_of_the_persons_server_count_elsewhere_too() -> None:
    """Both are read where they are not the same; a place without the caller's reading is read."""
    store = CountedProfiles()
    assert await access(store).require(Act.ASK, Person(1, 8), DIRECT) == Person(1, 8)
    assert store.read == [(90,), (8,)]


@pytest.mark.parametrize(
    ("place", "refused"),
    [
        (ScopeChain((CHANNEL, SERVER)), False),
        (ScopeChain((THREAD, CHANNEL, SERVER)), False),
        (ScopeChain((Scope("channel", 73, "other"), SERVER)), True),
    ],
    ids=["channel", "thread in it", "another channel"],
)
async def test_questions_are_asked_in_the_channels_for_them(place: ScopeChain, refused: bool) -> None:
    """A thread belongs to its channel."""
    profile = Profile(persona="", context_tokens=1, answer_tokens=1, channels=frozenset({71}))
    asking = access(NoProfiles()).require(Act.ASK, Person(1, 8), place, profile=profile)
    if not refused:
        await asking
        return
    with pytest.raises(NotAllowed) as raised:
        await asking
    assert raised.value.key == "error.ask_elsewhere"


async def test_nobody_manages_a_place_unless_it_is_said() -> None:
    """The caller tells what Discord's permissions say."""
    with pytest.raises(NotAllowed) as raised:
        await access(NoProfiles()).require(Act.MANAGE, Person(1, 8), ScopeChain((CHANNEL, SERVER)))
    assert raised.value.key == "error.not_manager"


async def test_the_log_says_who_was_refused_what() -> None:
    """The sentence for the person does not."""
    with pytest.raises(NotAllowed, match="user 1 may not ask"):
        require(Act.ASK, Person(1, 8), Standing(blocked=True))
    with pytest.raises(NotAllowed, match="roles of user 1 unknown"):
        await access(NoProfiles(), homes=[8]).seen(Person(1, None))
