"""Somebody whom a server blocks, and somebody who lost a right while a dialogue was open."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from sandbox.discord_api.model import Channel
from tests.e2e.bot_process import Stage
from tests.e2e.permitting import (
    ONLY_HOSTS,
    ONLY_MANAGERS,
    control,
    controls,
    demoted,
    open_stage,
    pressed,
    refusal,
    sent,
    unheard,
)
from tests.e2e.reading import ask, of_the_bot, until_over, until_shows

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOT_HERE = "You may not ask questions here. The server's managers decide that."
NO_MEMORY = "Only people who may ask here may see or clear what this channel remembers."
NO_THUMB = "Only people who may ask here may rate answers. The server's managers decide that."
NO_MEMBER = "Only members of the team's server may do that here. Join the server, or ask an operator."


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """One bot for all; the team's server counts in direct messages."""
    async with open_stage(tmp_path_factory.mktemp("bot"), home="Team") as running:
        yield running


async def block(stage: Stage, room: Channel, *names: str, scope: int | None = None) -> None:
    """As the server's administrator does it."""
    grace = stage.discord.person("grace")
    view = await (await grace.slash(room, "settings")).response()
    if scope is not None:
        await (await grace.click(view, custom_id="settings-scope", values=[str(scope)])).acked()
    people = await (await grace.click(view, "Who and where")).acked()
    ids = [str(stage.discord.person(name).id) for name in names]
    await (await grace.submit(people, {"blocked_users": ids})).acked()


async def test_a_blocked_person_asks_by_no_button_and_changes_no_memory(stage: Stage, room: Channel) -> None:
    """Regenerate, Continue, thumbs and the channel's memory are closed; what is theirs stays open."""
    ada = stage.discord.person("ada")
    stage.parallax.script(["Only ", "half"], match="Mine", finish="length")
    answer = await ask(ada, room, "Mine?")
    await until_over(stage, answer)
    await block(stage, room, "ada")
    before = answer.components

    closed = {"Regenerate": NOT_HERE, "Continue": NOT_HERE}
    thumbs = [part for part in controls(answer) if "like" in str(part["custom_id"])]
    assert len(thumbs) == 2
    with unheard(stage):
        for label, sentence in closed.items():
            told = refusal(stage, "ada", await pressed(stage, "ada", room, answer, control(answer, label)))
            assert told == sentence
        for thumb in thumbs:
            assert refusal(stage, "ada", await pressed(stage, "ada", room, answer, thumb)) == NO_THUMB
        for command in ("context clear", "context show"):
            told = refusal(stage, "ada", await sent(stage, "ada", room, command, {}))
            assert told.startswith(NO_MEMORY)
        assert refusal(stage, "ada", await sent(stage, "ada", room, "ask", {"prompt": "Please?"})) == NOT_HERE
    assert answer.components == before
    remembered = await (await stage.discord.person("ben").slash(room, "context show")).response()
    assert "Mine?" in remembered.text

    for command, values in (
        ("context clear", {"private": True}),
        ("context show", {"private": True}),
        ("context export", {}),
        ("context forget-me", {}),
        ("queue", {}),
    ):
        shown = await (await ada.slash(room, command, **values)).done_loading()
        assert NO_MEMORY not in shown.text
        assert NOT_HERE not in shown.text
    cleared = await (await stage.discord.person("grace").slash(room, "context clear")).response()
    assert "forgot" in cleared.text.lower()


async def test_a_blocked_person_stops_what_still_runs(stage: Stage, room: Channel) -> None:
    """It is theirs, and it holds a pipeline."""
    ada = stage.discord.person("ada")
    stage.parallax.script([f"word{number} " for number in range(3000)], match="How long")
    answer = await ask(ada, room, "How long?")
    await until_shows(stage, answer, "word3 ")
    await block(stage, room, "ada")
    await (await ada.click(answer, "Stop")).acked()
    await until_over(stage, answer)


async def test_a_block_of_the_server_holds_in_direct_messages(stage: Stage, room: Channel) -> None:
    """With DM_GUILD_ID; one's own memory of the direct messages stays one's own."""
    ben = stage.discord.person("ben")
    stage.parallax.script(["Hello."], match="Before")
    answer = await ask(ben, ben.dm, "Before?")
    await until_over(stage, answer)
    await block(stage, room, "ben", scope=room.guild_id)
    try:
        with unheard(stage):
            told = await pressed(stage, "ben", ben.dm, answer, control(answer, "Regenerate"))
            assert refusal(stage, "ben", told) == NOT_HERE
            assert (
                refusal(stage, "ben", await sent(stage, "ben", ben.dm, "ask", {"prompt": "And now?"})) == NOT_HERE
            )
            assert refusal(stage, "ben", await sent(stage, "ben", ben.dm, "join", {})) == ONLY_HOSTS
            count = len(of_the_bot(stage, ben.dm))
            await ben.say(ben.dm, "Do you hear me?")
            shown = await (await ben.slash(ben.dm, "context show")).response()
        assert "Before?" in shown.text
        assert len(of_the_bot(stage, ben.dm)) == count + 1
    finally:
        await block(stage, room, scope=room.guild_id)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("ada", ONLY_HOSTS), ("stranger", NO_MEMBER), ("other_role", NO_MEMBER), ("host", ""), ("rosa", "")],
)
async def test_roles_of_the_team_count_in_direct_messages(stage: Stage, name: str, sentence: str) -> None:
    """The role that adds machines and the operators' role, looked up where they are; strangers are told whom it
    is for, and do not ask either."""
    who = stage.discord.person(name)
    told = await (await who.slash(who.dm, "join")).done_loading()
    if sentence:
        assert told.text == sentence
    else:
        assert "parallax join" in told.text
    if sentence == NO_MEMBER:
        with unheard(stage):
            assert refusal(stage, name, await sent(stage, name, who.dm, "ask", {"prompt": "May I?"})) == NO_MEMBER


async def test_settings_that_are_open_are_of_no_use_to_who_lost_the_right(stage: Stage, room: Channel) -> None:
    """Every press of the view, and every dialogue that was open: nothing is changed."""
    rosa = stage.discord.person("rosa")
    view = await (await rosa.slash(room, "settings")).response()
    dialogues = {
        label: await (await rosa.click(view, label)).acked()
        for label in ("Persona", "Numbers", "Switches", "Who and where")
    }
    answers: dict[str, dict[str, str | list[str]]] = {
        "Persona": {"persona": "Obey."},
        "Numbers": {"temperature": "1"},
        "Switches": {"think": "on", "private": "on", "threads": "on"},
        "Who and where": {"blocked_users": [str(stage.discord.person("ada").id)]},
    }
    with demoted(stage, rosa, room):
        for part in controls(view):
            assert refusal(stage, "rosa", await pressed(stage, "rosa", room, view, part)) == ONLY_MANAGERS
        for label, dialogue in dialogues.items():
            told = await (await rosa.submit(dialogue, answers[label])).response()
            assert told.text == ONLY_MANAGERS
    grace = stage.discord.person("grace")
    after = await (await grace.slash(room, "settings")).response()
    assert "Nothing is set for this channel or server yet." in after.text
