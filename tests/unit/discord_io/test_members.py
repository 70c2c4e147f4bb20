"""The lookup of a server's members."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import cast

import aiohttp
import discord
import pytest

from bot.discord_io.members import CALLS_AT_ONCE, GATHERED_FOR, KEPT, TOGETHER, GuildMembers
from bot.errors import DeliveryError
from tests.fakes.clocks import HandClock
from tests.fakes.refusals import refusal


def members(answer: object) -> GuildMembers:
    """The lookup, over a client whose only route returns or raises this."""

    async def get_member(guild_id: int, user_id: int) -> object:
        assert (guild_id, user_id) == (8, 1)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    client = SimpleNamespace(http=SimpleNamespace(get_member=get_member), get_guild=lambda _id: None)
    return GuildMembers(cast("discord.Client", client), HandClock())


class Server:
    """A client of one server, whose members ``roles`` tells. What is ``held`` is answered when it is set."""

    def __init__(self, roles: Mapping[int, set[int]]) -> None:
        self.roles = dict(roles)
        self.held = asyncio.Event()
        self.held.set()
        self.calls: list[int] = []
        self.lists: list[list[int]] = []
        self.failure: Exception | None = None
        self.clock = HandClock()
        self.id = 800
        client = SimpleNamespace(http=self, get_guild=lambda _id: self)
        self.members = GuildMembers(cast("discord.Client", client), self.clock)

    async def get_member(self, _guild_id: int, user_id: int) -> Mapping[str, object]:
        """Tell of one person."""
        self.calls.append(user_id)
        await self.held.wait()
        if user_id not in self.roles:
            raise refusal(404, 10007)
        return {"roles": [str(role) for role in self.roles[user_id]]}

    async def query_members(self, *, user_ids: Sequence[int], limit: int, cache: bool) -> list[SimpleNamespace]:
        """Tell of many people."""
        assert (limit, cache) == (TOGETHER, False)
        assert len(user_ids) <= TOGETHER
        self.lists.append(list(user_ids))
        if self.failure is not None:
            raise self.failure
        return [
            SimpleNamespace(id=one, roles=[SimpleNamespace(id=role) for role in {self.id, *self.roles[one]}])
            for one in user_ids
            if one in self.roles
        ]

    async def burst(self, people: Sequence[int]) -> list[frozenset[int] | None]:
        """So many are looked up in one moment."""
        self.held.clear()
        asked = [asyncio.create_task(self.members.roles(8, one)) for one in people]
        for _ in range(20 * (1 + len(people) // TOGETHER)):
            await asyncio.sleep(0)
            self.clock.advance(GATHERED_FOR)
        self.held.set()
        async with asyncio.timeout(5):
            return await asyncio.gather(*asked)


async def test_a_person_is_looked_up_once_for_everybody_who_asks() -> None:
    """And anew for who asks later: changed roles count at once."""
    server = Server({1: {40}})
    assert set(await server.burst([1] * 50)) == {frozenset({40})}
    server.roles[1] = {41}
    assert await server.members.roles(8, 1) == frozenset({41})
    assert server.calls == [1, 1]


@pytest.mark.parametrize(("later", "told"), [(0.0, {40}), (KEPT, {41})], ids=["a moment ago", "longer ago"])
async def test_while_many_are_looked_up_what_discord_said_a_moment_ago_counts(
    later: float, told: set[int]
) -> None:
    """And only that."""
    server = Server({number: {40} for number in range(20)})
    assert await server.members.roles(8, 19) == frozenset({40})
    server.roles[19] = {41}
    server.clock.advance(later)
    server.held.clear()
    others = [asyncio.create_task(server.members.roles(8, number)) for number in range(CALLS_AT_ONCE)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    again = asyncio.create_task(server.members.roles(8, 19))
    for _ in range(20):
        await asyncio.sleep(0)
        server.clock.advance(GATHERED_FOR)
    assert again.done()
    assert await again == frozenset(told)
    server.held.set()
    await asyncio.gather(*others)


async def test_many_people_are_looked_up_together() -> None:
    """Discord would take a call for each only within minutes. The role that everybody has is left out, as in a
    call's answer."""
    server = Server({number: {number, 400} for number in range(300)})
    assert await server.burst(range(300)) == [frozenset({number, 400}) for number in range(300)]
    assert len(server.calls) == CALLS_AT_ONCE
    assert len(server.lists) == 3


async def test_who_is_not_in_the_list_is_asked_for_by_a_call() -> None:
    """Only what that says makes somebody a stranger."""
    server = Server({number: {40} for number in range(20)})
    assert (await server.burst(range(21)))[-1] is None
    assert server.calls.count(20) == 1


BROKEN = [TimeoutError(), RuntimeError("no websocket"), discord.ClientException()]


@pytest.mark.parametrize("failure", BROKEN, ids=repr)
async def test_without_the_gateway_calls_are_made(failure: Exception) -> None:
    """It may be disconnected just now."""
    server = Server({number: {40} for number in range(20)})
    server.failure = failure
    assert await server.burst(range(20)) == [frozenset({40})] * 20
    assert sorted(server.calls) == list(range(20))


async def test_only_so_many_people_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is not any more is looked up once more."""
    monkeypatch.setattr("bot.discord_io.members.REMEMBERED", 1)
    server = Server({1: {40}, 2: {41}})
    assert await server.burst([1, 1, 2, 1]) == [frozenset({40})] * 2 + [frozenset({41}), frozenset({40})]
    assert server.calls == [1, 2, 1]


async def test_a_members_roles() -> None:
    """The roles of a member are returned as ids."""
    assert await members({"roles": ["40", "41"]}).roles(8, 1) == frozenset({40, 41})


@pytest.mark.parametrize("code", [10007, 10013])
async def test_somebody_else_is_no_member(code: int) -> None:
    """Both of Discord's codes for unknown people give None."""
    assert await members(refusal(404, code)).roles(8, 1) is None


@pytest.mark.parametrize(
    "failure",
    [
        refusal(404, 10004),
        refusal(403, 50001),
        refusal(500, 0),
        aiohttp.ClientConnectionError(),
        TimeoutError(),
    ],
    ids=["unknown server", "not in the server", "broken", "no connection", "too late"],
)
async def test_what_is_not_told_is_no_answer(failure: BaseException) -> None:
    """A failed call is raised, so that nobody is taken for a person without roles."""
    with pytest.raises(DeliveryError):
        await members(failure).roles(8, 1)


@pytest.mark.parametrize(
    ("member", "name"),
    [
        ({"nick": "Ada L.", "user": {"global_name": "Ada", "username": "ada"}}, "Ada L."),
        ({"nick": None, "user": {"global_name": "Ada", "username": "ada"}}, "Ada"),
        ({"nick": None, "user": {"global_name": None, "username": "ada"}}, "ada"),
    ],
)
async def test_d5_a_members_name_is_the_one_that_the_server_shows(member: object, name: str) -> None:
    """The nickname before the display name before the account's name."""
    assert await members(member).names(8, [1]) == {1: name}


@pytest.mark.parametrize(
    "failure", [refusal(404, 10007), refusal(500, 0), aiohttp.ClientConnectionError()], ids=repr
)
async def test_d5_a_name_that_is_not_told_is_left_out(failure: BaseException) -> None:
    """The question goes on without it."""
    assert await members(failure).names(8, [1]) == {}


async def test_d5_a_question_does_not_wait_long_for_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Discord that does not answer in time costs a name, not the acknowledgement."""
    monkeypatch.setattr("bot.discord_io.members.NAMED_WITHIN", 0.0)

    async def get_member(guild_id: int, user_id: int) -> object:
        return await asyncio.Event().wait()

    client = SimpleNamespace(http=SimpleNamespace(get_member=get_member))
    assert await GuildMembers(cast("discord.Client", client), HandClock()).names(8, [1, 2]) == {}
