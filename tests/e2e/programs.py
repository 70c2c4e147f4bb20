"""Programs that use the bot's API, with keys that people made in Discord."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from sandbox.discord_api.model import Channel
from tests.e2e.bot_process import Stage
from tests.e2e.permitting import sent
from tests.e2e.reading import PATIENCE, new_room

API = {"API_BIND": "127.0.0.1:0"}
"""The settings of a bot with the API on a free port."""

Json = dict[str, Any]


async def made_key(stage: Stage, name: str, room: Channel | None = None) -> str:
    """A new key of this person."""
    interaction = await sent(stage, name, room or new_room(stage), "key create", {"name": "a test"})
    assert interaction.original is not None
    return next(line for line in interaction.original.text.splitlines() if line.startswith("plx-"))


async def address(stage: Stage, starts: int = 1) -> str:
    """Where the API of the bot that was started so many times listens."""
    await stage.bot.logged("api.serving", times=starts)
    lines = [line for line in stage.bot.log.splitlines() if '"api.serving"' in line]
    return f"http://127.0.0.1:{json.loads(lines[-1])['port']}"


@asynccontextmanager
async def client(stage: Stage, secret: str, starts: int = 1) -> AsyncIterator[httpx.AsyncClient]:
    """A program with this key."""
    async with httpx.AsyncClient(
        base_url=await address(stage, starts),
        headers={"Authorization": f"Bearer {secret}"},
        timeout=PATIENCE,
    ) as program:
        yield program


def chat(question: str, **fields: object) -> Json:
    """The body of a request."""
    return {"messages": [{"role": "user", "content": question}], **fields}


def error_of(response: httpx.Response) -> Json:
    """The error in a response of OpenAI's form."""
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    error: Json = body["error"]
    return error


class Events:
    """The events of a stream."""

    def __init__(self) -> None:
        self.chunks: list[Json] = []
        self.comments: list[str] = []
        self.is_done = False
        self.began = asyncio.Event()
        """Something has come."""

    def take(self, line: str) -> None:
        """Read a line."""
        self.began.set()
        if line.startswith(":"):
            self.comments.append(line[1:].strip())
        elif line == "data: [DONE]":
            self.is_done = True
        elif line.startswith("data: "):
            assert not self.is_done
            self.chunks.append(json.loads(line[6:]))

    @property
    def text(self) -> str:
        """The answer."""
        choices = [choice for chunk in self.chunks for choice in chunk.get("choices", ())]
        return "".join(choice["delta"].get("content") or "" for choice in choices)

    @property
    def error(self) -> Json | None:
        """The error event, which is the last one."""
        errors = [chunk["error"] for chunk in self.chunks if "error" in chunk]
        assert len(errors) <= 1
        return errors[0] if errors else None


async def streamed(
    program: httpx.AsyncClient, body: Json, events: Events | None = None, headers: dict[str, str] | None = None
) -> Events:
    """Ask for a stream and read it to its end, into ``events``, which others may look at meanwhile."""
    events, asked = events or Events(), {**body, "stream": True}
    async with program.stream("POST", "/v1/chat/completions", json=asked, headers=headers) as response:
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        async for line in response.aiter_lines():
            events.take(line)
    return events
