"""Programs ask through the API: what they are answered, and in which form they are refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from bot.i18n.catalogue import sentences
from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Channel
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.permitting import sent
from tests.e2e.programs import API, Events, chat, client, error_of, made_key, streamed
from tests.e2e.test_locale import OF_THE_API, presented

pytestmark = pytest.mark.asyncio(loop_scope="module")

MODEL = "Qwen/Qwen3-8B"
ORIGIN = "https://chat.example"
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """One bot with the API."""
    async with staged(
        tmp_path_factory.mktemp("bot"),
        discord=DiscordDouble(latency=0.0),
        parallax=ParallaxDouble(tokens_per_second=400, lag=False),
        API_CORS_ORIGINS=ORIGIN,
        **API,
    ) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ada(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    """A program of Ada's."""
    async with client(stage, await made_key(stage, "ada")) as program:
        yield program


async def test_the_model_that_runs_is_listed(ada: httpx.AsyncClient) -> None:
    """And no other; its name has a slash, as it is."""
    (model,) = (await ada.get("/v1/models")).json()["data"]
    assert (model["id"], model["object"]) == (MODEL, "model")
    assert (await ada.get("/models")).json() == (await ada.get("/v1/models")).json()
    assert (await ada.get(f"/v1/models/{MODEL}")).json() == model
    unknown = await ada.get("/v1/models/gpt-4o")
    assert (unknown.status_code, error_of(unknown)["code"]) == (404, "model_not_found")


async def test_the_cluster_is_shown_without_a_way_in(stage: Stage, ada: httpx.AsyncClient) -> None:
    """No address, no command, no id of a node."""
    response = await ada.get("/cluster/info")
    info = response.json()
    assert (info["status"], info["model"], info["running"], info["waiting"]) == ("usable", MODEL, 0, 0)
    assert len(info["nodes"]) == len(stage.parallax.nodes)
    assert "12D3Koo" not in response.text
    assert "parallax join" not in response.text
    assert "127.0.0.1" not in response.text


async def test_a_whole_answer(ada: httpx.AsyncClient) -> None:
    """In OpenAI's form, with its usage."""
    response = await ada.post("/v1/chat/completions", json=chat("Why? [[n=7]]", model=MODEL))
    body = response.json()
    assert (body["object"], body["model"]) == ("chat.completion", MODEL)
    assert body["id"].startswith("chatcmpl-")
    (choice,) = body["choices"]
    assert (choice["message"]["role"], choice["finish_reason"]) == ("assistant", "stop")
    assert choice["message"]["content"]
    assert body["usage"]["completion_tokens"] == 7
    assert body["usage"]["total_tokens"] == body["usage"]["prompt_tokens"] + 7
    assert "metrics" not in body
    assert response.headers["x-request-id"].startswith("req_")
    assert response.headers["x-ratelimit-remaining-requests"] == "19"


async def test_a_stream(ada: httpx.AsyncClient) -> None:
    """The role first, then the words, then the reason, then DONE; no usage that nobody asked for."""
    events = await streamed(ada, chat("Why? [[n=7]]"))
    assert events.is_done
    assert events.text
    assert events.chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert events.chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert len({(chunk["id"], chunk["created"], chunk["object"]) for chunk in events.chunks}) == 1
    assert all("usage" not in chunk for chunk in events.chunks)


async def test_usage_and_metrics_come_last_when_they_are_asked_for(ada: httpx.AsyncClient) -> None:
    """In a chunk without choices."""
    asked = chat("Why? [[n=7]]", stream_options={"include_usage": True})
    events = await streamed(ada, asked, headers={"X-Parallax-Metrics": "1"})
    *others, last = events.chunks
    assert all(chunk["usage"] is None for chunk in others)
    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] == last["metrics"]["tokens"] == 7
    assert set(last["metrics"]) == {"tps", "ttft_ms", "tokens", "waited_ms"}
    body = (await ada.post("/v1/chat/completions", json=chat("Why?", parallax_metrics=True))).json()
    assert body["metrics"]["tokens"] == body["usage"]["completion_tokens"]


async def test_tools_and_options_reach_the_cluster_and_calls_come_back(
    stage: Stage, ada: httpx.AsyncClient
) -> None:
    """Whole and in pieces; what the bot does not know is left out, and the length has the settings' limit."""
    asked = chat(
        "What is the weather? [[tool:weather]]",
        tools=[TOOL],
        tool_choice="auto",
        response_format={"type": "text"},
        seed=7,
        stop=["END"],
        temperature=0.5,
        logprobs=True,
        max_tokens=9_000_000,
        surprise="left out",
    )
    (choice,) = (await ada.post("/v1/chat/completions", json=asked)).json()["choices"]
    assert choice["finish_reason"] == "tool_calls"
    (call,) = choice["message"]["tool_calls"]
    assert (call["type"], call["function"]["name"]) == ("function", "weather")
    sent_on = stage.parallax.requests[-1].body
    for name in ("tools", "tool_choice", "response_format", "seed", "stop", "temperature", "logprobs"):
        assert sent_on[name] == asked[name]
    assert sent_on["max_tokens"] == 2048
    assert "surprise" not in sent_on
    events = await streamed(ada, asked)
    deltas = [choice["delta"] for chunk in events.chunks for choice in chunk["choices"]]
    names = [part["function"].get("name") for delta in deltas for part in delta.get("tool_calls") or ()]
    assert "weather" in names


async def test_parts_and_all_roles_are_passed_on(stage: Stage, ada: httpx.AsyncClient) -> None:
    """As they are."""
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Why?"}]},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "type": "function"}]},
        {"role": "tool", "tool_call_id": "c", "content": "42"},
    ]
    response = await ada.post("/v1/chat/completions", json={"messages": messages})
    assert response.status_code == 200
    passed_on = stage.parallax.requests[-1].messages
    assert [one["role"] for one in passed_on] == ["system", "user", "assistant", "tool"]
    assert passed_on[1]["content"] == [{"type": "text", "text": "Why?"}]
    assert passed_on[3]["tool_call_id"] == "c"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": []}, "messages"),
        ({}, "messages"),
        ({"messages": [{"role": "king", "content": "Why?"}]}, "messages"),
        (chat("Why?", temperature=9), "temperature"),
        (chat("Why?", n=2), "n"),
        ([], None),
    ],
)
async def test_what_is_wrong_is_named(ada: httpx.AsyncClient, body: object, param: str | None) -> None:
    """With 400, and nothing reaches the cluster."""
    response = await ada.post("/v1/chat/completions", json=body)
    error = error_of(response)
    assert (response.status_code, error["type"], error["param"]) == (400, "invalid_request_error", param)


async def test_another_model_is_refused(ada: httpx.AsyncClient) -> None:
    """Also for a stream, with a status."""
    for stream in (False, True):
        response = await ada.post("/v1/chat/completions", json=chat("Why?", model="gpt-4o", stream=stream))
        assert (response.status_code, error_of(response)["code"]) == (404, "model_not_found")


@pytest.mark.parametrize("secret", ["x", "plx-wrong", "plx-" + "A" * 43, "Basic abc"])
async def test_a_wrong_key(stage: Stage, ada: httpx.AsyncClient, secret: str) -> None:
    """401 in the SDKs' words, at every path but the description."""
    headers = {"Authorization": f"Bearer {secret}" if " " not in secret else secret}
    heard = len(stage.parallax.requests)
    for path in ("/v1/models", "/queue", "/cluster/info", "/nothing"):
        response = await ada.get(path, headers=headers)
        assert (response.status_code, error_of(response)["code"]) == (401, "invalid_api_key")
    response = await ada.post("/v1/chat/completions", json=chat("Why?", stream=True), headers=headers)
    assert response.status_code == 401
    assert (await ada.get("/openapi.json", headers=headers)).status_code == 200
    assert len(stage.parallax.requests) == heard


async def test_only_known_hosts_and_origins(ada: httpx.AsyncClient) -> None:
    """A page elsewhere gets nothing, one that is named gets no credentials."""
    response = await ada.get("/v1/models", headers={"Host": "evil.example"})
    assert (response.status_code, error_of(response)["code"]) == (403, "host_not_allowed")
    response = await ada.get("/v1/models", headers={"Origin": "https://evil.example"})
    assert (response.status_code, error_of(response)["code"]) == (403, "origin_not_allowed")
    assert "access-control-allow-origin" not in response.headers
    asked = {"Origin": ORIGIN, "Access-Control-Request-Headers": "authorization, content-type"}
    preflight = await ada.options("/v1/chat/completions", headers=asked)
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == ORIGIN
    assert preflight.headers["access-control-allow-headers"] == "authorization, content-type"
    assert "access-control-allow-credentials" not in preflight.headers
    events = await streamed(ada, chat("Why?"), headers={"Origin": ORIGIN})
    assert events.is_done


async def test_bodies_and_headers_are_bounded(ada: httpx.AsyncClient) -> None:
    """And what the scheduler has besides is not there."""
    response = await ada.post("/v1/chat/completions", content=b" " * 2_000_000)
    assert (response.status_code, error_of(response)["type"]) == (413, "invalid_request_error")
    response = await ada.get("/v1/models", headers={"X-Long": "x" * 20_000})
    assert response.status_code == 400
    for path in ("/scheduler/init", "/node/join/command", "/cluster/status", "/model/list"):
        assert (await ada.post(path)).status_code in {404, 405}


async def test_a_refusal_of_the_cluster_is_told_without_its_words(stage: Stage, ada: httpx.AsyncClient) -> None:
    """As a status, for a stream too; an answer that breaks off ends with an error event, and is not repeated."""
    for stream in (False, True):
        response = await ada.post("/v1/chat/completions", json=chat("Too much [[fault:http400]]", stream=stream))
        assert (response.status_code, error_of(response)["type"]) == (400, "invalid_request_error")
    asked = len(stage.parallax.requests)
    events = await streamed(ada, chat("Break [[n=50]] [[fault:close@5]]"))
    assert events.text
    assert not events.is_done
    assert events.error is not None
    assert events.error["type"] == "server_error"
    assert len(stage.parallax.requests) == asked + 1


async def test_one_queue_for_people_and_programs(stage: Stage, room: Channel, ada: httpx.AsyncClient) -> None:
    """What waits is seen in the API and in Discord, without its words; cancelled there, it ends here."""
    await sent(stage, "olga", room, "cluster pause", {"reason": "a test"})
    try:
        whole = asyncio.create_task(ada.post("/v1/chat/completions", json=chat("A secret")))
        events = Events()
        stream = asyncio.create_task(streamed(ada, chat("Another secret"), events))
        async with asyncio.timeout(20):
            await events.began.wait()
            while len((await ada.get("/queue")).json()["data"]) < 2:
                pass
        waiting = (await ada.get("/queue")).json()["data"]
        assert {one["kind"] for one in waiting} == {"api"}
        shown = await sent(stage, "ada", room, "queue", {})
        assert shown.original is not None
        assert shown.original.text.count("asked by a program") == 2
        assert "secret" not in shown.original.text
        cleared = await sent(stage, "olga", room, "cluster queue", {})
        assert cleared.original is not None
        assert "asked by a program" in cleared.original.text
        await stage.discord.person("ada").click(shown.original, "Cancel")
        done, _ = await asyncio.wait({whole, stream}, timeout=20, return_when=asyncio.FIRST_COMPLETED)
        assert len(done) == 1
    finally:
        await sent(stage, "olga", room, "cluster resume", {})
    response, _ = await asyncio.gather(whole, stream)
    if response.status_code == 200:
        assert events.error is not None
        assert events.error["code"] == "cancelled"
    else:
        assert (response.status_code, error_of(response)["code"]) == (400, "cancelled")
        assert events.is_done
        assert events.comments[0] == "kept: the queue is paused: a test"


async def test_what_programs_ask_is_counted_and_not_kept(stage: Stage, room: Channel) -> None:
    """The export has no word of it; the day's usage has its tokens."""
    async with client(stage, await made_key(stage, "ben")) as ben:
        used = (await ben.post("/v1/chat/completions", json=chat("A secret [[n=9]]"))).json()["usage"]
    usage = await sent(stage, "ben", room, "usage", {})
    assert usage.original is not None
    assert str(used["total_tokens"]) in usage.original.text
    exported = (await sent(stage, "ben", room, "context export", {})).original
    assert exported is not None
    await stage.discord.wait_until(lambda: exported.attachments)
    assert all(b"secret" not in file.content for file in exported.attachments)


async def test_a_revoked_key_and_a_blocked_owner_end_at_once(stage: Stage, room: Channel) -> None:
    """forget-me too."""
    secret = await made_key(stage, "ben", room)
    async with client(stage, secret) as ben:
        assert (await ben.get("/v1/models")).status_code == 200
        listed = await sent(stage, "ben", room, "key list", {})
        assert listed.original is not None
        assert secret[:8] in listed.original.text
        assert secret not in listed.original.text
        forgetting = await sent(stage, "ben", room, "context forget-me", {})
        assert forgetting.original is not None
        await (await stage.discord.person("ben").click(forgetting.original, "Erase everything")).acked()
        async with asyncio.timeout(20):
            while (await ben.get("/v1/models")).status_code == 200:
                pass
        assert error_of(await ben.get("/v1/models"))["code"] == "invalid_api_key"


async def test_the_command_for_keys_presents_itself_in_every_language(stage: Stage) -> None:
    """It is there only with the API."""
    of_keys = {key for key in sentences("en") if key.startswith(OF_THE_API)}
    assert of_keys <= presented(stage)
