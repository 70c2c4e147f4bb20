"""Every way to ask leads into the same queue, and each channel keeps its own memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Channel, Message
from sandbox.discord_api.people import Person
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.reading import PATIENCE, ask, body, new_room, of_the_bot, until_over, until_shows

pytestmark = pytest.mark.asyncio(loop_scope="module")


def heard(stage: Stage) -> list[tuple[str, str]]:
    """The conversation as the model saw it last, without the system prompt."""
    messages = stage.parallax.requests[-1].messages
    return [(str(m["role"]), str(m["content"])) for m in messages if m["role"] != "system"]


async def replied(stage: Stage, to: Message) -> Message:
    """The bot's reply to a message, ended."""

    def found() -> list[Message]:
        room = stage.discord.world.channels[to.channel_id]
        return [m for m in of_the_bot(stage, room) if m.referenced is to]

    await stage.discord.wait_until(lambda: bool(found()), PATIENCE)
    await until_over(stage, found()[0])
    return found()[0]


async def said_in(stage: Stage, room: Channel, count: int) -> Message:
    """The bot's ``count``-th message in a channel, ended."""
    await stage.discord.wait_until(lambda: len(of_the_bot(stage, room)) >= count, PATIENCE)
    message = of_the_bot(stage, room)[count - 1]
    await until_over(stage, message)
    return message


async def until_memory(who: Person, room: Channel, condition: Callable[[str], bool]) -> None:
    """Wait until the channel remembers this."""
    async with asyncio.timeout(PATIENCE):
        while not condition((await (await who.slash(room, "context show")).response()).text):
            pass


def bot_mention(stage: Stage) -> str:
    return f"<@{stage.discord.world.bot.id}>"


def thread_in(stage: Stage, room: Channel) -> Channel:
    return next(c for c in stage.discord.world.channels.values() if c.is_thread and c.parent_id == room.id)


async def test_a_mention_is_answered_with_a_reply(stage: Stage, room: Channel, ada: Person) -> None:
    """The reply shows the question, so the answer does not repeat it; nobody is pinged."""
    stage.parallax.script(["Here."])
    message = await ada.say(room, f"{bot_mention(stage)} where are you?")
    answer = await replied(stage, message)
    assert body(answer) == "Here."
    assert answer.notified == frozenset()
    assert heard(stage)[-1] == ("user", "Ada: where are you?")


async def test_what_does_not_address_the_bot_is_left_alone(stage: Stage, room: Channel, ada: Person) -> None:
    """No answer, no request."""
    before = len(stage.parallax.requests)
    await ada.say(room, "Just talking")
    stage.parallax.script(["Yes."])
    await replied(stage, await ada.say(room, f"{bot_mention(stage)} now?"))
    assert len(stage.parallax.requests) == before + 1
    assert heard(stage) == [("user", "Ada: now?")]


async def test_a_direct_message_needs_no_mention(stage: Stage, ben: Person) -> None:
    """No mention is needed in a direct message."""
    stage.parallax.script(["Hello Ben."])
    answer = await replied(stage, await ben.say(ben.dm, "Hello"))
    assert body(answer) == "Hello Ben."


async def test_a_reply_to_an_older_answer_continues_from_there(
    stage: Stage, room: Channel, ada: Person, ben: Person
) -> None:
    """What was said after that answer on another branch is not sent along."""
    stage.parallax.script(["Apples."])
    first = await replied(stage, await ada.say(room, f"{bot_mention(stage)} fruit?"))
    stage.parallax.script(["Leeks."])
    await replied(stage, await ben.say(room, f"{bot_mention(stage)} vegetables?"))
    stage.parallax.script(["Green ones."])
    second = await replied(stage, await ada.say(room, f"{bot_mention(stage)} which?", reply_to=first))
    assert heard(stage) == [("user", "Ada: fruit?"), ("assistant", "Apples."), ("user", "Ada: which?")]
    stage.parallax.script(["Sour."])
    await replied(stage, await ben.say(room, f"{bot_mention(stage)} taste?", reply_to=second))
    assert [text for _, text in heard(stage)] == [
        "Ada: fruit?",
        "Apples.",
        "Ada: which?",
        "Green ones.",
        "Ben: taste?",
    ]


async def test_a_reply_to_a_reply_is_heard_without_a_mention(stage: Stage, room: Channel, ada: Person) -> None:
    """Discord shows the bot the text of replies that ping one of its plain messages."""
    stage.parallax.script(["One."])
    first = await replied(stage, await ada.say(room, f"{bot_mention(stage)} count"))
    stage.parallax.script(["Two."])
    second = await replied(stage, await ada.say(room, "and then?", reply_to=first))
    assert body(second) == "Two."
    assert heard(stage)[-1] == ("user", "Ada: and then?")


async def test_a_reply_that_discord_hides_says_how_to_be_heard(stage: Stage, room: Channel, ada: Person) -> None:
    """Discord hides the text of a reply to the response of an interaction."""
    stage.parallax.script(["Asked by command."])
    shown = await ask(ada, room, "First")
    await until_over(stage, shown)
    message = await ada.say(room, "And further?", reply_to=shown)
    await stage.discord.wait_until(lambda: any(m.referenced is message for m in of_the_bot(stage, room)), PATIENCE)
    hint = next(m for m in of_the_bot(stage, room) if m.referenced is message)
    assert "MESSAGE CONTENT" in hint.text
    stage.parallax.script(["Further."])
    await replied(stage, await ada.say(room, f"{bot_mention(stage)} And further?", reply_to=shown))
    assert heard(stage)[0] == ("user", "Ada: First")


async def test_d3_a_bare_mention_about_a_hidden_message_says_so(
    stage: Stage, room: Channel, ada: Person, ben: Person
) -> None:
    """Discord hides other people's messages; with words, the model is told that there is one."""
    hidden = await ben.say(room, "What is 6 x 7?", files=[("log.txt", b"secret")])
    bare = await ada.say(room, bot_mention(stage), reply_to=hidden)
    await stage.discord.wait_until(lambda: any(m.referenced is bare for m in of_the_bot(stage, room)), PATIENCE)
    told = next(m for m in of_the_bot(stage, room) if m.referenced is bare)
    assert told.text.startswith("Not asked: Discord hides the text of that message from the bot.")
    stage.parallax.script(["I cannot see it."])
    await replied(stage, await ada.say(room, f"{bot_mention(stage)} solve it", reply_to=hidden))
    assert heard(stage)[-1] == ("user", "Ada: solve it\n\nA message by Ben, whose text cannot be read.")


async def test_d4_the_bots_role_without_words_says_how_to_be_heard(
    stage: Stage, room: Channel, olga: Person
) -> None:
    """Discord shows the text of a message only when the bot itself is mentioned."""
    guild = stage.discord.world.guilds[room.guild_id or 0]
    role = next(one for one in guild.roles.values() if one.bot_id == stage.discord.world.bot.id)
    role.mentionable = True
    message = await olga.say(room, f"<@&{role.id}> are you there?")
    await stage.discord.wait_until(lambda: any(m.referenced is message for m in of_the_bot(stage, room)), PATIENCE)
    hint = next(m for m in of_the_bot(stage, room) if m.referenced is message)
    assert "MESSAGE CONTENT" in hint.text


async def test_ask_about_this_sends_the_message_along(
    stage: Stage, room: Channel, ada: Person, ben: Person
) -> None:
    """The message goes along with its author and its text attachments."""
    about = await ben.say(room, "The build fails at step 3.", files=[("log.txt", b"error: no space left")])
    menu = await ada.menu(about, "Ask about this")
    await menu.acked()
    stage.parallax.script(["The disk is full."])
    sent = await ada.submit(menu, {"question": "Why?"})
    message = await sent.done_loading()
    await until_over(stage, message)
    assert body(message) == "> Why?\nThe disk is full."
    text = heard(stage)[-1][1]
    assert text.startswith("Ada: Why?")
    assert "A message by Ben" in text
    assert "> The build fails at step 3." in text
    assert "error: no space left" in text


async def test_without_the_intent_nothing_can_be_summarised(
    stage: Stage, room: Channel, ada: Person, ben: Person
) -> None:
    """One sentence says how to get it."""
    said = await ben.say(room, "We meet on Monday.")
    for invocation in (await ada.slash(room, "summarize"), await ada.menu(said, "Summarize from here")):
        told = await invocation.response()
        assert told.text.startswith("Not summarized: Discord hides people's messages from the bot.")
        assert "MESSAGE_CONTENT_INTENT=true" in told.text


async def test_ask_opens_a_thread(stage: Stage, room: Channel, ada: Person) -> None:
    """The question is shown in the channel and answered in the thread, which has a memory of its own."""
    stage.parallax.script(["In here."])
    invocation = await ada.slash(room, "ask", prompt="Let us talk", thread=True)
    opening = await invocation.response()
    assert "> Let us talk" in opening.text
    await stage.discord.wait_until(lambda: opening.thread_id is not None, PATIENCE)
    thread = thread_in(stage, room)
    answer = await said_in(stage, thread, 1)
    assert "In here." in answer.text
    stage.parallax.script(["Still here."])
    await replied(stage, await ada.say(thread, f"{bot_mention(stage)} and now?"))
    assert [text for _, text in heard(stage)] == ["Ada: Let us talk", "In here.", "Ada: and now?"]
    stage.parallax.script(["Nothing of it."])
    await until_over(stage, await ask(ada, room, "In the channel?"))
    assert heard(stage) == [("user", "Ada: In the channel?")]


async def test_a_thread_on_an_answer_inherits_its_branch(stage: Stage, room: Channel, ada: Person) -> None:
    """The thread remembers the conversation up to that answer, not what came later in the channel."""
    stage.parallax.script(["Blue."])
    first = await replied(stage, await ada.say(room, f"{bot_mention(stage)} colour?"))
    stage.parallax.script(["Round."])
    await replied(stage, await ada.say(room, f"{bot_mention(stage)} shape?"))
    thread = await ada.start_thread(first, "Colours")
    stage.parallax.script(["Light."])
    await replied(stage, await ada.say(thread, f"{bot_mention(stage)} which blue?"))
    assert [text for _, text in heard(stage)] == ["Ada: colour?", "Blue.", "Ada: which blue?"]


async def test_an_edited_question_is_remembered_as_edited(stage: Stage, room: Channel, ada: Person) -> None:
    """The next question sees the new words."""
    stage.parallax.script(["Noted."])
    message = await ada.say(room, f"{bot_mention(stage)} my dog is Rex")
    await replied(stage, message)
    await ada.edit(message, f"{bot_mention(stage)} my dog is Bello")
    await until_memory(ada, room, lambda text: "Bello" in text)
    stage.parallax.script(["Bello."])
    await replied(stage, await ada.say(room, f"{bot_mention(stage)} its name?"))
    assert heard(stage)[0] == ("user", "Ada: my dog is Bello")


async def test_a_deleted_question_is_forgotten(stage: Stage, room: Channel, ada: Person) -> None:
    """The next question sees neither the question nor its answer."""
    stage.parallax.script(["Noted."])
    message = await ada.say(room, f"{bot_mention(stage)} the code is 1234")
    await replied(stage, message)
    await ada.delete(message)
    await until_memory(ada, room, lambda text: "1234" not in text)
    stage.parallax.script(["No."])
    await replied(stage, await ada.say(room, f"{bot_mention(stage)} the code?"))
    assert heard(stage) == [("user", "Ada: the code?")]


async def test_d8_an_answer_loses_the_buttons_that_need_its_deleted_question(
    stage: Stage, room: Channel, ada: Person
) -> None:
    """What was answered can still be read as a file and rated, but not asked again."""
    stage.parallax.script(["Noted."])
    message = await ada.say(room, f"{bot_mention(stage)} the code is 1234")
    shown = await replied(stage, message)
    assert "Regenerate" in shown.buttons
    await ada.delete(message)
    await stage.discord.wait_until(lambda: "Regenerate" not in shown.buttons, PATIENCE)
    assert body(shown) == "Noted."
    assert list(shown.buttons) == ["As file", "👍", "👎"]
    assert (await (await ada.click(shown, label="As file")).response()).attachments


async def test_d8_so_does_one_of_several_versions(stage: Stage, room: Channel, ada: Person) -> None:
    """The versions can still be turned, and none of them can be repeated."""
    stage.parallax.script(["One."])
    message = await ada.say(room, f"{bot_mention(stage)} count")
    shown = await replied(stage, message)
    stage.parallax.script(["Two."])
    await ada.click(shown, label="Regenerate")
    await until_shows(stage, shown, "Two.", "2")
    await until_over(stage, shown)
    await ada.delete(message)
    await stage.discord.wait_until(lambda: "Regenerate" not in shown.buttons, PATIENCE)
    assert list(shown.buttons) == ["As file", "👍", "👎", "Previous"]
    await ada.click(shown, label="Previous")
    await until_shows(stage, shown, "One.")
    assert list(shown.buttons) == ["As file", "👍", "👎", "Next"]


async def test_d8_so_does_a_question_that_ended_without_an_answer(
    stage: Stage, room: Channel, ada: Person
) -> None:
    """It was stopped before its first word; then its asker deletes it, so it cannot be tried again."""
    stage.parallax.script([("late", 60.0)], match="Slow")
    message = await ada.say(room, f"{bot_mention(stage)} Slow")
    await stage.discord.wait_until(lambda: bool(of_the_bot(stage, room)), PATIENCE)
    (shown,) = of_the_bot(stage, room)
    await stage.discord.wait_until(lambda: "Stop" in shown.buttons, PATIENCE)
    await ada.click(shown, label="Stop")
    await until_over(stage, shown)
    assert list(shown.buttons) == ["Try again"]
    await ada.delete(message)
    await until_shows(stage, shown, "the question was deleted")
    assert not shown.buttons


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hearing(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A bot with the privileged intent."""
    async with staged(
        tmp_path_factory.mktemp("hearing"),
        discord=DiscordDouble(latency=0.0, privileged_intents=["message_content"]),
        parallax=ParallaxDouble(tokens_per_second=200, lag=False),
        MESSAGE_CONTENT_INTENT="true",
    ) as running:
        yield running


async def test_with_the_intent_a_thread_needs_no_mention(hearing: Stage) -> None:
    """Messages between people in the thread are not answered."""
    ada, ben = hearing.discord.person("ada"), hearing.discord.person("ben")
    room = new_room(hearing)
    hearing.parallax.script(["In here."])
    await (await ada.slash(room, "ask", prompt="Let us talk", thread=True)).response()
    channels = hearing.discord.world.channels
    await hearing.discord.wait_until(lambda: any(c.parent_id == room.id for c in channels.values()), PATIENCE)
    thread = thread_in(hearing, room)
    await said_in(hearing, thread, 1)
    before = len(hearing.parallax.requests)
    await ada.say(thread, f"{ben.mention} did you see this?")
    hearing.parallax.script(["Go on."])
    answer = await replied(hearing, await ben.say(thread, "And then?"))
    assert body(answer) == "Go on."
    assert len(hearing.parallax.requests) == before + 1
    assert heard(hearing)[-1] == ("user", "Ben: And then?")


async def test_with_the_intent_a_reply_to_a_command_is_heard(hearing: Stage) -> None:
    """No mention and no ping is needed."""
    ada = hearing.discord.person("ada")
    room = new_room(hearing)
    hearing.parallax.script(["First."])
    shown = await ask(ada, room, "Begin")
    await until_over(hearing, shown)
    hearing.parallax.script(["Second."])
    answer = await replied(hearing, await ada.say(room, "And?", reply_to=shown, ping=False))
    assert body(answer) == "Second."


async def test_a_profile_opens_a_thread_per_question(
    stage: Stage, room: Channel, ada: Person, olga: Person
) -> None:
    """A mention in the channel is answered in a thread on it."""
    view = await (await olga.slash(room, "settings")).response()
    switches = await olga.click(view, "Switches")
    await switches.acked()
    await (await olga.submit(switches, {"threads": ["on"], "private": ["inherit"], "think": ["inherit"]})).acked()
    stage.parallax.script(["Over here."])
    message = await ada.say(room, f"{bot_mention(stage)} where?")
    await stage.discord.wait_until(lambda: message.thread_id is not None, PATIENCE)
    answer = await said_in(stage, stage.discord.world.channels[message.thread_id or 0], 1)
    assert body(answer) == "Over here."
    assert of_the_bot(stage, room) == [view]


async def test_memories_of_places_are_kept_apart(stage: Stage, ada: Person) -> None:
    """Another channel and a direct message know nothing of each other."""
    one, two = new_room(stage), new_room(stage)
    stage.parallax.script(["Kept."])
    await replied(stage, await ada.say(one, f"{bot_mention(stage)} the word is swordfish"))
    for place in (two, ada.dm):
        stage.parallax.script(["No."])
        await replied(stage, await ada.say(place, f"{bot_mention(stage)} the word?"))
        assert "swordfish" not in str(heard(stage))
