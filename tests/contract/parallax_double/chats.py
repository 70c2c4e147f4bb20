"""Chat requests as a client with httpx makes them."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from sandbox.parallax import CHAT_PATH, ChatRecord, ParallaxDouble

# building it costs 50 ms, and no test speaks TLS
_TLS = ssl.create_default_context()
PATIENCE = 30.0
"""Real seconds; only a broken double uses them up."""


@asynccontextmanager
async def client_of(parallax: ParallaxDouble) -> AsyncIterator[httpx.AsyncClient]:
    """A client for the double's address that waits as long as a test may."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=parallax.url, timeout=PATIENCE, limits=limits, verify=_TLS) as client:
        yield client


def question(text: str, **fields: Any) -> dict[str, Any]:
    """The body of a streaming request with one user message."""
    return {"stream": True, "messages": [{"role": "user", "content": text}], **fields}


async def ask(client: httpx.AsyncClient, text: str, **fields: Any) -> httpx.Response:
    """Ask and read the whole answer."""
    return await client.post(CHAT_PATH, json=question(text, **fields))


@asynccontextmanager
async def open_stream(client: httpx.AsyncClient, text: str) -> AsyncIterator[httpx.Response]:
    """Ask and hold the answer open after its headers; leaving the block hangs up."""
    async with client.stream("POST", CHAT_PATH, json=question(text)) as response:
        yield response


async def statuses(client: httpx.AsyncClient, count: int) -> list[dict[str, Any]]:
    """The data of the next `count` lines of the status stream."""
    lines: list[dict[str, Any]] = []
    async with client.stream("GET", "/cluster/status") as response:
        async for line in response.aiter_lines():
            lines.append(json.loads(line)["data"])
            if len(lines) == count:
                break
    return lines


def header_wait(record: ChatRecord, scale: float) -> float:
    """Scheduler seconds from a request's arrival to its headers."""
    assert record.headers_at is not None
    return (record.headers_at - record.arrived_at) * scale


async def cancel(task: "asyncio.Task[Any]") -> None:
    """Cancel a task and wait until it has ended."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
