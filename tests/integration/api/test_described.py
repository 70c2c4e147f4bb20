"""Whatever a program sends, it is answered as ``/openapi.json`` describes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any, cast

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.api.openapi import document
from bot.domain.queue.request import Answer
from bot.services.access.keys import Owner
from bot.services.answers.programs import WaitingProgram
from tests.integration.api.test_failing_streams import FailingRequests, served
from tests.json_schemas import ANY_JSON, values, wrong

DESCRIBED: Any = document()
PARTS = DESCRIBED["components"]["schemas"]
CHAT = PARTS["ChatCompletion"]
TRIES = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))


class AnsweringRequests(FailingRequests):
    """Stands for the requests of programs: each is answered at once, without a word."""

    def __init__(self) -> None:
        super().__init__(RuntimeError("nobody looks at a position"))

    async def submit(self, owner: Owner, program: WaitingProgram) -> None:  # as the service's
        """It is answered."""
        program.answer = Answer("", "", "stop", "a-model", 3, 0, None, 0.1, None)
        program.end()

    async def why(self, program: WaitingProgram) -> None:  # as the service's
        """It was answered."""


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    """An event loop for the examples."""
    with asyncio.Runner() as running:
        yield running


async def _sent(path: str, body: bytes) -> httpx.Response:
    async with served(AnsweringRequests()) as program:
        return await program.post(path, content=body, headers={"Content-Type": "application/json"})


def _told(response: httpx.Response, path: str) -> list[str]:
    """What about a response is not as described."""
    described = DESCRIBED["paths"][path]["post"]["responses"].get(str(response.status_code))
    if described is None:
        return [f"status {response.status_code} is not described"]
    kind = response.headers["content-type"].partition(";")[0]
    if kind not in described["content"]:
        return [f"{kind} is not described"]
    schema = described["content"][kind].get("schema")
    return [] if schema is None else list(wrong(response.json(), schema, PARTS))


@TRIES
@given(body=values(CHAT, PARTS), path=st.sampled_from(["/v1/chat/completions", "/chat/stream"]))
def test_what_is_described_is_answered(runner: asyncio.Runner, body: dict[str, object], path: str) -> None:
    """Every request of the described form is taken, and the answer has the described form."""
    response = runner.run(_sent(path, json.dumps(body).encode()))
    assert response.status_code == 200, response.text
    assert _told(response, path) == []


@TRIES
@given(
    body=st.one_of(
        st.binary(max_size=60),
        ANY_JSON.map(json.dumps).map(str.encode),
        st.builds(
            lambda chat, name, value: json.dumps({**chat, name: value}).encode(),
            values(CHAT, PARTS),
            st.sampled_from(sorted(CHAT["properties"])),
            ANY_JSON,
        ),
    )
)
def test_anything_else_is_refused_as_described(runner: asyncio.Runner, body: bytes) -> None:
    """Never with a failure of the bot's own; a field that is wrong is named."""
    response = runner.run(_sent("/v1/chat/completions", body))
    assert response.status_code in {200, 400}, response.text
    assert _told(response, "/v1/chat/completions") == []
    if response.status_code == 400:
        assert cast("dict[str, Any]", response.json())["error"]["message"]
