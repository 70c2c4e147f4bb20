"""One bot in front of two schedulers: where questions go, how they move, and what names the clusters."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from bot.i18n.catalogue import sentences
from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Channel, Message
from sandbox.discord_api.people import Person
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.programs import API, chat, client, error_of, made_key, streamed
from tests.e2e.reading import (
    PATIENCE,
    answer,
    ask,
    footer,
    is_over,
    of_the_bot,
    restarted,
    revisions,
    until_over,
    until_shows,
)
from tests.e2e.switching import typed

pytestmark = pytest.mark.asyncio(loop_scope="module")

STUDIO_SLOTS, OFFICE_SLOTS = 2, 1
OFFICE_MODEL = "Qwen/Qwen3-4B"


@dataclass(frozen=True)
class Pair:
    """The two clusters. The studio has two slots, the office one."""

    studio: ParallaxDouble
    office: ParallaxDouble

    def script(self, pieces: list[tuple[str, float]], match: str) -> None:
        """Answer this question so, wherever it is asked."""
        for one in (self.studio, self.office):
            one.script(pieces, match=match)

    @property
    def active(self) -> tuple[int, int]:
        """How many questions each works on."""
        return self.studio.active, self.office.active


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office() -> AsyncIterator[ParallaxDouble]:
    """The second cluster."""
    async with ParallaxDouble(
        model=OFFICE_MODEL, tokens_per_second=100, nodes=1, slots=1, lag=False, time_scale=10
    ) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory, office: ParallaxDouble) -> AsyncIterator[Stage]:
    """A bot that knows both clusters."""
    studio = ParallaxDouble(tokens_per_second=100, nodes=1, slots=STUDIO_SLOTS, lag=False, time_scale=10)
    async with (
        studio as opened,
        staged(
            tmp_path_factory.mktemp("pair"),
            discord=DiscordDouble(latency=0.0),
            PARALLAX_URL=f"studio={opened.url}, office={office.url}",
            PARALLAX_PUBLIC_URL="office=https://office.example",
            SHUTDOWN_GRACE="1",
            API_BIND=API["API_BIND"],
        ) as running,
    ):
        yield Stage(running.discord, opened, running.bot)
        assert running.discord.limits.rejections == []


@pytest.fixture
def pair(stage: Stage, office: ParallaxDouble) -> Pair:
    """Both clusters."""
    return Pair(stage.parallax, office)


def long(pair: Pair, match: str, pieces: int = 60) -> None:
    """Let this question take some seconds."""
    pair.script([(f"word{n} ", 1.0) for n in range(pieces)], match)


def cluster_of(message: Message) -> str:
    """The cluster that the receipt names."""
    (name,) = re.findall(r" · (studio|office) · ", footer(message))
    return str(name)


async def test_commands_about_one_cluster_have_an_option(stage: Stage) -> None:
    """With the names to choose from, in every language."""
    payloads = [command.payload for command in stage.discord.world.commands]
    inner = {f"cluster.{one['name']}": one for one in _named(payloads, "cluster")["options"]}
    found = {one["name"]: one for one in payloads} | inner
    keys = {key for key in sentences("en") if key.endswith(".option.cluster")}
    assert len(keys) == 7
    for key in keys:
        (option,) = [
            one
            for one in found[key.split(".", 1)[1].removesuffix(".option.cluster")]["options"]
            if one["name"] == "cluster"
        ]
        assert [choice["value"] for choice in option["choices"]] == ["studio", "office"]
        assert option["description"] == sentences("en")[key]
        assert option["description_localizations"]["de"] == sentences("de")[key]
        assert not option["required"]


def _named(payloads: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(one for one in payloads if one["name"] == name)


async def test_the_receipt_names_the_cluster_and_its_model(stage: Stage, room: Channel, ada: Person) -> None:
    """After the model's name."""
    message = await ask(ada, room, "Who are you?")
    await until_over(stage, message)
    expected = "Qwen3-8B · studio" if cluster_of(message) == "studio" else "Qwen3-4B · office"
    assert expected in footer(message)


async def test_each_cluster_gets_what_it_takes_and_no_more(
    stage: Stage, pair: Pair, room: Channel, ada: Person, ben: Person, olga: Person
) -> None:
    """Three at once on three slots; the next ones go wherever a slot is free."""
    for number in range(7):
        long(pair, f"Question {number}", 20)
    most = [0, 0]

    def seen() -> bool:
        most[:] = [max(was, now) for was, now in zip(most, pair.active, strict=True)]
        return len(messages) == 7 and all(map(is_over, messages))

    messages: list[Message] = []
    people = [ada, ben, olga]
    for number in range(7):
        messages.append(await ask(people[number % 3], room, f"Question {number}"))
        seen()
    await stage.discord.wait_until(seen, PATIENCE)
    assert most == [STUDIO_SLOTS, OFFICE_SLOTS]
    assert {cluster_of(message) for message in messages} == {"studio", "office"}
    for number, message in enumerate(messages):
        assert answer(message, f"Question {number}").endswith("word19")


@pytest.mark.parametrize("fault", ["http429", "http503"])
async def test_a_cluster_that_refuses_a_question_leaves_it_to_the_other(
    stage: Stage, pair: Pair, room: Channel, ada: Person, fault: str
) -> None:
    """Because others use it, or because no pipeline is ready; nobody reads anything of that."""
    pair.studio.script([], match="Where is room?", fault=fault)
    message = await ask(ada, room, "Where is room?")
    await until_over(stage, message)
    assert cluster_of(message) == "office"
    assert told_of_trouble(message) == []


def told_of_trouble(message: Message) -> list[str]:
    """The states in which the message said that the queue does not move."""
    return [text for text in revisions(message) if "kept" in text or "keeps its" in text]


async def test_a_cluster_that_dies_before_the_first_word_loses_its_question_to_the_other(
    stage: Stage, pair: Pair, room: Channel, ada: Person, olga: Person
) -> None:
    """It moves with its place, and its asker reads no word of it."""
    # Whatever the studio refused before counts no more: it is asked first.
    await (await olga.slash(room, "cluster resume")).response()
    pair.studio.script(["never"], match="Does it move?", delay=300.0)
    message = await ask(ada, room, "Does it move?")
    await pair.studio.wait_until(lambda: pair.studio.active == 1, PATIENCE)
    await pair.studio.unreachable()
    try:
        await until_over(stage, message)
        assert cluster_of(message) == "office"
        assert told_of_trouble(message) == []
        card = await (await ada.slash(room, "status")).response()
        await stage.discord.wait_until(lambda: "usable" in card.text, PATIENCE)
    finally:
        await pair.studio.reachable()
    await usable(stage, room, ada)


async def test_an_answer_that_broke_off_is_asked_for_where_it_began(
    stage: Stage, pair: Pair, room: Channel, ada: Person
) -> None:
    """After the first word nothing moves: the other model would begin another answer."""
    pair.script([(f"begun{n} ", 1.0) for n in range(30)], "Does it stay?")
    message = await ask(ada, room, "Does it stay?")
    await until_shows(stage, message, "begun1 ")
    began = pair.studio if pair.studio.requests[-1].outcome == "open" else pair.office
    began.break_streams()
    await until_over(stage, message)
    assert cluster_of(message) == ("studio" if began is pair.studio else "office")


async def usable(stage: Stage, room: Channel, who: Person) -> None:
    """Wait until the bot has seen that both clusters can be used."""
    card = await (await who.slash(room, "status")).response()
    await who.click(card, "Live")
    await stage.discord.wait_until(lambda: card.text.count("· usable") == 2, PATIENCE)


async def test_a_profile_that_names_a_full_cluster_holds_up_nobody_else(
    stage: Stage, pair: Pair, room: Channel, ada: Person, ben: Person, olga: Person
) -> None:
    """Its question keeps its place at the head, and goes nowhere else."""
    elsewhere = stage.discord.channel("general")
    await choose_cluster(stage, room, "office")
    long(pair, "Hold the office", 400)
    holding = await ask(ben, room, "Hold the office")
    await until_shows(stage, holding, "word1 ")
    wanting = await ask(ada, room, "Only the office")
    passing = await ask(olga, elsewhere, "Anywhere")
    await until_over(stage, passing)
    assert cluster_of(passing) == "studio"
    assert not is_over(wanting)
    await ben.click(holding, label="Stop")
    await until_over(stage, wanting, holding)
    assert cluster_of(wanting) == "office"


async def choose_cluster(stage: Stage, room: Channel, name: str) -> None:
    """Let the channel's questions go to one cluster, as its manager does."""
    grace = stage.discord.person("grace")
    settings = await (await grace.slash(room, "settings")).response()
    assert "Cluster: any cluster" in settings.text
    dialogue = await (await grace.click(settings, label="Switches")).acked()
    chosen = {"think": ["inherit"], "private": ["inherit"], "threads": ["inherit"], "cluster": [f"only:{name}"]}
    await (await grace.submit(dialogue, chosen)).acked()
    await stage.discord.wait_until(lambda: f"Cluster: {name}" in settings.text, PATIENCE)


async def test_status_shows_each_cluster_under_its_name(stage: Stage, room: Channel, ada: Person) -> None:
    """With one queue; the option shows one of them, whose buttons are about it."""
    card = await (await ada.slash(room, "status")).response()
    assert "0 in the queue of all clusters" in card.text
    assert "**studio**\n● **Qwen/Qwen3-8B** · usable" in card.text
    assert f"**office**\n● **{OFFICE_MODEL}** · usable" in card.text
    assert "Running 0 of 2" in card.text
    assert "Running 0 of 1" in card.text
    assert {"Live", "Chart", "office"} <= card.buttons.keys()

    one = await (await ada.slash(room, "status", cluster="office")).response()
    assert "**office** · ●" in one.text
    assert "studio" not in one.text
    await (await ada.click(one, "Live")).acked()
    assert "**office** · ●" in one.text


async def test_a_board_and_charts_are_of_all_clusters(
    stage: Stage, room: Channel, ada: Person, olga: Person
) -> None:
    """A chart for each; or for the one whose card it is under."""
    await (await olga.slash(room, "cluster board")).done_loading()
    (board,) = [one for one in of_the_bot(stage, room) if "Chart" in one.buttons]
    assert "**studio**" in board.text
    assert "**office**" in board.text
    assert {"Chart", "Join a node"} <= board.buttons.keys()
    charts = await (await ada.click(board, "Chart")).done_loading()
    assert [one.filename for one in charts.attachments] == ["cluster.png", "cluster1.png"]
    assert charts.text == "**studio**\n**office**"
    one = await (await ada.slash(room, "status", cluster="office")).response()
    chart = await (await ada.click(one, "Chart")).done_loading()
    assert (len(chart.attachments), chart.text) == (1, "**office**")
    await (await olga.slash(room, "cluster board", remove=True)).done_loading()


async def test_the_whole_queue_says_where_each_question_runs(
    stage: Stage, pair: Pair, room: Channel, ada: Person, olga: Person
) -> None:
    """For operators."""
    long(pair, "Where do I run?", 200)
    message = await ask(ada, room, "Where do I run?")
    await until_shows(stage, message, "word1 ")
    queue = await (await olga.slash(room, "cluster queue")).response()
    assert re.search(r"Where do I run\?.*running · .* · (studio|office)", queue.text)
    await ada.click(message, label="Stop")
    await until_over(stage, message)
    assert cluster_of(message) in queue.text


async def test_models_and_join_are_of_the_cluster_that_is_named(stage: Stage, room: Channel, ada: Person) -> None:
    """Or of the first one; under /join the others are a press away."""
    models = await (await ada.slash(room, "models", cluster="office")).done_loading()
    assert models.text.startswith("**office**")
    joining = await (await ada.slash(room, "join")).done_loading()
    assert "· studio" in joining.text
    assert joining.buttons["studio"].disabled
    await (await ada.click(joining, "office")).acked()
    await stage.discord.wait_until(lambda: "· office" in joining.text, PATIENCE)


async def test_an_operator_pauses_one_cluster(
    stage: Stage, pair: Pair, room: Channel, ada: Person, olga: Person
) -> None:
    """The other goes on with what waits; one that is named is the only one that is resumed."""
    paused = await (await olga.slash(room, "cluster pause", reason="new disks", cluster="studio")).response()
    assert "studio gets no further questions" in paused.text
    for number in range(2):
        message = await ask(ada, room, f"Past the pause {number}")
        await until_over(stage, message)
        assert cluster_of(message) == "office"
    resumed = await (await olga.slash(room, "cluster resume", cluster="studio")).response()
    assert resumed.text == "The queue is running again."
    assert (await (await olga.slash(room, "cluster resume")).response()).text == "The queue was not paused."


async def test_a_switch_holds_one_cluster_and_is_named(
    stage: Stage, pair: Pair, room: Channel, ada: Person, olga: Person
) -> None:
    """The other one answers meanwhile."""
    choices = await olga.autocomplete(room, "cluster init", "model", model="Qwen/Qwen3-4B", cluster="office")
    assert choices
    confirm = await (
        await olga.slash(room, "cluster init", model="Qwen/Qwen3-8B", nodes=1, cluster="office")
    ).response()
    assert confirm.text.startswith("**office**")
    await typed(olga, confirm, "Switch …", "Qwen/Qwen3-8B")
    await stage.discord.wait_until(lambda: "office: Switching" in confirm.text, PATIENCE)
    message = await ask(ada, room, "During the switch")
    await until_over(stage, message)
    assert cluster_of(message) == "studio"
    shown = await (await olga.slash(room, "cluster switch")).response()
    await stage.discord.wait_until(lambda: "office" in shown.text, PATIENCE)
    await olga.click(confirm, "Cancel the switch")
    await stage.discord.wait_until(lambda: "was cancelled" in confirm.text, PATIENCE)
    assert "cluster office" in (await (await olga.slash(room, "cluster audit")).response()).text


async def test_a_cluster_that_is_taken_out_leaves_nothing_stuck(
    stage: Stage, pair: Pair, room: Channel, ada: Person, olga: Person
) -> None:
    """What waits for it goes to the other, its switch and its pause end, and no name is shown any more."""
    await choose_cluster(stage, room, "office")
    await (await olga.slash(room, "cluster pause", reason="gone", cluster="office")).response()
    wanting = await ask(ada, room, "Is it gone?")
    await until_shows(stage, wanting, "the queue is paused")
    environment = dict(stage.bot.environment)
    stage.bot.environment = {**environment, "PARALLAX_URL": f"studio={pair.studio.url}"}
    try:
        await restarted(stage)
        await until_over(stage, wanting)
        assert "studio" not in footer(wanting)
        card = await (await ada.slash(room, "status")).response()
        assert "studio" not in card.text
        file = environment["DATABASE_URL"].partition("///")[2]
        with closing(sqlite3.connect(file)) as database:
            assert database.execute("SELECT count(*) FROM cluster_pauses").fetchone() == (0,)
    finally:
        stage.bot.environment = environment
        await restarted(stage)


async def test_a_programs_model_decides_on_its_cluster(stage: Stage, pair: Pair) -> None:
    """Each is offered, and no other; a program sees both clusters."""
    async with client(stage, await made_key(stage, "ada"), starts=stage.bot.log.count('"api.serving"')) as program:
        offered = {model["id"] for model in (await program.get("/v1/models")).json()["data"]}
        assert offered == {pair.studio.model, OFFICE_MODEL}
        for cluster, model in ((pair.office, OFFICE_MODEL), (pair.studio, pair.studio.model)) * 2:
            cluster.script(["From here."], match="Where?")
            events = await streamed(program, chat("Where?", model=model))
            assert (events.text, events.chunks[0]["model"]) == ("From here.", model)
        refused = await program.post("/v1/chat/completions", json=chat("Who?", model="gpt-4o"))
        assert (refused.status_code, error_of(refused)["code"]) == (404, "model_not_found")
        clusters = (await program.get("/cluster/info")).json()["clusters"]
        assert {one["name"]: one["model"] for one in clusters} == {
            "studio": pair.studio.model,
            "office": OFFICE_MODEL,
        }
