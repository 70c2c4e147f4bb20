"""A hostile scheduler, or a broken proxy in front of it, on real sockets: bounded, and reported as its fault."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Sequence
from itertools import pairwise

import pytest
from structlog.testing import capture_logs

from bot.domain.chat import FinishReason, Text
from bot.errors import ClusterBusy, SchedulerError, StreamInterrupted, UpstreamFailed
from bot.parallax import bounds
from bot.parallax.body import SLICE
from bot.parallax.client import ParallaxClient
from bot.parallax.streams import UNREADABLE_SAID
from tests.contract.parallax import asking
from tests.contract.parallax.replay import replaying, response

SSE, NDJSON, PLAIN = "text/event-stream", "application/x-ndjson", "application/json"
GIVES_UP = 30.0
HUGE = 10**399


def endless(kind: str, line: bytes, *, begin: bytes = b"", status: int = 200) -> list[bytes]:
    """A response of this line again and again, 16 MB in all, which is more than any body may have."""
    head = f"HTTP/1.1 {status} Whatever\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n"
    block = line * (256 * 1024 // len(line))
    return [head.encode() + begin, *[block] * 64]


def packed(status: int = 200, *, kind: str = PLAIN, encoding: str = "gzip") -> list[bytes]:
    """A response whose body is 8 MB when it is decoded."""
    body = gzip.compress(b" " * 8_000_000)
    return response(status, body, f"content-encoding: {encoding}", kind=kind)


async def calls(scheduler: ParallaxClient) -> list[SchedulerError | None]:
    """How every call that there is ends."""
    failures: list[SchedulerError | None] = [
        (await asking.ask(scheduler)).error,
        (await asking.watch(scheduler))[1],
    ]
    for call in (
        scheduler.status(),
        scheduler.models(),
        scheduler.served_models(),
        scheduler.join_command(),
        scheduler.initialise("a/b", 1, local_network=True),
    ):
        try:
            await call
        except SchedulerError as exc:
            failures.append(exc)
        else:
            failures.append(None)
    return failures


@pytest.mark.parametrize("encoding", ["gzip", "gzip, gzip", "br", "GZIP", "deflate", "made-up", "identity, gzip"])
@pytest.mark.parametrize("kind", [SSE, PLAIN])
async def test_b1_an_encoded_body_is_refused_unread(kind: str, encoding: str) -> None:
    """No encoding was accepted, and a kilobyte may decode to gigabytes. The same holds for every call."""
    async with (
        replaying(packed(kind=kind, encoding=encoding)) as server,
        asking.client(server.url) as scheduler,
    ):
        failures = await calls(scheduler)
    assert {type(failure) for failure in failures} == {UpstreamFailed}
    assert {failure.code for failure in failures if failure is not None} <= {"encoded", "init_failed"}
    assert all(b"accept-encoding: identity\r\n" in request.lower() for request in server.requests)


@pytest.mark.parametrize("encoding", ["identity", "Identity", ""])
async def test_a_body_that_is_encoded_as_itself_is_read(encoding: str) -> None:
    """``identity`` means no encoding."""
    answer = response(200, b'{"data": [{"name": "a/b"}]}', f"content-encoding: {encoding}")
    async with replaying(answer) as server, asking.client(server.url) as scheduler:
        assert [model.name for model in await scheduler.models()] == ["a/b"]


async def test_the_body_of_an_encoded_error_is_not_read() -> None:
    """Its status is enough to choose the error class."""
    async with replaying(packed(429)) as server, asking.client(server.url) as scheduler:
        heard = await asking.ask(scheduler)
    assert type(heard.error) is ClusterBusy
    assert "no body" in str(heard.error)


ENDLESS_ANSWERS = {
    "data": endless(SSE, b"data: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n"),
    "short data": endless(SSE, b"data:x\n"),
    "event": endless(SSE, b"event: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n"),
    "comments": endless(SSE, b": ping\r\n"),
    "no line end": endless(SSE, b"data: x"),
    "stray text": endless(SSE, b"x"),
    "a stray object": endless(SSE, b'"a": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",\n', begin=b"{\n"),
    "one body": endless(PLAIN, b"[],"),
}


@pytest.mark.parametrize("pieces", ENDLESS_ANSWERS.values(), ids=ENDLESS_ANSWERS)
async def test_b2_an_answer_without_end_is_ended(pieces: Sequence[bytes]) -> None:
    """It counts as the cluster's fault, and the connection is closed long before everything was sent."""
    async with replaying(pieces, held=True) as server, asking.client(server.url) as scheduler:
        async with asyncio.timeout(GIVES_UP):
            heard = await asking.ask(scheduler)
            await server.hung_up.wait()
    assert type(heard.error) in {StreamInterrupted, UpstreamFailed}
    assert heard.error is not None
    assert heard.error.code in {"malformed", "raw_text"}
    assert heard.text == ""


async def test_text_before_a_flood_is_kept() -> None:
    event = b'data: {"choices":[{"index":0,"delta":{"content":"Yes"}}]}\n\n'
    async with (
        replaying(endless(SSE, b": x\n", begin=event), held=True) as server,
        asking.client(server.url) as scheduler,
    ):
        heard = await asking.ask(scheduler)
    assert heard.events[1:] == [Text("Yes")]
    assert type(heard.error) is StreamInterrupted


@pytest.mark.parametrize("line", [b"x", b"\n", b'{"a": 1}\n'], ids=["no line end", "blank lines", "no report"])
async def test_a_status_without_end_is_ended(line: bytes) -> None:
    """With or without line ends; the log gets only a few entries."""
    async with replaying(endless(NDJSON, line), held=True) as server, asking.client(server.url) as scheduler:
        with capture_logs() as logs:
            async with asyncio.timeout(GIVES_UP):
                heard, error = await asking.watch(scheduler)
                await server.hung_up.wait()
    assert heard == []
    assert type(error) is StreamInterrupted
    assert error.code == "malformed"
    assert len(logs) <= UNREADABLE_SAID


async def test_an_error_body_without_end_is_read_only_in_part() -> None:
    async with (
        replaying(endless(PLAIN, b"x", status=429), held=True) as server,
        asking.client(server.url) as scheduler,
    ):
        async with asyncio.timeout(GIVES_UP):
            heard = await asking.ask(scheduler)
            await server.hung_up.wait()
    assert type(heard.error) is ClusterBusy
    assert len(str(heard.error)) <= bounds.DETAIL + 100


async def test_q4_a_status_with_huge_numbers_is_still_read() -> None:
    """Impossible numbers count as missing, possible ones are used, and the next line is read."""
    node = {"node_id": "n", "status": "available", "gpu_num": HUGE, "gpu_memory": 1e308}
    odd = {"status": "available", "model_name": "m", "node_list": [node], "max_running_request": HUGE}
    lines = [odd, {**odd, "max_running_request": 10**12}, {**odd, "max_running_request": 4}]
    body = b"\n".join(json.dumps(line).encode() for line in lines) + b"\n"
    body = b'{"status": ' + b"9" * 5000 + b"}\n" + b"[" * 70_000 + b"\n" + body
    async with replaying(response(200, body, kind=NDJSON)) as server, asking.client(server.url) as scheduler:
        heard, error = await asking.watch(scheduler)
    assert [report.capacity for report in heard] == [None, None, 4]
    assert {(report.nodes[0].gpu_count, report.nodes[0].gpu_memory) for report in heard} == {(1, 0.0)}
    assert isinstance(error, StreamInterrupted)
    assert error.code == "ended"


async def test_a_flood_leaves_other_tasks_their_turn() -> None:
    """Reading does not wait while bytes are available, so it has to give turns by itself."""
    event = b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'
    seen, seen_at_turns = 0, [0]

    async def others() -> None:
        while True:
            seen_at_turns.append(seen)
            await asyncio.sleep(0)

    async with (
        replaying(response(200, event * 1_000 + b"data: [DONE]\n\n", kind=SSE)) as server,
        asking.client(server.url) as scheduler,
        scheduler.stream_chat(asking.HELLO) as events,
    ):
        task = asyncio.create_task(others())
        async for event_read in events:
            seen += event_read.tokens if isinstance(event_read, Text) else 1
        task.cancel()
    assert seen > 1_000
    longest = max(later - earlier for earlier, later in pairwise([*seen_at_turns, seen]))
    assert longest <= 2 * (SLICE // len(event) + 1), "what is read at once, and what is given out of it"


ENDLESS_PARTS = {
    "reasoning": {"reasoning": "hm " * 1000},
    "thinking": {"content": "<think>" + "hm " * 1000},
    "a tool call": {"content": "<tool_call>" + "hm " * 1000},
    "text": {"content": "hm " * 1000},
}


@pytest.mark.parametrize("delta", ENDLESS_PARTS.values(), ids=ENDLESS_PARTS)
async def test_b5_what_is_kept_of_an_answer_is_bounded(delta: dict[str, str]) -> None:
    """Also what is hidden of it; the answer ends there, and the connection is closed."""
    event = b"data: " + json.dumps({"choices": [{"index": 0, "delta": delta}]}).encode() + b"\n\n"
    async with replaying(endless(SSE, event), held=True) as server, asking.client(server.url) as scheduler:
        async with asyncio.timeout(GIVES_UP):
            heard = await asking.ask(scheduler)
            await server.hung_up.wait()
    assert heard.finish.reason is FinishReason.CUT
    assert len(heard.text) + len(heard.reasoning) <= bounds.ANSWER + 10_000
