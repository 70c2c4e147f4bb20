"""The event loop that the bot runs on."""

from __future__ import annotations

import asyncio
import sys

import pytest

from bot import event_loop
from bot.errors import ConfigError


async def running() -> str:
    return type(asyncio.get_running_loop()).__module__.partition(".")[0]


async def failing() -> None:
    raise LookupError("inside")


@pytest.mark.skipif(sys.platform == "win32", reason="uvloop has no Windows")
def test_uvloop_is_used_where_it_is_installed() -> None:
    assert event_loop.run(running()) == event_loop.run(running(), "uvloop") == "uvloop"


def test_the_loop_of_the_standard_library_can_be_chosen() -> None:
    assert event_loop.run(running(), "asyncio") == "asyncio"


def test_without_uvloop_the_loop_of_the_standard_library_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert event_loop.run(running()) == "asyncio"
    with pytest.raises(ConfigError, match="EVENT_LOOP"):
        event_loop.run(running(), "uvloop")


def test_what_the_work_raises_is_raised() -> None:
    with pytest.raises(LookupError, match="inside"):
        event_loop.run(failing())
