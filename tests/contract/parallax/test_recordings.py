"""The client against every recording of a real scheduler, byte for byte."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple

import pytest

from bot.domain.chat import (
    ChatMessage,
    ChatRequest,
    FinishReason,
    Reasoning,
    Role,
    Started,
    Text,
    Usage,
)
from bot.domain.status import ClusterState, ClusterStatus, JoinCommand, Model, Node, NodeState
from bot.errors import (
    ClusterBusy,
    NoAnswer,
    NodeFailed,
    RequestRefused,
    SchedulerError,
    SchedulerNotReady,
    SchedulerUnreachable,
    StreamInterrupted,
    UpstreamFailed,
)
from tests.contract.parallax import asking, recordings
from tests.contract.parallax.recordings import expected_content, joined, reported_usage, runs
from tests.contract.parallax.replay import ReplayServer, replaying

FINISHED = {
    "30_stream_full": FinishReason.STOP,
    "31_stream_no_usage": FinishReason.LENGTH,
    "32_stream_reasoning": FinishReason.STOP,
    "59b_stream_string_true": FinishReason.LENGTH,
    "70_stream_while_node_joins": FinishReason.STOP,
    "72_stream_reinit_same_model": FinishReason.STOP,
    "75_stream_reinit_other_model": FinishReason.STOP,
    "92_rr_stream1": FinishReason.STOP,
    "92_rr_stream2": FinishReason.STOP,
    "100_vllmrs_stream": FinishReason.STOP,
    "101_vllmrs_stream_reasoning": FinishReason.STOP,
    "103_vllmrs_no_thinking": FinishReason.STOP,
    "104_vllmrs_stream_tool_calls": FinishReason.TOOL_CALL,
    "133_vllmrs_max_tokens": FinishReason.LENGTH,
    "138_vllmrs_long_prefill": FinishReason.STOP,
}

WHOLE = {
    "33_nonstream": FinishReason.STOP,
    "102_vllmrs_nostream_reasoning": FinishReason.STOP,
    "106_vllmrs_nostream_tool_calls": FinishReason.TOOL_CALL,
}


class Failure(NamedTuple):
    kind: type[SchedulerError]
    status: int | None
    code: str | None


FAILED = {
    "50_stream_worker_http500": Failure(UpstreamFailed, 500, "server_error"),
    "51_stream_worker_http400": Failure(RequestRefused, 400, "invalid_request_error"),
    "52_stream_worker_conn_drop": Failure(NodeFailed, 502, "upstream_error"),
    "53_stream_sse_error": Failure(NodeFailed, 500, "server_error"),
    "54_stream_split_utf8": Failure(StreamInterrupted, None, "connection_lost"),
    "55_stream_stall_300s": Failure(StreamInterrupted, None, "stall"),
    "55b_stream_client_hangup": Failure(StreamInterrupted, None, "stall"),
    "55c_stall_hangup": Failure(StreamInterrupted, None, "stall"),
    "59_stream_missing_messages": Failure(RequestRefused, 400, "json_parse_error"),
    "60_worker_killed_mid_stream": Failure(StreamInterrupted, None, "stall"),
    "65_worker_ctrl_c_mid_stream": Failure(StreamInterrupted, None, "stall"),
    "80_worker_front_crash_mid_stream": Failure(NodeFailed, 502, "upstream_error"),
    "81_stream_after_front_crash": Failure(UpstreamFailed, 502, "upstream_error"),
    "83_stream_after_front_crash_12s": Failure(UpstreamFailed, 502, "upstream_error"),
    "85_kill_tokio16_stream": Failure(StreamInterrupted, None, "stall"),
    "87_idle_kill_next_stream": Failure(StreamInterrupted, None, "connection_lost"),
    # the scheduler hangs: no byte
    "66_stream_after_leave": Failure(SchedulerUnreachable, None, "timeout"),
    "85_kill_tokio16_next_stream": Failure(SchedulerUnreachable, None, "timeout"),
    # a status of its own
    "06_chat_before_init_stream": Failure(SchedulerNotReady, 503, "server_not_ready"),
    "08_chat_invalid_json": Failure(RequestRefused, 400, "invalid_request_error"),
    "09_chat_list_body": Failure(RequestRefused, 400, "invalid_request_error"),
    "09b_chat_empty_body": Failure(RequestRefused, 400, "invalid_request_error"),
    "09c_chat_no_content_type": Failure(SchedulerNotReady, 503, "server_not_ready"),
    "19_chat_after_init_no_nodes_stream": Failure(SchedulerNotReady, 503, "server_not_ready"),
    "27_get_on_post": Failure(SchedulerUnreachable, 404, "not_a_scheduler"),
    "28_unknown_path": Failure(SchedulerUnreachable, 404, "not_a_scheduler"),
    "40_429_real_timing_stream": Failure(ClusterBusy, 429, "rate_limit_exceeded"),
    "41_chat_routing_not_ready": Failure(SchedulerNotReady, 503, "routing_not_ready"),
    "73_chat_just_after_reinit": Failure(SchedulerNotReady, 503, "server_not_ready"),
    "90_chat_one_of_two_nodes": Failure(SchedulerNotReady, 503, "server_not_ready"),
    "93_429_patched_delay_stream": Failure(ClusterBusy, 429, "rate_limit_exceeded"),
    "110_429_real_timing": Failure(ClusterBusy, 429, "rate_limit_exceeded"),
    "130_vllmrs_engine_error_mid_stream": Failure(NodeFailed, 500, "server_error"),
    "132_vllmrs_engine_error_nostream": Failure(UpstreamFailed, 500, "server_error"),
    "134_vllmrs_prompt_too_long_stream": Failure(RequestRefused, 400, "invalid_request_error"),
    "135_vllmrs_image": Failure(UpstreamFailed, 500, "server_error"),
    "139_front_crashed_stream": Failure(UpstreamFailed, 502, "upstream_error"),
}

ECHOED = {
    "131_vllmrs_engine_error_first": Failure(UpstreamFailed, 500, "server_error"),
    "136_vllmrs_json_mode": Failure(UpstreamFailed, 500, "server_error"),
    "137_vllmrs_empty_answer": Failure(NoAnswer, None, "prompt_echo"),
}

FAILED |= {  # responses to requests without a stream
    "07_chat_before_init_nostream": Failure(SchedulerNotReady, 503, "server_not_ready"),
    "20_chat_after_init_no_nodes_nostream": Failure(SchedulerNotReady, 503, "server_not_ready"),
    "40_429_real_timing_nonstream": Failure(ClusterBusy, 429, "rate_limit_exceeded"),
    "56_nonstream_worker_http500": Failure(UpstreamFailed, 500, "server_error"),
    "57_nonstream_worker_http400": Failure(RequestRefused, 400, "invalid_request_error"),
    "58_nonstream_missing_messages": Failure(RequestRefused, 400, "json_parse_error"),
    "82_nonstream_after_front_crash": Failure(UpstreamFailed, 502, "upstream_error"),
    "85_kill_tokio16_next_nonstream": Failure(SchedulerUnreachable, None, "timeout"),
    "86_idle_kill_next_nonstream": Failure(SchedulerNotReady, 503, "routing_not_ready"),
    "94_429_patched_delay_nonstream": Failure(ClusterBusy, 429, "rate_limit_exceeded"),
}

FAILED_INIT = {
    "10_init_missing_model": Failure(RequestRefused, 400, "init_refused"),
    "11_init_missing_nodes": Failure(RequestRefused, 400, "init_refused"),
    "12_init_unknown_model": Failure(RequestRefused, 500, "unknown_model"),
    "13_init_invalid_json": Failure(UpstreamFailed, 500, "init_failed"),
    "13b_init_list_body": Failure(UpstreamFailed, 500, "init_failed"),
}

INITIALISED = {
    "15_init_valid",
    "21_init_again_not_local",
    "23_init_nodes_string",
    "26_init_repair",
    "29_init_zero",
}

EMPTY = ClusterStatus(ClusterState.WAITING, None, None, (), need_more_nodes=False, join=None, capacity=0)
NO_NODES = ClusterStatus(
    ClusterState.WAITING,
    "Qwen/Qwen3-0.6B",
    1,
    (),
    need_more_nodes=False,
    join=JoinCommand("parallax join", public=False),
    capacity=0,
)
STATUS_STREAMS = {
    "03_cluster_status_before_init": (EMPTY, 4),
    "16_cluster_status_after_init_no_nodes": (NO_NODES, 3),
    "35_cluster_status_with_node": (
        ClusterStatus(
            ClusterState.AVAILABLE,
            "Qwen/Qwen3-0.6B",
            1,
            (
                Node(
                    "12D3KooWNQmYihyYHrMDqwr1fJodBz6Lj83Y5xBWiac7pArFzA4j",
                    NodeState.AVAILABLE,
                    "Unknown",
                    1,
                    16.0,
                ),
            ),
            need_more_nodes=False,
            join=JoinCommand("parallax join", public=False),
            capacity=2,
        ),
        3,
    ),
    "25_cluster_status_poisoned": (None, 0),
}

JOIN_COMMANDS = {
    "05_node_join_command_before_init": None,
    "17_node_join_command_after_init": JoinCommand("parallax join", public=False),
    "22_node_join_command_public": JoinCommand(
        "parallax join -s 12D3KooWFnUKTf8MrM1JH1qike82pcrmFLoomDtoMFwhirET5RXd", public=True
    ),
    "36_node_join_command_with_node": JoinCommand("parallax join", public=False),
}

TESTED_BELOW = {
    "01_model_list",
    "02_v1_models_before_init",
    "04_cluster_status_json_before_init",
    "14_status_json_after_failed_init",
    "18_v1_models_after_init",
    "24_status_after_string",
    "105_vllmrs_stream_tool_call_no_tools",
    "120_status_during_freeze_real_worker",
}


@pytest.mark.parametrize("name", recordings.names())
def test_every_recording_is_replayed_or_excused(name: str) -> None:
    places: list[Iterable[str]] = [
        FINISHED,
        WHOLE,
        FAILED,
        ECHOED,
        FAILED_INIT,
        INITIALISED,
        STATUS_STREAMS,
        JOIN_COMMANDS,
        TESTED_BELOW,
        recordings.NOT_A_RESPONSE,
    ]
    assert sum(name in set(place) for place in places) == 1


def replay(name: str) -> AbstractAsyncContextManager[ReplayServer]:
    recording = recordings.load(name)
    return replaying([block for _, block in recording.blocks], held=recording.held)


@pytest.mark.parametrize("name", FINISHED)
async def test_a_finished_stream_gives_its_content_and_one_finish(name: str) -> None:
    async with replay(name) as server, asking.client(server.url) as scheduler:
        heard = await asking.ask(scheduler)
    content = [event for event in heard.events if isinstance(event, Text | Reasoning)]
    usage = [event for event in heard.events if isinstance(event, Usage)]
    expected, reported = expected_content(name), reported_usage(name)
    started, finish = heard.events[0], heard.finish
    assert isinstance(started, Started)
    assert heard.events == [started, *content, *usage, finish]
    for kind in (Text, Reasoning):
        assert joined(content, kind) == joined(expected, kind)
    assert usage == reported
    assert finish.reason is FINISHED[name]
    stats = finish.stats
    assert stats.model == recordings.load(name).payloads[0]["model"]
    assert stats.counted is bool(reported)
    assert stats.completion_tokens == (reported[0].completion_tokens if reported else len(expected))
    assert stats.prompt_tokens == (reported[0].prompt_tokens if reported else None)
    assert (stats.ttft is None) is (not expected)
    assert 0 <= started.waited <= (stats.ttft or stats.duration) <= stats.duration
    assert stats.tokens_per_second is None or stats.tokens_per_second > 0


@pytest.mark.parametrize("name", FAILED)
async def test_a_failed_stream_gives_what_came_and_then_its_error(name: str) -> None:
    expected = FAILED[name]
    waiting = expected.code in {"stall", "timeout"}
    timeouts = asking.IMPATIENT if waiting else asking.PATIENT
    async with replay(name) as server, asking.client(server.url, timeouts) as scheduler:
        heard = await asking.ask(scheduler)
    content = [event for event in heard.events if not isinstance(event, Started)]
    expected_pieces = expected_content(name)
    assert runs(content) == runs(expected_pieces)
    assert sum(event.tokens for event in content if isinstance(event, Text)) == len(
        [piece for piece in expected_pieces if isinstance(piece, Text)]
    )
    assert type(heard.error) is expected.kind
    assert (heard.error.status, heard.error.code) == (expected.status, expected.code)


@pytest.mark.parametrize("name", ECHOED)
async def test_a_prompt_that_is_sent_back_is_no_answer(name: str) -> None:
    """Nothing of it is passed on."""
    expected = ECHOED[name]
    question = re.search(r'"messages":\[\{"role":"user","content":"([^"]*)"', recordings.text(name))
    assert question
    request = ChatRequest((ChatMessage(Role.USER, question[1]),))
    assert any(question[1] in event.text for event in expected_content(name))
    async with replay(name) as server, asking.client(server.url) as scheduler:
        heard = await asking.ask(scheduler, request)
    assert [event for event in heard.events if not isinstance(event, Started)] == []
    assert type(heard.error) is expected.kind
    assert (heard.error.status, heard.error.code) == (expected.status, expected.code)
    assert question[1] not in str(heard.error)


@pytest.mark.parametrize("name", ["51_stream_worker_http400", "57_nonstream_worker_http400"])
async def test_the_error_for_a_prompt_beyond_the_context_has_both_sizes(name: str) -> None:
    async with replay(name) as server, asking.client(server.url) as scheduler:
        error = (await asking.ask(scheduler)).error
    assert type(error) is RequestRefused
    assert error.key == "error.prompt_too_long"
    assert error.params == {"tokens": 40001, "limit": 32768}


@pytest.mark.parametrize("name", WHOLE)
async def test_a_whole_answer_in_place_of_a_stream(name: str) -> None:
    body = json.loads(b"".join(block for _, block in recordings.load(name).blocks).partition(b"\r\n\r\n")[2])
    message, usage = body["choices"][0]["message"], body["usage"]
    async with replay(name) as server, asking.client(server.url) as scheduler:
        heard = await asking.ask(scheduler)
    assert heard.text == (message.get("content") or "")
    assert heard.reasoning == (message.get("reasoning") or "")
    assert heard.finish.reason is WHOLE[name]
    stats = heard.finish.stats
    assert stats.model == "Qwen/Qwen3-0.6B"
    assert (stats.prompt_tokens, stats.completion_tokens) == (usage["prompt_tokens"], usage["completion_tokens"])
    assert stats.counted
    assert stats.ttft is None


@pytest.mark.parametrize("name", FAILED_INIT)
async def test_a_failed_init_has_a_code(name: str) -> None:
    expected = FAILED_INIT[name]
    async with replay(name) as server, asking.client(server.url) as scheduler:
        with pytest.raises(expected.kind) as caught:
            await scheduler.initialise("no/such-model", 1, local_network=True)
    assert (caught.value.status, caught.value.code) == (expected.status, expected.code)
    assert caught.value.key == "error.init_refused"


@pytest.mark.parametrize("name", sorted(INITIALISED))
async def test_an_init_sends_a_number_and_the_network(name: str) -> None:
    async with replay(name) as server, asking.client(server.url) as scheduler:
        await scheduler.initialise("Qwen/Qwen3-0.6B", 1, local_network=False)
    assert server.requests[0].startswith(b"POST /scheduler/init HTTP/1.1\r\n")
    assert server.requests[0].endswith(
        b'\r\n\r\n{"model_name":"Qwen/Qwen3-0.6B","init_nodes_num":1,"is_local_network":false}'
    )


@pytest.mark.parametrize("name", STATUS_STREAMS)
async def test_the_status_stream_gives_every_report_and_then_raises_how_it_ended(name: str) -> None:
    expected, count = STATUS_STREAMS[name]
    async with replay(name) as server, asking.client(server.url, asking.IMPATIENT) as scheduler:
        heard, error = await asking.watch(scheduler)
    assert heard == [expected] * count
    assert type(error) is StreamInterrupted
    assert error.code == ("stall" if count else "connection_lost")


@pytest.mark.parametrize("name", JOIN_COMMANDS)
async def test_the_join_command(name: str) -> None:
    async with replay(name) as server, asking.client(server.url) as scheduler:
        assert await scheduler.join_command() == JOIN_COMMANDS[name]


async def test_the_status_once() -> None:
    async with replay("04_cluster_status_json_before_init") as server, asking.client(server.url) as scheduler:
        assert await scheduler.status() == EMPTY
    async with replay("14_status_json_after_failed_init") as server, asking.client(server.url) as scheduler:
        status = await scheduler.status()
    assert (status.model, status.init_nodes, status.join) == ("no/such-model", 1, None)


async def test_a_poisoned_status_is_a_failure_of_the_scheduler() -> None:
    async with replay("24_status_after_string") as server, asking.client(server.url) as scheduler:
        with pytest.raises(UpstreamFailed) as caught:
            await scheduler.status()
    assert caught.value.status == 500


async def test_p18_a_recorded_tool_call_without_tools_is_hidden() -> None:
    name = "105_vllmrs_stream_tool_call_no_tools"
    assert joined(expected_content(name), Text).startswith("<tool_call>")
    async with replay(name) as server, asking.client(server.url) as scheduler:
        heard = await asking.ask(scheduler)
    assert (heard.text, heard.reasoning) == ("", "")
    assert heard.finish.reason is FinishReason.TOOL_CALL


async def test_a_status_that_never_comes() -> None:
    name = "120_status_during_freeze_real_worker"
    async with replay(name) as server, asking.client(server.url, asking.IMPATIENT) as scheduler:
        with pytest.raises(SchedulerUnreachable) as caught:
            await scheduler.status()
    assert caught.value.code == "timeout"


async def test_the_lists_of_models() -> None:
    async with replay("01_model_list") as server, asking.client(server.url) as scheduler:
        models = await scheduler.models()
    assert models[0] == Model("Qwen/Qwen3-0.6B", memory_gb=2.0)
    assert models[1] == Model("moonshotai/Kimi-K2-Instruct", memory_gb=None)
    assert models[-1].name == "nvidia/Llama-3.3-70B-Instruct-FP8"
    async with replay("02_v1_models_before_init") as server, asking.client(server.url) as scheduler:
        assert await scheduler.served_models() == ()
    async with replay("18_v1_models_after_init") as server, asking.client(server.url) as scheduler:
        assert await scheduler.served_models() == ("Qwen/Qwen3-0.6B",)
