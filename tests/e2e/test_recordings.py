"""``/ask`` over streams of the real scheduler, byte for byte: the answer, or the sentence one should see.

The cluster's time runs forty times as fast, so that the 96 s of recording 40 pass in a moment.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Channel, Message
from sandbox.discord_api.people import Person
from sandbox.parallax import ParallaxDouble
from sandbox.parallax.recording import Recording
from tests.e2e.bot_process import Stage, staged
from tests.e2e.reading import RECEIPT, answer, ask, footer, revisions, until_over, until_shows

pytestmark = pytest.mark.asyncio(loop_scope="module")

RECORDINGS = Path(__file__).resolve().parents[1] / "data" / "recordings"
PROMPT = "Hello"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A bot that takes a second without a token for a stall."""
    async with staged(
        tmp_path_factory.mktemp("bot"),
        discord=DiscordDouble(latency=0.0),
        parallax=ParallaxDouble(time_scale=40, lag=False, recordings_dir=RECORDINGS),
        PARALLAX_IDLE_TIMEOUT="1",
    ) as running:
        yield running
        assert running.discord.limits.rejections == []


def said(recording: Recording) -> str:
    """The content of all deltas of a recorded stream."""
    events = re.findall(rb"^data: (\{.*\})$", recording.body, re.MULTILINE)
    choices = [choice for event in events for choice in json.loads(event).get("choices", [])]
    return "".join(choice["delta"].get("content") or "" for choice in choices).strip()


async def asked(stage: Stage, who: Person, room: Channel) -> Message:
    """A question whose answer has ended."""
    message = await ask(who, room, PROMPT)
    await until_over(stage, message)
    return message


async def test_30_a_whole_stream(stage: Stage, room: Channel, ada: Person) -> None:
    """The text, and the figures the scheduler reported."""
    recording = stage.parallax.replay("30_stream_full")
    message = await asked(stage, ada, room)
    assert answer(message, PROMPT) == said(recording)
    assert re.fullmatch(RECEIPT.format(model="Qwen3-0.6B", tokens=40), footer(message))


async def test_32_reasoning(stage: Stage, room: Channel, ada: Person) -> None:
    """What was reasoned is not shown."""
    recording = stage.parallax.replay("32_stream_reasoning")
    message = await asked(stage, ada, room)
    assert answer(message, PROMPT) == said(recording)
    assert footer(message).startswith("-# Qwen3-0.6B · ")


async def test_33_a_whole_body_instead_of_a_stream(stage: Stage, room: Channel, ada: Person) -> None:
    """Something before the scheduler may have put the stream together: the answer is there all the same."""
    recording = stage.parallax.replay("33_nonstream")
    message = await asked(stage, ada, room)
    content = json.loads(recording.body)["choices"][0]["message"]["content"]
    assert answer(message, PROMPT) == content
    assert "20 tokens" in footer(message)


async def test_40_a_busy_cluster_keeps_the_question(stage: Stage, room: Channel, ada: Person) -> None:
    """After the recorded wait and its 429 the question is asked again and answered."""
    stage.parallax.replay("40_429_real_timing_stream")
    stage.parallax.script(["At last."])
    message = await ask(ada, room, PROMPT)
    await until_shows(stage, message, "kept: all pipelines are busy")
    await until_over(stage, message)
    assert answer(message, PROMPT) == "At last."
    assert "waiting for a free pipeline" in "".join(revisions(message))


async def test_50_a_node_that_fails_before_the_first_word(stage: Stage, room: Channel, ada: Person) -> None:
    """The question is kept, its asker reads what is done about it, and it is answered when the node works."""
    before = len(stage.parallax.requests)
    stage.parallax.replay("50_stream_worker_http500")
    stage.parallax.replay("50_stream_worker_http500")
    stage.parallax.script(["It works again."])
    message = await asked(stage, ada, room)
    assert answer(message, PROMPT) == "It works again."
    assert "kept: a node failed, trying again until it works" in "".join(revisions(message))
    assert len(stage.parallax.requests) == before + 3


async def test_50_once_is_not_even_seen(stage: Stage, room: Channel, ada: Person) -> None:
    """When the second try goes well, there is just an answer."""
    stage.parallax.replay("50_stream_worker_http500")
    stage.parallax.script(["All is well."])
    message = await asked(stage, ada, room)
    assert answer(message, PROMPT) == "All is well."


async def test_51_a_question_too_long_for_the_model(stage: Stage, room: Channel, ada: Person) -> None:
    """Asking again would not help: the sentence says what would, in the node's figures."""
    before = len(stage.parallax.requests)
    stage.parallax.replay("51_stream_worker_http400")
    message = await asked(stage, ada, room)
    assert "the prompt is 40,001 tokens, the limit is 32,768" in footer(message)
    assert len(stage.parallax.requests) == before + 1


@pytest.mark.parametrize(
    "name", ["52_stream_worker_conn_drop", "53_stream_sse_error", "54_stream_split_utf8", "55_stream_stall_300s"]
)
async def test_52_to_55_a_stream_that_breaks_off(stage: Stage, room: Channel, ada: Person, name: str) -> None:
    """Asked once more, it breaks again: what came is kept, marked as unfinished. A node's own error is named."""
    before = len(stage.parallax.requests)
    stage.parallax.replay(name)
    recording = stage.parallax.replay(name)
    message = await asked(stage, ada, room)
    assert answer(message, PROMPT) == said(recording)
    reported = name in {"52_stream_worker_conn_drop", "53_stream_sse_error"}
    why = "a node of the cluster failed" if reported else "the connection to the cluster broke"
    assert footer(message).startswith(f"-# {why}")
    assert "rror" not in answer(message, PROMPT)
    assert len(stage.parallax.requests) == before + 2


async def test_52_once_is_made_good(stage: Stage, room: Channel, ada: Person) -> None:
    """When the repetition goes well, its answer stands alone, nothing of the broken one is left."""
    stage.parallax.replay("52_stream_worker_conn_drop")
    stage.parallax.script(["A whole ", "answer."])
    message = await asked(stage, ada, room)
    assert answer(message, PROMPT) == "A whole answer."
    # Without a speed when both tokens are read at once.
    assert footer(message).startswith("-# Qwen3-8B · 2 tokens · ")
