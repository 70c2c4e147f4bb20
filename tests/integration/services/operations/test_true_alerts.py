"""Alerts are true at the moment they are sent: the capacity, what is missing, a restarted scheduler."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.cluster.boards import OpenAlert
from bot.domain.status import ClusterState, NodeState
from bot.services.operations.alerts import COOL_DOWN, MOST_LOST
from tests.fakes.clocks import HandClock
from tests.fakes.databases import new_database
from tests.fakes.schedulers import MODEL
from tests.integration.services.alerting import ATTIC, CLOSED, RACK, STUDIO, Process, process, report

BOTH = report(RACK, ATTIC)
NO_MODEL = report(model=None)
NO_MODEL_LINE = "▲ The scheduler has no model, so no question is answered. Set one with /cluster init"


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Process]:
    """A process that has seen a cluster of two ready nodes."""
    async with process(new_database(tmp_path), HandClock()) as one:
        await one.sees(BOTH)
        yield one


async def test_p15_a_capacity_that_came_back_during_a_switch_is_not_told(bot: Process) -> None:
    """It fell just before the switch began."""
    await bot.sees(replace(BOTH, capacity=0))
    bot.switch.is_under_way = True
    await bot.goes_on(5, report())
    await bot.goes_on(5, BOTH)
    bot.switch.is_under_way = False
    await bot.goes_on(30, BOTH)
    assert not any("questions at once" in line for line in bot.lines)


async def test_p15_a_capacity_is_told_once_and_as_it_is(bot: Process) -> None:
    """While the scheduler is silent nothing is told; afterwards what is true then."""
    await bot.sees(replace(BOTH, capacity=12))
    await bot.falls_silent(CLOSED)
    assert not any("questions at once" in line for line in bot.lines)
    await bot.goes_on(10, replace(BOTH, capacity=10))
    assert [line for line in bot.lines if "questions at once" in line] == [
        "● The cluster now takes 10 questions at once, 8 before"
    ]


async def test_p5_a_node_that_loads_adds_no_capacity(bot: Process) -> None:
    """Neither the card's number nor the alert comes before it is ready."""
    loading = replace(report(RACK, ATTIC, replace(STUDIO, state=NodeState.WAITING)), capacity=12)
    await bot.goes_on(120, loading)
    assert not any("questions at once" in line for line in bot.lines)
    view = bot.monitor.view()
    assert view.status is not None
    assert view.status.capacity == 8
    await bot.goes_on(10, report(RACK, ATTIC, STUDIO))
    assert "● The cluster now takes 12 questions at once, 8 before" in bot.lines


async def test_p10_a_restarted_scheduler_has_no_model_and_that_is_said(bot: Process) -> None:
    """Not that it waits for nodes, which could not help; and the end is told when a model is set."""
    await bot.falls_silent(CLOSED)
    await bot.goes_on(20, NO_MODEL)
    assert bot.lines.count(NO_MODEL_LINE) == 1
    assert not any("waits for nodes" in line or "needs more nodes" in line for line in bot.lines)
    assert "no_model" in [alert.kind for alert in await bot.open()]
    await bot.goes_on(10, report())
    assert sum("The scheduler has a model again" in line for line in bot.lines) == 1


async def test_p10_a_bot_that_starts_with_the_scheduler_says_it_as_well(tmp_path: Path) -> None:
    """Both were restarted together: nobody else would tell."""
    async with process(new_database(tmp_path), HandClock()) as bot:
        await bot.goes_on(10, NO_MODEL)
        assert bot.lines == [NO_MODEL_LINE]


async def test_p10_a_switch_that_is_about_to_set_a_model_is_no_problem(bot: Process) -> None:
    """And a cluster that works without naming its model has one."""
    bot.switch.is_under_way = True
    await bot.goes_on(30, NO_MODEL)
    bot.switch.is_under_way = False
    await bot.goes_on(30, replace(BOTH, model=None, state=ClusterState.AVAILABLE))
    assert NO_MODEL_LINE not in bot.lines


async def test_q18_workers_with_ever_new_ids_take_no_memory(bot: Process) -> None:
    """Neither in the process nor in the database; those that were lost last are the ones that are waited for."""
    for number in range(0, 2 * MOST_LOST, 64):
        batch = [replace(RACK, node_id=f"{number + count}") for count in range(64)]
        await bot.sees(report(*batch, ATTIC))
        await bot.sees(report(ATTIC))
    await bot.goes_on(10, report(ATTIC))
    lost = [alert.subject for alert in await bot.open() if alert.kind == "node_lost"]
    assert len(lost) <= MOST_LOST
    assert f"{2 * MOST_LOST - 1}" in lost
    assert len(bot.alerts._lost) <= MOST_LOST


async def test_q18_what_was_told_long_ago_takes_no_memory(bot: Process) -> None:
    """What older versions left in the database is cut, and the cool-down forgets what is older than itself."""
    many = [OpenAlert("node_lost", f"{number}", bot.clock.now() - number) for number in range(2 * MOST_LOST)]
    await bot.database.boards.begin_alerts(many)
    await bot.goes_on(5, BOTH)
    assert len(await bot.open()) == MOST_LOST
    await bot.database.boards.end_alerts(many)
    bot.clock.advance(COOL_DOWN)
    await bot.goes_on(5, BOTH)
    assert bot.alerts._told == {}


UNLISTED = (
    "▲ The model that was set cannot run: the scheduler does not list it. Set a listed one with /cluster init"
)
FAILED = "▲ The scheduler did not accept the model that was set, so none runs."


async def test_p16_a_model_that_is_not_listed_cannot_run(bot: Process) -> None:
    """Said with what helps, once; the end is told when a model is set that is listed."""
    await bot.goes_on(20, report(model="no/such-model"))
    assert bot.lines.count(UNLISTED) == 1
    assert not any("waits for nodes" in line for line in bot.lines)
    await bot.goes_on(10, report(model=MODEL))
    assert sum("The model that cannot run has been replaced" in line for line in bot.lines) == 1


async def test_p16_a_listed_model_that_was_not_accepted_does_not_run_either(bot: Process) -> None:
    """The scheduler names it, but gives no command to join (recording 14)."""
    await bot.goes_on(20, replace(report(model=MODEL), join=None))
    assert sum(line.startswith(FAILED) for line in bot.lines) == 1
    assert UNLISTED not in bot.lines


async def test_p16_no_model_is_called_wrong_while_it_may_run(bot: Process) -> None:
    """One whose nodes are there, one that has run although no list names it, and any during a switch."""
    await bot.goes_on(20, report(model="m"))
    await bot.goes_on(20, report(replace(RACK, state=NodeState.WAITING), model="no/such-model", waiting=True))
    bot.switch.is_under_way = True
    await bot.goes_on(20, report(model="no/such-model"))
    assert not any("cannot run" in line or line.startswith(FAILED) for line in bot.lines)
