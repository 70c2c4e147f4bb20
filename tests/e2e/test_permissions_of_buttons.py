"""Who may press what: every button that is not for everybody, pressed by everybody else."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from sandbox.discord_api.model import Channel, Message
from tests.e2e.bot_process import Stage
from tests.e2e.permitting import (
    EVERYBODY,
    HOSTS,
    MODEL,
    ONLY_HOSTS,
    ONLY_ITS_ASKER,
    ONLY_OPERATORS,
    OPERATORS,
    control,
    controls,
    demoted,
    open_stage,
    others,
    place_of,
    pressed,
    refusal,
    unheard,
)
from tests.e2e.reading import ask, of_the_bot, until_over, until_shows
from tests.e2e.switching import FIELD, begun, inits, start_workers, stop_workers, typed

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """One bot for all buttons."""
    async with open_stage(tmp_path_factory.mktemp("bot")) as running:
        yield running


async def refused_to(stage: Stage, room: Channel, names: tuple[str, ...], message: Message, sentence: str) -> None:
    """Everything there is to press: each of these people is told why not, the scheduler hears nothing, and the
    message stays as it is."""
    await stage.discord.wait_until(lambda: bool(controls(message)))
    parts = controls(message)
    before = message.components
    for name in names:
        for part in parts:
            with unheard(stage):
                interaction = await pressed(stage, name, room, message, part)
                assert refusal(stage, name, interaction) == sentence
    assert message.components == before


@pytest.mark.parametrize(
    ("command", "owner"),
    [
        ("queue", "ada"),
        ("context forget-me", "ada"),
        ("models", "ada"),
        ("join", "host"),
        ("settings", "grace"),
        ("cluster queue", "olga"),
    ],
)
async def test_what_somebody_opened_is_theirs_alone(stage: Stage, room: Channel, command: str, owner: str) -> None:
    """Pages, dialogues and switches under a private message; other people's rights do not matter."""
    olga, ada = stage.discord.person("olga"), stage.discord.person("ada")
    if command == "cluster queue":
        await (await olga.slash(room, "cluster pause", reason="because")).response()
        stage.parallax.script(["Yes."], match="Still mine")
        await ask(ada, room, "Still mine?")
    message = await (await stage.discord.person(owner).slash(room, command)).done_loading()
    await refused_to(stage, room, others(owner), message, ONLY_ITS_ASKER)
    if command == "cluster queue":
        await (await olga.click(message, "Clear the queue")).acked()
        await until_shows(stage, message, "Cancel 1 waiting question?")
        await refused_to(stage, room, others(owner), message, ONLY_ITS_ASKER)
        await (await olga.click(message, "Not now")).acked()
        await until_shows(stage, message, "Still mine?")
        await (await olga.slash(room, "cluster resume")).response()


async def test_a_question_is_withdrawn_by_its_asker_or_an_operator(stage: Stage, room: Channel) -> None:
    """While it waits; and its answer is asked for anew by them only."""
    olga, ada = stage.discord.person("olga"), stage.discord.person("ada")
    await (await olga.slash(room, "cluster pause", reason="because")).response()
    stage.parallax.script(["Yours."], match="Whose")
    question = await ask(ada, room, "Whose is it?")
    await until_shows(stage, question, "the queue is paused")
    assert [part["label"] for part in controls(question)] == ["Cancel"]
    await refused_to(stage, room, others("ada", *OPERATORS), question, ONLY_ITS_ASKER)
    await (await olga.slash(room, "cluster resume")).response()
    await until_over(stage, question)
    for name in others("ada", *OPERATORS):
        with unheard(stage):
            press = await pressed(stage, name, room, question, control(question, "Regenerate"))
            assert refusal(stage, name, press) == ONLY_ITS_ASKER
    assert "Yours." in question.text


@pytest.mark.parametrize("name", EVERYBODY)
@pytest.mark.parametrize("place", ["card", "board"])
async def test_everybody_may_look_and_hosts_may_join(stage: Stage, room: Channel, place: str, name: str) -> None:
    """Under a status card and under a board: what shows the cluster is for all, the command that adds a machine
    for those with a role of JOIN_ROLES and for operators."""
    where = place_of(stage, name, room)
    message = await (_board if place == "board" else _card)(stage, name, room)
    join = control(message, "Join a node")
    if name in HOSTS:
        joined = (await pressed(stage, name, where, message, join)).original
        assert joined is not None
        assert joined.ephemeral_for == stage.discord.person(name).id
        await until_shows(stage, joined, "parallax join")
    else:
        with unheard(stage):
            assert refusal(stage, name, await pressed(stage, name, where, message, join)) == ONLY_HOSTS
    if place == "card":
        live = await pressed(stage, name, where, message, control(message, "Live"))
        assert live.original is message


@pytest.mark.parametrize("name", ["stranger", "ada"])
async def test_everybody_may_see_the_chart(stage: Stage, room: Channel, name: str) -> None:
    """It is drawn for each person who presses."""
    message = await _card(stage, name, room)
    press = await pressed(stage, name, place_of(stage, name, room), message, control(message, "Chart"))
    shown = press.original
    assert shown is not None
    await stage.discord.wait_until(lambda: shown.attachments, 30.0)


async def _card(stage: Stage, name: str, room: Channel) -> Message:
    return await (await stage.discord.person(name).slash(place_of(stage, name, room), "status")).response()


async def _board(stage: Stage, _name: str, room: Channel) -> Message:
    await (await stage.discord.person("olga").slash(room, "cluster board")).done_loading()
    return next(one for one in of_the_bot(stage, room) if one.ephemeral_for is None)


async def test_a_host_who_lost_the_role_is_refused(stage: Stage, room: Channel) -> None:
    """What counts is the role at the press, not at the command."""
    host = stage.discord.person("host")
    message = await (await host.slash(room, "join")).done_loading()
    with demoted(stage, host, room):
        await refused_to(stage, room, ("host",), message, ONLY_HOSTS)
    await (await host.click(message, "Windows")).acked()
    await until_shows(stage, message, "**Windows**")


async def test_the_confirmation_is_its_operators(stage: Stage, room: Channel) -> None:
    """Not even another operator's: it names what was typed by the one who sees it."""
    olga = stage.discord.person("olga")
    confirm = await (await olga.slash(room, "cluster init", model=MODEL, nodes=1)).response()
    await refused_to(stage, room, others("olga"), confirm, ONLY_ITS_ASKER)
    await (await olga.click(confirm, "Not now")).acked()
    await until_shows(stage, confirm, "Nothing was changed.")
    assert confirm.text == "Nothing was changed."


async def test_a_switch_under_way_is_the_operators(stage: Stage, room: Channel) -> None:
    """Nobody else ends it."""
    olga = stage.discord.person("olga")
    message = await begun(stage, olga, room, MODEL)
    await until_shows(stage, message, "stop all workers now")
    await refused_to(stage, room, others(*OPERATORS), message, ONLY_OPERATORS)
    await pressed(stage, "rosa", room, message, control(message, "Cancel the switch"))
    await until_shows(stage, message, "was cancelled")
    assert inits(stage) == 0


async def test_an_operator_who_was_demoted_is_refused(stage: Stage, room: Channel) -> None:
    """At the press, and at the dialogue that was already open."""
    rosa = stage.discord.person("rosa")
    confirm = await (await rosa.slash(room, "cluster init", model=MODEL, nodes=1)).response()
    dialogue = await (await rosa.click(confirm, "Switch …")).acked()
    with demoted(stage, rosa, room), unheard(stage):
        press = await pressed(stage, "rosa", room, confirm, control(confirm, "Switch …"))
        assert refusal(stage, "rosa", press) == ONLY_OPERATORS
        sent = await (await rosa.submit(dialogue, {FIELD: MODEL})).response()
        assert sent.text == ONLY_OPERATORS
    await (await rosa.click(confirm, "Not now")).acked()


async def test_a_demoted_operator_cannot_change_the_queue(stage: Stage, room: Channel) -> None:
    """Cancelling some, clearing all, its confirmation and the way back: the question stays in the queue."""
    rosa, ada = stage.discord.person("rosa"), stage.discord.person("ada")
    await (await rosa.slash(room, "cluster pause", reason="because")).response()
    stage.parallax.script(["Here."], match="Am I")
    question = await ask(ada, room, "Am I still there?")
    await until_shows(stage, question, "the queue is paused")
    view = await (await rosa.slash(room, "cluster queue")).response()
    with demoted(stage, rosa, room):
        await refused_to(stage, room, ("rosa",), view, ONLY_OPERATORS)
    await (await rosa.click(view, "Clear the queue")).acked()
    with demoted(stage, rosa, room):
        await refused_to(stage, room, ("rosa",), view, ONLY_OPERATORS)
    await (await rosa.slash(room, "cluster resume")).response()
    await until_over(stage, question)
    assert "Here." in question.text


async def test_the_way_back_is_the_operators(stage: Stage, room: Channel) -> None:
    """Under a switch that is over: no form is opened for others, and one left open is of no use afterwards."""
    rosa = stage.discord.person("rosa")
    before = inits(stage)
    message = await begun(stage, rosa, room, MODEL)
    await start_workers(stage, message, await stop_workers(stage, message))
    await until_shows(stage, message, f"{MODEL} is usable")
    await refused_to(stage, room, others(*OPERATORS), message, ONLY_OPERATORS)
    dialogue = await (await rosa.click(message, "Back to Qwen3-8B")).acked()
    with demoted(stage, rosa, room), unheard(stage):
        sent = await (await rosa.submit(dialogue, {FIELD: "Qwen/Qwen3-8B"})).response()
        assert sent.text == ONLY_OPERATORS
    wrong = await typed(rosa, message, "Back to Qwen3-8B", MODEL)
    assert wrong.message is not None
    assert "that is not the model's name" in wrong.message.text
    assert f"{MODEL} is usable" in message.text
    assert inits(stage) == before + 1
