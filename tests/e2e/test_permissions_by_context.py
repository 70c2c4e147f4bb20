"""Who may do what in direct messages, in threads, and in servers into which a person brought the bot along.

DM_GUILD_ID is set, so outside of the bot's servers the roles and settings of the team's server count.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from bot.i18n.catalogue import say
from sandbox.discord_api import interactions
from sandbox.discord_api.client_rules import Value
from sandbox.discord_api.interactions import Interaction
from sandbox.discord_api.model import Channel, Message
from sandbox.discord_api.wire import JSON
from tests.e2e.bot_process import Stage
from tests.e2e.permitting import (
    EVERYBODY,
    HOSTS,
    ONLY_HOSTS,
    ONLY_ITS_ASKER,
    ONLY_MANAGERS,
    REFUSALS,
    chosen_in_menu,
    control,
    controls,
    demoted,
    open_stage,
    pressed,
    refusal,
    sent,
    unheard,
)
from tests.e2e.reading import PATIENCE, ask, new_room, of_the_bot, until_over

pytestmark = pytest.mark.asyncio(loop_scope="module")

NO_MEMBER = "Only members of the team's server may do that here. Join the server, or ask an operator."
NOT_HERE = "You may not ask questions here. The server's managers decide that."
MEMBERS = ("ada", "host", "grace", "olga", "rosa")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """One bot for the whole matrix. The other server has the members of the team too, and not the bot, which they
    have installed for themselves."""
    async with open_stage(tmp_path_factory.mktemp("bot"), home="Team") as running:
        world = running.discord.world
        guilds = {guild.name: guild for guild in world.guilds.values()}
        world.remove_member(guilds["Other team"], world.bot)
        for command in world.commands:
            command.payload["integration_types"] = [0, 1]
        for name in EVERYBODY:
            user = running.discord.person(name).user
            world.user_installs.add(user.id)
            if name in MEMBERS:
                world.add_user(user, [guilds["Other team"]])
        yield running


async def place(stage: Stage, context: str, name: str) -> Channel:
    """Where this person acts in this context."""
    if context == "direct":
        return stage.discord.person(name).dm
    if context == "carried":
        return stage.discord.channel("lobby")
    starter = await stage.discord.person("ada").say(new_room(stage), "Let us talk.")
    return await stage.discord.person("ada").start_thread(starter, "A talk")


@dataclass(frozen=True)
class Row:
    """A command, and what people are told whom it is refused to; everybody else is served."""

    command: str
    values: Mapping[str, Value] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return " ".join((self.command, *self.values))


STRANGERS = dict.fromkeys(("stranger", "other_role"), NO_MEMBER)
NO_HOSTS = {name: ONLY_HOSTS for name in MEMBERS if name not in HOSTS}
NO_MANAGERS = dict.fromkeys(("ada", "host"), ONLY_MANAGERS)
OWN = (
    Row("queue"),
    Row("context export"),
    Row("context forget-me"),
    Row("context show", {"private": True}),
    Row("usage"),
    Row("status"),
    Row("models"),
)
MATRIX = {
    "thread": (
        *OWN,
        Row("ask", {"prompt": "May I?"}),
        Row("join", refused=NO_HOSTS),
        Row("settings", refused=NO_MANAGERS),
        Row("usage", {"server": True}, NO_MANAGERS),
        Row("context show"),
        Row("context clear"),
    ),
    "direct": (
        *OWN,
        Row("ask", {"prompt": "May I?"}, STRANGERS),
        Row("join", refused={**STRANGERS, **NO_HOSTS}),
        Row("settings"),
        Row("usage", {"server": True}, dict.fromkeys(EVERYBODY, ONLY_MANAGERS)),
        Row("context show"),
        Row("context clear"),
    ),
    "carried": (
        *OWN,
        Row("ask", {"prompt": "May I?"}, STRANGERS),
        Row("join", refused={**STRANGERS, **NO_HOSTS}),
        Row("context show", refused=STRANGERS),
        Row("context clear", refused=STRANGERS),
    ),
}
CASES = [
    (context, row, name)
    for context, rows in MATRIX.items()
    for row in rows
    for name in (MEMBERS if context == "thread" else EVERYBODY)
]


@pytest.mark.parametrize(("context", "row", "name"), CASES, ids=str)
async def test_a1_who_may_do_what_by_context(stage: Stage, context: str, row: Row, name: str) -> None:
    """A role grants a right only where it is seen; what is one's own is open to everybody."""
    where = await place(stage, context, name)
    if name in row.refused:
        with unheard(stage):
            told = await sent(stage, name, where, row.command, row.values)
            assert refusal(stage, name, told) == row.refused[name]
        return
    if row.command == "ask":
        stage.parallax.script(["Yes."])
    interaction = await sent(stage, name, where, row.command, row.values)
    await _served(stage, interaction)
    if row.command == "ask" and interaction.original is not None:
        await until_over(stage, interaction.original)


async def _served(stage: Stage, interaction: Interaction) -> None:
    told = interaction.original
    assert told is not None
    await stage.discord.wait_until(lambda: not told.loading, PATIENCE)
    assert told.text not in {*REFUSALS, NO_MEMBER, NOT_HERE}
    assert "went wrong" not in told.text


async def block(stage: Stage, room: Channel, *names: str) -> None:
    """Grace blocks these people in the whole server; nobody else is blocked any more."""
    grace = stage.discord.person("grace")
    view = await (await grace.slash(room, "settings")).response()
    await (await grace.click(view, custom_id="settings-scope", values=[str(room.guild_id)])).acked()
    people = await (await grace.click(view, "Who and where")).acked()
    ids = [str(stage.discord.person(name).id) for name in names]
    await (await grace.submit(people, {"blocked_users": ids})).acked()


@pytest.mark.parametrize("context", MATRIX)
async def test_a3_a_block_counts_in_every_context_and_for_every_way_to_ask(
    stage: Stage, room: Channel, context: str
) -> None:
    """Command, menu and message; the menu also when the block came while its dialogue was open."""
    ada = stage.discord.person("ada")
    where = await place(stage, context, "ada")
    count = len(of_the_bot(stage, where))
    said = await ada.say(where, "What does this mean?")
    if context == "direct":
        # There every message is a question.
        await stage.discord.wait_until(lambda: len(of_the_bot(stage, where)) > count, PATIENCE)
        await until_over(stage, of_the_bot(stage, where)[-1])
    menu = await ada.menu(said, "Ask about this") if context != "direct" else None
    await block(stage, room, "ada")
    try:
        with unheard(stage):
            told = await sent(stage, "ada", where, "ask", {"prompt": "Please?"})
            assert refusal(stage, "ada", told) == NOT_HERE
            assert refusal(stage, "ada", await chosen_in_menu(stage, "ada", said, "Ask about this")) == NOT_HERE
            if menu is not None:
                await menu.acked()
                late = await ada.submit(menu, {"question": "And now?"})
                assert (await late.response()).text == NOT_HERE
            if context != "carried":
                before = [one.id for one in of_the_bot(stage, where) if one.ephemeral_for is None]
                await ada.say(where, f"<@{stage.discord.world.bot.id}> and by message?")
                await sent(stage, "ada", where, "queue", {})
                after = [one for one in of_the_bot(stage, where) if one.ephemeral_for is None]
                assert [one.id for one in after] == before
    finally:
        await block(stage, room)


async def test_a4_a_right_that_was_withdrawn_in_a_thread(stage: Stage) -> None:
    """Between the press and the submission: nothing is changed."""
    rosa = stage.discord.person("rosa")
    thread = await place(stage, "thread", "rosa")
    view = await (await rosa.slash(thread, "settings")).response()
    dialogue = await (await rosa.click(view, "Persona")).acked()
    with demoted(stage, rosa, thread):
        told = await (await rosa.submit(dialogue, {"persona": "Obey."})).response()
        assert told.text == ONLY_MANAGERS
    assert "Obey." not in (await (await rosa.slash(thread, "settings")).response()).text


async def test_a4_a_host_who_lost_the_role_is_refused_in_direct_messages(stage: Stage, room: Channel) -> None:
    """The role is looked up at home at every press."""
    host = stage.discord.person("host")
    message = await (await host.slash(host.dm, "join")).done_loading()
    with demoted(stage, host, room), unheard(stage):
        for part in controls(message):
            assert refusal(stage, "host", await pressed(stage, "host", host.dm, message, part)) == ONLY_HOSTS
    await (await host.click(message, "Windows")).acked()


async def test_a2_the_schedulers_address_is_in_nothing_that_people_see(stage: Stage, room: Channel) -> None:
    """Neither on the status card nor in the answer of any command or refusal."""
    address = stage.parallax.url.removeprefix("http://")
    for command in ("status", "models", "queue"):
        message = await (await stage.discord.person("ada").slash(room, command)).done_loading()
        assert address not in str(message.components)
    assert not any(address in str(one.components) for one in stage.discord.messages(room))


async def test_a2_the_bots_token_is_in_no_message_and_no_log_line(stage: Stage, room: Channel) -> None:
    """Ids of questions are derived from it, and stand in buttons and in the log."""
    message = await _answer_of_ada(stage, room, "What is your token?", private=False)
    assert stage.discord.token not in str(message.components)
    assert stage.discord.token not in stage.bot.log
    assert message.components != []


READS = ("Reasoning", "As file", "👍", "👎")


async def _answer_of_ada(stage: Stage, room: Channel, prompt: str, *, private: bool) -> Message:
    stage.parallax.script([("<think>Because.</think>Mine.", 0.0)], match=prompt)
    message = await ask(stage.discord.person("ada"), room, prompt, private=private)
    await until_over(stage, message)
    return message


def _label(part: JSON) -> str:
    return str(part.get("label") or part["emoji"]["name"])


@pytest.mark.parametrize("name", ["host", "grace", "olga"])
async def test_a5_a_private_answer_is_for_its_asker_only(stage: Stage, room: Channel, name: str) -> None:
    """Presses on a message that these people do not see; an operator's too. Its asker gets all of it."""
    message = await _answer_of_ada(stage, room, f"Privately, {name}?", private=True)
    parts = controls(message)
    assert {*READS, "Regenerate"} <= {_label(part) for part in parts}
    for part in parts:
        with unheard(stage):
            assert refusal(stage, name, await pressed(stage, name, room, message, part)) == ONLY_ITS_ASKER
    for part in parts:
        if _label(part) in READS:
            read = await pressed(stage, "ada", room, message, part)
            assert read.original is not None
            assert read.original.text != ONLY_ITS_ASKER


async def test_a5_a_public_answer_is_read_in_its_own_channel_only(stage: Stage, room: Channel) -> None:
    """Somebody who does not see the channel cannot read the answer from another one; its asker can."""
    message, other = await _answer_of_ada(stage, room, "In this room?", private=False), new_room(stage)
    for part in controls(message):
        if _label(part) in READS:
            assert refusal(stage, "host", await pressed(stage, "host", other, message, part)) == ONLY_ITS_ASKER
            for name, where in (("host", room), ("ada", other)):
                read = await pressed(stage, name, where, message, part)
                assert read.original is not None
                assert read.original.text != ONLY_ITS_ASKER


async def test_a5_an_id_that_the_pressed_message_does_not_have_does_nothing(stage: Stage, room: Channel) -> None:
    """A button of a private answer, claimed to be pressed under a public one: nothing is said or done."""
    private = await _answer_of_ada(stage, room, "Not for others?", private=True)
    public = await _answer_of_ada(stage, room, "For others?", private=False)
    shown = len(stage.discord.messages(room))
    data: JSON = {"component_type": 2, "id": 1, "custom_id": control(private, "As file")["custom_id"]}
    ben = stage.discord.person("ben").user
    press = stage.discord.interactions.start(
        interactions.COMPONENT, ben, room, data, str(data["custom_id"]), source=public
    )
    await stage.discord.wait_until(lambda: press.state != "pending", PATIENCE)
    assert press.state == "failed"
    assert len(stage.discord.messages(room)) == shown


async def test_nobody_is_refused_in_a_burst_of_direct_messages(stage: Stage) -> None:
    """Although Discord tells the roles of fifty people in five seconds by a call each."""
    people = [stage.discord.new_person(f"guest{number}", "Team") for number in range(80)]
    asked = await asyncio.gather(*(person.slash(person.dm, "usage") for person in people))
    messages = [await one.response() for one in asked]
    # On a busy machine some read first that it takes longer.
    slow = say("en-US", "error.slow")
    await stage.discord.wait_until(lambda: all(slow not in message.text for message in messages), PATIENCE)
    assert {message.text for message in messages} == {messages[0].text}
    assert "roles" not in messages[0].text
