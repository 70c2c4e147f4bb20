"""Minutes of edits, in virtual time: the library, the double and its limits all wait on one loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest

from sandbox.clock import Clock as SandboxClock
from sandbox.discord_api import DiscordDouble
from tests.fakes.clocks import LoopClock
from tests.fakes.loops import VirtualTimeLoop
from tests.integration.discord_io.conftest import DeliveryRig, delivery_rig


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """One loop, so no test's name changes."""
    return {"virtual time": VirtualTimeLoop}


class LoopSandboxClock(SandboxClock):
    """The sandbox's time, with rate-limit windows in the loop's seconds."""

    @staticmethod
    def monotonic() -> float:
        """The loop's seconds."""
        return asyncio.get_running_loop().time()


@pytest.fixture
async def live_answers(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DeliveryRig]:
    """Discord 60 ms away with its limits on."""
    async with delivery_rig(DiscordDouble(clock=LoopSandboxClock()), monkeypatch, LoopClock()) as opened:
        yield opened
