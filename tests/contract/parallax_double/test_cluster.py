"""Nodes that join, leave and die; initialisation and its traps. Times are the recorded ones, scaled."""

import asyncio
from typing import Any

import httpx
import pytest

from sandbox.parallax import ParallaxDouble
from tests.contract.parallax_double.chats import ask, client_of, statuses

INIT = {"model_name": "Qwen/Qwen3-0.6B", "init_nodes_num": 1, "is_local_network": True}


def _node_states(parallax: ParallaxDouble) -> list[str]:
    return [node.state.value for node in parallax.nodes.values() if node.listed]


def _data(parallax: ParallaxDouble) -> dict[str, Any]:
    data = parallax.status["data"]
    assert isinstance(data, dict)
    return data


class Stopwatch:
    """Scheduler seconds since its making."""

    def __init__(self, scale: float) -> None:
        self._scale = scale
        self._start = asyncio.get_running_loop().time()

    def seconds(self) -> float:
        return (asyncio.get_running_loop().time() - self._start) * self._scale


async def test_a_joining_node_is_listed_late_and_usable_later() -> None:
    """Recording 71: listed after 11 to 14 s as waiting, its slots counted at once, active 10 s later."""
    scale = 40.0
    async with ParallaxDouble(nodes=1, slots=8, time_scale=scale) as parallax:
        watch = Stopwatch(scale)
        parallax.add_node("second", ready=False)
        assert _node_states(parallax) == ["available"]
        await parallax.wait_until(lambda: len(_node_states(parallax)) == 2)
        assert 10.9 < watch.seconds() < 20
        assert _node_states(parallax) == ["available", "waiting"]
        assert parallax.capacity == 16
        await parallax.wait_until(lambda: _node_states(parallax) == ["available", "available"])
        assert 20.9 < watch.seconds() < 34


async def test_a_chat_while_the_only_node_is_not_active_freezes_the_server() -> None:
    """Recordings 41 and 42: 503 after 5 s, and every other request waits as long."""
    scale = 20.0
    async with ParallaxDouble(nodes=0, time_scale=scale) as parallax, client_of(parallax) as client:
        parallax.add_node("slow", ready=False)
        await parallax.wait_until(lambda: parallax.available)
        assert _node_states(parallax) == ["waiting"]
        watch = Stopwatch(scale)
        chat = asyncio.create_task(ask(client, "hi"))
        await parallax.wait_until(lambda: len(parallax.requests) == 1)
        await parallax.wait_until(lambda: parallax.frozen)
        models = await client.get("/v1/models")
        assert 4.9 < watch.seconds() < 10
        assert models.status_code == 200
        answer = await chat
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "routing_not_ready"


async def test_a_node_that_leaves_idle_is_gone_at_once_and_returns_without_an_init() -> None:
    """Recording 97: 0.2 s, then 503 server_not_ready; back after a normal join."""
    async with ParallaxDouble(nodes=1, time_scale=50) as parallax, client_of(parallax) as client:
        parallax.remove_node("studio")
        await parallax.wait_until(lambda: not parallax.available)
        refused = await ask(client, "hi")
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "server_not_ready")
        parallax.add_node("studio", ready=False)
        await parallax.wait_until(lambda: _node_states(parallax) == ["available"])
        assert (await ask(client, "hi [[n=1]]")).status_code == 200


async def test_a_node_killed_idle_stays_listed_for_half_a_minute() -> None:
    """Recordings 86 to 88: streams get a 200 and an end without [DONE] after 2 s."""
    scale = 40.0
    async with ParallaxDouble(nodes=1, time_scale=scale) as parallax, client_of(parallax) as client:
        watch = Stopwatch(scale)
        parallax.kill_node("studio")
        assert parallax.available
        async with client.stream(
            "POST", "/v1/chat/completions", json={"stream": True, "messages": []}
        ) as response:
            assert response.status_code == 200
            with pytest.raises(httpx.RemoteProtocolError):
                await response.aread()
        assert 2 < watch.seconds() < 8
        await parallax.wait_until(lambda: not parallax.available)
        assert 28 < watch.seconds() < 38
        assert _data(parallax)["node_list"] == []


@pytest.mark.parametrize("how", ["kill", "leave"])
async def test_a_node_lost_with_a_stream_open_hangs_everything_until_a_restart(how: str) -> None:
    """Recordings 60, 65, 67 and 85: silence without an end, and no other request is answered."""
    async with ParallaxDouble(nodes=2, time_scale=50) as parallax, client_of(parallax) as client:
        stream = asyncio.create_task(ask(client, "long [[n=3000]]"))
        await parallax.wait_until(lambda: bool(parallax.requests) and parallax.requests[0].tokens > 3)
        node = parallax.requests[0].node
        assert node is not None
        if how == "kill":
            parallax.kill_node(node)
        else:
            parallax.remove_node(node)
        assert parallax.hung
        silent = asyncio.create_task(client.get("/cluster/status_json"))
        await parallax.wait_until(lambda: parallax.calls[-1].path == "/cluster/status_json")
        done, _ = await asyncio.wait({stream, silent}, timeout=0.3)
        assert not done

        await parallax.restart()
        with pytest.raises(httpx.TransportError):
            await stream
        with pytest.raises(httpx.TransportError):
            await silent
        assert parallax.requests[0].outcome == "lost"
        assert node not in parallax.nodes
        assert (await ask(client, "hi [[n=1]]")).status_code == 200


async def test_init_with_nodes_connected_strands_them() -> None:
    """Recordings 72 to 76: running streams finish, then waiting with need_more_nodes for good."""
    async with ParallaxDouble(nodes=1, time_scale=50) as parallax, client_of(parallax) as client:
        stream = asyncio.create_task(ask(client, "running [[n=400]]"))
        await parallax.wait_until(lambda: bool(parallax.requests) and parallax.requests[0].tokens > 3)
        assert (await client.post("/scheduler/init", json=INIT)).status_code == 200
        assert _data(parallax)["node_list"] == []
        assert _data(parallax)["max_running_request"] == 0
        refused = await ask(client, "hi")
        assert refused.json()["error"]["code"] == "server_not_ready"
        await parallax.wait_until(lambda: _node_states(parallax) == ["available"])
        assert (await stream).text.endswith("data: [DONE]\n\n")
        await parallax.wait_until(lambda: _node_states(parallax) == ["waiting"])
        data = _data(parallax)
        assert (data["status"], data["need_more_nodes"], data["max_running_request"]) == ("waiting", True, 0)


async def test_stopping_the_workers_before_an_init_recovers() -> None:
    """Recording 78: stop all workers, init, start workers."""
    async with ParallaxDouble(nodes=1, time_scale=80) as parallax, client_of(parallax) as client:
        await client.post("/scheduler/init", json=INIT)
        await parallax.wait_until(lambda: _node_states(parallax) == ["available"])
        parallax.kill_node("studio")
        assert (await client.post("/scheduler/init", json=INIT)).status_code == 200
        assert not parallax.nodes
        parallax.add_node("studio", ready=False)
        await parallax.wait_until(lambda: _node_states(parallax) == ["waiting"])
        assert parallax.available
        await parallax.wait_until(lambda: _node_states(parallax) == ["available"])
        assert (await ask(client, "hi [[n=1]]")).status_code == 200


async def test_a_worker_that_joins_a_stranded_cluster_waits_too() -> None:
    """Recording 77: the old worker killed and a new one started changes nothing."""
    async with ParallaxDouble(nodes=1, time_scale=80) as parallax, client_of(parallax) as client:
        await client.post("/scheduler/init", json=INIT)
        await parallax.wait_until(lambda: _node_states(parallax) == ["available"])
        parallax.kill_node("studio")
        parallax.add_node("new", ready=False)
        await parallax.wait_until(lambda: _node_states(parallax) == ["waiting", "waiting"])
        assert not parallax.available
        assert _data(parallax)["need_more_nodes"] is True


async def test_a_failed_init_stops_the_running_cluster() -> None:
    """Recording 89: 500, waiting, and a valid init does not bring it back while the worker lives."""
    async with ParallaxDouble(nodes=1, time_scale=80) as parallax, client_of(parallax) as client:
        failed = await client.post("/scheduler/init", json={**INIT, "model_name": "no/such"})
        assert failed.status_code == 500
        assert failed.json()["type"] == "scheduler_init"
        data = _data(parallax)
        assert (data["status"], data["model_name"], data["node_list"]) == ("waiting", "no/such", [])
        assert (await ask(client, "hi")).status_code == 503
        assert (await client.post("/scheduler/init", json=INIT)).status_code == 200
        await parallax.wait_until(lambda: _node_states(parallax) == ["available"])
        assert _data(parallax)["need_more_nodes"] is True
        assert not parallax.available


async def test_a_node_count_as_text_poisons_the_status_until_the_next_init() -> None:
    """Recordings 23 to 26: a 200 that breaks without a byte."""
    async with ParallaxDouble(model=None, nodes=0, time_scale=80) as parallax, client_of(parallax) as client:
        assert (await client.post("/scheduler/init", json={**INIT, "init_nodes_num": "1"})).status_code == 200
        async with client.stream("GET", "/cluster/status") as response:
            assert response.status_code == 200
            with pytest.raises(httpx.RemoteProtocolError):
                await response.aread()
        assert (await client.get("/cluster/status_json")).status_code == 500
        assert (await client.post("/scheduler/init", json=INIT)).status_code == 200
        assert (await statuses(client, 1))[0]["init_nodes_num"] == 1


async def test_two_nodes_wanted_means_waiting_for_two() -> None:
    """Recordings 90 and 91: one of two nodes is listed, and the cluster waits."""
    async with ParallaxDouble(model=None, nodes=0, time_scale=80) as parallax, client_of(parallax) as client:
        await client.post("/scheduler/init", json={**INIT, "init_nodes_num": 2})
        parallax.add_node("first", ready=False)
        await parallax.wait_until(lambda: _node_states(parallax) == ["waiting"])
        assert _data(parallax)["need_more_nodes"] is False
        assert (await ask(client, "hi")).json()["error"]["code"] == "server_not_ready"
        parallax.add_node("second", ready=False)
        await parallax.wait_until(lambda: parallax.available)
        await parallax.wait_until(lambda: _node_states(parallax) == ["available", "available"])


async def test_a_model_too_large_for_the_nodes_needs_more() -> None:
    """A model of 92 GB does not fit on 24 GB, nor on twice as much; with a big node it does."""
    large = {**INIT, "model_name": "Qwen/Qwen3-32B"}
    async with ParallaxDouble(model=None, nodes=0, time_scale=80) as parallax, client_of(parallax) as client:
        await client.post("/scheduler/init", json=large)
        parallax.add_node("a", memory=24, ready=True)
        parallax.add_node("b", memory=24, ready=True)
        assert _data(parallax)["need_more_nodes"] is True
        assert not parallax.available
        parallax.add_node("c", memory=64, ready=True)
        assert parallax.available
        assert parallax.capacity == 4
        parallax.add_node("d", memory=192, ready=True)
        assert parallax.capacity == 8


async def test_the_status_is_a_line_a_second_and_shows_changes() -> None:
    """The stream goes on over a change of the cluster."""
    scale = 20.0
    async with ParallaxDouble(nodes=1, time_scale=scale) as parallax, client_of(parallax) as client:
        watch = Stopwatch(scale)
        reading = asyncio.create_task(statuses(client, 4))
        await parallax.wait_until(lambda: len(parallax.calls) == 1)
        parallax.add_node("second", ready=True)
        lines = await reading
        assert 2.9 < watch.seconds() < 7
    assert len(lines[-1]["node_list"]) == 2
    assert lines[-1]["max_running_request"] == 8


async def test_the_server_can_be_frozen_and_closed() -> None:
    """Frozen: accepted but not answered. Unreachable: refused, and streams broken."""
    async with ParallaxDouble(time_scale=50) as parallax, client_of(parallax) as client:
        parallax.freeze()
        waiting = asyncio.create_task(client.get("/model/list"))
        await parallax.wait_until(lambda: len(parallax.calls) == 1)
        done, _ = await asyncio.wait({waiting}, timeout=0.2)
        assert not done
        parallax.unfreeze()
        assert (await waiting).status_code == 200

        stream = asyncio.create_task(ask(client, "long [[n=3000]]"))
        await parallax.wait_until(lambda: bool(parallax.requests) and parallax.requests[0].tokens > 3)
        await parallax.unreachable()
        with pytest.raises(httpx.TransportError):
            await stream
        with pytest.raises(httpx.ConnectError):
            await client.get("/model/list")
        await parallax.reachable()
        assert (await client.get("/model/list")).status_code == 200
        await parallax.wait_until(lambda: parallax.active == 0)


async def test_leaving_in_the_middle_of_everything_is_clean() -> None:
    """The context manager ends held requests, streams and joining nodes by itself."""
    async with httpx.AsyncClient(timeout=30) as client:
        async with ParallaxDouble(nodes=1, slots=1) as parallax:
            client.base_url = httpx.URL(parallax.url)
            parallax.add_node("late", ready=False)
            tasks: list[asyncio.Task[Any]] = [
                asyncio.create_task(statuses(client, 1000)),
                asyncio.create_task(ask(client, "long [[n=3000]]")),
                asyncio.create_task(ask(client, "held [[n=3000]]")),
            ]
            await parallax.wait_until(
                lambda: len(parallax.calls) == 3 and sum(record.tokens for record in parallax.requests) > 3
            )
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(end, httpx.TransportError) for end in ended)
    assert [record.outcome for record in parallax.requests] == ["lost", "lost"]
    assert sorted(record.dispatched_at is None for record in parallax.requests) == [False, True]


LARGE = "Qwen/Qwen3-14B"
"""Needs two nodes of 24 GB."""
STAGES = (("head", "NVIDIA GeForce RTX 4090", 24.0), ("tail", "NVIDIA GeForce RTX 3090", 24.0))


async def test_a_pipeline_of_which_one_stage_waits() -> None:
    """It stays `available` with all its slots; a chat gets 503 after 5 s until the stage is ready again."""
    scale = 20.0
    async with (
        ParallaxDouble(model=LARGE, nodes=STAGES, slots=4, time_scale=scale) as parallax,
        client_of(parallax) as client,
    ):
        assert (await ask(client, "hi")).status_code == 200
        parallax.set_ready("tail", False)
        assert _node_states(parallax) == ["available", "waiting"]
        assert (_data(parallax)["status"], parallax.capacity) == ("available", 4)
        watch = Stopwatch(scale)
        refused = await ask(client, "hi")
        assert refused.status_code == 503
        assert refused.json()["error"]["code"] == "routing_not_ready"
        assert watch.seconds() > 4.9
        parallax.set_ready("tail", True)
        assert (await ask(client, "hi")).status_code == 200


async def test_a_node_that_does_not_run_cannot_be_made_ready() -> None:
    """Joining takes its time."""
    async with ParallaxDouble(nodes=1) as parallax:
        parallax.add_node("joining", ready=False)
        with pytest.raises(ValueError, match="not listed"):
            parallax.set_ready("joining", True)


async def test_a_front_that_reloads() -> None:
    """Available all the while, every chat fails at once (recording 139); after its time it works."""
    async with (
        ParallaxDouble(nodes=1, time_scale=20.0, lag=False) as parallax,
        client_of(parallax) as client,
    ):
        (name,) = parallax.nodes
        parallax.crash_front(name, seconds=20.0)
        failed = await ask(client, "hi")
        assert failed.status_code == 200
        assert '"status_code":502' in failed.text
        assert _node_states(parallax) == ["available"]
        await parallax.wait_until(lambda: parallax.nodes[name].front_alive)
        assert "[DONE]" in (await ask(client, "hi")).text
