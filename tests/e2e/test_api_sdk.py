"""OpenAI's own SDK for Python against the bot's API: it reads every answer and every refusal as it means them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
import pytest_asyncio

from sandbox.discord_api import DiscordDouble
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.permitting import sent
from tests.e2e.programs import API, address, made_key
from tests.e2e.reading import PATIENCE, new_room

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """One bot with the API."""
    async with staged(
        tmp_path_factory.mktemp("bot"),
        discord=DiscordDouble(latency=0.0),
        parallax=ParallaxDouble(tokens_per_second=200, lag=False),
        **API,
    ) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sdk(stage: Stage) -> AsyncIterator[Any]:
    """The SDK with a key of Ada's."""
    base, key = await address(stage), await made_key(stage, "ada")
    async with openai.AsyncOpenAI(base_url=f"{base}/v1", api_key=key, max_retries=0, timeout=PATIENCE) as made:
        yield made


def asking(question: str, **options: object) -> dict[str, object]:
    """The arguments of a request."""
    return {"model": "Qwen/Qwen3-8B", "messages": [{"role": "user", "content": question}], **options}


async def test_models(sdk: Any) -> None:
    """The one that runs."""
    names = [model.id async for model in sdk.models.list()]
    assert names == ["Qwen/Qwen3-8B"]
    assert (await sdk.models.retrieve(names[0])).id == names[0]


async def test_an_answer_and_a_stream(sdk: Any) -> None:
    """With usage where it was asked for."""
    whole = await sdk.chat.completions.create(**asking("Why? [[n=6]]"))
    assert whole.choices[0].message.content
    assert (whole.choices[0].finish_reason, whole.usage.completion_tokens) == ("stop", 6)
    options = {"include_usage": True}
    stream = await sdk.chat.completions.create(**asking("Why? [[n=6]]", stream=True, stream_options=options))
    chunks = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert (chunks[-1].choices, chunks[-1].usage.completion_tokens) == ([], 6)


async def test_tools(sdk: Any) -> None:
    """The SDK puts the pieces of a call together."""
    whole = await sdk.chat.completions.create(**asking("The weather? [[tool:weather]]", tools=[TOOL]))
    assert whole.choices[0].message.tool_calls[0].function.name == "weather"
    async with sdk.chat.completions.stream(**asking("The weather? [[tool:weather]]", tools=[TOOL])) as stream:
        final = await stream.get_final_completion()
    assert final.choices[0].message.tool_calls[0].function.arguments == '{"city": "Paris"}'


async def test_refusals_have_their_own_classes(stage: Stage, sdk: Any) -> None:
    """A wrong key, another model, a request of another form, nothing that answers."""
    wrong = sdk.with_options(api_key="plx-" + "A" * 43)
    with pytest.raises(openai.AuthenticationError):
        await wrong.models.list()
    with pytest.raises(openai.NotFoundError):
        await sdk.chat.completions.create(**{**asking("Why?"), "model": "gpt-4o"})
    with pytest.raises(openai.BadRequestError) as raised:
        await sdk.chat.completions.create(**asking("Why?", temperature=9))
    assert raised.value.param == "temperature"
    stream = await sdk.chat.completions.create(**asking("Break [[n=50]] [[fault:close@5]]", stream=True))
    with pytest.raises(openai.APIError):
        [chunk async for chunk in stream]


async def test_a_stream_that_is_closed_is_cancelled(stage: Stage, sdk: Any) -> None:
    """The cluster stops working on it."""
    stream = await sdk.chat.completions.create(**asking("Long [[n=400]]", stream=True))
    await anext(stream)
    await stream.close()
    await stage.parallax.wait_until(lambda: stage.parallax.requests[-1].outcome == "hung_up")


async def test_a_busy_cluster_is_waited_for(stage: Stage, sdk: Any) -> None:
    """The comments while it waits are nothing to the SDK."""
    room = new_room(stage)
    await sent(stage, "olga", room, "cluster pause", {"reason": "a test"})
    asked = asyncio.create_task(sdk.chat.completions.create(**asking("Why? [[n=6]]", stream=True)))
    # The headers of the response come with the first comment.
    stream = await asked
    await sent(stage, "olga", room, "cluster resume", {})
    chunks = [chunk async for chunk in stream]
    assert chunks[-1].choices[0].finish_reason == "stop"
