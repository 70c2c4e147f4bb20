"""The cluster's own endpoints, in both dialects."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence

import pytest
from structlog.testing import capture_logs

from bot.domain.status import ClusterState, JoinCommand, Model, NodeState
from bot.errors import RequestRefused, SchedulerUnreachable, StreamInterrupted, UpstreamFailed
from bot.parallax.timeouts import Timeouts
from tests.contract.parallax import asking
from tests.contract.parallax.replay import ABORT, chunk, replaying, response

NDJSON_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
DOCUMENTED = {
    "type": "cluster_status",
    "data": {
        "status": "available",
        "model_name": "Qwen/Qwen3-0.6B",
        "init_nodes_num": 2,
        "node_join_command": "parallax join -s 12D3KooW",
        "node_list": [
            {"node_id": "n1", "status": "available", "gpu_num": 2, "gpu_name": "RTX 4090", "gpu_memory": 24}
        ],
        "need_more_nodes": False,
    },
}
LINE = json.dumps(DOCUMENTED).encode() + b"\n"
NOT_FOUND = response(404, b'{"detail":"Not Found"}')


def by_path(answers: dict[str, Sequence[bytes]]) -> Callable[[bytes], Sequence[bytes]]:
    def answer(request: bytes) -> Sequence[bytes]:
        return answers.get(request.split(b" ")[1].decode(), NOT_FOUND)

    return answer


@pytest.mark.parametrize("other", [NOT_FOUND, response(200, b"<html>", kind="text/html")])
async def test_the_documented_dialect(other: Sequence[bytes]) -> None:
    answers = {
        "/cluster/status": [NDJSON_HEAD, chunk(LINE)],
        "/cluster/status_json": other,
        "/v1/models": other,
        "/model/list": response(
            200, b'{"type":"model_list","data":[{"name":"a/b","size":"7B","provider":"Qwen"}]}'
        ),
        "/node/join/command": response(200, b'{"type":"node_join_command","data":"parallax join -s 12D3 "}'),
        "/scheduler/init": response(200, b'{"type":"scheduler_init","data":null}'),
    }
    async with replaying(by_path(answers), held=True) as server, asking.client(server.url) as scheduler:
        status = await scheduler.status()
        assert await scheduler.models() == (Model("a/b", size="7B", provider="Qwen"),)
        assert await scheduler.served_models() == ()
        assert await scheduler.join_command() == JoinCommand("parallax join -s 12D3", public=True)
        await scheduler.initialise("a/b", 2, local_network=False)
    assert status.state is ClusterState.AVAILABLE
    assert status.capacity is None
    assert status.usable
    assert status.join == JoinCommand("parallax join -s 12D3KooW", public=True)
    assert status.nodes[0].gpu_count == 2


async def test_lines_that_cannot_be_read_are_skipped_and_logged() -> None:
    broken = [b"{oops\n", b"[]\n", b'{"data": null}\n', b'{"type":"x","data":{}}\n', b"\xff\xfe\n", b"\n"]
    pieces = [
        NDJSON_HEAD,
        *(chunk(line) for line in broken),
        chunk(LINE[:40]),
        chunk(LINE[40:]),
        b"0\r\n\r\n",
    ]
    async with replaying(pieces) as server, asking.client(server.url) as scheduler:
        with capture_logs() as logs:
            heard, error = await asking.watch(scheduler)
    assert [report.model for report in heard] == ["Qwen/Qwen3-0.6B"]
    assert [entry["event"] for entry in logs] == ["status_line_unreadable"] * 5
    assert {entry["log_level"] for entry in logs} == {"warning"}
    assert isinstance(error, StreamInterrupted)
    assert error.code == "ended"


async def test_a_status_of_nothing_readable_is_a_silence() -> None:
    pieces = [NDJSON_HEAD, *(chunk(b"{oops\n") for _ in range(300))]
    timeouts = Timeouts(control=0.15)
    async with (
        replaying(pieces, held=True, gap=0.02) as server,
        asking.client(server.url, timeouts) as scheduler,
    ):
        heard, error = await asking.watch(scheduler)
    assert heard == []
    assert isinstance(error, StreamInterrupted)
    assert error.code == "stall"


@pytest.mark.parametrize("pieces", [[NDJSON_HEAD, chunk(LINE), ABORT], [NDJSON_HEAD, chunk(LINE)]])
async def test_a_broken_status_stream(pieces: Sequence[bytes]) -> None:
    async with replaying(pieces, gap=0.01) as server, asking.client(server.url) as scheduler:
        heard, error = await asking.watch(scheduler)
    assert len(heard) == 1
    assert isinstance(error, StreamInterrupted)
    assert error.code == "connection_lost"


async def test_a_frozen_scheduler_is_unreachable() -> None:
    async with replaying([], held=True) as server, asking.client(server.url, asking.IMPATIENT) as scheduler:
        _, error = await asking.watch(scheduler)
        with pytest.raises(SchedulerUnreachable):
            await scheduler.status()
        with pytest.raises(SchedulerUnreachable) as caught:
            await scheduler.initialise("a/b", 1, local_network=True)
    assert type(error) is SchedulerUnreachable
    assert caught.value.code == "timeout"


async def test_a_body_that_never_ends_is_unreachable() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"
    async with replaying([head], held=True) as server:
        async with asking.client(server.url, asking.IMPATIENT) as scheduler:
            with pytest.raises(SchedulerUnreachable):
                await scheduler.models()
        await asyncio.wait_for(server.hung_up.wait(), 2)


async def test_leaving_the_watch_closes_its_connection() -> None:
    async with (
        replaying([NDJSON_HEAD, chunk(LINE)], held=True) as server,
        asking.client(server.url) as scheduler,
    ):
        async with scheduler.watch_status() as reports:
            assert (await anext(reports)).nodes[0].state is NodeState.AVAILABLE
        await asyncio.wait_for(server.hung_up.wait(), 2)


async def test_a_web_page_instead_of_a_status() -> None:
    async with (
        replaying(response(200, b"<html>", kind="text/html")) as server,
        asking.client(server.url) as scheduler,
    ):
        _, error = await asking.watch(scheduler)
        with pytest.raises(SchedulerUnreachable, match="PARALLAX_URL"):
            await scheduler.models()
    assert isinstance(error, SchedulerUnreachable)
    assert error.code == "not_a_scheduler"


@pytest.mark.parametrize("body", [b"[]", b"{}", b'"x"', b"null"])
async def test_json_of_another_shape(body: bytes) -> None:
    async with replaying(response(200, body)) as server, asking.client(server.url) as scheduler:
        for call in (scheduler.models, scheduler.served_models, scheduler.join_command, scheduler.status):
            with pytest.raises(UpstreamFailed) as caught:
                await call()
            assert caught.value.code == "malformed"


async def test_a_cluster_of_no_nodes_is_refused_before_it_is_sent() -> None:
    async with replaying([]) as server, asking.client(server.url) as scheduler:
        with pytest.raises(RequestRefused) as caught:
            await scheduler.initialise("a/b", 0, local_network=True)
        assert server.requests == []
    assert caught.value.code == "node_count"


async def test_a_boolean_is_not_sent_as_a_node_count() -> None:
    async with replaying(response(200, b'{"data":null}')) as server, asking.client(server.url) as scheduler:
        await scheduler.initialise("a/b", True, local_network=True)
    assert b'"init_nodes_num":1,' in server.requests[0]
