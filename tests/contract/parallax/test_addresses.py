"""The scheduler's address: which ones are valid, and that a login in it is never shown."""

from __future__ import annotations

import base64
import traceback

import pytest

from bot.clock import SystemClock
from bot.errors import ClusterBusy, ConfigError, KeyWanted, SchedulerError, SchedulerUnreachable
from bot.parallax.client import ParallaxClient
from bot.parallax.timeouts import Timeouts
from bot.settings import Settings
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
        told += repr(getattr(error, "_request", None) and str(error._request.url))  # type: ignore[attr-defined]  # only httpx's errors have it
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


KEY = "sk-hush-hush-4711"


@pytest.mark.parametrize("status", [401, 403])
async def test_q12_a_scheduler_that_wants_a_key_is_named(status: int) -> None:
    """For every kind of call; the response may repeat what it likes."""
    answer = response(status, b'{"error": {"message": "invalid key", "type": "authentication_error"}}')
    async with replaying(answer) as server, asking.client(server.url) as scheduler:
        failures = [(await asking.ask(scheduler)).error, (await asking.watch(scheduler))[1]]
        with pytest.raises(KeyWanted) as raised:
            await scheduler.models()
    assert {type(failure) for failure in failures} == {KeyWanted}
    assert (raised.value.key, raised.value.status, raised.value.code) == (
        "error.scheduler_key",
        status,
        "login_required",
    )
    assert "PARALLAX_API_KEY" in str(raised.value)


async def test_q12_the_key_is_sent_as_a_bearer_token_and_never_shown() -> None:
    """Not in an error, its chain or its traceback, nor in the representation of the client."""
    async with replaying(response(502, b"no", kind="text/plain")) as server:
        scheduler = ParallaxClient(server.url, timeouts=asking.PATIENT, clock=SystemClock(), api_key=f" {KEY}\n")
        heard = await asking.ask(scheduler)
        with pytest.raises(SchedulerError) as raised:
            await scheduler.status()
        shown = repr(scheduler.__dict__) + repr(scheduler._connection.__dict__)
        shown += repr(scheduler._connection._http.headers)
        await scheduler.aclose()
    assert all(f"authorization: bearer {KEY}" in request.decode().lower() for request in server.requests)
    assert KEY not in shown + "".join(traceback.format_exception(raised.value)) + repr(heard.error)


def test_q12_the_key_is_a_secret_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "token")
    monkeypatch.setenv("PARALLAX_API_KEY", KEY)
    settings = Settings(_env_file=None)
    assert KEY in settings.secrets
    assert KEY not in repr(settings) + str(settings.model_dump())


@pytest.mark.parametrize("key", ["two words", "line\nend", "schlüssel"])
def test_q12_a_key_that_no_header_takes_is_a_setting_to_correct(key: str) -> None:
    with pytest.raises(ConfigError, match="PARALLAX_API_KEY") as raised:
        ParallaxClient("http://cluster", timeouts=Timeouts(), clock=SystemClock(), api_key=key)
    assert key not in str(raised.value)


def test_q12_a_key_and_a_login_need_the_same_header() -> None:
    with pytest.raises(ConfigError, match="not both"):
        ParallaxClient("http://ada:hush@cluster", timeouts=Timeouts(), clock=SystemClock(), api_key=KEY)


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/chat/completions", "/", ""])
@pytest.mark.parametrize("before", ["", "/behind/a/proxy"])
async def test_q13_the_path_of_the_api_is_taken_off(path: str, before: str) -> None:
    """As other clients of OpenAI's API want it in their addresses."""
    async with replaying(response(404, b"{}")) as server, asking.client(server.url + before + path) as scheduler:
        await asking.ask(scheduler)
    assert server.requests[0].startswith(f"POST {before}/v1/chat/completions HTTP/1.1\r\n".encode())


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
async def test_q14_a_proxy_of_the_environment_is_used(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with replaying(response(429, b"{}")) as proxy:
        monkeypatch.setenv(variable, proxy.url)
        async with asking.client("http://cluster.example:3001") as scheduler:
            heard = await asking.ask(scheduler)
    assert isinstance(heard.error, ClusterBusy)
    assert proxy.requests[0].startswith(b"POST http://cluster.example:3001/v1/chat/completions HTTP/1.1\r\n")


async def test_q14_no_proxy_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    async with replaying(response(429, b"{}")) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "cluster.invalid")
        async with asking.client("http://cluster.invalid:3001") as scheduler:
            heard = await asking.ask(scheduler)
    assert isinstance(heard.error, SchedulerUnreachable)
    assert proxy.requests == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_q14_a_scheduler_on_this_machine_needs_no_proxy(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with replaying(response(502, b"{}")) as proxy, replaying(response(429, b"{}")) as server:
        for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(variable, proxy.url)
        async with asking.client(server.url.replace("127.0.0.1", host)) as scheduler:
            heard = await asking.ask(scheduler)
    assert isinstance(heard.error, ClusterBusy)
    assert proxy.requests == []


@pytest.mark.parametrize("proxy", ["socks5://ada:hush@proxy:1080", "nonsense://ada:hush@proxy"])
def test_q14_a_proxy_that_cannot_be_used_is_a_setting_to_correct(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    with pytest.raises(ConfigError, match="HTTP_PROXY") as raised:
        ParallaxClient("http://cluster.example", timeouts=Timeouts(), clock=SystemClock())
    assert "hush" not in "".join(traceback.format_exception(raised.value))
