"""The scheduler's address: which ones are valid, and that a login in it is never shown."""

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


async def test_a_login_in_the_address_is_sent_and_never_shown() -> None:
    """A proxy in front of the scheduler needs it; the error for the proxy's response does not contain it."""
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
async def test_the_error_for_an_unreachable_address_has_no_login(url: str) -> None:
    """Neither has any exception in its chain, including the request inside the library's own exceptions."""
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
def test_the_error_for_a_wrong_url_has_no_part_of_it(url: str) -> None:
    with pytest.raises(ConfigError) as raised:
        ParallaxClient(url, timeouts=Timeouts(), clock=SystemClock())
    assert "hush" not in str(raised.value)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize("url", ["", "cluster:3001", "ftp://cluster", "http://", "http://a:b"])
def test_a_wrong_url_is_a_setting_to_correct(url: str) -> None:
    with pytest.raises(ConfigError, match="PARALLAX_URL"):
        ParallaxClient(url, timeouts=Timeouts(), clock=SystemClock())
