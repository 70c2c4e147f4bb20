"""The controls over HTTP: what the sandbox's panel, or another process, can do with the double."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from sandbox.parallax import ParallaxDouble
from tests.contract.parallax_double.chats import ask, client_of, open_stream
from tests.contract.parallax_double.raw_http import RECORDINGS

PATH = "/_sandbox/cluster"


async def _act(client: httpx.AsyncClient, action: str, **arguments: Any) -> dict[str, Any]:
    response = await client.post(PATH, json={"action": action, **arguments})
    assert response.status_code == 200, response.text
    state: dict[str, Any] = response.json()
    return state


async def _read_out(lines: AsyncIterator[str]) -> None:
    async for _ in lines:
        pass


async def test_nodes_and_capacity_can_be_changed() -> None:
    """Each control answers the new state."""
    async with ParallaxDouble(nodes=1, time_scale=50) as parallax, client_of(parallax) as client:
        state = await _act(client, "add_node", name="spare", gpu="RTX 3090", memory=24, ready=True)
        assert [node["name"] for node in state["nodes"]] == ["studio", "spare"]
        assert state["status"]["max_running_request"] == 8
        state = await _act(client, "set_capacity", slots=1)
        assert state["status"]["max_running_request"] == 2
        state = await _act(client, "busy", slots=2)
        assert [node["others"] for node in state["nodes"]] == [1, 1]
        await _act(client, "busy", slots=0)
        state = await _act(client, "crash_front", name="spare")
        assert [node["front_alive"] for node in state["nodes"]] == [True, False]
        await _act(client, "mend_front", name="spare")
        state = await _act(client, "set_ready", name="spare", ready=False)
        assert [node["state"] for node in state["nodes"]] == ["available", "waiting"]
        await _act(client, "remove_node", name="spare")
        await parallax.wait_until(lambda: len(parallax.nodes) == 1)
        state = await _act(client, "kill_node", name="studio")
        assert state["nodes"][0]["alive"] is False
    assert parallax.calls == []


async def test_a_hung_scheduler_can_be_restarted() -> None:
    """The controls answer although the scheduler does not."""
    async with ParallaxDouble(time_scale=50) as parallax, client_of(parallax) as client:
        state = await _act(client, "freeze")
        assert state["frozen"] is True
        preflight = await client.options(PATH, headers={"Origin": "http://127.0.0.1:8700"})
        assert preflight.headers["access-control-allow-headers"] == "content-type"
        await _act(client, "unfreeze")
        await _act(client, "freeze")
        state = await _act(client, "restart", initialise=False)
        assert state["status"]["model_name"] is None
        assert (await ask(client, "hi")).status_code == 503


async def test_running_streams_can_be_broken() -> None:
    """The reader's connection is reset; the scheduler goes on and answers the next."""
    async with ParallaxDouble(tokens_per_second=50) as parallax, client_of(parallax) as client:
        parallax.script(["word "] * 500)
        async with open_stream(client, "count") as stream:
            lines = stream.aiter_lines()
            assert (await anext(lines)).startswith("data:")
            await _act(client, "break_streams")
            with pytest.raises(httpx.TransportError):
                await _read_out(lines)
        assert parallax.requests[0].outcome == "lost"
        assert (await ask(client, "again")).status_code == 200


async def test_answers_can_be_set() -> None:
    """Scripts, recordings, speed, thinking, dialect, lag."""
    async with (
        ParallaxDouble(time_scale=50, recordings_dir=RECORDINGS) as parallax,
        client_of(parallax) as client,
    ):
        await _act(client, "script", tokens=["Hi", [" there", 0.1]], reasoning=["x"], finish="length")
        assert parallax.requests == []
        await ask(client, "hello")
        assert parallax.requests[0].text == "Hi there"
        await _act(client, "replay", name="31_stream_no_usage")
        assert "café" in (await ask(client, "hello")).text
        state = await _act(client, "set_speed", tokens_per_second=10)
        assert state["tokens_per_second"] == 10
        await _act(client, "thinking", thinking=True)
        state = await _act(client, "lag", lag=False)
        assert state["lag"] is False
        state = await _act(client, "dialect", dialect="documented")
        assert state["dialect"] == "documented"
        # the client has the last byte before the double has noted it
        await parallax.wait_until(lambda: parallax.requests[1].outcome == "replayed")
        log = (await client.get("/_sandbox/requests")).json()["requests"]
    assert [entry["outcome"] for entry in log] == ["completed", "replayed"]
    assert len(log[0]["token_times"]) == 3


async def test_unreachable_opens_again_by_itself() -> None:
    """The control's own answer still arrives."""
    async with ParallaxDouble(time_scale=10) as parallax, client_of(parallax) as client:
        await _act(client, "unreachable", seconds=3)
        async with httpx.AsyncClient(base_url=parallax.url) as other:
            with pytest.raises(httpx.ConnectError):
                await other.get("/model/list")
            await parallax.wait_until(lambda: parallax.is_reachable)
            assert (await other.get("/model/list")).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        "not json",
        "[1]",
        "{}",
        '{"action": "dance"}',
        '{"action": "kill_node"}',
        '{"action": "kill_node", "name": "nobody"}',
        '{"action": "add_node", "name": "studio"}',
        '{"action": "set_speed", "tokens_per_second": 0}',
        '{"action": "freeze", "typo": 1}',
        '{"action": "remove_node", "name": "ended"}',
        '{"action": "script", "tokens": ["a"], "fault": "unheard_of"}',
        '{"action": "replay", "name": "../secret"}',
        '{"action": "dialect", "dialect": "klingon"}',
    ],
)
async def test_a_wrong_control_is_refused_with_the_reason(body: str) -> None:
    """400 and a sentence, never a 500 and never a silent success."""
    async with ParallaxDouble(time_scale=50) as parallax, client_of(parallax) as client:
        parallax.add_node("ended")
        parallax.kill_node("ended")
        response = await client.post(PATH, content=body)
        missing = await client.get("/_sandbox/nothing")
    assert response.status_code == 400
    assert response.json()["error"]
    assert missing.status_code == 404
