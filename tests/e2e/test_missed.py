"""What was asked while the bot was away is answered once, when it is back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio

from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Channel, Message, Overwrite
from sandbox.discord_api.people import Person
from sandbox.discord_api.permissions import Permission
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.reading import (
    PATIENCE,
    answer,
    ask,
    body,
    footer,
    new_room,
    of_the_bot,
    started_again,
    until_over,
    until_shows,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOTE = "asked while I was away"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A bot that the tests stop and start again. Without Discord's limits: a bot that was killed does not know how
    many messages it sent to a channel in the last seconds, and the tests would wait for them."""
    async with staged(
        tmp_path_factory.mktemp("bot"),
        discord=DiscordDouble(latency=0.0, limits=False),
        parallax=ParallaxDouble(tokens_per_second=2000, lag=False),
        SHUTDOWN_GRACE="2",
    ) as running:
        yield running


def mention(stage: Stage, words: str) -> str:
    return f"<@{stage.discord.world.bot.id}> {words}"


def replies(stage: Stage, to: Message) -> list[Message]:
    """The bot's replies to a message."""
    room = stage.discord.world.channels[to.channel_id]
    return [message for message in of_the_bot(stage, room) if message.referenced is to]


async def until_answered(stage: Stage, *questions: Message) -> list[Message]:
    """Wait until each of these has a reply that has ended; returns the first of each."""
    await stage.discord.wait_until(lambda: all(replies(stage, one) for one in questions), PATIENCE)
    found = [replies(stage, one)[0] for one in questions]
    await until_over(stage, *found)
    return found


async def until_caught_up(stage: Stage, times: int = 1) -> None:
    """Wait until the bot has read everything so many times since it was started first."""
    await stage.bot.logged("catch_up.done", times)


async def stopped(stage: Stage) -> int:
    """Stop the bot; returns how often it had caught up."""
    done = stage.bot.log.count("catch_up.done")
    assert await stage.bot.terminate() == 0, stage.bot.log
    await stage.discord.wait_until(lambda: not stage.discord.gateway.online, PATIENCE)
    return done


def asked(stage: Stage) -> Sequence[str]:
    """The questions that the cluster was asked, in order."""
    return [str(request.messages[-1]["content"]) for request in stage.parallax.requests]


async def test_each_missed_question_is_answered_once(
    stage: Stage, room: Channel, ada: Person, ben: Person, olga: Person
) -> None:
    """Mentions, replies, direct messages and threads, archived ones too; nothing that was deleted, changed, asked
    again or answered, and nothing where the bot may not read or is not allowed to answer."""
    await until_caught_up(stage)
    before = await ada.say(room, mention(stage, "Before?"))
    (first,) = await until_answered(stage, before)
    hello = await ben.say(ben.dm, "Hello")
    thread = await ada.start_thread(first, "More")
    await until_answered(stage, hello, await ada.say(thread, mention(stage, "In here?")))
    chloe, sam = stage.discord.person("chloe"), stage.discord.person("sam")
    unknown, closed, abroad = new_room(stage), new_room(stage), stage.discord.channel("lobby")
    await until_answered(
        stage,
        await ada.say(closed, mention(stage, "Before?")),
        await sam.say(abroad, mention(stage, "Before?")),
    )
    done = await stopped(stage)

    once = await chloe.say(room, mention(stage, "Twice the same?"))
    mentioned = await ada.say(room, mention(stage, "By mention?"))
    replied = await ben.say(room, "By reply?", reply_to=first)
    changed = await olga.say(room, mention(stage, "Changed?"))
    await olga.edit(changed, "Never mind.")
    gone = await olga.say(room, mention(stage, "Deleted?"))
    await olga.delete(gone)
    twice = await chloe.say(room, mention(stage, "twice  the same?"))
    talk = await olga.say(room, "Lunch?")
    direct = await ben.say(ben.dm, "By direct message?")
    threaded = await ada.say(thread, mention(stage, "In the thread?"))
    elsewhere = await ada.say(unknown, mention(stage, "Where you never were?"))
    unread = await ada.say(closed, mention(stage, "Where you may not read?"))
    closed.overwrites = [Overwrite(stage.discord.world.bot.id, 1, deny=int(Permission.READ_MESSAGE_HISTORY))]
    foreign = await sam.say(abroad, mention(stage, "Where you are not allowed?"))
    stage.bot.environment = {**stage.bot.environment, "ALLOWED_GUILD_IDS": str(room.guild_id)}
    for number in range(150):
        await olga.say(room, f"Talk {number}")
    thread.archived = True
    count = len(stage.parallax.requests)
    await started_again(stage)
    await until_caught_up(stage, done + 1)

    found = await until_answered(stage, mentioned, replied, direct, threaded, twice)
    assert all(footer(message).startswith(f"-# {NOTE} · ") for message in found)
    assert all(len(replies(stage, one)) == 1 for one in (mentioned, replied, direct, threaded, twice, before))
    assert not any(replies(stage, one) for one in (once, changed, gone, talk, elsewhere, unread, foreign))
    assert NOTE not in first.text
    assert found[0].notified == frozenset()
    assert sorted(asked(stage)[count:]) == [
        "Ada: By mention?",
        "Ada: In the thread?",
        "Ben: By direct message?",
        "Ben: By reply?",
        "Chloe: twice  the same?",
    ]


async def test_a_crash_in_the_middle_repeats_nothing(
    stage: Stage, room: Channel, ada: Person, ben: Person
) -> None:
    """Of more questions than are taken of one channel, people are told once."""
    await until_over(stage, await ask(ada, room, "Before?"))
    done = await stopped(stage)
    people = [ada, ben, *(stage.discord.person(name) for name in ("chloe", "olga"))]
    missed = [await people[n % 4].say(room, mention(stage, f"Number {n}?")) for n in range(13)]
    left_out, taken = missed[:3], missed[3:]
    stage.discord.latency = 0.05
    await stage.bot.start()
    await stage.discord.wait_until(lambda: sum(bool(replies(stage, one)) for one in taken) >= 4, PATIENCE)
    await stage.bot.kill()
    stage.discord.latency = 0.0
    assert stage.bot.log.count("catch_up.done") == done
    await started_again(stage)
    await until_answered(stage, *taken)
    await until_caught_up(stage, done + 1)
    assert [len(replies(stage, one)) for one in taken] == [1] * len(taken)
    assert [len(replies(stage, one)) for one in left_out] == [0, 0, 1]
    assert body(replies(stage, left_out[-1])[0]) == (
        "3 older questions that were written here while I was away are not answered: after an absence I take the "
        "newest 10 of a channel. If they still matter, please ask again."
    )


async def test_a_session_that_cannot_be_resumed_missed_something(stage: Stage, room: Channel, ada: Person) -> None:
    """Discord repeats what was said meanwhile only in a session that is resumed. Nothing that was asked above is
    answered again, although the same minutes are read again."""
    stage.parallax.script(["Yes."])
    message = await ask(ada, room, "Are you there?")
    await until_over(stage, message)
    assert answer(message, "Are you there?") == "Yes."
    await stage.discord.gateway.drop(forget=True)
    missed = await ada.say(room, mention(stage, "And now?"))
    await stage.discord.bot_online(PATIENCE)
    (late,) = await until_answered(stage, missed)
    await until_shows(stage, late, NOTE)
    heard = await ada.say(room, mention(stage, "Better?"))
    (soon,) = await until_answered(stage, heard)
    assert NOTE not in soon.text
    await stage.discord.gateway.drop()
    resumed = await ada.say(room, mention(stage, "Resumed?"))
    (repeated,) = await until_answered(stage, resumed)
    assert NOTE not in repeated.text
    everything = list(stage.discord.world.messages.values())
    assert max(len(replies(stage, one)) for one in everything) == 1
