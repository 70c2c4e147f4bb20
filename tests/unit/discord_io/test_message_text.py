"""Names in place of ids, and what can be read in a message."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.discord_io.message_text import MOST_MENTIONS, prompt_with_names, text_in, with_names

ADA, ROOM, ROLE = 100000000000000001, 100000000000000002, 100000000000000003


def guild(name: str) -> discord.Guild:
    """A server that has one role and one channel, which everybody sees."""
    channel = SimpleNamespace(name=name, permissions_for=lambda _who: SimpleNamespace(view_channel=True))
    return cast(
        "discord.Guild",
        SimpleNamespace(
            get_channel_or_thread={ROOM: channel}.get,
            get_role={ROLE: SimpleNamespace(name=name)}.get,
        ),
    )


class Viewer(discord.Member):
    """A member of whom nothing is known."""

    def __init__(self) -> None:
        """Without a state of the library."""


def named(text: str, name: str) -> str:
    """The text where everything is called like this."""
    return with_names(text, guild(name), cast("Any", Viewer()), {ADA: name}).text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"<@{ADA}>, <@!{ADA}>", "@x, @x"),
        (f"<@&{ROLE}> in <#{ROOM}>", "@x in #x"),
        (f"<@{ROLE}> <#{ADA}> <@&{ROOM}>", f"<@{ROLE}> <#{ADA}> <@&{ROOM}>"),
        ("<@1> <:smile:100000000000000001> @x", "<@1> <:smile:100000000000000001> @x"),
    ],
    ids=["people", "role and channel", "unknown", "no mentions"],
)
def test_d5_names_stand_in_place_of_ids(text: str, shown: str) -> None:
    """What is not known, and what only looks like a mention, stays."""
    assert named(text, "x") == shown


@given(st.text(max_size=200))
def test_d5_a_name_is_one_short_line(name: str) -> None:
    """Whatever a person or a channel is called, it brings no line of its own."""
    shown = named(f"<@{ADA}>", name)
    assert shown == f"<@{ADA}>" or (shown.startswith("@") and len(shown) <= 81)
    assert len(shown.splitlines()) == 1


@given(st.text(alphabet=st.sampled_from("<@!&#>0123456789a \n"), max_size=60))
def test_d5_a_text_without_known_ids_is_not_changed(text: str) -> None:
    """Twenty-one digits at most are an id, and none of these is known."""
    assert with_names(text, None, cast("Any", Viewer()), {}) == (text, {})


def test_d5_an_answer_shows_so_many_mentions_again_and_no_more() -> None:
    """The names stand in the text all the same."""
    people = {100000000000000000 + number: f"user{number}" for number in range(MOST_MENTIONS + 5)}
    found = with_names(" ".join(f"<@{one}>" for one in people), None, cast("Any", Viewer()), people)
    assert found.text == " ".join(f"@{name}" for name in people.values())
    assert len(found.mentions) == MOST_MENTIONS


async def test_d5_people_are_looked_up_only_where_the_bot_is() -> None:
    """Elsewhere Discord would refuse the call, and in a direct message there is nobody else."""
    asked: list[tuple[int, list[int]]] = []

    async def names(guild_id: int, people: list[int]) -> dict[int, str]:
        asked.append((guild_id, people))
        return {ADA: "Ada"}

    services = cast("Any", SimpleNamespace(members=SimpleNamespace(names=names)))

    def interaction(guild_id: int | None, *, member: bool) -> Any:
        client = SimpleNamespace(user=None, get_guild=lambda _id: object() if member else None)
        user = SimpleNamespace(id=1, display_name="me")
        return SimpleNamespace(
            user=user,
            client=client,
            guild_id=guild_id,
            guild=None,
            context=SimpleNamespace(private_channel=False),
            is_guild_integration=lambda: member,
        )

    for guild_id, member, shown in ((8, True, "@Ada"), (8, False, f"<@{ADA}>"), (None, False, f"<@{ADA}>")):
        named = await prompt_with_names(services, interaction(guild_id, member=member), f"<@{ADA}>")
        assert named.text == shown
    assert asked == [(8, [ADA])]
    assert (await prompt_with_names(services, interaction(8, member=True), "nobody")).text == "nobody"


def test_a_poll_is_read_with_its_answers() -> None:
    """Of a message that somebody asks about."""
    message = discord.Message.__new__(discord.Message)
    poll = SimpleNamespace(
        question="Where?", answers=[SimpleNamespace(text="Here"), SimpleNamespace(text="There")]
    )
    facts = {"content": "", "embeds": [], "components": [], "poll": poll, "message_snapshots": [], "mentions": []}
    for name, value in {**facts, "guild": None}.items():
        setattr(message, name, value)
    assert text_in(message, cast("Any", Viewer())) == "Where?\n- Here\n- There"
