"""The scheduler's address: what is taken for one, and that a login in it is told nobody."""

from __future__ import annotations

import base64
import traceback

import pytest

from bot.clock import SystemClock
from bot.errors import ConfigError, SchedulerError
from bot.parallax.client import ParallaxClient
from bot.parallax.timeouts import Timeouts
from tests.contract.parallax import asking
from tests.contract.parallax.replay import replaying, response


def test_the_web_page_tells_no_credentials() -> None:
    scheduler = ParallaxClient("http://me:secret@cluster.example:3001", timeouts=Timeouts(), clock=SystemClock())
    assert scheduler.web_page == "http://cluster.example:3001"


async def test_a_login_in_the_address_is_sent_and_told_nobody() -> None:
    """A proxy before the scheduler wants it; what the proxy then says is told without it."""
    async with replaying(response(502, b"no scheduler behind me", kind="text/plain")) as server:
        address = server.url.replace("http://", "http://ada:hush%40hush@")
        async with asking.client(address) as scheduler:
            with pytest.raises(SchedulerError) as raised:
                await scheduler.status()
    assert f"authorization: basic {base64.b64encode(b'ada:hush@hush').decode()}".lower() in (
        server.requests[0].decode().lower()
    )
    assert "hush" not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize("url", ["http://ada:hush@127.0.0.1:9", "http://hush@127.0.0.1:9"])
async def test_an_unreachable_address_is_told_without_its_login(url: str) -> None:
    """The whole chain of the failure, with what the library's own exceptions hold."""
    async with asking.client(url) as scheduler:
        with pytest.raises(SchedulerError) as raised:
            await scheduler.status()
    error: BaseException | None = raised.value
    told = "".join(traceback.format_exception(raised.value))
    while error is not None:
        told += repr(getattr(error, "_request", None) and str(error._request.url))  # type: ignore[attr-defined]
        error = error.__cause__
    assert "127.0.0.1:9/cluster/status_json" in told
    assert "hush" not in told


@pytest.mark.parametrize("url", ["http://ada:hush:x@cluster:y", "http://ada:hush/@cluster"])
def test_a_wrong_url_is_told_without_its_parts(url: str) -> None:
    with pytest.raises(ConfigError) as raised:
        ParallaxClient(url, timeouts=Timeouts(), clock=SystemClock())
    assert "hush" not in str(raised.value)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize("url", ["", "cluster:3001", "ftp://cluster", "http://", "http://a:b"])
def test_a_wrong_url_is_a_setting_to_correct(url: str) -> None:
    with pytest.raises(ConfigError, match="PARALLAX_URL"):
        ParallaxClient(url, timeouts=Timeouts(), clock=SystemClock())
