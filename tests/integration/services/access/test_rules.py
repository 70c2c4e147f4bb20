"""Who may do what, by the settings of a real database and the roles of a server that is looked up."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from bot.domain.conversation.profile import Profile, Scope, ScopeChain
from bot.errors import AccessLost, NotAllowed
from bot.services.access.operators import Operators, Person
from bot.services.access.profiles import Profiles
from bot.services.access.rules import Access, Act
from bot.storage.database import Database
from tests.fakes.clocks import FastClock
from tests.fakes.databases import new_database

TEAM, OTHER = 8, 9
HOST, ASKER, HELPER = 40, 41, 42
SERVER = Scope("server", TEAM, "Team")
CHANNEL = ScopeChain((Scope("thread", 72, "A question"), Scope("channel", 71, "general"), SERVER))
DIRECT = ScopeChain((Scope("direct", 90, ""),))
CARRIED = ScopeChain((Scope("channel", 95, "lounge"), Scope("server", OTHER, "Other")))
OPERATORS = Operators(user_ids=[99], role_ids=[HELPER], guild_ids=[TEAM])
DEFAULTS = Profile(persona="", context_tokens=6000, answer_tokens=2000)


class Team:
    """The members of servers, by default of one, as Discord would tell them; ``told`` are the people looked up."""

    def __init__(
        self,
        members: Mapping[int, frozenset[int]],
        *,
        fails: bool = False,
        others: Mapping[int, Mapping[int, frozenset[int]]] = {},
    ) -> None:
        self._servers = {TEAM: members, **others}
        self._fails = fails
        self.told: list[int] = []

    async def roles(self, guild_id: int, user_id: int) -> frozenset[int] | None:
        """The person's roles; a server without a list of members cannot be looked into."""
        self.told.append(user_id)
        if self._fails or guild_id not in self._servers:
            raise AccessLost("50001")
        return self._servers[guild_id].get(user_id)


MEMBERS = {1: frozenset[int](), 2: frozenset({HOST}), 3: frozenset({ASKER}), 4: frozenset({HELPER})}


@pytest.fixture
async def profiles(tmp_path: Path) -> AsyncIterator[Profiles]:
    async with Database.open(new_database(tmp_path)) as database:
        yield Profiles(database.profiles, FastClock(1.0), DEFAULTS)


def access(
    profiles: Profiles,
    team: Team | None = None,
    *,
    homes: tuple[int, ...] = (TEAM,),
    hosts: tuple[int, ...] = (HOST,),
) -> Access:
    return Access(profiles, OPERATORS, team or Team(MEMBERS), join_roles=hosts, homes=homes)


async def refused(
    one: Access, act: Act, person: Person, position: ScopeChain, *, manager: bool = False
) -> str | None:
    """The key of the sentence, or None."""
    try:
        await one.require(act, person, position, manager=manager)
    except NotAllowed as error:
        return error.key
    return None


@pytest.mark.parametrize("position", [DIRECT, CARRIED], ids=["direct message", "brought into another server"])
async def test_outside_of_its_servers_the_roles_of_dm_guild_id_count(
    profiles: Profiles, position: ScopeChain
) -> None:
    """A role grants there what it grants at home; who is no member gets nothing; operators by role are known."""
    one = access(profiles)
    told = {user: await refused(one, Act.JOIN, Person(user, None), position) for user in (1, 2, 4, 5, 99)}
    assert told == {1: "error.join_not_allowed", 2: None, 4: None, 5: "error.not_member", 99: None}
    assert await refused(one, Act.ASK, Person(1, None), position) is None
    assert await refused(one, Act.ASK, Person(5, None), position) == "error.not_member"
    assert await one.seen(Person(2, None)) == Person(2, TEAM, frozenset({HOST}))


async def test_without_dm_guild_id_no_role_grants_anything_there(profiles: Profiles) -> None:
    """Nobody is looked up; the sentence says where it works; asking is for everybody, as the docs say."""
    team = Team(MEMBERS)
    one = access(profiles, team, homes=())
    assert await refused(one, Act.JOIN, Person(2, None), DIRECT) == "error.join_elsewhere"
    assert await refused(one, Act.JOIN, Person(99, None), DIRECT) is None
    assert await refused(one, Act.ASK, Person(5, None), DIRECT) is None
    assert team.told == []


async def test_what_the_server_set_counts_in_direct_messages(profiles: Profiles) -> None:
    """Its block list and its roles, not its channels: a direct message is none of them."""
    await profiles.choose(SERVER, {"blocked_users": [2], "allowed_roles": [ASKER], "channels": [71]}, by=99)
    one = access(profiles, hosts=())
    for act, sentences in {
        Act.ASK: {1: "error.ask_not_allowed", 2: "error.ask_blocked", 3: None, 99: None},
        Act.JOIN: {1: "error.join_not_allowed", 2: "error.join_not_allowed", 3: None, 99: None},
        Act.RATE: {1: "error.rate_not_allowed", 2: "error.rate_not_allowed", 3: None, 99: None},
    }.items():
        assert {user: await refused(one, act, Person(user, None), DIRECT) for user in sentences} == sentences


@pytest.mark.parametrize("act", [Act.ASK, Act.RATE, Act.JOIN, Act.USE_CHANNEL_MEMORY])
async def test_who_cannot_be_looked_up_is_refused(profiles: Profiles, act: Act) -> None:
    """Whatever they want; operators by name need no look."""
    team = Team(MEMBERS, fails=True)
    one = access(profiles, team)
    assert await refused(one, act, Person(2, None), DIRECT) == "error.roles_unknown"
    assert await refused(one, act, Person(99, None), DIRECT) is None
    assert team.told == [2]


async def test_a7_the_first_home_that_has_the_person_counts(profiles: Profiles) -> None:
    """With several allowed servers: a member of any of them asks in direct messages, with the roles of the first;
    a member of none does not."""
    team = Team(MEMBERS, others={OTHER: {1: frozenset({HOST}), 6: frozenset({HOST})}})
    one = access(profiles, team, homes=(TEAM, OTHER))
    assert await one.seen(Person(1, None)) == Person(1, TEAM)
    assert await one.seen(Person(6, None)) == Person(6, OTHER, frozenset({HOST}))
    asked = {user: await refused(one, Act.ASK, Person(user, None), DIRECT) for user in (1, 6, 7)}
    assert asked == {1: None, 6: None, 7: "error.not_member"}


async def test_a7_a_home_that_cannot_be_looked_into_does_not_hide_the_others(profiles: Profiles) -> None:
    """The bot may not be in all allowed servers. Who is found in no other one is refused, as nothing is known."""
    one = access(profiles, homes=(10, TEAM))
    assert await refused(one, Act.ASK, Person(1, None), DIRECT) is None
    assert await refused(one, Act.ASK, Person(7, None), DIRECT) == "error.roles_unknown"


async def test_in_a_server_its_own_roles_count(profiles: Profiles) -> None:
    """Nobody is looked up there, in a thread neither; the roles of DM_GUILD_ID grant nothing in another server."""
    team = Team(MEMBERS)
    one = access(profiles, team)
    assert await refused(one, Act.JOIN, Person(2, TEAM, frozenset({HOST})), CHANNEL) is None
    assert await refused(one, Act.JOIN, Person(2, TEAM), CHANNEL) == "error.join_not_allowed"
    assert await refused(one, Act.JOIN, Person(2, OTHER), CARRIED) == "error.join_not_allowed"
    assert await refused(one, Act.JOIN, Person(4, OTHER, frozenset({HELPER})), CARRIED) == "error.join_not_allowed"
    assert team.told == []


async def test_a_block_holds_for_every_act_in_all_its_channels(profiles: Profiles) -> None:
    """The server's and a channel's add up; only what the person manages stays open to a manager."""
    await profiles.choose(SERVER, {"blocked_users": [1]}, by=99)
    await profiles.choose(CHANNEL.scopes[1], {"blocked_users": [3]}, by=99)
    one = access(profiles)
    for user in (1, 3):
        person = Person(user, TEAM, frozenset({HOST}))
        for act in (Act.ASK, Act.RATE, Act.JOIN, Act.USE_CHANNEL_MEMORY):
            assert await refused(one, act, person, CHANNEL) is not None
        assert await refused(one, Act.USE_CHANNEL_MEMORY, person, CHANNEL, manager=True) is None
    assert await refused(one, Act.ASK, Person(2, TEAM), CHANNEL) is None


async def test_managers_manage(profiles: Profiles) -> None:
    """And operators."""
    one = access(profiles)
    one.require_manager(Person(1, TEAM), manager=True)
    one.require_manager(Person(99, TEAM), manager=False)
    one.require_manager(Person(4, TEAM, frozenset({HELPER})), manager=False)
    with pytest.raises(NotAllowed) as raised:
        one.require_manager(Person(1, TEAM), manager=False)
    assert raised.value.key == "error.not_manager"
