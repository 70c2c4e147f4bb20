"""Health and metrics over real HTTP."""

from __future__ import annotations

import socket
from contextlib import closing

import aiohttp
import structlog.testing

from bot.telemetry.health import health_server
from bot.telemetry.metrics import Metrics


async def fetched(port: int | None, path: str) -> tuple[int, str]:
    """The status and the body."""
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as response:
        return response.status, await response.text()


async def test_a_live_process_is_not_ready_until_all_its_parts_are() -> None:
    """``/readyz`` names the part that is missing; ``/healthz`` does not depend on it."""
    parts = {"discord": False, "commands": True}
    async with health_server("127.0.0.1:0", Metrics(), lambda: parts) as port:
        assert await fetched(port, "/healthz") == (200, '{"alive": true}')
        assert await fetched(port, "/readyz") == (503, '{"discord": false, "commands": true}')
        parts["discord"] = True
        assert (await fetched(port, "/readyz"))[0] == 200


async def test_metrics_show_what_was_counted() -> None:
    """In Prometheus' text format."""
    metrics = Metrics()
    metrics.questions.labels("stop", "message").inc(3)
    async with health_server("127.0.0.1:0", metrics, dict) as port:
        status, text = await fetched(port, "/metrics")

    assert status == 200
    assert 'parallax_questions_total{door="message",outcome="stop"} 3.0' in text.splitlines()


async def test_two_bots_in_one_process_count_for_themselves() -> None:
    """Each has its registry."""
    first, second = Metrics(), Metrics()
    first.tokens.labels("completion").inc()
    assert b'kind="completion"' not in second.exposition()


async def test_a_taken_port_is_a_warning_and_the_bot_goes_on() -> None:
    """The bot runs without its health page."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server, structlog.testing.capture_logs() as logs:
        bind = f"127.0.0.1:{server.getsockname()[1]}"
        async with health_server(bind, Metrics(), dict) as port:
            assert port is None

    assert [(log["event"], log["log_level"], log["bind"]) for log in logs] == [
        ("health.port_taken", "warning", bind)
    ]


async def test_an_empty_bind_is_off() -> None:
    """Nothing listens."""
    async with health_server("", Metrics(), dict) as port:
        assert port is None
