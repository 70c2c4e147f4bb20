"""What an answer is made of, and the other ways in which engines write the same stream."""

import json
from typing import Any

import httpx
import pytest

from sandbox.parallax import CHAT_PATH, Delta, ParallaxDouble, Script, WireStyle
from tests.contract.parallax_double.chats import ask, client_of, question
from tests.contract.parallax_double.raw_http import exchange, request_bytes

SCALE = 50.0


def events(text: str) -> list[dict[str, Any]]:
    """The JSON events of a stream."""
    lines = (line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: "))
    return [json.loads(line) for line in lines if line != "[DONE]"]


def joined(text: str, field: str = "content") -> str:
    """One field of all deltas together."""
    choices = [event["choices"][0] for event in events(text) if event.get("choices")]
    return "".join(choice["delta"].get(field, "") for choice in choices)


def finish_reasons(text: str) -> list[str]:
    """Every finish reason of a stream."""
    choices = [event["choices"][0] for event in events(text) if event.get("choices")]
    return [choice["finish_reason"] for choice in choices if "finish_reason" in choice]


async def test_an_answer_is_the_same_for_the_same_seed_and_question_only() -> None:
    """Tests can rely on the text; two questions do not get one answer."""
    async with ParallaxDouble(time_scale=SCALE) as first, client_of(first) as client:
        one, same = await ask(client, "What is a queue?"), await ask(client, "What is a queue?")
        other = await ask(client, "What is a tree?")
    async with ParallaxDouble(time_scale=SCALE, seed=8) as second, client_of(second) as client:
        reseeded = await ask(client, "What is a queue?")
    assert joined(one.text) == joined(same.text)
    assert len({joined(one.text), joined(other.text), joined(reseeded.text)}) == 3


async def test_a_script_is_answered_exactly() -> None:
    """Reasoning first, the tokens as given, the finish reason, the usage."""
    async with ParallaxDouble(time_scale=SCALE) as parallax, client_of(parallax) as client:
        parallax.script(["Grüße", " 👋🏽", " 你好"], reasoning=["hm", "…"], finish="length", prompt_tokens=99)
        answer = await ask(client, "hi", stream_options={"include_usage": True})
        plain = await ask(client, "hi [[n=2]]")
    assert joined(answer.text) == "Grüße 👋🏽 你好"
    assert joined(answer.text, "reasoning") == "hm…"
    assert finish_reasons(answer.text) == ["length"]
    assert events(answer.text)[-1]["usage"] == {
        "prompt_tokens": 99,
        "total_tokens": 104,
        "completion_tokens": 5,
    }
    assert finish_reasons(plain.text) == ["stop"]


async def test_scripts_are_taken_in_order_and_by_their_match() -> None:
    """A script with a match waits for its question."""
    async with ParallaxDouble(time_scale=SCALE) as parallax, client_of(parallax) as client:
        parallax.script(["for blue"], match="blue")
        parallax.script(["first"])
        answers = [joined((await ask(client, text)).text) for text in ("red?", "blue?")]
    assert answers == ["first", "for blue"]


async def test_a_scripts_delays_are_kept() -> None:
    """Delays are scheduler seconds since the token before."""
    async with ParallaxDouble(time_scale=10) as parallax, client_of(parallax) as client:
        parallax.script(Script((Delta("a", delay=0), Delta("b", delay=2.0), Delta("c", delay=1.0)), delay=1.0))
        await ask(client, "hi")
        record = parallax.requests[0]
    gaps = [after - before for before, after in zip(record.token_times, record.token_times[1:], strict=False)]
    assert record.headers_at is not None
    assert 0.09 < record.token_times[0] - record.headers_at < 0.3
    assert gaps == pytest.approx([0.2, 0.1], abs=0.09)


async def test_the_speed_is_kept_and_can_be_changed_while_tokens_flow() -> None:
    """40 tokens a second on average; lateness does not add up."""
    async with ParallaxDouble(time_scale=5) as parallax, client_of(parallax) as client:
        await ask(client, "hi [[n=81]]")
        record = parallax.requests[0]
        assert record.last_token_at is not None
        assert record.first_token_at is not None
        assert (record.last_token_at - record.first_token_at) * 5 == pytest.approx(2.0, abs=0.6)
        parallax.set_speed(400)
        await ask(client, "hi [[n=81]]")
        record = parallax.requests[1]
        assert record.last_token_at is not None
        assert record.first_token_at is not None
        assert (record.last_token_at - record.first_token_at) * 5 < 1.4


async def test_max_tokens_ends_an_answer_with_length() -> None:
    """As in recording 31."""
    async with ParallaxDouble(time_scale=SCALE) as parallax, client_of(parallax) as client:
        answer = await ask(client, "hi [[n=50]]", max_tokens=5)
        exact = await ask(client, "hi [[n=5]]", max_tokens=5)
    assert finish_reasons(answer.text) == ["length"]
    assert parallax.requests[0].tokens == 5
    assert finish_reasons(exact.text) == ["stop"]


async def test_reasoning_follows_the_model_and_the_request() -> None:
    """A thinking model reasons unless the request switches it off."""
    model = "Qwen/Qwen3-4B-Thinking-2507"
    async with ParallaxDouble(model=model, time_scale=SCALE) as parallax, client_of(parallax) as client:
        thought = await ask(client, "hi [[n=3]]")
        silent = await ask(client, "hi [[n=3]]", chat_template_kwargs={"enable_thinking": False})
        parallax.set_thinking(False)
        never = await ask(client, "hi [[n=3]]")
    assert joined(thought.text, "reasoning").startswith("I should think about this first.")
    assert [joined(answer.text, "reasoning") for answer in (silent, never)] == ["", ""]


async def test_echo_lists_the_conversation_that_arrived() -> None:
    """So that a test can see what the window held."""
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "One?"},
        {"role": "assistant", "content": "Two."},
        {"role": "user", "content": [{"type": "text", "text": "Three? [[echo]]"}]},
    ]
    async with ParallaxDouble(time_scale=SCALE) as parallax, client_of(parallax) as client:
        answer = await client.post(CHAT_PATH, json={"stream": True, "messages": messages})
    listing = json.loads(joined(answer.text).removeprefix("```json\n").removesuffix("\n```"))
    assert [message["role"] for message in listing] == ["system", "user", "assistant", "user"]
    assert listing[3]["content"] == "Three? [[echo]]"
    assert parallax.requests[0].messages == messages


async def test_the_two_tokenizers_count_differently() -> None:
    """Usage counts the prompt with the double's own tokenizer."""
    prompt = (
        "The scheduler keeps a counter for each pipeline, corrected when the worker reports. 模型在节点上运行。"
    )
    counts = []
    for tokenizer in ("coarse", "fine"):
        async with (
            ParallaxDouble(time_scale=SCALE, tokenizer=tokenizer) as parallax,
            client_of(parallax) as client,
        ):
            await ask(client, prompt)
            counts.append(parallax.requests[0].prompt_tokens)
    assert counts[0] == pytest.approx(len(prompt) / 4 + 7, rel=0.35)
    assert counts[1] > counts[0] * 1.2


@pytest.mark.parametrize("style", ["crlf", "comments", "joined", "split"])
async def test_every_style_carries_the_same_answer(style: str) -> None:
    """Line ends, comments and chunk borders change, the text does not."""
    async with ParallaxDouble(time_scale=SCALE) as parallax, client_of(parallax) as client:
        parallax.script(["naïve ", "模型", " 🚀"])
        answer = await ask(client, f"hi [[style:{style}]]")
    assert joined(answer.text) == "naïve 模型 🚀"
    assert finish_reasons(answer.text) == ["stop"]
    assert answer.text.rstrip().endswith("data: [DONE]")
    assert ("\r\n" in answer.text) == (style == "crlf")
    assert (": keep-alive" in answer.text) == (style == "comments")


async def test_split_chunks_cut_characters_in_two() -> None:
    """A chunk may end in the middle of a multi-byte character."""
    async with ParallaxDouble(time_scale=SCALE, style=WireStyle().with_option("split")) as parallax:
        parallax.script(["模型在每个节点上"])
        request = request_bytes("POST", CHAT_PATH, json.dumps(question("hi")))
        answer = await exchange(parallax.url, request)
    chunks = answer.data.partition(b"\r\n\r\n")[2].split(b"\r\n")[1::2]

    def broken(chunk: bytes) -> bool:
        try:
            chunk.decode()
        except UnicodeDecodeError:
            return True
        return False

    assert any(broken(chunk) for chunk in chunks)


@pytest.mark.parametrize("style", ["think", "think_split", "reasoning_content"])
async def test_reasoning_can_be_written_in_other_ways(style: str) -> None:
    """A field of another name, or tags inside the content."""
    async with ParallaxDouble(time_scale=SCALE) as parallax, client_of(parallax) as client:
        parallax.script(["Answer"], reasoning=["because"])
        answer = await ask(client, f"hi [[style:{style}]]")
    if style == "reasoning_content":
        assert joined(answer.text, "reasoning_content") == "because"
        assert joined(answer.text) == "Answer"
    else:
        assert joined(answer.text) == "<think>\nbecause\n</think>\n\nAnswer"
        assert any("<think>" in line for line in answer.text.splitlines()) == (style == "think")


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("http429", 429, "rate_limit_exceeded"),
        ("http503", 503, "routing_not_ready"),
        ("http502", 502, "upstream_error"),
    ],
)
async def test_a_refusal_can_be_asked_for(fault: str, status: int, code: str) -> None:
    """Without the 96 s that a real one takes."""
    async with ParallaxDouble(time_scale=SCALE) as parallax, client_of(parallax) as client:
        answer = await ask(client, f"hi [[fault:{fault}]]")
        parallax.script([], fault=fault)
        scripted = await ask(client, "hi")
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert scripted.status_code == status


async def test_a_truncation_a_reset_and_a_missing_end_can_be_asked_for() -> None:
    """Ends that no recording holds but a client has to survive."""
    async with ParallaxDouble(time_scale=SCALE) as parallax, client_of(parallax) as client:
        truncated = await ask(client, "hi [[n=9]] [[fault:eof@4]]")
        no_done = await ask(client, "hi [[n=9]] [[fault:no_done]]")
        no_finish = await ask(client, "hi [[n=9]] [[fault:no_finish]]")
        garbage = await ask(client, "hi [[n=9]] [[fault:garbage@4]]")
        never = await ask(client, "hi [[n=9]] [[fault:close@40]]")
        with pytest.raises(httpx.ReadError):
            await ask(client, "hi [[n=9]] [[fault:reset@4]]")
    assert (finish_reasons(truncated.text), "[DONE]" in truncated.text) == ([], False)
    assert (finish_reasons(no_done.text), "[DONE]" in no_done.text) == (["stop"], False)
    assert (finish_reasons(no_finish.text), "[DONE]" in no_finish.text) == ([], True)
    assert 'data: {"id": "chatcmpl-\n' in garbage.text
    assert garbage.text.endswith("data: [DONE]\n\n")
    assert never.text.endswith("data: [DONE]\n\n")
    outcomes = [record.outcome.removeprefix("fault:") for record in parallax.requests]
    assert outcomes == ["eof", "no_done", "no_finish", "garbage", "completed", "reset"]


async def test_the_documented_dialect_speaks_as_promised() -> None:
    """Names, sizes and providers; a join command as text; no capacity; no newer endpoints."""
    async with (
        ParallaxDouble(dialect="documented", time_scale=SCALE) as parallax,
        client_of(parallax) as client,
    ):
        models = (await client.get("/model/list")).json()["data"]
        assert models[0] == {"name": "Qwen/Qwen3-0.6B", "size": "0.6B", "provider": "Qwen"}
        assert (await client.get("/node/join/command")).json()["data"] == "parallax join"
        assert (await client.get("/cluster/status_json")).status_code == 404
        assert (await client.get("/v1/models")).status_code == 404
        async with client.stream("GET", "/cluster/status") as response:
            line = json.loads(await anext(response.aiter_lines()))
        assert "max_running_request" not in line["data"]
        assert line["data"]["node_join_command"] == "parallax join"
        init = {"model_name": "Qwen/Qwen3-0.6B", "init_nodes_num": 1, "is_local_network": True}
        assert joined((await ask(client, "hi [[n=2]]")).text)
        assert (await client.post("/scheduler/init", json=init)).json()["data"] is None
        refused = await ask(client, "hi")
        assert (refused.status_code, refused.json()) == (503, {"error": "Server is not ready"})
        parallax.set_dialect("current")
        assert (await client.get("/v1/models")).status_code == 200


async def test_a_browser_of_any_origin_may_command_the_cluster() -> None:
    """CORS `*`, preflight included."""
    origin = {"Origin": "http://example.test", "Access-Control-Request-Method": "POST"}
    async with ParallaxDouble(time_scale=SCALE) as parallax, client_of(parallax) as client:
        preflight = await client.options("/scheduler/init", headers=origin)
        listed = await client.get("/model/list", headers=origin)
        page = await client.get("/")
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert listed.headers["access-control-allow-origin"] == "*"
    assert "not Parallax" in page.text
    assert page.headers["content-type"] == "text/html; charset=utf-8"


def begun(text: str) -> list[dict[str, str]]:
    """A question whose answer has begun with `text`."""
    return [{"role": "user", "content": "hi [[n=40]]"}, {"role": "assistant", "content": text}]


GO_ON = {"continue_final_message": True, "add_generation_prompt": False}


async def test_the_rest_of_an_answer_can_be_asked_for() -> None:
    """vLLM's fields, as today's nodes know them; nodes of the documented dialect begin another answer."""
    async with ParallaxDouble(time_scale=SCALE) as parallax, client_of(parallax) as client:
        whole = joined((await ask(client, "hi [[n=40]]")).text)
        beginning = whole[: len(whole) // 2].rstrip()
        rest = await client.post(CHAT_PATH, json={"stream": True, "messages": begun(beginning), **GO_ON})
        unknown = await client.post(CHAT_PATH, json={"stream": True, "messages": begun("Once"), **GO_ON})
        parallax.set_dialect("documented")
        anew = await client.post(CHAT_PATH, json={"stream": True, "messages": begun(beginning), **GO_ON})
    assert beginning + joined(rest.text) == whole
    assert joined(unknown.text) == whole
    assert joined(anew.text) == whole


@pytest.mark.parametrize(
    ("messages", "fields"),
    [
        (begun("Once"), {"continue_final_message": True}),
        (begun("Once")[:1], GO_ON),
        ([], GO_ON),
    ],
)
async def test_what_cannot_be_gone_on_with_is_refused(
    messages: list[dict[str, str]], fields: dict[str, bool]
) -> None:
    """Within the stream, as a node's front refuses (recording 51)."""
    async with ParallaxDouble(time_scale=SCALE) as parallax, client_of(parallax) as client:
        answer = await client.post(CHAT_PATH, json={"stream": True, "messages": messages, **fields})
    assert answer.status_code == 200
    assert "continue_final_message" in answer.json()["error"]["message"]
