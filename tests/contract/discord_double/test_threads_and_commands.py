"""Threads' doors, registered commands one by one, users and guilds: the smaller routes.

Sources: docs.discord.com, developers/topics/threads, developers/interactions/application-commands,
developers/resources/{user,guild}.
"""

from __future__ import annotations

from typing import Any

import discord
import pytest

from sandbox.discord_api import DiscordDouble, RefusedError
from sandbox.discord_api.permissions import Permission


async def test_commands_can_be_created_changed_and_deleted_one_by_one(double: DiscordDouble, bot: Any) -> None:
    """POST, PATCH, GET and DELETE of a guild's command; visible only in that guild."""
    guild = discord.utils.get(bot.guilds, name="Team")
    body = {"name": "local", "type": 1, "description": "Here only"}
    made = await bot.http.upsert_guild_command(double.application_id, guild.id, body)
    assert "local" in double.person("ada").commands("general")
    assert "local" not in double.person("stranger").commands("lobby")
    changed = await bot.http.edit_guild_command(
        double.application_id, guild.id, int(made["id"]), {"description": "Changed"}
    )
    assert changed["description"] == "Changed"
    assert [c["id"] for c in await bot.http.get_guild_commands(double.application_id, guild.id)] == [made["id"]]
    await bot.http.delete_guild_command(double.application_id, guild.id, int(made["id"]))
    with pytest.raises(discord.NotFound) as refused:
        await bot.http.get_guild_command(double.application_id, guild.id, int(made["id"]))
    assert refused.value.code == 10063


async def test_a_sync_that_breaks_a_rule_changes_nothing(double: DiscordDouble, bot: Any) -> None:
    """Invalid Form Body, and the old commands stay."""
    before = [command.id for command in double.world.commands]
    with pytest.raises(discord.HTTPException) as refused:
        await bot.http.bulk_upsert_global_commands(
            double.application_id, [{"name": "UPPER", "type": 1, "description": "x"}]
        )
    assert refused.value.code == 50035
    assert [command.id for command in double.world.commands] == before


async def test_a_locked_thread_is_closed_to_members(double: DiscordDouble, bot: Any) -> None:
    """Locked: only who manages threads may write; a person is told so."""
    ada = double.person("ada")
    said = await ada.say("general", "topic")
    thread = await ada.start_thread(said, "Talk")
    real = await bot.fetch_channel(thread.id)
    await real.edit(archived=True, locked=True)
    with pytest.raises(RefusedError, match="locked"):
        await ada.say(thread, "hello?")
    await real.edit(archived=False, locked=False)
    assert (await ada.say(thread, "hello")).text == "hello"
    await real.join()
    assert {member.id for member in await real.fetch_members()} == {ada.id, double.application_id}
    await real.leave()
    with pytest.raises(RefusedError, match="already"):
        await ada.start_thread(said, "Again")
    await real.delete()
    with pytest.raises(discord.NotFound) as refused:
        await bot.fetch_channel(thread.id)
    assert refused.value.code == 10003


async def test_an_interaction_in_a_thread_is_answered_there(double: DiscordDouble, bot: Any) -> None:
    """The channel of the interaction is the thread."""
    ada = double.person("ada")
    thread = await ada.start_thread(await ada.say("general", "topic"), "Talk")
    message = await (await ada.slash(thread, "ask", prompt="why?")).response()
    assert message.channel_id == thread.id


async def test_users_members_roles_and_channels_can_be_fetched(double: DiscordDouble, bot: Any) -> None:
    """What is not there has its own code each."""
    ada, sam = double.person("ada"), double.person("stranger")
    assert (await bot.fetch_user(ada.id)).name == "ada"
    guild = await bot.fetch_guild(double.operators.guild_ids[0])
    assert guild.name == "Team"
    assert (await guild.fetch_member(ada.id)).id == ada.id
    assert {role.name for role in await guild.fetch_roles()} >= {"@everyone", "cluster-operators"}
    assert {c.name for c in await guild.fetch_channels()} == {"Text channels", "general", "random", "ops", "help"}
    for fetch, code in (
        (guild.fetch_member(sam.id), 10007),
        (bot.fetch_user(1), 10013),
        (bot.fetch_guild(1), 10004),
        (bot.fetch_channel(1), 10003),
    ):
        with pytest.raises(discord.NotFound) as refused:
            await fetch
        assert refused.value.code == code


async def test_only_authors_edit(double: DiscordDouble, bot: Any) -> None:
    """50005 for another's message; a person cannot edit the bot's either."""
    said = await double.person("ada").say("general", "mine")
    channel = bot.get_partial_messageable(said.channel_id)
    with pytest.raises(discord.Forbidden) as refused:
        await channel.get_partial_message(said.id).edit(content="yours")
    assert refused.value.code == 50005
    with pytest.raises(RefusedError, match="another user"):
        await double.person("ben").edit(said, "ours")
    with pytest.raises(RefusedError):
        await double.person("ben").delete(said)
    assert (await double.person("ada").edit(said, "still mine")).text == "still mine"


async def test_pins_need_their_permission(double: DiscordDouble, bot: Any) -> None:
    """PIN_MESSAGES; the pinned message says so."""
    channel = bot.get_partial_messageable(double.channel("general").id)
    message = await channel.send("board")
    await message.pin()
    assert double.world.messages[message.id].pinned
    await message.unpin()
    guild = double.world.guilds[double.operators.guild_ids[0]]
    for role in guild.roles.values():
        role.permissions &= ~int(Permission.PIN_MESSAGES)
    with pytest.raises(discord.Forbidden) as refused:
        await message.pin()
    assert refused.value.code == 50013


async def test_a_reply_to_a_vanished_message_is_refused(double: DiscordDouble, bot: Any) -> None:
    """``fail_if_not_exists``: 50035 with it, an ordinary message without it."""
    said = await double.person("ada").say("general", "soon gone")
    await double.person("ada").delete(said)
    channel = bot.get_partial_messageable(said.channel_id)
    reference = discord.MessageReference(message_id=said.id, channel_id=said.channel_id)
    with pytest.raises(discord.HTTPException) as refused:
        await channel.send("reply", reference=reference)
    assert refused.value.code == 50035
    lenient = discord.MessageReference(message_id=said.id, channel_id=said.channel_id, fail_if_not_exists=False)
    assert (await channel.send("alone", reference=lenient)).reference is None


async def test_new_people_come_and_go(double: DiscordDouble, bot: Any) -> None:
    """Someone who joins can ask at once; someone who left sees nothing."""
    guild = double.world.guilds[double.operators.guild_ids[0]]
    dana = double.new_person("Dana")
    assert (await (await dana.slash("general", "ask", prompt="hi")).response()).text == "hello"
    operator_role = guild.roles[double.operators.role_ids[0]]
    double.world.set_roles(guild, dana.user, [operator_role])
    assert dana.channel("ops").name == "ops"
    double.world.remove_member(guild, dana.user)
    with pytest.raises(RefusedError):
        await dana.slash(double.channel("general"), "ask", prompt="hi")


async def test_history_without_the_intent_is_blank(double: DiscordDouble, bot: Any) -> None:
    """REST answers an application without MESSAGE_CONTENT as the gateway does."""
    said = await double.person("ada").say("general", "secret")
    channel = bot.get_partial_messageable(said.channel_id)
    assert (await channel.fetch_message(said.id)).content == ""
    around = [m.content async for m in channel.history(around=said)]
    assert around == [""]
    assert [m async for m in channel.history(before=said)] == []
    assert [m async for m in channel.history(after=said)] == []


async def test_waiting_in_vain_shows_the_channel(double: DiscordDouble) -> None:
    """The error of a test tells what was there instead."""
    await double.person("ada").say("general", "the only line")
    with pytest.raises(AssertionError, match="Ada: 'the only line'"):
        await double.wait_until(lambda: False, timeout=0.05)
    assert "#general" in double.dump()
