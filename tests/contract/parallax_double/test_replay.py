"""A recorded answer is given again byte for byte, in its time, with its end."""

import asyncio

import httpx
import pytest

from sandbox.parallax import ParallaxDouble
from sandbox.parallax.recording import End, Recording, RecordingError, load
from tests.contract.parallax_double.raw_http import RECORDINGS, exchange, recording, request_bytes


def _replayable() -> list[Recording]:
    found = []
    for path in sorted(RECORDINGS.glob("*.txt")):
        try:
            found.append(load(path))
        except RecordingError:
            continue  # a timeline of several requests, not one exchange
    return found


@pytest.mark.parametrize("recorded", _replayable(), ids=lambda recorded: recorded.name)
async def test_every_recording_comes_back_byte_for_byte(recorded: Recording) -> None:
    """The client reads exactly the recorded bytes, and the recorded end."""
    request = request_bytes(recorded.method, recorded.path, recorded.request_body)
    async with ParallaxDouble(time_scale=1000, recordings_dir=RECORDINGS) as parallax:
        parallax.replay(recorded.name)
        if recorded.end is End.SILENCE:
            answer = await exchange(parallax.url, request, expect=len(recorded.data))
        else:
            answer = await exchange(parallax.url, request)
        assert answer.data == recorded.data
        assert answer.ended == (recorded.end is not End.SILENCE)


async def test_silence_lasts_until_the_client_leaves() -> None:
    """Recording 55 goes quiet after ten tokens and has no end."""
    recorded = recording("55_stream_stall_300s")
    async with ParallaxDouble(time_scale=1000) as parallax:
        parallax.replay(recorded)
        with pytest.raises(TimeoutError):
            await exchange(parallax.url, request_bytes("POST", recorded.path, "{}"), timeout=0.5)
        await parallax.wait_until(lambda: parallax.requests[0].hung_up)


async def test_a_replay_keeps_the_recorded_times() -> None:
    """At time scale 1 the answer takes as long as it took."""
    recorded = recording("31_stream_no_usage")
    async with ParallaxDouble() as parallax, httpx.AsyncClient(base_url=parallax.url) as client:
        parallax.replay(recorded)
        started = asyncio.get_running_loop().time()
        ended_at = 0.0
        async with client.stream("POST", recorded.path, json={"stream": True}) as response:
            headers_at = asyncio.get_running_loop().time() - started
            async for _ in response.aiter_bytes():
                ended_at = asyncio.get_running_loop().time() - started
        assert 0.051 < headers_at < 0.5
        assert 0.218 < ended_at < 0.8
        await parallax.wait_until(lambda: parallax.requests[0].outcome == "replayed")


async def test_a_reset_reaches_the_client_as_a_read_error() -> None:
    """A recording that ended with a reset breaks the connection instead of closing it."""
    recorded = recording("30_stream_full")
    broken = Recording(
        "broken", "POST", recorded.path, "", recorded.reads[:3], end=End.RESET, ended_at=0.3, left_out=0
    )
    async with ParallaxDouble(time_scale=10) as parallax, httpx.AsyncClient(base_url=parallax.url) as client:
        parallax.replay(broken)
        with pytest.raises(httpx.ReadError):
            await client.post(recorded.path, json={})


async def test_a_replay_waits_for_its_own_path() -> None:
    """A recorded status stream is not taken by a chat request."""
    async with ParallaxDouble(time_scale=100, recordings_dir=RECORDINGS) as parallax:
        parallax.replay("18_v1_models_after_init")
        async with httpx.AsyncClient(base_url=parallax.url) as client:
            models = await client.get("/model/list")
            replayed = await client.get("/v1/models")
            simulated = await client.get("/v1/models")
        assert models.json()["type"] == "model_list"
        assert replayed.json()["data"][0]["id"] == "Qwen/Qwen3-0.6B"
        assert simulated.json()["data"][0]["id"] == "Qwen/Qwen3-8B"
