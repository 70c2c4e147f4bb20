"""The pool of connections to Discord, and the choice of a proxy."""

from __future__ import annotations

import socket

import aiohttp
import pytest
from aiohttp import web

from bot.discord_io.connection import POOLED_SECONDS, closed_for_good, connector, proxy_for
from bot.errors import ConfigError

DISCORD = "https://discord.com/api/v10"


@pytest.fixture(autouse=True)
def no_proxy_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy in the environment."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.parametrize(
    ("url", "configured", "environment", "proxy"),
    [
        (DISCORD, "", {}, None),
        (DISCORD, "http://mine:1", {"HTTPS_PROXY": "http://theirs:2", "NO_PROXY": "*"}, "http://mine:1"),
        (DISCORD, "", {"HTTPS_PROXY": "http://theirs:2"}, "http://theirs:2"),
        (DISCORD, "", {"https_proxy": "http://theirs:2"}, "http://theirs:2"),
        (DISCORD, "", {"HTTP_PROXY": "http://theirs:2"}, None),
        (DISCORD, "", {"HTTPS_PROXY": "http://theirs:2", "NO_PROXY": "example.com,discord.com"}, None),
        (DISCORD, "", {"HTTPS_PROXY": "socks5://theirs:2"}, None),
        ("http://127.0.0.1:8000/api", "", {"HTTP_PROXY": "http://theirs:2"}, None),
        ("http://double.test/api", "", {"HTTP_PROXY": "http://theirs:2"}, "http://theirs:2"),
    ],
)
def test_q14_the_setting_decides_then_the_environment(
    monkeypatch: pytest.MonkeyPatch, url: str, configured: str, environment: dict[str, str], proxy: str | None
) -> None:
    """As other programs read it: by scheme, unless NO_PROXY names the host."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(url, configured) == proxy


async def test_o2_a_dead_connection_is_noticed() -> None:
    """By the system's own questions to a silent peer, and by bytes that nobody confirms."""

    async def home(_: web.Request) -> web.Response:
        return web.Response()

    app = web.Application()
    app.router.add_get("/", home)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with aiohttp.ClientSession(connector=connector()) as session:
        await (await session.get(f"http://127.0.0.1:{runner.addresses[0][1]}/")).read()
        (pool,) = session.connector._conns.values()  # type: ignore[union-attr]  # it was given a connector above
        transport = pool[0][0].transport
        assert transport is not None
        opened = transport.get_extra_info("socket")
        assert opened.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 10_000
    await runner.cleanup()


async def test_o2_an_unused_connection_is_not_kept_for_long() -> None:
    """An interaction must be answered within three seconds, so it must not wait on a dead one."""
    pool = connector()
    assert pool._keepalive_timeout == POOLED_SECONDS <= 5.0
    await pool.close()


@pytest.mark.parametrize(
    ("code", "shard_count", "is_setting", "words"),
    [
        (4010, 0, False, "closed the connection with 4010"),
        (4010, 2, True, "SHARD_COUNT or SHARD_IDS is not valid"),
        (4011, 0, False, "start it again: it asks Discord for their number"),
        (4011, 2, True, "SHARD_COUNT is too small"),
        (4013, 0, False, "closed the connection with 4013"),
    ],
)
def test_a_connection_that_is_closed_because_of_shards_names_the_setting(
    code: int, shard_count: int, is_setting: bool, words: str
) -> None:
    """Only when it was set: then a restart does not help (exit code 2)."""
    error = closed_for_good(code, message_content=False, shard_count=shard_count)
    assert isinstance(error, ConfigError) == is_setting
    assert words in str(error)
