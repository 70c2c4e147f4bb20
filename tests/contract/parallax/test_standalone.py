"""A server without a scheduler: a node that runs alone, or a router before several clusters."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from bot.errors import RequestRefused, SchedulerUnreachable, StandaloneNode
from tests.contract.parallax import asking
from tests.contract.parallax.replay import chunk, replaying, response
from tests.contract.parallax.test_cluster import LINE, NDJSON_HEAD
from tests.contract.parallax.test_streams import DONE, delta, finish, sse

ANSWER = sse(delta("Hello"), finish(), DONE)
NOT_FOUND = response(404, b'{"detail":"Not Found"}')
MODELS = response(200, b'{"object": "list", "data": [{"id": "Qwen/Qwen3-0.6B", "object": "model"}]}')
UNKNOWN_MODEL = response(
    404,
    b'{"error":{"message":"no such model","type":"invalid_request_error","code":"model_not_found"}}',
)
REFUSALS = {
    "a node of Parallax": UNKNOWN_MODEL,
    "a missing field": response(422, b'{"detail":[{"loc":["body","model"],"msg":"Field required"}]}'),
    "in words": response(400, b'{"error":{"message":"you must provide a model: model is required","type":"x"}}'),
}


def body_of(request: bytes) -> dict[str, object]:
    found = json.loads(request.partition(b"\r\n\r\n")[2])
    assert isinstance(found, dict)
    return found


def path_of(request: bytes) -> str:
    return request.split(b" ")[1].decode()


class Node:
    """A node that runs alone: it answers chats that name its model, and lists it if ``lists``."""

    def __init__(self, *, refusal: Sequence[bytes] = UNKNOWN_MODEL, lists: bool = True) -> None:
        self._refusal = refusal
        self._lists = lists

    def __call__(self, request: bytes) -> Sequence[bytes]:
        if path_of(request) == "/v1/models" and self._lists:
            return MODELS
        if path_of(request) != "/v1/chat/completions":
            return NOT_FOUND
        return ANSWER if body_of(request).get("model") == "Qwen/Qwen3-0.6B" else self._refusal


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
async def test_p14_the_model_is_asked_for_where_a_node_wants_it(refusal: Sequence[bytes]) -> None:
    """Once; the next question names it at once."""
    async with replaying(Node(refusal=refusal)) as server, asking.client(server.url) as scheduler:
        assert (await asking.ask(scheduler)).text == "Hello"
        assert (await asking.ask(scheduler)).text == "Hello"
    asked = [path_of(request) for request in server.requests]
    assert asked == ["/v1/chat/completions", "/v1/models", "/v1/chat/completions", "/v1/chat/completions"]


async def test_p14_the_model_of_the_status_is_sent() -> None:
    def answer(request: bytes) -> Sequence[bytes]:
        return [NDJSON_HEAD, chunk(LINE), b"0\r\n\r\n"] if b"GET" in request[:4] else ANSWER

    async with replaying(answer) as server, asking.client(server.url) as scheduler:
        await asking.watch(scheduler)
        await asking.ask(scheduler)
    assert body_of(server.requests[-1])["model"] == "Qwen/Qwen3-0.6B"


async def test_p14_the_watch_of_the_status_finds_out_what_the_server_is() -> None:
    """So that the first question already names the model."""
    async with replaying(Node()) as server, asking.client(server.url) as scheduler:
        reports, error = await asking.watch(scheduler)
        heard = await asking.ask(scheduler)
    assert reports == []
    assert type(error) is StandaloneNode
    assert (error.key, error.code) == ("error.standalone_node", "not_a_scheduler")
    assert "PARALLAX_URL points to a single node or a router, which serves Qwen/Qwen3-0.6B" in str(error)
    assert heard.text == "Hello"
    assert [path_of(request) for request in server.requests][-1:] == ["/v1/chat/completions"]


async def test_p14_what_needs_a_scheduler_says_so() -> None:
    async with replaying(Node()) as server, asking.client(server.url) as scheduler:
        for call in (scheduler.models, scheduler.join_command, scheduler.status):
            with pytest.raises(StandaloneNode):
                await call()
        with pytest.raises(StandaloneNode):
            await scheduler.initialise("a/b", 1, local_network=True)


async def test_p14_a_node_that_does_not_tell_its_model() -> None:
    """A chat is refused with a sentence of its own; anything else is no scheduler."""
    async with replaying(Node(lists=False)) as server, asking.client(server.url) as scheduler:
        heard = await asking.ask(scheduler)
        with pytest.raises(SchedulerUnreachable) as raised:
            await scheduler.models()
    assert type(heard.error) is RequestRefused
    assert (heard.error.key, heard.error.code) == ("error.model_name", "model_not_found")
    assert type(raised.value) is SchedulerUnreachable


async def test_p14_a_router_without_models_that_wants_none() -> None:
    def router(request: bytes) -> Sequence[bytes]:
        return ANSWER if path_of(request) == "/v1/chat/completions" else NOT_FOUND

    async with replaying(router) as server, asking.client(server.url) as scheduler:
        assert (await asking.ask(scheduler)).text == "Hello"
    assert "model" not in body_of(server.requests[0])


async def test_p14_another_refusal_is_not_asked_again() -> None:
    refusal = response(400, b'{"error":{"message":"bad temperature","type":"invalid_request_error"}}')
    async with replaying(Node(refusal=refusal)) as server, asking.client(server.url) as scheduler:
        heard = await asking.ask(scheduler)
    assert type(heard.error) is RequestRefused
    assert heard.error.key == "error.request_refused"
    assert len(server.requests) == 1
