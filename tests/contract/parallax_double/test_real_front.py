"""What the real worker's front and a real cluster's failures look like; in scheduler seconds of virtual time."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from sandbox.parallax import CHAT_PATH, ParallaxDouble, WireStyle
from sandbox.parallax.script import Fault, FaultKind
from tests.contract.parallax_double.chats import ask, client_of, header_wait
from tests.contract.parallax_double.raw_http import event_kinds, exchange, recording, request_bytes

INIT: dict[str, Any] = {"model_name": "Qwen/Qwen3-0.6B", "init_nodes_num": 1, "is_local_network": True}
REAL = WireStyle().with_option("vllm_rs")
TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}]


def _data(parallax: ParallaxDouble) -> dict[str, Any]:
    data = parallax.status["data"]
    assert isinstance(data, dict)
    return data


def _states(parallax: ParallaxDouble) -> list[str]:
    return [node["status"] for node in _data(parallax)["node_list"]]


def _events(answer: httpx.Response) -> list[dict[str, Any]]:
    lines = answer.text.splitlines()
    return [json.loads(line[6:]) for line in lines if line.startswith("data: {")]


def _choices(answer: httpx.Response) -> list[dict[str, Any]]:
    return [choice for event in _events(answer) for choice in event["choices"]]


@pytest.mark.parametrize(
    ("name", "tags"),
    [
        ("103_vllmrs_no_thinking", "[[n=3]]"),
        ("130_vllmrs_engine_error_mid_stream", "[[n=20]][[fault:sse_error@5]]"),
    ],
)
async def test_a_stream_is_written_as_by_the_real_front(name: str, tags: str) -> None:
    """The order of events and their keys, `stop_reason` and an error without `param` among them."""
    recorded = recording(name)
    request = json.loads(recorded.request_body)
    request["messages"][0]["content"] = f"hi {tags}"
    async with ParallaxDouble(style=REAL) as parallax:
        answer = await exchange(parallax.url, request_bytes("POST", CHAT_PATH, json.dumps(request)))
    assert event_kinds(answer.data.partition(b"\r\n\r\n")[2]) == event_kinds(recorded.body)


async def test_the_end_token_is_counted_unless_a_limit_ended_the_answer() -> None:
    """Recordings 100 and 133."""
    usage = {"stream_options": {"include_usage": True}}
    async with ParallaxDouble(style=REAL) as parallax, client_of(parallax) as client:
        whole = await ask(client, "hi [[n=8]]", **usage)
        cut = await ask(client, "hi [[n=8]]", max_tokens=3, **usage)
        unstreamed = await ask(client, "hi [[n=2]]", stream=False)
    assert [_events(answer)[-1]["usage"]["completion_tokens"] for answer in (whole, cut)] == [9, 3]
    assert [_choices(answer)[-1].get("stop_reason") for answer in (whole, cut)] == [2, None]
    assert list(unstreamed.json()["choices"][0]) == ["index", "message", "finish_reason", "stop_reason"]


async def test_headers_come_when_a_node_has_taken_the_request_and_the_role_with_its_first_token() -> None:
    """Recording 138: 12 s of prefill between them."""
    async with ParallaxDouble() as parallax, client_of(parallax) as client:
        await ask(client, "hi [[n=3]][[prefill=12]]")
        (record,) = parallax.requests
    assert header_wait(record, 1.0) == pytest.approx(0.05, abs=0.02)
    assert record.headers_at is not None
    assert record.first_token_at is not None
    assert record.first_token_at - record.headers_at == pytest.approx(12, abs=0.1)


async def test_a_tool_is_called_when_tools_were_offered() -> None:
    """Recording 104: the name, then the arguments in pieces."""
    async with ParallaxDouble() as parallax, client_of(parallax) as client:
        choices = _choices(await ask(client, "weather? [[tool=get_weather]]", tools=TOOLS))
    calls = [call for choice in choices for call in choice["delta"].get("tool_calls", [])]
    assert calls[0]["function"] == {"name": "get_weather"}
    assert json.loads("".join(call["function"]["arguments"] for call in calls[1:])) == {"city": "Paris"}
    assert choices[-1]["finish_reason"] == "tool_calls"


async def test_a_tool_that_nobody_offered_is_called_in_the_text() -> None:
    """Recording 105: the model's raw text, ended as any answer."""
    async with ParallaxDouble() as parallax, client_of(parallax) as client:
        choices = _choices(await ask(client, "weather? [[tool=get_weather]]"))
    text = "".join(choice["delta"].get("content", "") for choice in choices)
    assert text.startswith('<tool_call>\n{"name": "get_weather"')
    assert text.endswith("}\n</tool_call>")
    assert choices[-1]["finish_reason"] == "stop"


async def test_a_stream_whose_later_stage_stops_is_silent_and_then_a_502() -> None:
    """54 s of nothing, then the envelope."""
    async with ParallaxDouble() as parallax, client_of(parallax) as client:
        client.timeout = httpx.Timeout(100)
        parallax.script(["one", " two"], fault=Fault(FaultKind.STAGE_LOST, 1))
        answer = await ask(client, "hi")
        (record,) = parallax.requests
    assert answer.text.endswith("}")
    assert '"status_code":502' in answer.text
    assert record.last_token_at is not None
    assert record.finished_at is not None
    assert record.finished_at - record.last_token_at == pytest.approx(54, abs=0.5)


async def test_a_node_that_loads_counts_for_the_capacity_but_takes_nothing() -> None:
    """Minutes of loading: twice the slots are shown, the first node does all the work."""
    async with ParallaxDouble(nodes=1, lag=False) as parallax, client_of(parallax) as client:
        parallax.options.loading = 120.0
        parallax.add_node("second", ready=False)
        await parallax.wait_until(lambda: len(_states(parallax)) == 2, timeout=30)
        await asyncio.sleep(100)
        assert _states(parallax) == ["available", "waiting"]
        assert _data(parallax)["max_running_request"] == 8
        await asyncio.gather(*(ask(client, f"hi {number} [[n=2]]") for number in range(4)))
        assert {record.node for record in parallax.requests} == {"studio"}
        await parallax.wait_until(lambda: _states(parallax) == ["available"] * 2, timeout=60)


async def test_workers_rejoin_by_themselves_after_a_restart_of_the_scheduler() -> None:
    """It has no model; they are listed as waiting 10 to 20 s later."""
    async with ParallaxDouble(nodes=2) as parallax:
        await parallax.restart(initialise=False, rejoin=True)
        began = asyncio.get_running_loop().time()
        assert (_data(parallax)["model_name"], _states(parallax)) == (None, [])
        await asyncio.sleep(9.9)
        assert _states(parallax) == []
        await parallax.wait_until(lambda: _states(parallax) == ["waiting"] * 2, timeout=60)
        assert 10 < asyncio.get_running_loop().time() - began < 20.1


@pytest.mark.parametrize("wait", [1.0, 25.0])
async def test_an_init_while_old_workers_run_strands_them(wait: float) -> None:
    """Before they are back, and after."""
    async with ParallaxDouble(nodes=1) as parallax, client_of(parallax) as client:
        await parallax.restart(initialise=False, rejoin=True)
        await asyncio.sleep(wait)
        assert (await client.post("/scheduler/init", json=INIT)).status_code == 200
        await asyncio.sleep(60)
        assert (_data(parallax)["status"], _states(parallax)) == ("waiting", ["waiting"])
        assert _data(parallax)["need_more_nodes"] is True


async def test_workers_stopped_before_the_init_may_be_started_after_it() -> None:
    """The order that works, after a restart too."""
    async with ParallaxDouble(nodes=1) as parallax, client_of(parallax) as client:
        await parallax.restart(initialise=False, rejoin=True)
        parallax.remove_node("studio")
        await parallax.wait_until(lambda: not parallax.nodes)
        await client.post("/scheduler/init", json=INIT)
        parallax.add_node("studio", ready=False)
        await parallax.wait_until(lambda: _states(parallax) == ["available"], timeout=60)
        assert parallax.available


async def test_a_stranded_worker_that_is_killed_stays_listed_until_the_scheduler_restarts() -> None:
    """An idle one of a working cluster is gone after half a minute."""
    async with ParallaxDouble(nodes=1) as parallax, client_of(parallax) as client:
        await client.post("/scheduler/init", json=INIT)
        await parallax.wait_until(lambda: _states(parallax) == ["waiting"], timeout=60)
        parallax.kill_node("studio")
        await asyncio.sleep(600)
        assert _states(parallax) == ["waiting"]
        await parallax.restart(initialise=False)
        assert (_states(parallax), parallax.nodes) == ([], {})


async def test_an_init_of_a_listed_model_may_fail_by_half() -> None:
    """It answers 500, the cluster has stopped, and the status names the model that never ran."""
    async with ParallaxDouble(nodes=1) as parallax, client_of(parallax) as client:
        parallax.options.unloadable = {INIT["model_name"]}
        failed = await client.post("/scheduler/init", json=INIT)
        assert failed.status_code == 500
        assert failed.json()["type"] == "scheduler_init"
        assert (_data(parallax)["status"], _data(parallax)["model_name"]) == ("waiting", INIT["model_name"])
        assert (await ask(client, "hi")).json()["error"]["code"] == "server_not_ready"


@pytest.mark.parametrize("freezes", [True, False])
async def test_an_init_that_meets_joiners_after_a_failed_one_freezes_the_server(freezes: bool) -> None:
    """For more than five minutes, where that is switched on."""
    async with ParallaxDouble(model=None, nodes=0) as parallax, client_of(parallax) as client:
        client.timeout = httpx.Timeout(1000)
        parallax.options.joiners_freeze = freezes
        await client.post("/scheduler/init", json={**INIT, "model_name": "no/such"})
        parallax.add_node("joiner", ready=False)
        init = asyncio.create_task(client.post("/scheduler/init", json=INIT))
        await asyncio.sleep(300)
        assert parallax.frozen is freezes
        assert (await init).status_code == 200


async def test_of_several_leaves_at_once_one_may_be_lost() -> None:
    """The lost one stays listed as if it had been killed."""
    async with ParallaxDouble(nodes=3) as parallax:
        parallax.options.leaves_get_lost = True
        parallax.remove_node("studio")
        parallax.remove_node("attic")
        await asyncio.sleep(5)
        assert _states(parallax) == ["available"] * 2
        await asyncio.sleep(30)
        parallax.remove_node("workstation")
        await asyncio.sleep(1)
        assert _states(parallax) == []


async def test_a_node_without_a_scheduler_knows_models_and_chats_only() -> None:
    """No status, no init; a chat has to name the model."""
    async with ParallaxDouble(nodes=1, slots=1, dialect="node") as parallax, client_of(parallax) as client:
        (model,) = [entry["id"] for entry in (await client.get("/v1/models")).json()["data"]]
        paths = ("/cluster/status", "/cluster/status_json", "/model/list", "/node/join/command")
        assert {(await client.get(path)).status_code for path in paths} == {404}
        unnamed = await ask(client, "hi")
        assert (unnamed.status_code, unnamed.json()["error"]["code"]) == (404, "model_not_found")
        answers = await asyncio.gather(*(ask(client, f"hi {i} [[n=5]]", model=model) for i in range(3)))
    assert all(answer.text.endswith("data: [DONE]\n\n") for answer in answers)


@pytest.mark.parametrize("status", [401, 403])
async def test_a_key_can_be_asked_for(status: int) -> None:
    """Every endpoint wants it, the sandbox's own controls do not."""
    async with ParallaxDouble() as parallax, client_of(parallax) as client:
        control = {"action": "require_key", "key": "secret", "status": status}
        assert (await client.post("/_sandbox/cluster", json=control)).status_code == 200
        wrong = {"Authorization": "Bearer guess"}
        for headers in ({}, wrong):
            assert (await client.get("/model/list", headers=headers)).status_code == status
        client.headers["Authorization"] = "Bearer secret"
        assert (await ask(client, "hi [[n=1]]")).status_code == 200


async def test_the_cases_can_be_chosen_over_http() -> None:
    """What another process, or the page, may set."""
    async with ParallaxDouble() as parallax, client_of(parallax) as client:
        for control in (
            {"action": "options", "loading": 90, "unloadable": ["a/b"], "leaves_get_lost": True},
            {"action": "style", "names": ["vllm_rs", "split"]},
            {"action": "dialect", "dialect": "node"},
            {"action": "restart", "initialise": False, "rejoin": True},
        ):
            response = await client.post("/_sandbox/cluster", json=control)
            assert response.status_code == 200, response.text
            assert response.json()["loading"] == 90
        refused = await client.post("/_sandbox/cluster", json={"action": "options", "loading": -1})
        assert refused.status_code == 400
    assert parallax.options.unloadable == {"a/b"}
    assert parallax.options.joiners_freeze is False
