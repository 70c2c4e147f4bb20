"""Forums: posts, their tags and what the bot hears of them.

Source: docs.discord.com, developers/resources/channel, "Start Thread in Forum or Media Channel".
"""

from __future__ import annotations

import asyncio
from typing import Any

import discord
import pytest

from sandbox.discord_api import DiscordDouble, RefusedError


async def test_a_post_has_its_first_messages_id(double: DiscordDouble, bot: Any) -> None:
    """The bot knows the thread, its forum and its tags; titles and tags are checked."""
    ada = double.person("ada")
    heard = asyncio.create_task(bot.wait_for("thread_create", timeout=10))
    post = await ada.post("help", "Printer", "It is dead.", ["question"])
    assert (await heard).id == post.id
    thread = bot.get_guild(post.guild_id).get_thread(post.id)
    assert isinstance(thread.parent, discord.ForumChannel)
    assert [tag.name for tag in thread.applied_tags] == ["question"]
    assert (await thread.fetch_message(post.id)).author.id == ada.id
    assert (post.message_count, post.owner_id) == (0, ada.id)
    await ada.say(post, "Still dead.")
    assert post.message_count == 1
    heard = asyncio.create_task(bot.wait_for("thread_update", timeout=10))
    await ada.tag(post, ["solved"])
    assert [tag.name for tag in (await heard)[1].applied_tags] == ["solved"]
    with pytest.raises(RefusedError, match="no tag nonsense"):
        await ada.tag(post, ["nonsense"])
    with pytest.raises(RefusedError, match="Form Body"):
        await ada.post("help", "", "No title")
    with pytest.raises(RefusedError):
        await double.person("ben").tag(post, [])
    made = await thread.parent.create_thread(name="News", content="From the bot")
    assert made.message.id == made.thread.id


async def test_nobody_writes_in_a_forum_itself(double: DiscordDouble, bot: Any) -> None:
    """Neither people nor the bot, and there is no box for commands."""
    ada, forum = double.person("ada"), double.channel("help")
    with pytest.raises(RefusedError):
        await ada.say(forum, "Hello?")
    with pytest.raises(RefusedError, match="no box"):
        await ada.slash(forum, "anything")
    with pytest.raises(discord.HTTPException) as refused:
        await bot.get_partial_messageable(forum.id).send("Hello?")
    assert refused.value.code == 50024
