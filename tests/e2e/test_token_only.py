"""Where the bot has no way to a message but its token: not a member of the server, or shut out of the channel."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
import pytest_asyncio

from sandbox.clock import Clock
from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Channel, Message, Overwrite
from sandbox.discord_api.people import Person
from sandbox.discord_api.permissions import Permission
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.reading import (
    PATIENCE,
    ask,
    body,
    freed,
    new_room,
    occupied,
    of_the_bot,
    queue_that_says,
    until_shows,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A cluster with a single pipeline that answers as soon as it is asked."""
    async with staged(
        tmp_path_factory.mktemp("token"),
        discord=DiscordDouble(latency=0.0),
        parallax=ParallaxDouble(tokens_per_second=20, nodes=1, slots=1, lag=False, time_scale=10),
        SHUTDOWN_GRACE="1",
    ) as running:
        yield running


@contextmanager
def carried_along(stage: Stage, who: Person) -> Iterator[Channel]:
    """A channel of a server that the bot is no member of: ``who`` has the app in their own account."""
    world = stage.discord.world
    team = next(guild for guild in world.guilds.values() if guild.name == "Team")
    for command in world.commands:
        command.payload["integration_types"] = [0, 1]
    world.user_installs.add(who.id)
    bot = team.members[world.bot.id]
    world.remove_member(team, world.bot)
    try:
        yield new_room(stage)
    finally:
        team.members[world.bot.id] = bot


@contextmanager
def shut_out(stage: Stage, _who: Person) -> Iterator[Channel]:
    """A channel that its people see and the bot does not."""
    room = new_room(stage)
    room.overwrites.append(Overwrite(stage.discord.world.bot.id, 1, deny=int(Permission.VIEW_CHANNEL)))
    yield room


Place = Callable[[Stage, Person], AbstractContextManager[Channel]]
PLACES = (shut_out, carried_along)


async def asked(stage: Stage, who: Person, room: Channel, prompt: str, answer: str) -> Message:
    """A question in a message that all in the channel see, whose token is spent before its answer ends."""
    stage.parallax.script(["Begun. ", (answer, 5.0)], match=prompt)
    message = await ask(who, room, prompt)
    await until_shows(stage, message, "Begun.")
    assert message.ephemeral_for is None
    stage.discord.expire_tokens()
    return message


@pytest.mark.parametrize("place", PLACES)
async def test_an_answer_that_comes_too_late_goes_to_direct_messages(
    stage: Stage, ada: Person, place: Place
) -> None:
    """Whole, to its asker alone, with the place it was asked in."""
    with place(stage, ada) as room:
        before = len(stage.discord.messages(ada.dm))
        message = await asked(stage, ada, room, "How long?", "The whole answer.")
        await stage.discord.wait_until(lambda: len(stage.discord.messages(ada.dm)) == before + 2, PATIENCE)
        heading, sent = stage.discord.messages(ada.dm)[before:]
        # Where somebody brought the bot along, the place is not kept.
        assert heading.text == ("Your answer:" if place is carried_along else f"Your answer from <#{room.id}>:")
        assert body(sent) == "> How long?\nBegun. The whole answer."
        assert "The whole answer." not in message.text
        assert of_the_bot(stage, room) == [message]


@pytest.mark.parametrize("place", PLACES)
async def test_with_closed_direct_messages_queue_has_it(stage: Stage, ben: Person, place: Place) -> None:
    """Shown to its asker once, privately, wherever they look."""
    ben.user.dm_open = False
    with place(stage, ben) as room:
        await asked(stage, ben, room, "And mine?", "A kept answer.")
        queue = await queue_that_says(ben, room, "answered, but it could not be shown")
        shown = await (await ben.click(queue, label="Show")).done_loading()
        assert "Begun. A kept answer." in shown.text
        assert shown.ephemeral_for == ben.id
        await queue_that_says(ben, room, "You have no question waiting or running.")
    assert stage.discord.messages(ben.dm) == []


async def test_a_press_on_a_message_whose_token_is_spent_is_answered_in_it(
    stage: Stage, room: Channel, ada: Person, olga: Person
) -> None:
    """Whoever cancels a private question that waited for long sees that it is cancelled."""
    busy = await occupied(stage, olga, room)
    waiting = await ask(ada, room, "Mine alone?", private=True)
    await until_shows(stage, waiting, "next in the queue")
    stage.discord.expire_tokens()
    before = len(stage.discord.messages(ada.dm))

    await ada.click(waiting, label="Cancel")
    await until_shows(stage, waiting, f"cancelled by <@{ada.id}>")
    assert list(waiting.buttons) == ["Try again"]
    assert len(stage.discord.messages(ada.dm)) == before

    await freed(stage, olga, busy)


async def test_who_waits_privately_is_told_of_a_cleared_line(
    stage: Stage, room: Channel, ada: Person, olga: Person
) -> None:
    """Their message cannot say it any more."""
    busy = await occupied(stage, olga, room)
    await ask(ada, room, "Cleared away?", private=True)
    stage.discord.expire_tokens()

    line = await (await olga.slash(stage.discord.channel("ops"), "cluster queue")).response()
    await olga.click(line, label="Clear the queue")
    await until_shows(stage, line, "Cancel 1 waiting question?")
    await olga.click(line, label="Clear the queue")
    told = f"> Cleared away?\n-# cancelled by <@{olga.id}>"
    await stage.discord.wait_until(lambda: any(m.text == told for m in stage.discord.messages(ada.dm)), PATIENCE)
    await freed(stage, olga, busy)


class SlowClock(Clock):
    """Discord's clock as it was ``late`` seconds ago: to the bot, every interaction is as old as that."""

    def __init__(self, late: float) -> None:
        super().__init__()
        self._origin -= late


async def test_who_will_read_the_answer_elsewhere_is_told_before_minute_14(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """In the message, as long as it can be edited; with the way to the answer for those who take no messages."""
    async with staged(
        tmp_path_factory.mktemp("notice"),
        discord=DiscordDouble(latency=0.0, clock=SlowClock(13 * 60 + 5.0)),
        parallax=ParallaxDouble(nodes=1, slots=1, lag=False),
        SHUTDOWN_GRACE="1",
    ) as stage:
        ada, olga = stage.discord.person("ada"), stage.discord.person("olga")
        busy = await occupied(stage, olga, new_room(stage))
        private, public = [await ask(ada, new_room(stage), "And I?", private=private) for private in (True, False)]
        await until_shows(stage, private, "in the queue", "direct message (if your DMs are closed, see /queue)")
        assert "direct message" not in public.text
        for message in (private, public):
            await ada.click(message, label="Cancel")
        await freed(stage, olga, busy)
