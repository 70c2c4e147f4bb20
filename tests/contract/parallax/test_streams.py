"""Streams on real sockets, beyond what was recorded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import httpx
import pytest

from bot.clock import SystemClock
from bot.domain.chat import ChatMessage, ChatRequest, Finish, FinishReason, Reasoning, Role, Started, Text, Usage
from bot.errors import (
    ClusterBusy,
    SchedulerUnreachable,
    StreamInterrupted,
    UpstreamFailed,
)
from bot.parallax.client import ParallaxClient
from bot.parallax.timeouts import Timeouts
from tests.contract.parallax import asking
from tests.contract.parallax.replay import ABORT, SSE_HEAD, chunk, replaying, response

PROMPTLY = 2.0


def delta(text: str) -> bytes:
    event = {"model": "m", "choices": [{"index": 0, "delta": {"content": text}}]}
    return b"data: " + json.dumps(event, ensure_ascii=False).encode() + b"\n\n"


def finish(reason: str = "stop") -> bytes:
    return b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"%b"}]}\n\n' % reason.encode()


DONE = b"data: [DONE]\n\n"
LAST_CHUNK = b"0\r\n\r\n"


def sse(*bodies: bytes, end: bytes = LAST_CHUNK) -> list[bytes]:
    return [SSE_HEAD, *(chunk(body) for body in bodies), end]


async def test_leaving_early_closes_the_connection() -> None:
    async with (
        replaying([SSE_HEAD, chunk(delta("one"))], held=True) as server,
        asking.client(server.url) as scheduler,
    ):
        async with scheduler.stream_chat(asking.HELLO) as events:
            seen = [await anext(events), await anext(events)]
            assert not server.hung_up.is_set()
        await asyncio.wait_for(server.hung_up.wait(), PROMPTLY)
        with pytest.raises(StopAsyncIteration):
            await anext(events)
    assert isinstance(seen[0], Started)
    assert seen[1] == Text("one")


async def test_an_exception_inside_closes_the_connection() -> None:
    async with (
        replaying([SSE_HEAD, chunk(delta("one"))], held=True) as server,
        asking.client(server.url) as scheduler,
    ):
        with pytest.raises(RuntimeError, match="mine"):
            async with scheduler.stream_chat(asking.HELLO):
                raise RuntimeError("mine")
        await asyncio.wait_for(server.hung_up.wait(), PROMPTLY)


@pytest.mark.parametrize("pieces", [[], [SSE_HEAD], [SSE_HEAD, chunk(delta("one"))]])
async def test_cancelling_closes_the_connection(pieces: Sequence[bytes]) -> None:
    asked = asyncio.Event()

    def answer(_request: bytes) -> Sequence[bytes]:
        asked.set()
        return pieces

    async with replaying(answer, held=True) as server, asking.client(server.url) as scheduler:
        task = asyncio.create_task(asking.ask(scheduler))
        await asyncio.wait_for(asked.wait(), PROMPTLY)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(server.hung_up.wait(), PROMPTLY)


async def test_a_half_read_connection_is_never_used_again() -> None:
    pieces = sse(delta("one"), finish(), DONE)
    async with replaying(pieces) as server, asking.client(server.url) as scheduler:
        async with scheduler.stream_chat(asking.HELLO) as events:
            await anext(events)
        assert (await asking.ask(scheduler)).text == "one"
    assert server.connections == 2


async def test_a_hundred_streams_run_at_once() -> None:
    together = asyncio.Barrier(100)

    async def one(scheduler: ParallaxClient) -> None:
        async with scheduler.stream_chat(asking.HELLO) as events:
            await anext(events)
            await asyncio.wait_for(together.wait(), 10)

    async with replaying([SSE_HEAD], held=True) as server, asking.client(server.url) as scheduler:
        async with asyncio.TaskGroup() as group:
            for _ in range(100):
                group.create_task(one(scheduler))
        assert server.connections == 100


async def test_a_closed_client_ends_its_streams() -> None:
    async with replaying([SSE_HEAD, chunk(delta("one"))], held=True) as server:
        scheduler = ParallaxClient(server.url, timeouts=asking.PATIENT, clock=SystemClock())
        async with scheduler.stream_chat(asking.HELLO) as events:
            assert isinstance(await anext(events), Started)
            await scheduler.aclose()
            await asyncio.wait_for(server.hung_up.wait(), PROMPTLY)


AWKWARD = delta("a\u2028b\u0085c") + delta("naïve 🚀") + finish() + DONE


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("step", [1, 3, 7, 10_000])
async def test_bytes_may_be_cut_anywhere(line_end: bytes, step: int) -> None:
    body = b"\xef\xbb\xbf: hello\n\n" + AWKWARD
    body = body.replace(b"\n", line_end)
    parts = [body[at : at + step] for at in range(0, len(body), step)]
    async with replaying(sse(*parts)) as server, asking.client(server.url) as scheduler:
        heard = await asking.ask(scheduler)
    assert heard.events[1:-1] == [Text("a\u2028b\u0085c"), Text("naïve 🚀")]
    assert heard.finish.reason is FinishReason.STOP


@pytest.mark.parametrize(
    "end", [LAST_CHUNK, b""], ids=["a proper end of the response", "the connection just closed"]
)
async def test_an_answer_with_a_reason_is_whole_without_done(end: bytes) -> None:
    async with (
        replaying(sse(delta("one"), finish("length"), end=end)) as server,
        asking.client(server.url) as scheduler,
    ):
        heard = await asking.ask(scheduler)
    assert heard.finish.reason is FinishReason.LENGTH


async def test_a_silence_after_the_reason_ends_the_answer_soon() -> None:
    timeouts = Timeouts(first_byte=30, idle=30, control=0.1)
    async with (
        replaying([SSE_HEAD, chunk(delta("one") + finish())], held=True) as server,
        asking.client(server.url, timeouts) as scheduler,
    ):
        heard = await asyncio.wait_for(asking.ask(scheduler), 10)
    assert heard.finish.reason is FinishReason.STOP


async def test_keep_alive_comments_do_not_hide_a_stall() -> None:
    pieces = [SSE_HEAD, chunk(delta("one")), *(chunk(b": ping\n\n") for _ in range(200))]
    timeouts = Timeouts(first_byte=5, idle=0.15, control=5)
    async with (
        replaying(pieces, held=True, gap=0.02) as server,
        asking.client(server.url, timeouts) as scheduler,
    ):
        heard = await asking.ask(scheduler)
    assert heard.text == "one"
    assert isinstance(heard.error, StreamInterrupted)
    assert heard.error.code == "stall"


async def test_a_long_computed_prompt_is_no_stall() -> None:
    timeouts = Timeouts(first_byte=5, idle=0.05, control=5)
    pieces = [SSE_HEAD, chunk(delta("one") + finish() + DONE), LAST_CHUNK]
    async with replaying(pieces, gap=0.2) as server, asking.client(server.url, timeouts) as scheduler:
        assert (await asking.ask(scheduler)).finish.reason is FinishReason.STOP


@pytest.mark.parametrize("pieces", [[ABORT], [SSE_HEAD, ABORT], [SSE_HEAD, chunk(delta("one")), ABORT]])
async def test_a_reset_connection(pieces: Sequence[bytes]) -> None:
    async with replaying(pieces, gap=0.01) as server, asking.client(server.url) as scheduler:
        heard = await asking.ask(scheduler)
    assert type(heard.error) is (StreamInterrupted if len(pieces) > 1 else SchedulerUnreachable)
    assert heard.error.code == "connection_lost"
    assert heard.text == ("one" if len(pieces) > 2 else "")
    assert heard.error.__cause__ is not None


async def test_nobody_listens() -> None:
    async with replaying([]) as server:
        url = server.url
    async with asking.client(url) as scheduler:
        heard = await asking.ask(scheduler)
        with pytest.raises(SchedulerUnreachable):
            await scheduler.status()
        with pytest.raises(SchedulerUnreachable):
            await scheduler.models()
    assert type(heard.error) is SchedulerUnreachable
    assert heard.error.code == "connect_failed"


async def test_a_name_that_does_not_resolve() -> None:
    def refuse(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("[Errno -2] Name or service not known")

    scheduler = ParallaxClient(
        "http://cluster.example",
        timeouts=Timeouts(),
        clock=SystemClock(),
        transport=httpx.MockTransport(refuse),
    )
    heard = await asking.ask(scheduler)
    await scheduler.aclose()
    assert type(heard.error) is SchedulerUnreachable
    assert "Name or service not known" in str(heard.error)


async def test_a_connect_that_takes_too_long() -> None:
    def slow(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectTimeout("", request=request)

    scheduler = ParallaxClient(
        "http://cluster.example",
        timeouts=Timeouts(),
        clock=SystemClock(),
        transport=httpx.MockTransport(slow),
    )
    heard = await asking.ask(scheduler)
    await scheduler.aclose()
    assert type(heard.error) is SchedulerUnreachable
    assert heard.error.code == "connect_timeout"


@pytest.mark.parametrize(
    ("pieces", "code"),
    [
        (response(200, b"<html>Welcome</html>", kind="text/html; charset=utf-8"), "not_a_scheduler"),
        (response(200, b"\x89PNG", kind="image/png"), "not_a_scheduler"),
        (response(301, b"", "location: http://127.0.0.1:1/"), "not_a_scheduler"),
        (response(404, b"nothing here", kind="text/plain"), "not_a_scheduler"),
        (response(401, b"who are you?", kind="text/plain"), "login_required"),
        (response(200, b"not json"), "not_a_scheduler"),
    ],
)
async def test_another_server_behind_the_url(pieces: Sequence[bytes], code: str) -> None:
    async with replaying(pieces) as server, asking.client(server.url) as scheduler:
        heard = await asking.ask(scheduler)
    assert type(heard.error) is SchedulerUnreachable
    assert heard.error.code == code
    assert "PARALLAX_URL" in str(heard.error)


async def test_a_whole_answer_where_a_stream_was_asked_for() -> None:
    body = {
        "model": "m",
        "choices": [{"message": {"content": "<think>hm</think>\n\nYes"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4},
    }
    async with (
        replaying(response(200, json.dumps(body).encode())) as server,
        asking.client(server.url) as scheduler,
    ):
        heard = await asking.ask(scheduler)
    assert heard.events[1:-1] == [Reasoning("hm"), Text("Yes"), Usage(3, 4)]
    assert heard.finish.stats.completion_tokens == 4


async def test_an_error_with_status_200() -> None:
    async with (
        replaying(response(200, b'{"error":{"message":"no","type":"server_error"}}')) as server,
        asking.client(server.url) as scheduler,
    ):
        heard = await asking.ask(scheduler)
    assert type(heard.error) is UpstreamFailed


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("0.5", 0.5), ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0), ("soon", None), ("-3", None)],
)
async def test_a_busy_cluster_may_say_when_to_come_back(header: str, seconds: float | None) -> None:
    async with (
        replaying(response(429, b"{}", f"Retry-After: {header}")) as server,
        asking.client(server.url) as scheduler,
    ):
        heard = await asking.ask(scheduler)
    assert type(heard.error) is ClusterBusy
    assert heard.error.retry_after == seconds


async def test_what_is_sent() -> None:
    request = ChatRequest(
        messages=(ChatMessage(Role.SYSTEM, "Be brief."), ChatMessage(Role.USER, "Grüße \ud83d")),
        max_tokens=100,
        temperature=0.5,
        top_k=20,
        think=False,
    )
    async with (
        replaying(sse(delta("one"), finish(), DONE)) as server,
        asking.client(server.url + "/behind/a/proxy/") as scheduler,
    ):
        await asking.ask(scheduler, request)
        await asking.ask(scheduler)
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /behind/a/proxy/v1/chat/completions HTTP/1.1\r\n")
    assert b"accept: text/event-stream" in head.lower()
    assert json.loads(body) == {
        "stream": True,
        "stream_options": {"include_usage": True},
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Grüße \ufffd"},
        ],
        "max_tokens": 100,
        "temperature": 0.5,
        "top_k": 20,
        "sampling_params": {"top_k": 20},
        "chat_template_kwargs": {"enable_thinking": False},
    }
    assert json.loads(server.requests[1].partition(b"\r\n\r\n")[2]) == {
        "stream": True,
        "stream_options": {"include_usage": True},
        "messages": [{"role": "user", "content": "hello"}],
    }


async def test_an_answer_that_goes_on_ends_its_prompt_with_what_there_is() -> None:
    """With vLLM's fields the assistant's message stays open, and no new one is begun."""
    request = ChatRequest(
        messages=(ChatMessage(Role.USER, "count"), ChatMessage(Role.ASSISTANT, "one,")), goes_on=True
    )
    async with (
        replaying(sse(delta(" two"), finish(), DONE)) as server,
        asking.client(server.url) as scheduler,
    ):
        heard = await asking.ask(scheduler, request)
    body = json.loads(server.requests[0].partition(b"\r\n\r\n")[2])
    assert heard.text == " two"
    assert body["messages"][-1] == {"role": "assistant", "content": "one,"}
    assert (body["continue_final_message"], body["add_generation_prompt"]) == (True, False)


async def test_a_model_that_never_opens_its_thinking_is_known_from_its_second_answer() -> None:
    pieces = sse(delta("First I"), delta(" think.\n</think>\n\nYes."), finish(), DONE)
    async with replaying(pieces) as server, asking.client(server.url) as scheduler:
        first = await asking.ask(scheduler)
        second = await asking.ask(scheduler)
    assert (first.text, first.reasoning) == ("First I think.\nYes.", "")
    assert (second.text, second.reasoning) == ("Yes.", "First I think.\n")
    assert isinstance(second.events[-1], Finish)


def test_a_limit_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="greater than 0"):
        Timeouts(idle=0)
