"""Alerts of several clusters: each names its own, and what is about the bot is told once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.discord_io.outgoing import Ticket
from bot.domain.discord_calls.brake import HOLDS_BACK
from bot.domain.discord_calls.priority import CallPriority
from tests.fakes.clocks import HandClock
from tests.fakes.databases import new_database
from tests.integration.services.alerting import ATTIC, CLOSED, RACK, Channel, Process, process, report

BOTH = report(RACK, ATTIC)


@pytest.fixture
async def clusters(tmp_path: Path) -> AsyncIterator[tuple[Process, Process]]:
    """What one process has for each of two clusters, of which the first tells of the bot too."""
    url, clock, channel = new_database(tmp_path), HandClock(), Channel()
    async with (
        process(url, clock, channel=channel, cluster_name="studio") as studio,
        process(url, clock, channel=channel, cluster_name="office", tells_of_bot=False) as office,
    ):
        for one in (studio, office):
            await one.sees(BOTH)
        yield studio, office


async def test_a_problem_and_its_end_name_the_cluster(clusters: tuple[Process, Process]) -> None:
    """The other one is not concerned; the same problem there is another one."""
    studio, office = clusters
    await studio.falls_silent(CLOSED)
    await studio.goes_on(10)
    (told,) = studio.lines
    assert told.startswith("▲ **studio** · The scheduler does not answer: ")
    await office.falls_silent(CLOSED)
    await office.goes_on(10)
    assert [line.partition(":")[0] for line in office.lines[1:]] == [
        "▲ **office** · The scheduler does not answer"
    ]
    await studio.sees(BOTH)
    await studio.goes_on(10, BOTH)
    assert studio.lines[2].startswith("✓ **studio** · The scheduler answers again")
    assert len(studio.lines) == 3


async def test_a_node_that_left_one_cluster_is_lost_there(clusters: tuple[Process, Process]) -> None:
    """Although the other still lists one of the same name."""
    studio, office = clusters
    await studio.goes_on(20, report(ATTIC))
    await office.goes_on(5, BOTH)
    assert [line for line in studio.lines if "left" in line] == [
        "▲ **studio** · **rack-1** (RTX 4090) left the cluster"
    ]


async def test_what_is_about_the_bot_is_told_once_and_names_no_cluster(clusters: tuple[Process, Process]) -> None:
    """Each cluster's alerts see that Discord refuses calls."""
    for one in clusters:
        for _ in range(HOLDS_BACK):
            one.outgoing.answered(Ticket(CallPriority.OTHER, interaction=False), 429)
    for one in clusters:
        await one.goes_on(10, BOTH)
    (told,) = [line for line in clusters[0].lines if "Discord" in line]
    assert told.startswith("▲ Discord has refused 1,000 calls in ten minutes")
