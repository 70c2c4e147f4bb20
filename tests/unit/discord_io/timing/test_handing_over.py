"""The end of a process whose place another one takes: what it hears until then is answered, by one of both."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import discord
import pytest

from bot.discord_io.command_tree import LEFT_TO_OTHERS, Guard
from bot.discord_io.handing_over import BOTH_HEAR, TIMES, hand_over
from bot.domain.interaction_rates import InteractionRates, RateLimit, Sent
from tests.fakes.clocks import LoopClock
from tests.fakes.sharing import ScriptedHearing, ScriptedHolds
from tests.unit.discord_io.timing.test_shutdown import Kind, Sending


class Heard:
    """What a process hears: when it left that to others, and when it stopped."""

    def __init__(self) -> None:
        self.left_at: list[float] = []
        self.stopped_at: list[float] = []

    def leave_to_others(self) -> None:
        """Note the time."""
        self.left_at.append(LoopClock().monotonic())

    async def stop_hearing(self) -> None:
        """Note the time."""
        self.stopped_at.append(LoopClock().monotonic())


async def test_a_process_hears_for_a_moment_longer_than_nobody_else() -> None:
    """What was said before the others heard is on its way to this one only."""
    heard = Heard()
    assert await hand_over(heard, ScriptedHolds([(True, True)]), LoopClock())
    assert heard.stopped_at == [heard.left_at[0] + BOTH_HEAR]


async def test_a_process_that_nobody_replaces_goes_on_hearing() -> None:
    """Until it ends."""
    heard = Heard()
    assert not await hand_over(heard, ScriptedHolds([(False, False)]), LoopClock())
    assert heard.left_at == heard.stopped_at == []


async def test_when_the_next_process_ends_at_once_another_one_may_take_its_place() -> None:
    """Meanwhile this one hears as before."""
    heard, holds = Heard(), ScriptedHolds([(True, False), (True, True)])
    assert await hand_over(heard, holds, LoopClock())
    assert holds.asked == 2
    assert len(heard.stopped_at) == 1


async def test_it_does_not_wait_for_ever_for_processes_that_end_at_once() -> None:
    """The supervisor would kill it."""
    heard, holds = Heard(), ScriptedHolds([(True, False)] * (TIMES + 1))
    assert not await hand_over(heard, holds, LoopClock())
    assert holds.asked == TIMES
    assert heard.stopped_at == []


def guard(hearing: ScriptedHearing) -> Guard:
    """One whose rates nobody reaches."""
    return Guard(InteractionRates(RateLimit(1000, 1000.0), LoopClock()), LoopClock(), hearing=hearing)


def interaction(number: int) -> tuple[Sending, discord.Interaction[Any]]:
    """A press with this id."""
    sending = Sending(Kind.component)
    sending.id = number  # type: ignore[attr-defined]  # a press has an id
    return sending, cast("discord.Interaction[Any]", sending)


@pytest.mark.parametrize("is_leaving", [False, True])
async def test_what_another_process_answers_is_left_alone(*, is_leaving: bool) -> None:
    """Whoever asks first has it; this one asks late when it is about to end."""
    asked = guard(ScriptedHearing({1}))
    if is_leaving:
        asked.in_hand.leave()
    sending, press = interaction(1)
    began = LoopClock().monotonic()
    assert not await asked.admits(press, Sent.PRESS)
    assert LoopClock().monotonic() - began == pytest.approx(LEFT_TO_OTHERS if is_leaving else 0.0)
    assert sending.told == []


async def test_what_nobody_else_answers_is_done_although_the_end_begins_meanwhile() -> None:
    """It was in hand before: nobody reads that the bot restarts."""
    asked = guard(ScriptedHearing())
    asked.in_hand.leave()
    (pressed, press), (submitted, submission) = interaction(1), interaction(2)
    admitting = asyncio.create_task(asked.admits(press, Sent.PRESS))
    taking_up = asyncio.create_task(asked.takes_up(submission))
    await asyncio.sleep(LEFT_TO_OTHERS / 2)
    asked.in_hand.end()
    assert await admitting
    assert await taking_up
    assert pressed.told == submitted.told == []
    await asked.aclose()


async def test_each_process_counts_how_fast_a_person_is_by_itself() -> None:
    """A person's servers may be on shards of different processes."""
    rates = [InteractionRates(RateLimit(1, 0.01), LoopClock()) for _ in range(2)]
    first, second = (Guard(one, LoopClock(), hearing=ScriptedHearing()) for one in rates)
    assert await first.admits(interaction(1)[1], Sent.COMMAND)
    assert not await first.admits(interaction(2)[1], Sent.COMMAND)
    assert await second.admits(interaction(3)[1], Sent.COMMAND)
    await asyncio.gather(first.aclose(), second.aclose())
