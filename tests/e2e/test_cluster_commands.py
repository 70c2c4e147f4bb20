"""``/status``, ``/models``, ``/join`` and ``/cluster init``, in both of the scheduler's dialects."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Channel, Message
from sandbox.discord_api.people import Person
from sandbox.parallax import ParallaxDouble
from sandbox.parallax.models import MODELS
from tests.e2e.bot_process import Stage, staged
from tests.e2e.reading import answer, ask, until_over

pytestmark = pytest.mark.asyncio(loop_scope="module")

INIT = ("POST", "/scheduler/init")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["current", "documented"])
async def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A ready cluster of three nodes that speaks one of the dialects."""
    async with staged(
        tmp_path_factory.mktemp("bot"),
        discord=DiscordDouble(latency=0.0),
        parallax=ParallaxDouble(dialect=request.param, tokens_per_second=200, lag=False),
    ) as running:
        yield running
        assert running.discord.limits.rejections == []


def inits(stage: Stage) -> int:
    """How many inits the scheduler was sent."""
    return sum((call.method, call.path) == INIT for call in stage.parallax.calls)


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
    assert "0 in line" in card.text
    assert card.text.count("· ready") == 3
    assert "NVIDIA GeForce RTX 4090 · 24 GB · ready" in card.text
    assert "Open web page" in card.buttons


async def test_models_can_be_paged_through_by_who_asked(stage: Stage, room: Channel, ada: Person) -> None:
    """Privately; the running model comes first, every model is somewhere."""
    message = await (await ada.slash(room, "models")).done_loading()
    assert message.ephemeral_for == ada.id
    assert message.text.index("Qwen/Qwen3-8B`") < message.text.index("○")
    assert "page 1 of 5" in message.text
    assert message.buttons["Back"].disabled

    seen = names_in(message)
    while not message.buttons["Further"].disabled:
        await (await ada.click(message, "Further")).acked()
        seen += names_in(message)
    assert len(seen) == len(set(seen)) == len(MODELS)

    await (await ada.click(message, "Back")).acked()
    assert "page 4 of 5" in message.text


def names_in(message: Message) -> list[str]:
    """The models a page lists."""
    return [line.split("`")[1] for line in message.text.splitlines() if "`" in line]


async def test_join_tells_the_command_privately(stage: Stage, room: Channel, ada: Person) -> None:
    """It reveals how to reach the cluster, and says so."""
    message = await (await ada.slash(room, "join")).done_loading()
    assert message.ephemeral_for == ada.id
    assert "parallax join" in message.text
    assert "Share it only with people you trust." in message.text


async def test_init_suggests_models_to_operators_only(stage: Stage, room: Channel, olga: Person) -> None:
    """What was typed narrows the list; names that begin with it come first."""
    choices = await olga.autocomplete(room, "cluster init", "model", model="qwen3-4b")
    names = [str(choice["value"]) for choice in choices]
    assert names
    assert all("qwen3-4b" in name.lower() for name in names)
    assert len(await olga.autocomplete(room, "cluster init", "model", model="")) == 25

    grace = stage.discord.person("grace")
    assert await grace.autocomplete(room, "cluster init", "model", model="qwen") == []


@pytest.mark.parametrize("name", ["ada", "grace"])
async def test_init_is_refused_to_everybody_else(stage: Stage, room: Channel, name: str) -> None:
    """To members, and to a server's administrator too: the cluster is not the server's."""
    before = inits(stage)
    person = stage.discord.person(name)
    refused = await (await person.slash(room, "cluster init", model="Qwen/Qwen3-8B", nodes=1)).response()
    assert refused.text == "This is for the cluster's operators."
    assert refused.ephemeral_for == person.id
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
    assert "stop the workers first" in confirm.text

    await (await olga.click(confirm, "Not now")).acked()
    assert confirm.text == "Nothing was changed."
    assert confirm.buttons == {}
    assert inits(stage) == before


async def test_init_pressed_twice_is_sent_once(stage: Stage, room: Channel, olga: Person) -> None:
    """The second press of an impatient hand changes nothing. Last here: it strands the running cluster."""
    before = inits(stage)
    confirm = await (
        await olga.slash(room, "cluster init", model="Qwen/Qwen3-4B", nodes=1, local_network=False)
    ).response()
    button = confirm.buttons["Set model"].custom_id
    first = await olga.click(confirm, custom_id=button)
    second = await olga.click(confirm, custom_id=button)
    await first.acked()
    await second.acked()
    # The same press again, when the first has long been acted upon but this client has not redrawn yet.
    third = await olga.click(confirm, custom_id=button)
    await third.acked()
    await stage.discord.wait_until(lambda: "The model is set to **Qwen/Qwen3-4B**." in confirm.text)
    assert "parallax join" in confirm.text
    assert inits(stage) == before + 1
    assert stage.parallax.model == "Qwen/Qwen3-4B"
