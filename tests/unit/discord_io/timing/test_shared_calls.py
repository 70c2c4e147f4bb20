"""Calls to Discord while other processes make calls with the same token."""

from __future__ import annotations

from bot.discord_io.outgoing import Outgoing
from bot.domain.discord_calls.brake import HOLDS_BACK, Level
from bot.domain.discord_calls.budget import CALLS
from bot.domain.discord_calls.priority import CallPriority
from bot.telemetry.metrics import Metrics
from tests.fakes.clocks import LoopClock


async def test_a_process_takes_its_part_of_the_calls_as_others_come_and_go() -> None:
    """It looks how many there are whenever it asks."""
    others = [2]
    outgoing = Outgoing(LoopClock(), Metrics(), lambda: others[0])
    tickets = [outgoing.ask(CallPriority.OTHER, interaction=False) for _ in range(CALLS)]
    assert sum(ticket.granted.is_set() for ticket in tickets) == CALLS // 3
    others[0] = 0
    tickets.append(outgoing.ask(CallPriority.OTHER, interaction=False))
    assert sum(ticket.granted.is_set() for ticket in tickets) == CALLS
    await outgoing.aclose()


async def test_the_brake_holds_back_at_this_process_s_part() -> None:
    """Each of the others may get as many invalid answers."""
    others = [3]
    outgoing = Outgoing(LoopClock(), Metrics(), lambda: others[0])
    for _ in range(HOLDS_BACK // 4):
        assert outgoing.level() is Level.OPEN
        ticket = await outgoing.leave(interaction=True)
        outgoing.answered(ticket, 403)
    assert outgoing.level() is Level.HELD_BACK
    others[0] = 0
    assert outgoing.level() is Level.OPEN
    await outgoing.aclose()
