"""Connections at leisure are read in rounds when they are many."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

from bot.parallax.rounds import EVERY, MANY, Rounds
from tests.fakes.loops import VirtualTimeLoop, passing


class Connection:
    """Counts what is done with it."""

    def __init__(self) -> None:
        self.rests = False
        self.looks = 0

    def rest(self) -> None:
        self.rests = True

    def look(self) -> None:
        self.looks += 1


def run(main: Coroutine[object, object, None]) -> None:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(main)


def test_a_few_are_read_by_the_event_loop() -> None:
    async def main() -> None:
        rounds, few = Rounds(), [Connection() for _ in range(MANY - 1)]
        for one in few:
            rounds.join(one)
        await passing(2 * EVERY)
        assert not any(one.rests or one.looks for one in few)

    run(main())


def test_of_many_those_that_join_are_read_in_rounds() -> None:
    async def main() -> None:
        rounds, few, late = Rounds(), [Connection() for _ in range(MANY - 1)], Connection()
        for one in (*few, late):
            rounds.join(one)
        assert late.rests
        assert not any(one.rests for one in few)
        await passing(EVERY * 1.5)
        assert late.looks == 1
        rounds.leave(late)
        await passing(EVERY * 2)
        assert late.looks == 1

    run(main())


def test_rounds_end_with_the_last_connection() -> None:
    async def main() -> None:
        rounds, many = Rounds(), [Connection() for _ in range(MANY)]
        for one in many:
            rounds.join(one)
        for one in many:
            rounds.leave(one)
        await passing(EVERY * 3)
        assert not any(one.looks for one in many)
        rounds.join(late := Connection())
        await passing(EVERY * 3)
        assert not late.looks

    run(main())


class Leaving(Connection):
    """Is over at the first look."""

    def __init__(self, rounds: Rounds) -> None:
        super().__init__()
        self._rounds = rounds

    def look(self) -> None:
        super().look()
        self._rounds.leave(self)


def test_one_may_leave_while_a_round_is_made() -> None:
    async def main() -> None:
        rounds = Rounds()
        many = [Leaving(rounds) for _ in range(MANY)]
        for one in many:
            rounds.join(one)
        await passing(EVERY * 3)
        assert [one.looks for one in many] == [1] * MANY

    run(main())
