"""Help channels: each post is answered in its own thread without a mention, and a person can be called there."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Channel, ChannelType, ForumTag, Message, Role
from sandbox.discord_api.people import Person
from sandbox.discord_api.snowflakes import fixed
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.reading import PATIENCE, body, new_room, of_the_bot, started_again, until_over

pytestmark = pytest.mark.asyncio(loop_scope="module")

HELPERS = fixed(70)
FIRST_LINE = "A person will look at this too."


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A bot that Discord shows all messages, in a server where Chloe has a role for those who help."""
    discord = DiscordDouble(latency=0.0, limits=False, privileged_intents=["message_content"])
    team = next(guild for guild in discord.world.guilds.values() if guild.name == "Team")
    role = team.roles[HELPERS] = Role(HELPERS, "helpers", position=1, mentionable=True)
    discord.world.set_roles(team, discord.person("chloe").user, [role])
    async with staged(
        tmp_path_factory.mktemp("help"),
        discord=discord,
        parallax=ParallaxDouble(tokens_per_second=200, lag=False),
        MESSAGE_CONTENT_INTENT="true",
        SHUTDOWN_GRACE="2",
    ) as running:
        yield running


async def make_help_channel(grace: Person, place: Channel, **answers: str | list[str]) -> None:
    """Switch it on with the dialogue of ``/settings``, called in the channel or in a post of the forum."""
    view = await (await grace.slash(place, "settings")).response()
    if place.is_thread:
        assert view.buttons["Help channel"].disabled
        await (await grace.click(view, custom_id="settings-scope", values=[str(place.parent_id)])).acked()
    dialogue = await (await grace.click(view, "Help channel")).acked()
    await (await grace.submit(dialogue, {"answer_posts": ["everybody"], **answers})).acked()
    assert "Answer every post: on" in view.text
    assert "Posts are not answered" not in view.text


def new_forum(stage: Stage) -> Channel:
    """A forum of its own for a test."""
    world = stage.discord.world
    tags = [ForumTag(world.ids.next(), "solved ✅"), ForumTag(world.ids.next(), "bug")]
    guild_id = stage.discord.channel("general").guild_id
    name = f"forum-{world.ids.next()}"
    return world.add_channel(Channel(world.ids.next(), ChannelType.FORUM, name, guild_id, available_tags=tags))


async def answered(stage: Stage, thread: Channel, count: int = 1) -> Message:
    """The bot's ``count``-th answer in a thread, ended."""
    await stage.discord.wait_until(lambda: len(of_the_bot(stage, thread)) >= count, PATIENCE, thread)
    message = of_the_bot(stage, thread)[count - 1]
    await until_over(stage, message)
    return message


def heard_last(stage: Stage) -> str:
    return str(stage.parallax.requests[-1].messages[-1]["content"])


async def test_a_forum_post_is_answered_and_a_person_called_once(stage: Stage) -> None:
    """The title belongs to the question; the asker goes on without a mention until a helper has written."""
    ada, ben, chloe, grace = (stage.discord.person(name) for name in ("ada", "ben", "chloe", "grace"))
    forum = new_forum(stage)
    early = await grace.post(forum, "Rules", "Be kind.")
    await make_help_channel(grace, early, first_line=FIRST_LINE, helper_roles=[str(HELPERS)])
    stage.parallax.script(["Plug it in."])
    post = await ada.post(forum, "Printer is dead", "What can I do?", ["bug"])
    first = await answered(stage, post)
    assert first.text.startswith(f"-# {FIRST_LINE}\nPlug it in.\n-# ")
    assert heard_last(stage) == "Ada: Printer is dead\n\nWhat can I do?"
    stage.parallax.script(["The wall."])
    await ada.say(post, "Into what?")
    assert FIRST_LINE not in (await answered(stage, post, 2)).text

    asked = len(stage.parallax.requests)
    disliked = await (await ada.click(first, custom_id=thumb_down(first))).response()
    assert {"Ask a person", "Do not answer my posts"} <= disliked.buttons.keys()
    told = await (await ada.click(disliked, "Ask a person")).done_loading()
    assert told.text == "They are called: the message is in this thread."
    call = next(m for m in of_the_bot(stage, post) if "asks for a person here" in m.text)
    assert call.notified == {chloe.id}
    again = await (await ben.click(first, "Ask a person")).done_loading()
    assert again.text.startswith(f"{ada.mention} has called a person here already")

    await ben.say(post, "I have the same.")
    await chloe.say(post, "Hold on, I look at it.")
    await stage.bot.logged("help.taken_over")
    await ada.say(post, "Thank you")
    stage.parallax.script(["Elsewhere."])
    other = await ben.post(forum, "Another", "one")
    await answered(stage, other)
    assert len(stage.parallax.requests) == asked + 1
    await ben.tag(other, ["solved ✅"])
    await ben.say(other, "It works now")
    stage.parallax.script(["Asked by name."])
    await ada.say(post, f"<@{stage.discord.world.bot.id}> still there?")
    await stage.discord.wait_until(lambda: said(stage, post, "Asked by name."), PATIENCE)
    assert len(stage.parallax.requests) == asked + 2


async def test_posts_that_were_missed_are_answered_later(stage: Stage) -> None:
    """In a forum and in a text channel, where nobody had asked anything before."""
    ada, ben, grace = (stage.discord.person(name) for name in ("ada", "ben", "grace"))
    forum, room = new_forum(stage), new_room(stage)
    await make_help_channel(grace, await grace.post(forum, "Rules", "Be kind."))
    await make_help_channel(grace, room)
    assert await stage.bot.terminate() == 0, stage.bot.log
    post = await ada.post(forum, "Nobody here?", "I wait.")
    written = await ben.say(room, "Is it off?")
    stage.parallax.script(["Here I am."], match="I wait.")
    stage.parallax.script(["It was."], match="Is it off?")
    await started_again(stage)
    assert "Here I am." in (await answered(stage, post)).text
    await stage.discord.wait_until(lambda: written.thread_id is not None, PATIENCE)
    assert "It was." in (await answered(stage, stage.discord.world.channels[written.id])).text


async def test_a_message_in_a_help_channel_gets_a_thread(stage: Stage) -> None:
    """Each person's own message, so many a day; whoever wants none is left alone, and replies are for people."""
    ada, ben, grace = (stage.discord.person(name) for name in ("ada", "ben", "grace"))
    room = new_room(stage)
    await make_help_channel(grace, room, posts_a_day="2")
    stage.parallax.script(["Turn it on."])
    post = await ada.say(room, "The lamp is dark")
    await stage.discord.wait_until(lambda: post.thread_id is not None, PATIENCE)
    thread = stage.discord.world.channels[post.id]
    first = await answered(stage, thread)
    assert body(first) == "Turn it on."
    assert "Ask a person" not in first.buttons
    asked = len(stage.parallax.requests)
    await ben.say(room, "Me too", reply_to=post)
    disliked = await (await ada.click(first, custom_id=thumb_down(first))).response()
    silent = await (await ada.click(disliked, "Do not answer my posts")).done_loading()
    assert silent.text.startswith("The bot leaves your posts alone from now on.")
    await ada.say(room, "Just telling")
    await ada.say(thread, "And this too")
    stage.parallax.script(["Second."])
    second = await ben.say(room, "My lamp too")
    await stage.discord.wait_until(lambda: second.thread_id is not None, PATIENCE)
    await answered(stage, stage.discord.world.channels[second.id])
    assert len(stage.parallax.requests) == asked + 1
    third = await ben.say(room, "And the other one")
    await stage.discord.wait_until(lambda: any(m.referenced is third for m in of_the_bot(stage, room)), PATIENCE)
    assert "automatic answers for today" in next(m for m in of_the_bot(stage, room) if m.referenced is third).text
    assert "wants no automatic answers" in await exported(stage, ada, room)
    back = await (await ada.click(silent, "Answer my posts again")).done_loading()
    assert back.text == "Your posts in help channels are answered again."


def said(stage: Stage, room: Channel, words: str) -> bool:
    """Whether the bot has written this there."""
    return any(words in message.text for message in of_the_bot(stage, room))


async def exported(stage: Stage, who: Person, room: Channel) -> str:
    """What the person gets as their data."""
    shown = await (await who.slash(room, "context export")).done_loading()
    return shown.file("questions.md").decode()


def thumb_down(message: Message) -> str:
    """The id of the button that says that an answer did not help."""
    ids = (button.custom_id or "" for button in message.buttons.values())
    return next(one for one in ids if one.startswith("answer:dislike:"))
