"""The lookup of a server's members."""

from __future__ import annotations

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
