"""What people send besides plain words: forwards, cards, files, replies to them, roles and mentions."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from sandbox.discord_api import DiscordDouble, messages
from sandbox.discord_api.message_rules import Form
from sandbox.discord_api.model import Channel, Message, Overwrite, Role, User
from sandbox.discord_api.people import Person
from sandbox.discord_api.permissions import Permission
from sandbox.discord_api.wire import JSON
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.reading import PATIENCE, ask, body, new_room, of_the_bot, until_over

pytestmark = pytest.mark.asyncio(loop_scope="module")

EMBED: JSON = {
    "author": {"name": "CI"},
    "title": "Build 7",
    "description": "It failed.",
    "fields": [{"name": "Step", "value": "link"}],
    "footer": {"text": "in 3 min"},
}
CARD: JSON = {
    "flags": 32768,
    "components": [
        {
            "type": 17,
            "components": [
                {"type": 10, "content": "Deployed"},
                {
                    "type": 9,
                    "components": [{"type": 10, "content": "to Zürich"}],
                    "accessory": {"type": 2, "style": 5, "label": "Open", "url": "https://example.org"},
                },
            ],
        }
    ],
}
PICTURE = ("cat.png", b"\x89PNG\r\n\x1a\n")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A bot with the privileged intent, so that replies show it the messages of others."""
    async with staged(
        tmp_path_factory.mktemp("forms"),
        discord=DiscordDouble(latency=0.0, privileged_intents=["message_content"]),
        parallax=ParallaxDouble(tokens_per_second=200, lag=False),
        MESSAGE_CONTENT_INTENT="true",
    ) as running:
        yield running


def heard(stage: Stage) -> str:
    """The newest question as the model reads it."""
    return str(stage.parallax.requests[-1].messages[-1]["content"])


def posted(stage: Stage, room: Channel, form: JSON, name: str = "CI") -> Message:
    """A message of another bot."""
    world = stage.discord.world
    other = User(world.ids.next(), name.lower(), name, bot=True)
    world.add_user(other, [world.guilds[room.guild_id or 0]])
    return messages.create(world, other, room, Form(form))


async def answered(stage: Stage, message: Message) -> Message:
    """The bot's reply to a message, ended."""
    room = stage.discord.world.channels[message.channel_id]

    def found() -> list[Message]:
        return [one for one in of_the_bot(stage, room) if one.referenced is message]

    await stage.discord.wait_until(lambda: bool(found()), PATIENCE)
    await until_over(stage, found()[0])
    return found()[0]


async def told(stage: Stage, message: Message) -> str:
    """What the bot replies to a message that it does not ask the cluster about."""
    before = len(stage.parallax.requests)
    room = stage.discord.world.channels[message.channel_id]
    await stage.discord.wait_until(lambda: any(m.referenced is message for m in of_the_bot(stage, room)), PATIENCE)
    assert len(stage.parallax.requests) == before
    return next(m.text for m in of_the_bot(stage, room) if m.referenced is message)


def mention(stage: Stage) -> str:
    """A mention of the bot."""
    return f"<@{stage.discord.world.bot.id}>"


async def asked_about(stage: Stage, who: Person, about: Message) -> str:
    """What the model reads of a message that somebody asks about in its menu."""
    menu = await who.menu(about, "Ask about this")
    await menu.acked()
    stage.parallax.script(["So."])
    await until_over(stage, await (await who.submit(menu, {"question": "Why?"})).done_loading())
    return heard(stage)


@pytest.mark.parametrize(
    ("form", "texts"),
    [
        ({"embeds": [EMBED]}, ["> CI", "> Build 7", "> It failed.", "> Step: link", "> in 3 min"]),
        (CARD, ["> Deployed", "> to Zürich"]),
        ({"content": "See", "embeds": [EMBED]}, ["> See", "> Build 7"]),
    ],
    ids=["embed", "components", "both"],
)
async def test_d1_cards_are_read(stage: Stage, room: Channel, ada: Person, form: JSON, texts: list[str]) -> None:
    """In the menu and in a reply alike."""
    about = posted(stage, room, form)
    in_menu = await asked_about(stage, ada, about)
    stage.parallax.script(["So."])
    await answered(stage, await ada.say(room, f"{mention(stage)} Why?", reply_to=about))
    for text in (in_menu, heard(stage)):
        assert text.startswith("Ada: Why?\n\nA message by CI:\n> ")
        assert [line for line in texts if line not in text.splitlines()] == []


async def test_d1_a_forwarded_message_is_read(stage: Stage, room: Channel, ada: Person, ben: Person) -> None:
    """In the menu, in a reply, and in a direct message, where it is the question; its files go along."""
    news = await ben.say(room, "The disk is full.", files=[("df.txt", b"100%")])
    forward = await ada.forward(news, room)
    assert "> A forwarded message:\n> > The disk is full." in await asked_about(stage, ben, forward)
    assert "100%" in heard(stage)
    stage.parallax.script(["So."])
    await answered(stage, await ben.say(room, f"{mention(stage)} Why?", reply_to=forward))
    assert "> > The disk is full." in heard(stage)
    stage.parallax.script(["Free some."])
    shown = await answered_in_dm(stage, ada, await ada.forward(news, ada.dm))
    assert body(shown) == "Free some."
    assert heard(stage).startswith("Ada: A forwarded message:\n> The disk is full.\n\nAttachment df.txt:")


async def answered_in_dm(stage: Stage, who: Person, message: Message) -> Message:
    """The bot's reply in somebody's direct messages."""
    assert message.channel_id == who.dm.id
    return await answered(stage, message)


async def test_d1_what_carries_no_text_is_said(stage: Stage, room: Channel, ada: Person, ben: Person) -> None:
    """Of a picture alone; nothing is sent to the cluster."""
    picture = await ben.say(room, "", files=[PICTURE])
    no_text = "Not sent: cat.png is an image. This cluster reads text only."
    assert await told(stage, await ada.say(room, f"{mention(stage)} What is it?", reply_to=picture)) == no_text
    assert await told(stage, await ada.say(room, mention(stage), reply_to=picture)) == no_text
    assert await told(stage, await ada.forward(picture, ada.dm)) == no_text


async def test_d2_the_file_of_the_message_replied_to_goes_along(
    stage: Stage, room: Channel, ada: Person, ben: Person
) -> None:
    """Also beside one of the question's own; what cannot be read is left out and named to the model."""
    about = await ben.say(room, "Look", files=[("log.txt", b"no space left"), PICTURE])
    stage.parallax.script(["The disk."])
    asking = await ada.say(room, f"{mention(stage)} Why?", reply_to=about, files=[("own.txt", b"mine")])
    await answered(stage, asking)
    text = heard(stage)
    assert text.startswith(
        "Ada: Why?\n\nA message by Ben:\n> Look\n\nAttachment log.txt:\n```\nno space left\n```"
    )
    assert "Attachment own.txt:\n```\nmine\n```" in text
    assert text.endswith("Its file cat.png cannot be read.")


@pytest.mark.parametrize("direct", [True, False], ids=["direct message", "mention"])
async def test_d3_a_file_alone_is_the_question(stage: Stage, room: Channel, ada: Person, direct: bool) -> None:
    """Discord's client makes a file of a long paste."""
    stage.parallax.script(["Forty-two."])
    words = "" if direct else mention(stage)
    asking = await ada.say(ada.dm if direct else room, words, files=[("message.txt", b"What is 6 x 7?")])
    assert body(await answered(stage, asking)) == "Forty-two."
    assert heard(stage) == "Ada: Attachment message.txt:\n```\nWhat is 6 x 7?\n```"


async def test_d3_a_bare_mention_as_a_reply_asks_about_that_message(
    stage: Stage, room: Channel, ada: Person, ben: Person
) -> None:
    """With its text and its files; a bare mention alone still is no question."""
    about = await ben.say(room, "Who wrote Faust?", files=[("hint.txt", b"a German")])
    stage.parallax.script(["Goethe."])
    await answered(stage, await ada.say(room, mention(stage), reply_to=about))
    assert heard(stage).startswith("Ada: A message by Ben:\n> Who wrote Faust?\n\nAttachment hint.txt:")
    empty = await told(stage, await ada.say(room, mention(stage)))
    assert empty == "Not asked: the question is empty. Please write one."


def own_role(stage: Stage, room: Channel) -> Role:
    """The role that Discord made for the bot in this server."""
    roles = stage.discord.world.guilds[room.guild_id or 0].roles.values()
    return next(role for role in roles if role.bot_id == stage.discord.world.bot.id)


async def test_d4_the_bots_own_role_addresses_it(stage: Stage, room: Channel, ada: Person) -> None:
    """Other roles do not."""
    world = stage.discord.world
    other = Role(world.ids.next(), "reviewers")
    world.guilds[room.guild_id or 0].roles[other.id] = other
    before = len(stage.parallax.requests)
    await ada.say(room, f"<@&{other.id}> please look")
    stage.parallax.script(["Yes."])
    asking = await ada.say(room, f"<@&{own_role(stage, room).id}> are you there?")
    assert body(await answered(stage, asking)) == "Yes."
    assert heard(stage) == "Ada: are you there?"
    assert len(stage.parallax.requests) == before + 1


async def test_d5_the_model_reads_names(stage: Stage, room: Channel, ada: Person, ben: Person) -> None:
    """Of people, roles and channels, in messages, in commands and in what is quoted."""
    role = own_role(stage, room)
    text = f"Did {ben.mention} of <@&{role.id}> write in <#{room.id}>?"
    names = f"Did @Ben of @{role.name} write in #{room.name}?"
    stage.parallax.script(["Yes."])
    shown = await ask(ada, room, text)
    await until_over(stage, shown)
    assert heard(stage) == f"Ada: {names}"
    assert shown.notified == frozenset()
    stage.parallax.script(["Yes."])
    about = await ben.say(room, text)
    await answered(stage, about)  # the bot's role is mentioned, so it is a question too
    stage.parallax.script(["Yes."])
    await answered(stage, await ada.say(room, f"{mention(stage)} {ben.mention} is right?", reply_to=about))
    assert heard(stage) == f"Ada: @Ben is right?\n\nA message by Ben:\n> {names}"


async def test_d5_names_come_back_as_mentions_that_ping_nobody(
    stage: Stage, room: Channel, ada: Person, ben: Person
) -> None:
    """In the answer and in the quoted question, also after a press; other names stay names."""
    stage.parallax.script([f"Ask @Ben in #{room.name}, not @Chloe."])
    shown = await ask(ada, room, f"Who knows? {ben.mention}? <#{room.id}>?")
    await until_over(stage, shown)
    assert body(shown) == (
        f"> Who knows? {ben.mention}? <#{room.id}>?\nAsk {ben.mention} in <#{room.id}>, not @Chloe."
    )
    assert shown.notified == frozenset()
    stage.parallax.script(["@Ben does."])
    answer = await answered(stage, await ada.say(room, f"{mention(stage)} {ben.mention} or who?"))
    assert body(answer) == f"{ben.mention} does."
    assert answer.notified == frozenset()
    stage.parallax.script(["Yes, @Ben."])
    await (await ada.click(answer, "Regenerate")).acked()
    await stage.discord.wait_until(lambda: f"Yes, {ben.mention}." in answer.text, PATIENCE)
    await until_over(stage, answer)


async def test_d5_what_its_asker_cannot_see_keeps_its_id(stage: Stage, room: Channel, ada: Person) -> None:
    """The name of a hidden channel is not told, nor anything that does not exist."""
    hidden = new_room(stage)
    view = int(Permission.VIEW_CHANNEL)
    bot = stage.discord.world.bot
    hidden.overwrites = [Overwrite(hidden.guild_id or 0, 0, deny=view), Overwrite(bot.id, 1, allow=view)]
    stage.discord.world.channel_changed(hidden)
    text = f"<#{hidden.id}> <@&{hidden.id + 1}> <@{hidden.id + 2}>"
    stage.parallax.script(["No."])
    await until_over(stage, await ask(ada, room, text))
    assert heard(stage) == f"Ada: {text}"


async def test_d6_a_refusal_is_said_without_a_reply_where_replying_fails(
    stage: Stage, room: Channel, ada: Person
) -> None:
    """The bot may not read the channel's history there; an answer comes without the reply as well."""
    bot = stage.discord.world.bot
    room.overwrites = [Overwrite(bot.id, 1, deny=int(Permission.READ_MESSAGE_HISTORY))]
    stage.discord.world.channel_changed(room)
    await ada.say(room, mention(stage))
    await stage.discord.wait_until(lambda: bool(of_the_bot(stage, room)), PATIENCE)
    (refusal,) = of_the_bot(stage, room)
    assert refusal.text == "Not asked: the question is empty. Please write one."
    assert (refusal.referenced, refusal.notified) == (None, frozenset())
    stage.parallax.script(["Here."])
    await ada.say(room, f"{mention(stage)} where?")
    await stage.discord.wait_until(lambda: len(of_the_bot(stage, room)) == 2, PATIENCE)
    answer = of_the_bot(stage, room)[1]
    await until_over(stage, answer)
    assert body(answer) == "Here."
