"""The simulated scheduler answers as the recorded one: status line, headers, bodies, order of events."""

import asyncio
import json
import re

import pytest

from sandbox.parallax import ParallaxDouble
from sandbox.parallax.recording import End, Recording
from tests.contract.parallax_double.raw_http import (
    Exchange,
    event_kinds,
    exchange,
    normalised,
    recording,
    request_bytes,
)

ONE_NODE = (("worker", "Unknown", 16.0),)
MODEL = "Qwen/Qwen3-0.6B"

UNINITIALISED_SEQUENCE = (
    "01_model_list",
    "02_v1_models_before_init",
    "03_cluster_status_before_init",
    "04_cluster_status_json_before_init",
    "05_node_join_command_before_init",
    "06_chat_before_init_stream",
    "07_chat_before_init_nostream",
    "08_chat_invalid_json",
    "09_chat_list_body",
    "09b_chat_empty_body",
    "09c_chat_no_content_type",
    "10_init_missing_model",
    "11_init_missing_nodes",
    "12_init_unknown_model",
    "13_init_invalid_json",
    "13b_init_list_body",
    "14_status_json_after_failed_init",
    "15_init_valid",
    "16_cluster_status_after_init_no_nodes",
    "17_node_join_command_after_init",
    "18_v1_models_after_init",
    "19_chat_after_init_no_nodes_stream",
    "20_chat_after_init_no_nodes_nostream",
    "21_init_again_not_local",
    "22_node_join_command_public",
    "23_init_nodes_string",
    "24_status_after_string",
    "25_cluster_status_poisoned",
    "26_init_repair",
    "27_get_on_post",
    "28_unknown_path",
    "29_init_zero",
)


async def _same_request(parallax: ParallaxDouble, recorded: Recording) -> Exchange:
    timed = b"\r\nConnection: close\r\n" in recorded.data
    request = request_bytes(recorded.method, recorded.path, recorded.request_body, close=timed)
    expect = None if recorded.end is End.FIN and timed else len(recorded.data)
    if b"Transfer-Encoding: chunked" in recorded.head and recorded.end is End.FIN:
        expect = None
    return await exchange(parallax.url, request, expect=expect)


async def test_the_life_of_a_scheduler_without_nodes_is_the_recorded_one() -> None:
    """Recordings 01 to 29, in their order on one scheduler, byte for byte but for dates and peers."""
    async with ParallaxDouble(model=None, nodes=0, time_scale=50) as parallax:
        for name in UNINITIALISED_SEQUENCE:
            recorded = recording(name)
            answer = await _same_request(parallax, recorded)
            assert (name, normalised(answer.data)) == (name, normalised(recorded.data))


async def test_the_status_of_a_cluster_with_a_node_is_the_recorded_one() -> None:
    """Recordings 35 and 36: node list, capacity, join command."""
    async with ParallaxDouble(model=MODEL, nodes=ONE_NODE, slots=2, time_scale=50) as parallax:
        for name in ("35_cluster_status_with_node", "36_node_join_command_with_node"):
            recorded = recording(name)
            answer = await _same_request(parallax, recorded)
            assert (name, normalised(answer.data)) == (name, normalised(recorded.data))


STREAMS = (
    "30_stream_full",
    "31_stream_no_usage",
    "32_stream_reasoning",
    "50_stream_worker_http500",
    "51_stream_worker_http400",
    "52_stream_worker_conn_drop",
    "53_stream_sse_error",
    "54_stream_split_utf8",
    "59_stream_missing_messages",
    "59b_stream_string_true",
    "70_stream_while_node_joins",
    "80_worker_front_crash_mid_stream",
)


@pytest.mark.parametrize("name", STREAMS)
async def test_a_stream_has_the_recorded_headers_events_and_end(name: str) -> None:
    """The same request gives the same head, the same order of events, the same (missing) end."""
    recorded = recording(name)
    async with ParallaxDouble(model=MODEL, nodes=ONE_NODE, time_scale=50) as parallax:
        answer = await _same_request(parallax, recorded)
    head, _, body = answer.data.partition(b"\r\n\r\n")
    assert normalised(head) == normalised(recorded.head)
    assert event_kinds(body) == event_kinds(recorded.body)
    assert body.endswith(b"0\r\n\r\n") == recorded.body.endswith(b"0\r\n\r\n")
    assert answer.ended


@pytest.mark.parametrize(
    "name", ["50_stream_worker_http500", "51_stream_worker_http400", "59_stream_missing_messages"]
)
async def test_an_error_in_a_200_stream_is_the_recorded_bytes(name: str) -> None:
    """What the worker's front refuses comes as bare JSON, no `data:`, no `[DONE]`."""
    recorded = recording(name)
    async with ParallaxDouble(model=MODEL, nodes=ONE_NODE, time_scale=50) as parallax:
        answer = await _same_request(parallax, recorded)
    assert normalised(answer.data) == normalised(recorded.data)


@pytest.mark.parametrize(
    "name", ["56_nonstream_worker_http500", "57_nonstream_worker_http400", "58_nonstream_missing_messages"]
)
async def test_without_stream_the_workers_error_has_its_own_status(name: str) -> None:
    """The envelope is unpacked: real status, headers in the order of a passed-on answer."""
    recorded = recording(name)
    async with ParallaxDouble(model=MODEL, nodes=ONE_NODE, time_scale=50) as parallax:
        answer = await _same_request(parallax, recorded)
    assert normalised(answer.data) == normalised(recorded.data)


async def test_a_whole_answer_has_the_recorded_keys() -> None:
    """Recording 33: the JSON's keys in their order, usage that adds up."""
    recorded = recording("33_nonstream")
    async with ParallaxDouble(model=MODEL, nodes=ONE_NODE, time_scale=50) as parallax:
        request = request_bytes(recorded.method, recorded.path, recorded.request_body)
        answer = await exchange(parallax.url, request)
    head, _, body = answer.data.partition(b"\r\n\r\n")
    ours, theirs = json.loads(body), json.loads(recorded.body)
    assert _header_names(head)[:5] == _header_names(recorded.head)[:5]
    assert list(ours) == list(theirs)
    assert list(ours["choices"][0]) == list(theirs["choices"][0])
    assert list(ours["choices"][0]["message"]) == list(theirs["choices"][0]["message"])
    assert list(ours["usage"]) == list(theirs["usage"])
    assert ours["usage"]["completion_tokens"] == 20
    assert ours["usage"]["total_tokens"] == ours["usage"]["prompt_tokens"] + 20


def _header_names(head: bytes) -> list[bytes]:
    return [line.split(b":")[0] for line in head.split(b"\r\n")[1:]]


async def test_a_crashed_front_answers_as_recorded() -> None:
    """Recordings 81 to 84: the node stays available, streams get an envelope, the rest a 502."""
    async with ParallaxDouble(model=MODEL, nodes=ONE_NODE, slots=8, time_scale=50) as parallax:
        parallax.crash_front("worker")
        for name in ("81_stream_after_front_crash", "82_nonstream_after_front_crash"):
            recorded = recording(name)
            answer = await _same_request(parallax, recorded)
            assert normalised(answer.data) == normalised(recorded.data)
        assert parallax.available
        assert parallax.nodes["worker"].state == "available"


async def test_an_answer_without_slots_is_the_recorded_429() -> None:
    """Recording 40: 20 attempts, 96 s, then 429 without Retry-After."""
    recorded = recording("40_429_real_timing_stream")
    async with ParallaxDouble(model=MODEL, nodes=ONE_NODE, slots=2, time_scale=100) as parallax:
        parallax.busy(2)
        answer = await _same_request(parallax, recorded)
    assert normalised(answer.data) == normalised(recorded.data)


async def test_a_node_killed_idle_answers_as_recorded() -> None:
    """Recordings 86 and 87: headers and a FIN with stream, 503 after 41 s and a freeze without."""
    scale = 50.0
    async with ParallaxDouble(model=MODEL, nodes=ONE_NODE, slots=8, time_scale=scale) as parallax:
        parallax.kill_node("worker")
        stream = recording("87_idle_kill_next_stream")
        whole = recording("86_idle_kill_next_nonstream")
        answers = await asyncio.gather(_same_request(parallax, stream), _same_request(parallax, whole))
        waits = [record.headers_at or 0 for record in parallax.requests if not record.streamed]
        waited = (waits[0] - min(record.arrived_at for record in parallax.requests)) * scale
    assert [normalised(answer.data) for answer in answers] == [
        normalised(stream.data),
        normalised(whole.data),
    ]
    assert 41 < waited < 55


@pytest.mark.parametrize(
    ("name", "tags"),
    [
        ("131_vllmrs_engine_error_first", "[[style:prompt_echo]][[fault:sse_error@0]]"),
        ("137_vllmrs_empty_answer", "[[style:prompt_echo]][[n=0]]"),
    ],
)
async def test_the_prompt_comes_back_where_no_token_does(name: str, tags: str) -> None:
    """Recordings 131 and 137: behind the role, as one delta, then the error, or the reason and the usage."""

    def told(body: bytes, question: str) -> list[object]:
        seen: list[object] = []
        for line in re.findall(rb"data: (\{.*\})", body):
            event = json.loads(line)
            seen += [choice["delta"] for choice in event.get("choices", [])]
            seen += [choice["finish_reason"] for choice in event.get("choices", []) if "finish_reason" in choice]
            seen += [event["usage"]["completion_tokens"]] if "usage" in event else []
            seen += ["error"] if "error" in event else []
        return [json.loads(json.dumps(each).replace(question, "QUESTION")) for each in seen]

    recorded = recording(name)
    asked = json.loads(recorded.request_body)
    question = asked["messages"][0]["content"]
    asked["messages"][0]["content"] = f"hi {tags}"
    request = request_bytes("POST", "/v1/chat/completions", json.dumps(asked), close=True)
    async with ParallaxDouble(model=MODEL, time_scale=50) as parallax:
        answer = await exchange(parallax.url, request)
    assert told(answer.data, f"hi {tags}") == told(recorded.body, question)
    assert {"content": "user\nQUESTION\nassistant\n"} in told(recorded.body, question)
