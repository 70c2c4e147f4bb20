"""Keys of programs on a real database: what one allows follows its owner's rights."""

from __future__ import annotations

import statistics
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.domain.conversation.profile import Profile, Scope, ScopeChain
from bot.errors import AccessLost, KeyRefused, NotAllowed, UserError
from bot.services.access.keys import DAY, KEY_KEPT, KEYS_EACH, ROLES_KEPT, Keys
from bot.services.access.operators import Operators, Person
from bot.services.access.profiles import Profiles
from bot.services.access.rules import Access
from bot.storage.database import Database
from tests.fakes.audit import MemoryAudit
from tests.fakes.clocks import HandClock
from tests.fakes.databases import ENGINES, empty_database

TEAM, MAKERS, ADA, BEN, OLGA = 8, 31, 1, 2, 99
PLACE = ScopeChain((Scope("channel", 71, "general"), Scope("server", TEAM, "Team")))
DEFAULTS = Profile(persona="", context_tokens=6000, answer_tokens=2000)


@dataclass
class Members:
    """The server's members with their roles, as Discord would tell."""

    known: dict[int, frozenset[int]] = field(default_factory=lambda: {ADA: frozenset({MAKERS}), BEN: frozenset()})
    asked: int = 0
    is_silent: bool = False

    async def roles(self, guild_id: int, user_id: int) -> frozenset[int] | None:
        """Of this member."""
        assert guild_id == TEAM
        self.asked += 1
        if self.is_silent:
            raise AccessLost("50001")
        return self.known.get(user_id)


@dataclass(frozen=True)
class Bench:
    database: Database
    profiles: Profiles
    members: Members
    audit: MemoryAudit
    clock: HandClock
    keys: Keys

    async def made(self, user: int = ADA, *, days: int = 0) -> str:
        """A key of this member."""
        person = Person(user, TEAM, self.members.known.get(user, frozenset()))
        return (await self.keys.create(person, PLACE, user_name="Ada", name="script", days=days))[1]

    def later(self) -> None:
        """Let what Discord said be forgotten."""
        self.clock.at += ROLES_KEPT + 1

    def soon(self) -> None:
        """Let the keys that were found be forgotten."""
        self.clock.at += KEY_KEPT


@pytest.fixture(params=ENGINES)
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    """With KEY_ROLES."""
    async with Database.open(await empty_database(request.param, tmp_path)) as database:
        clock, members, audit = HandClock(), Members(), MemoryAudit()
        profiles = Profiles(database.profiles, clock, DEFAULTS)
        operators = Operators(user_ids=[OLGA], role_ids=[], guild_ids=[])
        access = Access(profiles, operators, members, key_roles=[MAKERS], homes=[TEAM])
        keys = Keys(database.keys, access, operators, profiles, members, audit, clock)
        yield Bench(database, profiles, members, audit, clock, keys)


async def refusal(bench: Bench, secret: str) -> str | None:
    """The key of the sentence why this secret may not be used now; None when it may."""
    try:
        await bench.keys.owner(secret)
    except (KeyRefused, NotAllowed) as error:
        return error.key
    return None


async def test_a_key_asks_for_its_owner(bench: Bench) -> None:
    """With their roles. It is found by its digest alone, listed by its beginning, and its use is noted."""
    secret = await bench.made()
    owner = await bench.keys.owner(secret)
    assert owner.person == Person(ADA, TEAM, frozenset({MAKERS}))
    (listed,) = await bench.keys.of(ADA)
    assert (listed.name, listed.prefix, listed.last_used_at) == ("script", secret[:8], bench.clock.at)
    assert secret not in repr(listed)
    assert bench.audit.noted == [(ADA, "key.create", {"key": secret[:8], "name": "script"})]


async def test_it_ends_with_the_rights_of_its_owner(bench: Bench) -> None:
    """Blocked, without the role, out of the server: each counts when it happens, at the latest half a minute
    after it, and no longer."""
    secret = await bench.made()
    assert await refusal(bench, secret) is None
    await bench.profiles.choose(PLACE.scopes[1], {"blocked_users": [ADA]}, by=OLGA)
    assert await refusal(bench, secret) == "error.ask_blocked"
    await bench.profiles.choose(PLACE.scopes[1], {"blocked_users": None}, by=OLGA)
    bench.members.known[ADA] = frozenset()
    bench.later()
    assert await refusal(bench, secret) == "error.key_not_allowed"
    del bench.members.known[ADA]
    bench.later()
    assert await refusal(bench, secret) == "error.not_member"
    bench.members.known[ADA] = frozenset({MAKERS})
    bench.later()
    assert await refusal(bench, secret) is None
    await bench.database.personal.forget_user(ADA, today=0)
    bench.soon()
    assert await refusal(bench, secret) == "error.key_refused"


async def test_discord_is_asked_once_for_many_requests(bench: Bench) -> None:
    """And when it does not answer, nobody is let in by what it said long ago."""
    secret = await bench.made()
    for _ in range(20):
        await bench.keys.owner(secret)
    assert bench.members.asked == 1
    bench.later()
    bench.members.is_silent = True
    assert await refusal(bench, secret) == "error.roles_unknown"


async def test_a_key_of_a_server_that_is_not_allowed_any_more_is_refused(bench: Bench) -> None:
    """As everything else there is."""
    secret = await bench.made()
    elsewhere = Keys(
        bench.database.keys,
        Access(bench.profiles, Operators(user_ids=[], role_ids=[], guild_ids=[]), bench.members),
        Operators(user_ids=[], role_ids=[], guild_ids=[]),
        bench.profiles,
        bench.members,
        bench.audit,
        bench.clock,
        allowed_guild_ids=[TEAM + 1],
    )
    with pytest.raises(NotAllowed) as raised:
        await elsewhere.owner(secret)
    assert raised.value.key == "error.elsewhere"


async def test_a_channel_for_questions_does_not_concern_programs(bench: Bench) -> None:
    """They ask in none."""
    secret = await bench.made()
    await bench.profiles.choose(PLACE.scopes[1], {"channels": [72]}, by=OLGA)
    assert await refusal(bench, secret) is None


async def test_who_may_not_have_one_gets_none(bench: Bench) -> None:
    """Without a role of KEY_ROLES."""
    with pytest.raises(NotAllowed) as raised:
        await bench.made(BEN)
    assert raised.value.key == "error.key_not_allowed"
    assert await bench.keys.of(BEN) == []


async def test_expired_and_revoked_keys_are_refused_in_the_same_words(bench: Bench) -> None:
    """As anything that never was a key."""
    short, lasting = await bench.made(days=1), await bench.made()
    bench.clock.at += DAY
    assert await refusal(bench, short) == "error.key_refused"
    assert await refusal(bench, lasting) is None
    (_, second) = await bench.keys.of(ADA)
    await bench.keys.revoke(second.key_id, Person(ADA, TEAM))
    assert await refusal(bench, lasting) == "error.key_refused"
    assert await refusal(bench, "sk-something") == "error.key_refused"
    assert await refusal(bench, lasting[:-1] + ("A" if lasting[-1] != "A" else "B")) == "error.key_refused"


async def test_only_operators_see_and_end_the_keys_of_others(bench: Bench) -> None:
    """For anybody else there is no such key."""
    secret = await bench.made()
    (key,) = await bench.keys.of(ADA)
    ben, olga = Person(BEN, TEAM), Person(OLGA, TEAM)
    with pytest.raises(NotAllowed):
        await bench.keys.all(ben)
    with pytest.raises(UserError) as raised:
        await bench.keys.revoke(key.key_id, ben)
    assert raised.value.key == "error.key_unknown"
    assert await bench.keys.all(olga) == [key]
    await bench.keys.revoke(key.key_id, olga)
    assert await refusal(bench, secret) == "error.key_refused"
    assert bench.audit.noted[-1] == (OLGA, "key.revoke", {"key": secret[:8], "owner": str(ADA)})


async def test_nobody_has_more_keys_than_the_limit(bench: Bench) -> None:
    """A sentence says so."""
    for _ in range(KEYS_EACH):
        await bench.made()
    with pytest.raises(UserError) as raised:
        await bench.made()
    assert raised.value.key == "error.keys_many"
    assert len(await bench.keys.of(ADA)) == KEYS_EACH


async def test_a_thousand_keys_are_found_as_fast_as_one(bench: Bench) -> None:
    """By an index. And how much of a key somebody has guessed does not show in the time of the refusal."""
    secrets = [await bench.made()]
    for number in range(1_000):
        bench.members.known[1_000 + number] = frozenset({MAKERS})
        secrets.append(await bench.made(1_000 + number))
    assert (await bench.keys.owner(secrets[-1])).person.user_id == 1_999
    right = secrets[500]
    guesses = {"nothing": "plx-" + "A" * 43, "nearly all": right[:-2] + ("AA" if right[-2:] != "AA" else "BB")}
    taken: dict[str, list[float]] = {name: [] for name in guesses}
    for _ in range(60):
        for name, guess in guesses.items():
            before = time.perf_counter()
            assert await refusal(bench, guess) == "error.key_refused"
            taken[name].append(time.perf_counter() - before)
    nothing, nearly = (statistics.median(times) for times in taken.values())
    assert nearly < 3 * nothing
    assert nothing < 3 * nearly
