"""The lookup of a server's members."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import cast

import aiohttp
import discord
import pytest

from bot.discord_io.members import GuildMembers
from bot.errors import DeliveryError
from tests.fakes.refusals import refusal


def members(answer: object) -> GuildMembers:
    """The lookup, over a client whose only route returns or raises this."""

    async def get_member(guild_id: int, user_id: int) -> object:
        assert (guild_id, user_id) == (8, 1)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    return GuildMembers(cast("discord.Client", SimpleNamespace(http=SimpleNamespace(get_member=get_member))))


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
    assert await GuildMembers(cast("discord.Client", client)).names(8, [1, 2]) == {}
