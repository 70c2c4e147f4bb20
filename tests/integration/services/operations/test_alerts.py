"""Alerts: each problem once, its end when it is seen, and news."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.discord_io.outgoing import Ticket
from bot.domain.cluster.boards import OpenAlert
from bot.domain.cluster.nodes import NamedNode
from bot.domain.discord_calls.brake import CUTS_OFF, HOLDS_BACK, WINDOW
from bot.domain.discord_calls.priority import CallPriority
from bot.domain.status import NodeState
from bot.errors import SchedulerUnreachable, UpstreamFailed
from bot.services.operations.alerts import COOL_DOWN, FORGOTTEN_AFTER
from tests.fakes.clocks import HandClock
from tests.fakes.databases import new_database
from tests.integration.services.alerting import (
    ATTIC,
    CLOSED,
    FROZEN,
    RACK,
    ROLE,
    STUDIO,
    Process,
    process,
    report,
)

LOST = "▲ **rack-1** (RTX 4090) left the cluster"
BACK = "✓ **rack-1** is back · away"
ANSWERS = "✓ The scheduler answers again"
BOTH = report(RACK, ATTIC)


@pytest.fixture
def clock() -> HandClock:
    """The clock of all processes."""
    return HandClock()


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The database of all processes."""
    return new_database(tmp_path)


@pytest.fixture
async def bot(url: str, clock: HandClock) -> AsyncIterator[Process]:
    """A process that has seen a cluster of two ready nodes."""
    async with process(url, clock) as one:
        await one.sees(BOTH)
        yield one


async def test_a_lost_node_and_its_return(bot: Process) -> None:
    """A loss that lasts is announced with a ping, its end without one."""
    await bot.sees(report(ATTIC))
    await bot.goes_on(2, report(ATTIC))
    assert bot.lines == []
    await bot.goes_on(2, report(ATTIC))
    assert bot.lines[0] == LOST
    assert bot.channel.messages[0].role_id == ROLE
    await bot.goes_on(60, report(ATTIC))
    before = len(bot.channel.messages)
    await bot.goes_on(10, BOTH)
    (over,) = bot.channel.messages[before:]
    assert over.lines[0].startswith(BACK)
    assert over.role_id is None
    assert await bot.open() == []


@pytest.mark.parametrize("error", [FROZEN, CLOSED])
async def test_a_node_is_not_back_because_nobody_tells(bot: Process, error: SchedulerUnreachable) -> None:
    """While the scheduler is frozen or down, a lost node is not announced as back."""
    await bot.goes_on(10, report(ATTIC))
    await bot.falls_silent(error)
    for _ in range(4):
        await bot.stays_silent(error)
    assert BACK not in "".join(bot.lines)
    assert sum("The scheduler" in line for line in bot.lines) == 1
    await bot.goes_on(10, BOTH)
    assert sum(line.startswith(BACK) for line in bot.lines) == 1


async def test_more_nodes_are_needed_until_the_cluster_is_usable(bot: Process) -> None:
    """A freeze or a restart of the scheduler does not end this problem; a usable cluster does."""
    short = report(ATTIC, waiting=True, more=True)
    await bot.goes_on(10, short)
    assert "▲ The cluster needs more nodes" in bot.lines
    assert not any("not usable any more" in line for line in bot.lines)
    await bot.falls_silent(FROZEN)
    await bot.stays_silent(FROZEN)
    await bot.goes_on(10, report(model=None))
    assert not any("has enough nodes" in line for line in bot.lines)
    await bot.goes_on(10, BOTH)
    assert sum("has enough nodes" in line for line in bot.lines) == 1
    assert not any("is usable" in line for line in bot.lines)


async def test_questions_fail_until_one_is_answered(bot: Process, url: str, clock: HandClock) -> None:
    """Neither a freeze nor a restart of the bot ends this problem; an answer does."""
    for _ in range(3):
        bot.monitor.chat_failed(UpstreamFailed("broken"))
    await bot.goes_on(10, BOTH)
    assert sum("Questions fail" in line for line in bot.lines) == 1
    await bot.falls_silent(FROZEN)
    await bot.stays_silent(FROZEN)
    await bot.goes_on(10, BOTH)
    async with process(url, clock, channel=bot.channel) as later:
        await later.sees(BOTH)
        await later.goes_on(10, BOTH)
        assert not any("Questions are answered" in line for line in later.lines)
        later.monitor.chat_completed()
        await later.goes_on(10, BOTH)
        assert sum("Questions are answered again" in line for line in later.lines) == 1


async def test_a_frozen_scheduler_that_is_restarted(bot: Process) -> None:
    """While it restarts, its port is closed: that is no answer, and no second problem."""
    await bot.falls_silent(FROZEN)
    await bot.stays_silent(FROZEN)
    assert len(bot.lines) == 1
    assert "Restart it" in bot.lines[0]
    for _ in range(40):
        await bot.stays_silent(CLOSED)
    assert len(bot.lines) == 1
    await bot.goes_on(10, BOTH)
    assert len(bot.lines) == 2
    assert bot.lines[1].startswith(ANSWERS)


async def test_one_line_of_a_scheduler_is_not_an_answer(bot: Process) -> None:
    """It freezes again after one report: nothing is announced."""
    await bot.falls_silent(FROZEN)
    await bot.stays_silent(FROZEN)
    await bot.sees(BOTH)
    await bot.goes_on(6)
    await bot.falls_silent(FROZEN)
    assert len(bot.lines) == 1


async def test_a_restart_of_the_bot_while_the_scheduler_is_frozen(
    bot: Process, url: str, clock: HandClock
) -> None:
    """The new process neither repeats nor ends the problem before it has seen the scheduler itself."""
    await bot.falls_silent(FROZEN)
    await bot.stays_silent(FROZEN)
    assert len(bot.lines) == 1
    async with process(url, clock, channel=bot.channel) as later:
        await later.goes_on(10)
        await later.falls_silent(FROZEN)
        await later.stays_silent(FROZEN)
        assert len(later.lines) == 1
        assert [alert.kind for alert in await later.open()] == ["not_answering"]
        await later.goes_on(10, BOTH)
        assert len(later.lines) == 2
        assert later.lines[1].startswith(ANSWERS)


async def test_an_alert_of_an_older_version_ends_as_any(bot: Process) -> None:
    """Older versions stored ``frozen`` as a kind of its own."""
    await bot.database.boards.begin_alerts([OpenAlert("frozen", "", bot.clock.now() - 60)])
    await bot.goes_on(10, report())
    assert [line for line in bot.lines if line.startswith(ANSWERS)]
    assert "frozen" not in [alert.kind for alert in await bot.open()]


async def test_a_switch_takes_nothing_back(bot: Process) -> None:
    """A node that was lost before a switch is announced as back only when it is listed again."""
    await bot.goes_on(10, report(ATTIC))
    bot.switch.is_under_way = True
    await bot.goes_on(30, report(ATTIC))
    await bot.goes_on(30, report())
    assert BACK not in "".join(bot.lines)
    assert sum("left the cluster" in line for line in bot.lines) == 1
    await bot.goes_on(30, BOTH)
    bot.switch.is_under_way = False
    await bot.goes_on(10, BOTH)
    assert sum(line.startswith(BACK) for line in bot.lines) == 1
    assert sum("left the cluster" in line for line in bot.lines) == 1


async def test_a_stranded_cluster_stays_so_when_a_switch_begins(bot: Process) -> None:
    """The problem ends when the workers have stopped, not when a switch begins."""
    await bot.sees(report(model="other"))
    stranded = report(RACK, ATTIC, model="other", waiting=True, more=True)
    await bot.goes_on(10, stranded)
    assert sum("is stranded" in line for line in bot.lines) == 1
    bot.switch.is_under_way = True
    await bot.goes_on(30, stranded)
    assert not any("no longer stranded" in line for line in bot.lines)
    await bot.goes_on(10, report(model="other"))
    assert sum("no longer stranded" in line for line in bot.lines) == 1


async def test_a_node_that_never_returns_is_forgotten_silently(bot: Process) -> None:
    """Its loss ends without a message; if it returns after that, it is a new node."""
    await bot.goes_on(10, report(ATTIC))
    before = bot.lines
    bot.clock.advance(FORGOTTEN_AFTER)
    await bot.goes_on(10, report(ATTIC))
    assert bot.lines == before
    assert await bot.open() == []
    await bot.goes_on(40, BOTH)
    assert "✓ **rack-1** (RTX 4090) joined the cluster and is ready" in bot.lines


async def test_an_unnamed_worker_under_another_peer_id_is_forgotten_silently(bot: Process, url: str) -> None:
    """It counts as a new node; no process announces the old one as back."""
    again = replace(RACK, node_id="rack-again")
    await bot.goes_on(10, report(ATTIC))
    await bot.goes_on(10, report(ATTIC, again))
    assert "✓ **rack-again** (RTX 4090) joined the cluster and is ready" in bot.lines
    bot.clock.advance(FORGOTTEN_AFTER)
    async with process(url, bot.clock, channel=bot.channel) as later:
        await later.sees(report(ATTIC, again))
        await later.goes_on(10, report(ATTIC, again))
        assert BACK not in "".join(later.lines)
        assert await later.open() == []


async def test_a_named_worker_under_another_peer_id_is_back(bot: Process) -> None:
    """Found again by its hardware: no newcomer."""
    await bot.database.node_names.put(NamedNode("rack-1", "the rack", 5, "RTX 4090", 1, 24.0))
    await bot.goes_on(10, report(ATTIC))
    assert bot.channel.messages[0].user_ids == (5,)
    await bot.goes_on(50, report(ATTIC, replace(RACK, node_id="rack-again")))
    assert sum("**the rack** is back" in line for line in bot.lines) == 1
    assert not any("joined" in line for line in bot.lines)


async def test_what_goes_wrong_together_is_one_message(bot: Process) -> None:
    """Five nodes on one plug: one message, one ping, and one when they are back."""
    five = [replace(RACK, node_id=f"shelf-{number}") for number in range(5)]
    await bot.goes_on(60, report(*five, ATTIC))
    before = len(bot.channel.messages)
    await bot.goes_on(1, report(*five[3:], ATTIC))
    await bot.goes_on(20, report(ATTIC))
    (lost,) = bot.channel.messages[before : before + 1]
    assert [line for line in lost.lines if "left the cluster" in line] == [
        f"▲ **shelf-{number}** (RTX 4090) left the cluster" for number in range(5)
    ]
    assert [message.role_id for message in bot.channel.messages[before:]].count(ROLE) == 1
    await bot.goes_on(10, report(*five, ATTIC))
    (over,) = (message for message in bot.channel.messages if "is back" in message.text)
    assert len([line for line in over.lines if "is back" in line]) == 5


async def test_very_much_at_once_is_cut(bot: Process) -> None:
    """Short enough for a message, with the number of the rest."""
    many = [replace(RACK, node_id=f"hall-{number:02}") for number in range(30)]
    await bot.goes_on(60, report(*many, ATTIC))
    before = len(bot.channel.messages)
    await bot.goes_on(10, report(ATTIC))
    lost = bot.channel.messages[before]
    assert lost.lines[-1].startswith("… and 2")
    assert len(lost.lines) == 11


async def test_what_comes_and_goes_is_told_once_in_a_while(bot: Process) -> None:
    """A node that flaps pings nobody every minute."""
    for _ in range(5):
        await bot.goes_on(10, report(ATTIC))
        await bot.goes_on(10, BOTH)
    assert [line.partition(" · ")[0] for line in bot.lines if "rack-1" in line] == [LOST, BACK.partition(" · ")[0]]
    bot.clock.advance(COOL_DOWN)
    await bot.goes_on(10, report(ATTIC))
    assert bot.lines.count(LOST) == 2


async def test_a_newcomer_is_told_when_it_works(bot: Process) -> None:
    """One line for joining and getting ready, beside the capacity that it brings; nobody is pinged."""
    joining = replace(STUDIO, state=NodeState.WAITING)
    await bot.goes_on(10, replace(report(RACK, ATTIC, joining), capacity=8))
    assert bot.lines == []
    await bot.goes_on(10, report(RACK, ATTIC, STUDIO))
    (message,) = bot.channel.messages
    assert sorted(message.lines) == [
        "● The cluster now takes 12 questions at once, 8 before",
        "✓ **studio** (M2 Ultra) joined the cluster and is ready",
    ]
    assert message.role_id is None


async def test_a_newcomer_that_does_not_get_ready(bot: Process) -> None:
    """Is told as what it is, and later that it works."""
    joining = replace(report(RACK, ATTIC, replace(STUDIO, state=NodeState.WAITING)), capacity=8)
    await bot.goes_on(40, joining)
    assert bot.lines == ["○ **studio** (M2 Ultra) joined the cluster and is not ready yet"]
    await bot.goes_on(10, replace(joining, nodes=(RACK, ATTIC, STUDIO)))
    assert bot.lines[1:] == ["✓ **studio** (M2 Ultra) is ready"]


async def test_a_newcomer_that_left_at_once_is_no_news(bot: Process) -> None:
    """It has only been tried."""
    await bot.goes_on(2, replace(report(RACK, ATTIC, replace(STUDIO, state=NodeState.WAITING)), capacity=8))
    await bot.goes_on(60, BOTH)
    assert not any("joined" in line for line in bot.lines)


async def test_the_first_time_that_the_cluster_is_usable(url: str, clock: HandClock) -> None:
    """After a start without nodes, and after a switch: that is what operators waited for."""
    async with process(url, clock) as bot:
        await bot.sees(report())
        await bot.goes_on(10, BOTH)
        assert "✓ The cluster is usable: m" in bot.lines
        told = len(bot.lines)
        bot.switch.is_under_way = True
        await bot.goes_on(10, report())
        await bot.goes_on(2, BOTH)
        bot.switch.is_under_way = False
        await bot.goes_on(10, BOTH)
        assert bot.lines[told:] == ["✓ The cluster is usable: m"]


async def test_a_cluster_that_waits_and_works_again(bot: Process) -> None:
    """The problem and its end are announced once each, without news about the same."""
    await bot.goes_on(10, report(RACK, ATTIC, waiting=True))
    await bot.goes_on(10, BOTH)
    assert [line.partition(" · ")[0] for line in bot.lines] == [
        "▲ The cluster is not usable any more: it waits for nodes",
        "✓ The cluster is usable again",
    ]


HELD_BACK = "▲ Discord has refused 1,000 calls in ten minutes"
CUT_OFF = "▲ Discord has refused 5,000 calls in ten minutes"


def refused(bot: Process, count: int) -> None:
    """Let Discord refuse this many calls of this process now."""
    for _ in range(count):
        bot.outgoing.answered(Ticket(CallPriority.OTHER, interaction=False), 429)


def told_of_calls(bot: Process) -> list[str]:
    """The alerts about refused calls, without what to do."""
    return [line.partition(", and")[0].partition(";")[0] for line in bot.lines if "Discord" in line]


async def test_calls_that_discord_refuses(bot: Process) -> None:
    """Each level is announced once with a ping, and its end ten minutes later."""
    refused(bot, HOLDS_BACK)
    await bot.goes_on(10, BOTH)
    assert told_of_calls(bot) == [HELD_BACK]
    assert bot.channel.messages[-1].role_id == ROLE

    refused(bot, CUTS_OFF - HOLDS_BACK)
    await bot.goes_on(10, BOTH)
    assert told_of_calls(bot) == [HELD_BACK, CUT_OFF]

    bot.clock.advance(WINDOW - 15)
    await bot.goes_on(20, BOTH)
    assert told_of_calls(bot)[2:] == [
        "✓ Discord refuses fewer calls",
        "✓ Discord refuses only a few calls now",
    ]
    assert await bot.open() == []


async def test_a_process_beside_does_not_take_it_back(bot: Process, url: str, clock: HandClock) -> None:
    """A process whose own calls are fine ends the problem only after ten minutes."""
    refused(bot, HOLDS_BACK)
    await bot.goes_on(10, BOTH)
    async with process(url, clock, owner="another", channel=bot.channel) as other:
        await other.sees(BOTH)
        await other.goes_on(10, BOTH)
        assert told_of_calls(other) == [HELD_BACK]

        clock.advance(WINDOW)
        await other.sees(BOTH)
        await other.goes_on(10, BOTH)
        assert told_of_calls(other) == [HELD_BACK, "✓ Discord refuses only a few calls now"]
