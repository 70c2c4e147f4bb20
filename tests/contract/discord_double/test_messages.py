"""What a message may hold, whom it notifies and what happens when it is gone.

Source of the rules: docs.discord.com, developers/resources/message and developers/components/reference.
"""

from __future__ import annotations

import io
from typing import Any

import discord
import pytest
from discord import ui

from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Message, Overwrite
from sandbox.discord_api.permissions import Permission

BUTTON = {"type": 2, "style": 1, "label": "x", "custom_id": "same"}


def channel_of(double: DiscordDouble, bot: Any, name: str = "general") -> discord.PartialMessageable:
    """The bot's handle on a channel."""
    found = bot.get_partial_messageable(double.channel(name).id)
    assert isinstance(found, discord.PartialMessageable)
    return found


def layout(*texts: str) -> ui.LayoutView:
    """A V2 view of some texts."""
    view = ui.LayoutView(timeout=None)
    for text in texts:
        view.add_item(ui.TextDisplay(text))
    return view


def stored(double: DiscordDouble, message: discord.Message) -> Message:
    """The world's record of a message."""
    return double.world.messages[message.id]


async def test_content_has_a_limit_and_must_not_be_empty(double: DiscordDouble, bot: Any) -> None:
    """2000 characters (50035); nothing at all is 50006."""
    channel = channel_of(double, bot)
    with pytest.raises(discord.HTTPException) as refused:
        await channel.send("x" * 2001)
    assert refused.value.code == 50035
    assert "2000" in refused.value.text
    with pytest.raises(discord.HTTPException) as refused:
        await channel.send("")
    assert refused.value.code == 50006
    assert (await channel.send("x" * 2000)).content == "x" * 2000


async def test_components_v2_hold_4000_characters_in_all(double: DiscordDouble, bot: Any) -> None:
    """ "4000 characters" counts over every TextDisplay of the message."""
    channel = channel_of(double, bot)
    message = await channel.send(view=layout("a" * 3000, "b" * 1000))
    with pytest.raises(discord.HTTPException) as refused:
        await message.edit(view=layout("a" * 3000, "b" * 1001))
    assert refused.value.code == 50035
    assert len(stored(double, message).text) == 4001  # the line break between the two


async def test_components_v2_hold_forty_components(double: DiscordDouble, bot: Any) -> None:
    """Nested ones count. discord.py would refuse itself, so the request is made by hand."""
    texts = [{"type": 10, "content": "x"} for _ in range(40)]
    route = discord.http.Route("POST", "/channels/{channel_id}/messages", channel_id=double.channel("general").id)
    await bot.http.request(route, json={"flags": 32768, "components": texts})
    with pytest.raises(discord.HTTPException) as refused:
        await bot.http.request(route, json={"flags": 32768, "components": [{"type": 17, "components": texts}]})
    assert refused.value.code == 50035


@pytest.mark.parametrize(
    "body",
    [
        {"flags": 32768, "components": [{"type": 10, "content": "x"}], "content": "y"},
        {"flags": 32768, "components": [{"type": 10, "content": "x"}], "embeds": [{"title": "y"}]},
        {"components": [{"type": 10, "content": "x"}]},
        {"content": "x", "components": [{"type": 1, "components": [BUTTON] * 2}]},
        {"content": "x", "components": [{"type": 1, "components": [BUTTON | {"custom_id": "x" * 101}]}]},
        {"content": "x", "components": [{"type": 1, "components": [BUTTON | {"label": "x" * 81}]}]},
        {
            "content": "x",
            "components": [{"type": 1, "components": [BUTTON | {"custom_id": str(i)} for i in range(6)]}],
        },
        {"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}},
        {"embeds": [{"description": "x" * 4097}]},
        {"embeds": [{"description": "x" * 4000}, {"description": "x" * 2001}]},
        {"content": "x", "nonce": "n" * 26},
    ],
    ids=[
        "content with V2",
        "embeds with V2",
        "V2 without the flag",
        "duplicated custom_id",
        "long custom_id",
        "long label",
        "six buttons",
        "contradicting allowed_mentions",
        "long description",
        "embeds too long together",
        "long nonce",
    ],
)
async def test_malformed_messages_are_refused(double: DiscordDouble, bot: Any, body: dict[str, Any]) -> None:
    """Each is an Invalid Form Body (50035) and leaves nothing behind."""
    route = discord.http.Route("POST", "/channels/{channel_id}/messages", channel_id=double.channel("general").id)
    with pytest.raises(discord.HTTPException) as refused:
        await bot.http.request(route, json=body)
    assert (refused.value.status, refused.value.code) == (400, 50035)
    assert double.messages("general") == []


async def test_an_upgrade_to_v2_is_one_way(double: DiscordDouble, bot: Any) -> None:
    """ "Once a message has been sent with this flag, it can't be removed"; the old content must be cleared."""
    message = await channel_of(double, bot).send("plain")
    with pytest.raises(discord.HTTPException) as refused:
        await message.edit(view=layout("rich"))
    assert refused.value.code == 50035
    await message.edit(content=None, view=layout("rich"))
    assert stored(double, message).flags & 32768
    with pytest.raises(discord.HTTPException):
        await message.edit(content="plain again")
    assert stored(double, message).text == "rich"


async def test_a_new_message_notifies_whom_it_mentions(double: DiscordDouble, bot: Any) -> None:
    """Without ``allowed_mentions`` everything is parsed, as far as the bot's permissions go."""
    ada, ben = double.person("ada"), double.person("ben")
    message = await channel_of(double, bot).send(f"{ada.mention} @everyone `{ben.mention}`")
    assert stored(double, message).notified == {ada.id}
    assert not message.mention_everyone
    assert [user.id for user in message.mentions] == [ada.id]


async def test_allowed_mentions_keep_everyone_undisturbed(double: DiscordDouble, bot: Any) -> None:
    """``parse: []``: the text stays, nobody is notified."""
    ada = double.person("ada")
    none = discord.AllowedMentions.none()
    message = await channel_of(double, bot).send(
        f"{ada.mention} <@&{double.operators.role_ids[0]}>", allowed_mentions=none
    )
    assert stored(double, message).notified == frozenset()
    assert message.mentions == []


async def test_edits_parse_again_but_never_notify(double: DiscordDouble, bot: Any) -> None:
    """``allowed_mentions`` is not remembered: an edit without it shows the mention, and rings nobody."""
    ada = double.person("ada")
    channel = channel_of(double, bot)
    message = await channel.send("hello", allowed_mentions=discord.AllowedMentions.none())
    edited = await channel.get_partial_message(message.id).edit(content=f"hello {ada.mention}")
    assert [user.id for user in edited.mentions] == [ada.id]
    assert stored(double, message).notified == frozenset()
    edited = await channel.get_partial_message(message.id).edit(
        content=f"bye {ada.mention}", allowed_mentions=discord.AllowedMentions.none()
    )
    assert edited.mentions == []
    assert edited.edited_at is not None


async def test_a_nonce_makes_a_repeated_post_harmless(double: DiscordDouble, bot: Any) -> None:
    """``enforce_nonce``: the message that exists is returned, no second one is made."""
    route = discord.http.Route("POST", "/channels/{channel_id}/messages", channel_id=double.channel("general").id)
    body = {"content": "once", "nonce": "abc", "enforce_nonce": True}
    first = await bot.http.request(route, json=body)
    second = await bot.http.request(route, json=body)
    assert first["id"] == second["id"]
    assert [m.text for m in double.messages("general")] == ["once"]


async def test_a_deleted_message_is_unknown_and_the_bot_hears_of_it(double: DiscordDouble, bot: Any) -> None:
    """MESSAGE_DELETE to the bot; every later use of the message is 10008."""
    channel = channel_of(double, bot)
    message = await channel.send("soon gone")
    await double.person("admin").delete(stored(double, message))
    await double.wait_until(lambda: bot.raw_deletes)
    with pytest.raises(discord.NotFound) as refused:
        await channel.get_partial_message(message.id).edit(content="still there?")
    assert refused.value.code == 10008
    assert bot.raw_deletes == [message.id]


async def test_permissions_are_asked(double: DiscordDouble, bot: Any) -> None:
    """50001 where the bot sees nothing, 50013 where it may not write, 50007 where a person closed the door."""
    random = double.channel("random")
    random.overwrites.append(Overwrite(double.application_id, 1, deny=int(Permission.SEND_MESSAGES)))
    with pytest.raises(discord.Forbidden) as refused:
        await channel_of(double, bot, "random").send("hello?")
    assert refused.value.code == 50013
    random.overwrites[-1].deny = int(Permission.VIEW_CHANNEL)
    with pytest.raises(discord.Forbidden) as refused:
        await channel_of(double, bot, "random").send("hello?")
    assert refused.value.code == 50001
    ada = double.person("ada")
    user = await bot.fetch_user(ada.id)
    assert (await user.send("hello")).content == "hello"
    ada.user.dm_open = False
    with pytest.raises(discord.Forbidden) as refused:
        await user.send("hello?")
    assert refused.value.code == 50007


async def test_files_come_back_and_have_a_limit(double: DiscordDouble, bot: Any) -> None:
    """10 MiB each; a V2 message shows a file through a File component."""
    channel = channel_of(double, bot)
    view = layout("see")
    view.add_item(ui.File("attachment://a.md"))
    message = await channel.send(view=view, file=discord.File(io.BytesIO(b"# A"), "a.md"))
    assert stored(double, message).file("a.md") == b"# A"
    assert await message.attachments[0].read() == b"# A"
    with pytest.raises(discord.HTTPException) as refused:
        await channel.send(file=discord.File(io.BytesIO(b"x" * (10 * 1024 * 1024 + 1)), "big.bin"))
    assert (refused.value.status, refused.value.code) == (413, 40005)


async def test_reactions_and_history(double: DiscordDouble, bot: Any) -> None:
    """Reactions are put and taken; history is newest first and shows no private answers."""
    channel = channel_of(double, bot)
    message = await channel.send("one")
    await message.add_reaction("👀")
    assert stored(double, message).reactions == {"👀": [double.application_id]}
    await message.remove_reaction("👀", bot.user)
    assert stored(double, message).reactions == {}
    await channel.send("two")
    assert [m.content async for m in channel.history()] == ["two", "one"]


async def test_history_is_read_in_parts(double: DiscordDouble, bot: Any) -> None:
    """Before, after or around one message, a hundred at most; without its text where Discord hides that, and
    nothing at all without the right to read it ("Get Channel Messages", "Message Content Intent")."""
    ada = double.person("ada")
    said = [await ada.say("general", f"{number}") for number in range(5)]
    await ada.say("general", f"<@{bot.user.id}> you")
    channel = channel_of(double, bot)

    async def numbers(**which: int) -> list[int]:
        read = await bot.http.logs_from(channel.id, **{"limit": 2, **which})
        return [next((n for n, one in enumerate(said) if str(one.id) == message["id"]), 5) for message in read]

    assert await numbers() == [5, 4]
    assert await numbers(before=said[3].id) == [2, 1]
    assert await numbers(after=said[1].id) == [3, 2]
    assert await numbers(around=said[2].id, limit=3) == [3, 2, 1]
    shown = await bot.http.logs_from(channel.id, 100)
    assert [message["content"] for message in shown] == [f"<@{bot.user.id}> you", "", "", "", "", ""]
    for wrong in ({"limit": 0}, {"limit": 101}, {"after": said[0].id, "before": said[3].id}):
        with pytest.raises(discord.HTTPException) as refused:
            await numbers(**wrong)
        assert refused.value.code == 50035
    double.channel("general").overwrites.append(
        Overwrite(bot.user.id, 1, deny=int(Permission.READ_MESSAGE_HISTORY))
    )
    assert await numbers() == []


async def test_threads_archive_lock_and_open(double: DiscordDouble, bot: Any) -> None:
    """A thread has its message's id; sending opens an archived one; edits in it are refused (50083)."""
    message = await channel_of(double, bot).send("topic")
    real = await bot.get_channel(double.channel("general").id).fetch_message(message.id)
    thread = await real.create_thread(name="Talk")
    assert thread.id == message.id
    said = await thread.send("inside")
    await thread.edit(archived=True)
    with pytest.raises(discord.HTTPException) as refused:
        await said.edit(content="changed")
    assert refused.value.code == 50083
    await double.person("ada").say("Talk", "hello")
    assert not double.channel("Talk").archived
    assert double.world.messages[message.id].thread_id == thread.id
