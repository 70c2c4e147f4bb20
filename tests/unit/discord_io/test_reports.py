"""What a failed command or press leaves behind: one sentence for the person, one event in the log."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import discord
import pytest
from structlog.testing import capture_logs

from bot.discord_io.command_tree import UNKNOWN_INTERACTION, report
from bot.discord_io.interaction_calls import ALREADY_ACKNOWLEDGED
from bot.i18n.catalogue import say
from tests.fakes.refusals import refusal


class Pressed:
    """An interaction that was not acknowledged, and the sentences that its person was told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.command = None
        self.extras: dict[str, object] = {}
        self.user = SimpleNamespace(id=7)
        self.locale = SimpleNamespace(value="en-US")
        self.response = SimpleNamespace(is_done=lambda: False, send_message=self._send)

    async def _send(self, *, view: discord.ui.LayoutView, **_: Any) -> None:
        texts = [item.content for item in view.walk_children() if isinstance(item, discord.ui.TextDisplay)]
        self.told.append("\n".join(texts))


async def reported(error: Exception) -> tuple[list[str], list[tuple[str, str]]]:
    """What the person was told, and the log's events with their levels."""
    pressed = Pressed()
    with capture_logs() as entries:
        await report(cast("discord.Interaction", pressed), error)
    return pressed.told, [(entry["log_level"], entry["event"]) for entry in entries]


@pytest.mark.parametrize(
    ("error", "entry"),
    [
        (refusal(404, UNKNOWN_INTERACTION), ("warning", "interaction.expired")),
        (refusal(400, ALREADY_ACKNOWLEDGED), ("info", "interaction.answered_elsewhere")),
    ],
)
async def test_nothing_is_sent_where_discord_has_just_said_that_nothing_can_be(
    error: Exception, entry: tuple[str, str]
) -> None:
    """A further call would be refused too, and counts towards a ban. It is no bug either: no traceback."""
    assert await reported(error) == ([], [entry])


@pytest.mark.parametrize(
    "error", [refusal(503, 0), refusal(429, 0), aiohttp.ServerDisconnectedError(), ConnectionResetError()]
)
async def test_a_call_that_got_lost_is_told_and_is_no_bug(error: Exception) -> None:
    """Discord fails or the network does: no traceback."""
    told, entries = await reported(error)
    assert len(told) == 1
    assert told[0].startswith(say("en-US", "error.connection_lost"))
    assert entries == [("warning", "interaction.call_lost")]


@pytest.mark.parametrize("error", [refusal(404, 10008), refusal(400, 50035), ValueError("a bug")])
async def test_any_other_failure_is_told_with_its_incident(error: Exception) -> None:
    """A message that is unknown, a call that Discord finds wrong, a bug: the log has the traceback."""
    told, entries = await reported(error)
    assert len(told) == 1
    assert "Something went wrong on our side" in told[0]
    assert entries == [("error", "interaction.failed")]
