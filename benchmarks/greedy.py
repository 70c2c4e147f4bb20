"""A client of the scheduler that keeps a number of requests in flight, or simply sends everything at once."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import httpx

from benchmarks.load import longest_hold, script_of
from sandbox.parallax import CHAT_PATH, ParallaxDouble

PATIENCE = 600.0


@dataclass(frozen=True, slots=True)
class Streams:
    """What a client met, in the scheduler's seconds; ``first_tokens`` since all were asked."""

    makespan: float
    longest_hold: float
    failed: int
    first_tokens: tuple[float, ...]


async def streams(parallax: ParallaxDouble, count: int, seconds: float, in_flight: int) -> Streams:
    """Ask ``count`` questions of ``seconds`` each on an open double, ``in_flight`` at a time."""
    for _ in range(count):
        parallax.script(script_of(seconds))
    turns = asyncio.Semaphore(in_flight)
    limits = httpx.Limits(max_connections=None)
    began = time.monotonic()
    async with httpx.AsyncClient(base_url=parallax.url, timeout=PATIENCE, limits=limits) as client:
        good = await asyncio.gather(*(_stream(client, number, turns) for number in range(count)))
    makespan = time.monotonic() - began
    scale = parallax.time_scale
    firsts = [one.first_token_at for one in parallax.requests if one.first_token_at is not None]
    return Streams(
        makespan=makespan * scale,
        longest_hold=longest_hold(parallax.requests) * scale,
        failed=good.count(False),
        first_tokens=tuple((first - began) * scale for first in firsts),
    )


async def _stream(client: httpx.AsyncClient, number: int, turns: asyncio.Semaphore) -> bool:
    body = {"messages": [{"role": "user", "content": f"question {number}"}], "stream": True}
    async with turns, client.stream("POST", CHAT_PATH, json=body) as response:
        text = "".join([piece async for piece in response.aiter_text()])
    return response.status_code == 200 and "[DONE]" in text
