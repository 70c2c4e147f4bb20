"""What a person reads in the bot's messages."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

from sandbox.discord_api.component_tree import texts_of
from sandbox.discord_api.model import Attachment, Channel, ChannelType, Message, Revision
from sandbox.discord_api.people import File, Person
from tests.e2e.bot_process import Stage

PATIENCE = 20.0
"""Seconds until a test gives up on something that normally takes a fraction of a second."""

SLOW = "This takes longer than usual"
"""What somebody reads in private who has seen nothing of their press for two seconds. It is no answer, and on a
busy machine it may come at any press."""

RECEIPT = r"-# {model} · {tokens} tokens · \d+ tok/s · first token \d+(\.\d)? s"

_numbers = itertools.count(1)


def new_room(stage: Stage, *, in_channel_of: str = "general") -> Channel:
    """A channel of its own for a test, beside the one named."""
    beside = stage.discord.channel(in_channel_of)
    world = stage.discord.world
    return world.add_channel(
        Channel(world.ids.next(), ChannelType.TEXT, f"room-{next(_numbers)}", beside.guild_id)
    )


async def ask(
    who: Person, room: Channel, prompt: str, *, attachment: File | Attachment | None = None, **options: bool
) -> Message:
    """``/ask`` and the message that acknowledges it, which becomes the answer."""
    files = {} if attachment is None else {"attachment": attachment}
    invocation = await who.slash(room, "ask", prompt=prompt, **options, **files)
    return await invocation.response()


def footer(message: Message) -> str:
    """The small print: the last text of a message when it is small."""
    last = texts_of(message.components)[-1:]
    return last[0] if last and last[0].startswith("-# ") else ""


def body(message: Message) -> str:
    """The message without its small print, as it stands."""
    return "\n".join(text for text in texts_of(message.components) if not text.startswith("-# "))


def answer(message: Message, prompt: str) -> str:
    """The answer below the quoted question. Raises AssertionError when the quote is missing."""
    shown = body(message)
    quote = f"> {prompt}"
    assert shown.startswith(quote), shown
    return shown.removeprefix(quote).removeprefix("\n")


def shown_in(revision: Revision) -> str:
    """All text of one state of a message."""
    return "\n".join(texts_of(revision.payload["components"]))


def revisions(message: Message) -> list[str]:
    """All text of every state the message was in, oldest first."""
    return [shown_in(revision) for revision in message.history]


def is_over(message: Message) -> bool:
    """Whether the answer in this message has ended: there is nothing to stop or withdraw any more."""
    return bool(footer(message)) and message.buttons.keys().isdisjoint({"Stop", "Cancel"})


def of_the_bot(stage: Stage, room: Channel) -> list[Message]:
    """The bot's messages in a channel, oldest first."""
    return [message for message in stage.discord.messages(room) if message.author.bot]


def answers_in(stage: Stage, room: Channel) -> list[Message]:
    """The bot's messages in a channel but for those that only say that something takes longer."""
    return [message for message in of_the_bot(stage, room) if SLOW not in message.text]


async def until_over(stage: Stage, *messages: Message, timeout: float = PATIENCE) -> None:
    """Wait until the answers in these messages have ended."""
    await stage.discord.wait_until(lambda: all(map(is_over, messages)), timeout)


async def until_shows(stage: Stage, message: Message, *words: str, timeout: float = PATIENCE) -> None:
    """Wait until the message shows all of ``words``."""
    await stage.discord.wait_until(lambda: all(word in message.text for word in words), timeout)


async def within(seconds: float, stage: Stage, condition: Callable[[], bool]) -> None:
    """Wait for the cluster to become so within ``seconds``; raises TimeoutError."""
    await stage.parallax.wait_until(condition, timeout=seconds)


async def restarted(stage: Stage) -> None:
    """End the bot as a deployment does and start it again on the same database."""
    assert await stage.bot.terminate() == 0, stage.bot.log
    await started_again(stage)


async def started_again(stage: Stage) -> None:
    """Start the bot, which is not running, on the same database, and wait until it is ready."""
    await stage.discord.wait_until(lambda: not stage.discord.gateway.online, PATIENCE)
    await stage.bot.start()
    await stage.bot.ready(stage.discord)


async def occupied(stage: Stage, who: Person, room: Channel) -> Message:
    """A question that keeps the only pipeline until it is stopped."""
    stage.parallax.script([(f"busy{n} ", 1.0) for n in range(2000)], match="Hold the line")
    message = await ask(who, room, "Hold the line")
    await until_shows(stage, message, "busy1 ")
    return message


async def freed(stage: Stage, who: Person, message: Message) -> None:
    """Stop that question."""
    await who.click(message, label="Stop")
    await until_over(stage, message)


async def queue_that_says(who: Person, room: Channel, words: str) -> Message:
    """Look at /queue again until it says so: what it tells changes in the bot, not in Discord."""
    async with asyncio.timeout(PATIENCE):
        while True:
            queue = await (await who.slash(room, "queue")).response()
            if words in queue.text:
                return queue
