"""Names in place of ids, and what can be read in a message."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogs.ui.message_text import with_names

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
