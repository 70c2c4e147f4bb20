"""``/status``, ``/models``, ``/join`` and ``/cluster init``, in both of the scheduler's dialects."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing

import pytest
import pytest_asyncio

from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Channel, Message
from sandbox.discord_api.people import Person
from sandbox.parallax import ParallaxDouble
from sandbox.parallax.models import MODELS
from tests.e2e.bot_process import Stage, staged
from tests.e2e.reading import PATIENCE, answer, ask, of_the_bot, until_over, until_shows
from tests.e2e.switching import begun, inits, start_workers, stop_workers, typed

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["current", "documented"])
async def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A ready cluster of three nodes that speaks one of the dialects."""
    async with staged(
        tmp_path_factory.mktemp("bot"),
        discord=DiscordDouble(latency=0.0),
        parallax=ParallaxDouble(dialect=request.param, tokens_per_second=200, lag=False),
        PARALLAX_PUBLIC_URL="https://cluster.example",
    ) as running:
        yield running
        assert running.discord.limits.rejections == []


async def test_a_question_is_answered(stage: Stage, room: Channel, ada: Person) -> None:
    """The main path, whatever the dialect."""
    stage.parallax.script(["Works ", "here."])
    message = await ask(ada, room, "Does it work?")
    await until_over(stage, message)
    assert answer(message, "Does it work?") == "Works here."


async def test_status_shows_model_nodes_and_load(stage: Stage, room: Channel, ada: Person) -> None:
    """For everybody in the channel, with the way to the scheduler's page."""
    card = await (await ada.slash(room, "status")).response()
    assert card.ephemeral_for is None
    assert "**Qwen/Qwen3-8B** · usable" in card.text
    assert "Running 0" in card.text
    assert "0 in the queue" in card.text
    assert card.text.count("· ready") == 3
    assert "NVIDIA GeForce RTX 4090 · 24 GB · ready" in card.text
    assert "Open web page" in card.buttons


async def test_models_can_be_paged_through_by_who_asked(stage: Stage, room: Channel, ada: Person) -> None:
    """Privately; the running model comes first, every model is somewhere."""
    message = await (await ada.slash(room, "models")).done_loading()
    assert message.ephemeral_for == ada.id
    assert message.text.index("Qwen/Qwen3-8B`") < message.text.index("○")
    assert "page 1 of 5" in message.text
    assert message.buttons["Previous"].disabled

    seen = names_in(message)
    for page in range(2, 6):
        await (await ada.click(message, "Next")).acked()
        await until_shows(stage, message, f"page {page} of 5")
        seen += names_in(message)
    assert message.buttons["Next"].disabled
    assert len(seen) == len(set(seen)) == len(MODELS)

    await (await ada.click(message, "Previous")).acked()
    await until_shows(stage, message, "page 4 of 5")


def names_in(message: Message) -> list[str]:
    """The models a page lists."""
    return [line.split("`")[1] for line in message.text.splitlines() if "`" in line]


async def test_join_tells_the_command_privately(stage: Stage, room: Channel, ada: Person) -> None:
    """It reveals how to reach the cluster, and says so."""
    message = await (await ada.slash(room, "join")).done_loading()
    assert message.ephemeral_for == ada.id
    assert "```sh\nparallax join" in message.text
    assert "a machine that joins sees the prompts it works on" in message.text
    assert "Share it only with people you trust." in message.text


async def test_init_suggests_models_to_operators_only(stage: Stage, room: Channel, olga: Person) -> None:
    """What was typed narrows the list; names that begin with it come first."""
    choices = await olga.autocomplete(room, "cluster init", "model", model="qwen3-4b")
    names = [str(choice["value"]) for choice in choices]
    assert names
    assert all("qwen3-4b" in name.lower() for name in names)
    assert len(await olga.autocomplete(room, "cluster init", "model", model="")) == 25
    # Eleven others have an "o" somewhere; by the alphabet alone some of them would come first.
    choices = await olga.autocomplete(room, "cluster init", "model", model="o")
    begins = [str(choice["value"]).lower().startswith("o") for choice in choices]
    assert begins == [True] * 4 + [False] * 11

    grace = stage.discord.person("grace")
    assert await grace.autocomplete(room, "cluster init", "model", model="qwen") == []


async def test_init_is_refused_to_the_servers_administrator(stage: Stage, room: Channel) -> None:
    """Who sees the command all the same: the cluster is not the server's."""
    before = inits(stage)
    grace = stage.discord.person("grace")
    refused = await (await grace.slash(room, "cluster init", model="Qwen/Qwen3-8B", nodes=1)).response()
    assert refused.text == "This is for the cluster's operators."
    assert refused.ephemeral_for == grace.id
    assert refused.buttons == {}
    assert inits(stage) == before


async def test_init_of_an_unknown_model_never_reaches_the_scheduler(
    stage: Stage, room: Channel, olga: Person
) -> None:
    """It would stop the running cluster."""
    before = inits(stage)
    told = await (await olga.slash(room, "cluster init", model="Qwen/Qwen9", nodes=1)).response()
    assert "The scheduler does not list Qwen/Qwen9. Choose one from the list." in told.text
    assert inits(stage) == before


async def test_init_may_be_thought_better_of(stage: Stage, room: Channel, olga: Person) -> None:
    """Nothing is sent; the buttons are gone."""
    before = inits(stage)
    confirm = await (await olga.slash(room, "cluster init", model="Qwen/Qwen3-4B", nodes=2)).response()
    assert confirm.ephemeral_for == olga.id
    assert "Switch **Qwen/Qwen3-8B** → **Qwen/Qwen3-4B**?" in confirm.text
    assert "2 nodes · local network" in confirm.text
    assert "Stop the workers first" in confirm.text

    await (await olga.click(confirm, "Not now")).acked()
    await until_shows(stage, confirm, "Nothing was changed.")
    assert confirm.text == "Nothing was changed."
    assert confirm.buttons == {}
    assert inits(stage) == before


async def test_status_has_the_last_hours_figures(stage: Stage, room: Channel, ada: Person) -> None:
    """What the receipts of answers said, as one figure for the hour."""
    stage.parallax.script(["One ", "two ", "three ", "four."])
    message = await ask(ada, room, "Count to four")
    await until_over(stage, message)

    async def card() -> Message:
        return await (await ada.slash(room, "status")).response()

    # Figures are taken anew every ten seconds at most: ask until the answer is among them.
    shown = await card()
    while "last hour: first token" not in shown.text:
        shown = await card()
    assert re.search(r"last hour: first token [\d.]+ s( · \d+ tok/s)?", shown.text)


async def test_models_can_be_searched(stage: Stage, room: Channel, ada: Person, olga: Person) -> None:
    """By the command's option and by the button; operators see besides what fits."""
    message = await (await ada.slash(room, "models", search="gpt-oss 120b")).done_loading()
    assert names_in(message) == ["openai/gpt-oss-120b", "openai/gpt-oss-safeguard-120b"]
    assert "fits" not in message.text

    shown = await (await ada.click(message, "Search")).acked()
    await (await ada.submit(shown, {"Words of the model's name": "deepseek r1"})).acked()
    await stage.discord.wait_until(lambda: names_in(message) == ["deepseek-ai/DeepSeek-R1"])

    found = await (await olga.slash(room, "models", search="qwen2.5 72b")).done_loading()
    tells_memory = stage.parallax.dialect == "current"
    assert ("· fits" in found.text) is tells_memory
    large = await (await olga.slash(room, "models", search="gpt-oss-120b")).done_loading()
    listed = (
        "○ `openai/gpt-oss-120b` · 85 GB · fits" if tells_memory else "○ `openai/gpt-oss-120b` · openai · 120b"
    )
    assert listed in large.text
    nothing = await (await ada.slash(room, "models", search="no such thing")).done_loading()
    assert "No model matches." in nothing.text


async def test_join_has_steps_for_each_system(stage: Stage, room: Channel, ada: Person) -> None:
    """And says so when a node comes."""
    message = await (await ada.slash(room, "join")).done_loading()
    assert "**Linux**" in message.text
    await (await ada.click(message, "macOS")).acked()
    await until_shows(stage, message, "**macOS** (Apple silicon)", "caffeinate -i")
    await (await ada.click(message, "Windows")).acked()
    await until_shows(stage, message, "**Windows**", "networkingMode=mirrored")
    stage.parallax.add_node("barn", "NVIDIA GeForce RTX 3060", 12.0)
    await until_shows(stage, message, "Your node is ready: NVIDIA GeForce RTX 3060.")
    stage.parallax.remove_node("barn")


async def test_a_chart_of_the_first_minute(stage: Stage, room: Channel, ada: Person) -> None:
    """A bot that was just started draws what it has seen so far; the button is on every card."""
    card = await (await ada.slash(room, "status")).response()
    shown = await (await ada.click(card, "Chart")).done_loading()
    assert [one.filename for one in shown.attachments] == ["cluster.png"]
    assert shown.ephemeral_for == ada.id


async def test_a_chart_of_the_last_day(stage: Stage, room: Channel, ada: Person) -> None:
    """From what was sampled, as a picture in a private message."""
    file = stage.bot.environment["DATABASE_URL"].partition("///")[2]
    now = time.time()
    with closing(sqlite3.connect(file)) as database, database:
        rows = [(now - 60.0 * minute, 60.0, 0.0, 1.0, 3.0, 3.0, 2, 0.3, 40.0) for minute in range(1, 200)]
        database.executemany("INSERT INTO cluster_samples VALUES ('', ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    card = await (await ada.slash(room, "status")).response()
    shown = await (await ada.click(card, "Chart")).done_loading()
    assert [one.filename for one in shown.attachments] == ["cluster.png"]
    assert shown.ephemeral_for == ada.id


async def test_init_asks_for_the_name_before_it_interrupts(stage: Stage, room: Channel, olga: Person) -> None:
    """A wrong name changes nothing."""
    before = inits(stage)
    confirm = await (await olga.slash(room, "cluster init", model="Qwen/Qwen3-4B", nodes=1)).response()
    refused = await typed(olga, confirm, "Switch …", "Qwen/Qwen3-8B")
    assert refused.message is not None
    assert "that is not the model's name" in refused.message.text
    assert inits(stage) == before


async def test_a_name_is_shown_on_the_card(stage: Stage, room: Channel, ada: Person, olga: Person) -> None:
    """Operators choose the node from the list; everybody reads the name; the audit tells who gave it."""
    choices = await olga.autocomplete(room, "cluster name", "node", node="Apple")
    assert [str(choice["name"]).rpartition(" · ")[2] for choice in choices] == ["Apple M2 Ultra"]
    node = str(choices[0]["value"])
    named = await (await olga.slash(room, "cluster name", node=node, name="studio-mac", owner=ada)).response()
    assert named.ephemeral_for == olga.id
    card = await (await ada.slash(room, "status")).response()
    assert "● **studio-mac** · Apple M2 Ultra · 192 GB · ready" in card.text
    audit = await (await olga.slash(room, "cluster audit")).response()
    assert f"<@{olga.id}> · named a node" in audit.text
    assert "name studio-mac" in audit.text


async def test_the_doctor_looks_at_everything_for_an_operator(stage: Stage, room: Channel, olga: Person) -> None:
    """Also in the bot's own process, and without a question to the cluster."""
    line = await olga.slash(room, "cluster doctor")
    await line.done_loading()
    shown = await line.response()
    assert shown.ephemeral_for == olga.id
    assert shown.text.startswith("### What the doctor found\n")
    subjects = set(re.findall(r"(?m)^\S+ \*\*(.+?)\*\*: ", shown.text))
    assert {"version", "database", "integrity", "scheduler", "access", "discord", "clock", "channels"} <= subjects
    assert "answers" not in subjects
    assert stage.discord.token not in shown.text


async def test_a_board_follows_the_cluster(stage: Stage, room: Channel, olga: Person) -> None:
    """It shows an event soon, and is sent again when somebody deletes it. It has no Live: it is that already."""
    await (await olga.slash(room, "cluster board")).done_loading()
    board = next(one for one in of_the_bot(stage, room) if one.ephemeral_for is None)
    assert list(board.buttons) == ["Chart", "Join a node", "Open web page"]
    stage.parallax.add_node("loft", "NVIDIA GeForce RTX 3080", 10.0)
    await until_shows(stage, board, "NVIDIA GeForce RTX 3080")
    assert "Live" not in board.buttons
    await olga.delete(board) if board.author.id == olga.id else stage.discord.world.delete_message(board)

    def again() -> list[Message]:
        return [one for one in of_the_bot(stage, room) if one.ephemeral_for is None and not one.deleted]

    await stage.discord.wait_until(lambda: again() and again()[0] is not board)
    stage.parallax.remove_node("loft")
    await stage.discord.wait_until(lambda: "RTX 3080" not in again()[0].text)
    await (await olga.slash(room, "cluster board", remove=True)).done_loading()


async def test_alerts_tell_once_and_recover(stage: Stage, room: Channel, olga: Person) -> None:
    """Only the configured role is pinged, and only by the trouble itself."""
    role = next(
        role for role in stage.discord.world.guilds[room.guild_id or 0].roles.values() if "oper" in role.name
    )
    placed = await (await olga.slash(room, "cluster alerts", role=str(role.id))).response()
    assert "is pinged" in placed.text
    stage.parallax.remove_node("attic")
    await stage.discord.wait_until(lambda: lines(stage, room, "left the cluster"), PATIENCE)
    (lost,) = lines(stage, room, "left the cluster")
    assert lost.startswith("▲ ")
    assert "NVIDIA GeForce RTX 3090" in lost
    assert lost.endswith(f"<@&{role.id}>")
    stage.parallax.add_node("attic", "NVIDIA GeForce RTX 3090", 24.0)
    await stage.discord.wait_until(lambda: lines(stage, room, "is back"), PATIENCE)
    assert len(lines(stage, room, "▲")) == 1
    assert "<@&" not in lines(stage, room, "is back")[0]
    await (await olga.slash(room, "cluster alerts", remove=True)).response()


def lines(stage: Stage, room: Channel, words: str) -> list[str]:
    """The plain messages of the bot that contain ``words``."""
    return [one.content for one in of_the_bot(stage, room) if words in one.content]


async def test_a_guided_switch_and_the_way_back(stage: Stage, room: Channel, ada: Person, olga: Person) -> None:
    """Exactly one init, sent when no worker is connected; a question asked meanwhile is answered afterwards."""
    before = inits(stage)
    message = await begun(stage, olga, room, "Qwen/Qwen3-4B")
    kept = await ask(ada, room, "During the switch?")
    await until_shows(stage, kept, "the queue is paused: switching to Qwen/Qwen3-4B")
    workers = await stop_workers(stage, message)
    await start_workers(stage, message, workers)
    await until_shows(stage, message, "**Qwen/Qwen3-4B** is usable".replace("*", ""))
    await until_over(stage, kept)
    assert inits(stage) == before + 1
    assert stage.parallax.model == "Qwen/Qwen3-4B"
    assert stage.parallax.available

    await typed(olga, message, "Back to Qwen3-8B", "Qwen/Qwen3-8B")
    await until_shows(stage, message, "Switching to Qwen/Qwen3-8B")
    await start_workers(stage, message, await stop_workers(stage, message))
    await until_shows(stage, message, "Qwen/Qwen3-8B is usable")
    assert inits(stage) == before + 2
    # The entry is written after the message is shown.
    tries, switched = 0, 0
    while switched < 2 and (tries := tries + 1) < 20:
        audit = await (await olga.slash(room, "cluster audit")).response()
        switched = audit.text.count("finished a model switch")
    assert switched == 2


async def test_a_switch_may_be_cancelled_before_the_init(
    stage: Stage, room: Channel, ada: Person, olga: Person
) -> None:
    """A second confirmation of something else only shows the one that is under way."""
    before = inits(stage)
    message = await begun(stage, olga, room, "Qwen/Qwen3-4B")
    other = await (await olga.slash(room, "cluster init", model="Qwen/Qwen3-1.7B", nodes=1)).done_loading()
    await until_shows(stage, other, "Switching to Qwen/Qwen3-4B")
    await (await olga.click(message, "Cancel the switch")).acked()
    await until_shows(stage, message, "was cancelled")
    question = await ask(ada, room, "Still there?")
    await until_over(stage, question)
    assert inits(stage) == before
