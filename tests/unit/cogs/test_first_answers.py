"""Interactions whose handler takes so long that the person is told so first."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

import discord
import pytest

from bot.discord_io.command_tree import text_layout
from bot.discord_io.first_answer import (
    ANSWERED_WITHIN,
    GIVEN_UP_AFTER,
    HURRIED_AFTER,
    LATE_FIRST,
    SAID_AFTER,
    FirstAnswer,
    LateAnswers,
    answer_late,
    tell_slow,
    wait_for_turn,
)
from bot.errors import UserError
from bot.tasks.fair_starts import FairStarts, Start
from cogs.ui.ask_flow import answer, refused_privately, told_when_slow
from cogs.ui.base import Press, acknowledge, fill_in, open_dialogue, redraw, reply
from tests.fakes.clocks import HandClock
from tests.fakes.refusals import refusal

Kind = discord.InteractionResponseType


class Call(list[str]):
    """An interaction that records the calls to Discord, created ``at`` this moment (epoch seconds)."""

    def __init__(self, *, pressed: bool, failure: Exception | None = None, at: float = 0.0) -> None:
        super().__init__()
        self._failure = failure
        self._kind: discord.InteractionResponseType | None = None
        self.press = cast(
            "Press",
            SimpleNamespace(
                extras={},
                user=SimpleNamespace(id=7),
                created_at=dt.datetime.fromtimestamp(at, dt.UTC),
                locale=discord.Locale.american_english,
                message=SimpleNamespace(id=1) if pressed else None,
                response=self,
                followup=SimpleNamespace(send=self._later("follow-up")),
                edit_original_response=self._later("edit"),
                delete_original_response=self._later("delete"),
            ),
        )

    @property
    def type(self) -> discord.InteractionResponseType | None:
        """Of the first answer."""
        return self._kind

    def is_done(self) -> bool:
        """Whether there was a first answer."""
        return self._kind is not None

    async def send_message(self, *, ephemeral: bool, **_: object) -> SimpleNamespace:
        """Answer with a message."""
        await self._first(f"message private={ephemeral}", Kind.channel_message)
        return SimpleNamespace(message_id=5)

    async def edit_message(self, **_: object) -> None:
        """Answer with a change of the pressed message."""
        await self._first("change", Kind.message_update)

    async def send_modal(self, _modal: discord.ui.Modal) -> None:
        """Answer with a dialogue."""
        await self._first("dialogue", Kind.modal)

    async def defer(self, *, thinking: bool = False, ephemeral: bool = False) -> None:
        """Acknowledge."""
        if thinking:
            await self._first(f"thinking private={ephemeral}", Kind.deferred_channel_message)
        else:
            await self._first("acknowledge", Kind.deferred_message_update)

    async def _first(self, call: str, kind: discord.InteractionResponseType) -> None:
        assert self._kind is None, "Discord takes one first answer"
        self.append(call)
        await asyncio.sleep(0)
        if self._failure is not None:
            raise self._failure
        self._kind = kind

    def _later(self, name: str) -> Callable[..., Awaitable[SimpleNamespace]]:
        async def call(**options: Any) -> SimpleNamespace:
            assert self._kind is not None, "there is no first answer"
            private = options.get("ephemeral")
            self.append(name if private is None else f"{name} private={private}")
            return SimpleNamespace(id=6)

        return call


VIEW = text_layout("done")


@pytest.mark.parametrize(
    ("pressed", "answered", "calls"),
    [
        (False, lambda press: reply(press, VIEW, private=True), ["message private=True", "edit"]),
        (
            False,
            lambda press: reply(press, VIEW, private=False),
            ["message private=True", "follow-up private=False", "delete"],
        ),
        (
            True,
            lambda press: reply(press, VIEW, private=False),
            ["acknowledge", "follow-up private=True", "follow-up private=False"],
        ),
        (True, lambda press: redraw(press, VIEW), ["acknowledge", "follow-up private=True", "edit"]),
    ],
    ids=["privately", "publicly", "beside the pressed message", "in the pressed message"],
)
async def test_q6_the_answer_comes_after_the_sentence(
    pressed: bool, answered: Callable[[Press], Awaitable[object]], calls: list[str]
) -> None:
    """Where it would have come without it; what a press changes is the pressed message, not the sentence."""
    call = Call(pressed=pressed)
    await tell_slow(call.press)
    await tell_slow(call.press)
    await answered(call.press)
    assert call == calls


async def test_q6_a_new_message_does_not_replace_the_pressed_one() -> None:
    """Although the press was acknowledged by the sentence already."""
    call = Call(pressed=True)
    await tell_slow(call.press)
    await acknowledge(call.press, new=True)
    await fill_in(call.press, VIEW)
    assert call == ["acknowledge", "follow-up private=True", "follow-up private=True"]


@pytest.mark.parametrize("pressed", [False, True])
async def test_q6_an_answer_at_the_same_moment_comes_once(pressed: bool) -> None:
    """Whichever is first: the other one goes by another way, or is not needed."""
    call = Call(pressed=pressed)
    await asyncio.gather(reply(call.press, VIEW, private=True), tell_slow(call.press))
    assert call == ["message private=True"]
    call = Call(pressed=pressed)
    await asyncio.gather(tell_slow(call.press), reply(call.press, VIEW, private=True))
    assert call[-1] == ("follow-up private=True" if pressed else "edit")


async def test_q6_who_shows_that_the_bot_works_is_left_alone() -> None:
    """ "Thinking …" tells it as well."""
    call = Call(pressed=True)
    await acknowledge(call.press, new=False)
    await tell_slow(call.press)
    await fill_in(call.press, VIEW)
    assert call == ["thinking private=False", "edit"]


async def test_q6_a_sentence_that_discord_refuses_is_only_logged() -> None:
    """The three seconds are over, or the connection breaks."""
    call = Call(pressed=False, failure=refusal(404, 10062))
    await tell_slow(call.press)
    assert call == ["message private=True"]
    assert not FirstAnswer.of(call.press).told


async def turns() -> None:
    """Let everything that is ready run."""
    for _ in range(20):
        await asyncio.sleep(0)


class Desk:
    """Interactions with handlers that the test ends, on a clock that it moves."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.late = LateAnswers(self.clock)

    def comes(self, work: Awaitable[object], *, age: float = 0.0, pressed: bool = False) -> Call:
        """An interaction that was created ``age`` seconds ago comes, and ``work`` handles it."""
        call = Call(pressed=pressed, at=self.clock.now() - age)
        self.late.expect(call.press, asyncio.ensure_future(work))
        return call

    async def pass_(self, seconds: float) -> None:
        """Let time pass, and let what is due happen."""
        await turns()
        self.clock.advance(seconds)
        await turns()


async def test_q6_who_has_no_answer_in_time_gets_one() -> None:
    """The time counts from the creation: a handler that began late has less of it left."""
    desk, never = Desk(), asyncio.Event()
    early, late = desk.comes(never.wait()), desk.comes(never.wait(), age=ANSWERED_WITHIN - 0.3)
    await desk.pass_(0.2)
    assert (early, late) == ([], [])
    await desk.pass_(0.2)
    assert (early, late) == ([], ["message private=True"])
    await desk.pass_(ANSWERED_WITHIN)
    assert early == late == ["message private=True"]
    await desk.pass_(60.0)
    assert early == late == ["message private=True"]


async def test_q6_one_that_is_too_old_already_is_answered_at_once() -> None:
    """Before everybody who has more time."""
    desk, never = Desk(), asyncio.Event()
    desk.comes(never.wait())
    late = desk.comes(never.wait(), age=2.8)
    await turns()
    assert late == ["message private=True"]


class Queue:
    """Questions that wait for their turn, which never comes by itself."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.starts = FairStarts(1, 1, held=lambda: True)

    def comes(self, *, age: float, finds_out: asyncio.Event | None = None) -> tuple[Call, Start]:
        """A question comes, which knows after ``finds_out`` that its answer is private."""
        call = Call(pressed=False, at=self.desk.clock.now() - age)
        start = self.starts.enter(7)

        async def ask() -> None:
            await start.begins
            if finds_out is not None:
                await finds_out.wait()
            FirstAnswer.of(call.press).asks(private=True)
            await wait_for_turn(call.press)
            await reply(call.press, VIEW, private=True)

        self.desk.late.expect(call.press, asyncio.ensure_future(ask()))
        FirstAnswer.of(call.press).start = start
        return call, start


async def test_a_question_that_is_late_before_its_turn_is_shown_as_worked_on() -> None:
    """As privately as it will be answered, which is known when it has begun. Its work waits for the turn."""
    desk = Desk()
    call, start = Queue(desk).comes(age=ANSWERED_WITHIN)
    await turns()
    assert (call, start.turn.done()) == (["thinking private=True"], False)
    assert not desk.late.overdue.goes_first()
    start.give_turn()
    await turns()
    assert call == ["thinking private=True", "follow-up private=True"]


async def test_a_late_question_that_does_not_find_out_in_time_is_answered_all_the_same() -> None:
    """Who may read its answer may be known only when Discord has told the person's roles."""
    desk, never = Desk(), asyncio.Event()
    call, start = Queue(desk).comes(age=ANSWERED_WITHIN, finds_out=never)
    await turns()
    assert (call, start.begins.done()) == ([], True)
    await desk.pass_(HURRIED_AFTER)
    assert call == ["message private=True"]


async def test_a_dialogue_that_comes_too_late_is_told() -> None:
    """Nothing but a first answer can open one, and the person has one already."""
    call = Call(pressed=True)
    await open_dialogue(call.press, cast("discord.ui.Modal", VIEW))
    late = Call(pressed=False)
    with pytest.raises(UserError) as raised:
        await asyncio.gather(tell_slow(late.press), open_dialogue(late.press, cast("discord.ui.Modal", VIEW)))
    assert (call, late, raised.value.key) == (["dialogue"], ["message private=True"], "error.dialogue_late")


async def test_an_answer_that_discord_takes_no_longer_is_not_tried() -> None:
    """It would only hold up others."""
    desk, never = Desk(), asyncio.Event()
    call = Call(pressed=False, failure=refusal(404, 10062), at=desk.clock.now())
    desk.late.expect(call.press, asyncio.ensure_future(never.wait()))
    FirstAnswer.of(call.press).asks(private=False)
    await desk.pass_(ANSWERED_WITHIN)
    tried = len(call)
    await desk.pass_(GIVEN_UP_AFTER)
    for _ in range(5):
        await desk.pass_(SAID_AFTER)
    assert (tried, len(call)) == (1, 1)


async def test_late_answers_go_before_new_work() -> None:
    """As long as they are on their way, but not for longer than a moment when Discord does not answer."""
    desk, never = Desk(), asyncio.Event()
    overdue, ends = desk.late.overdue, asyncio.Event()
    handler = asyncio.ensure_future(ends.wait())
    overdue.begin(FirstAnswer(desk.clock), handler)
    assert overdue.goes_first()
    desk.clock.advance(LATE_FIRST)
    assert not overdue.goes_first()
    ends.set()
    await handler
    call = desk.comes(never.wait(), age=ANSWERED_WITHIN)
    await turns()
    assert (call, overdue.goes_first()) == (["message private=True"], False)


async def test_a_late_command_that_answers_by_itself_holds_up_nobody() -> None:
    """It may open a dialogue, which nothing but a first answer can."""
    desk = Desk()
    call = Call(pressed=False, at=desk.clock.now() - ANSWERED_WITHIN)
    start = Queue(desk).starts.enter(7)

    async def show() -> None:
        await start.begins
        await reply(call.press, VIEW, private=False)

    desk.late.expect(call.press, asyncio.ensure_future(show()))
    FirstAnswer.of(call.press).start = start
    await desk.pass_(HURRIED_AFTER)
    assert (call, desk.late.overdue.goes_first()) == (["message private=False"], False)


async def test_q6_a_handler_that_ends_or_answers_is_watched_no_longer() -> None:
    """Also when it ends without an answer: its failure is told elsewhere."""
    desk, never = Desk(), asyncio.Event()
    ended, answered = desk.comes(asyncio.sleep(0)), desk.comes(never.wait())
    await reply(answered.press, VIEW, private=False)
    await desk.pass_(ANSWERED_WITHIN + 1.0)
    assert (ended, answered) == ([], ["message private=False"])


@pytest.mark.parametrize("private", [True, False])
async def test_a_question_that_is_late_is_shown_as_worked_on(private: bool) -> None:
    """As private as its answer will be. The answer takes the place of that."""
    desk, never = Desk(), asyncio.Event()
    call = desk.comes(never.wait(), age=1.0)
    FirstAnswer.of(call.press).asks(private=private)
    await desk.pass_(0.6)
    assert call == [f"thinking private={private}"]
    assert await answer(call.press, VIEW, private=private) == 6
    assert call == [f"thinking private={private}", "edit"]


async def test_q6_a_question_that_waits_for_the_database_is_told_so() -> None:
    """In its first answer when it has waited for a while by then, else in the place of "thinking …"."""
    desk, locked = Desk(), asyncio.Event()
    first, second = desk.comes(asyncio.Event().wait()), desk.comes(asyncio.Event().wait(), age=1.0)
    waiting = [
        asyncio.create_task(told_when_slow(call.press, locked.wait(), private=False)) for call in (first, second)
    ]
    await desk.pass_(0.6)
    assert (first, second) == ([], ["thinking private=False"])
    await desk.pass_(0.9)
    assert first == ["message private=False"]
    await desk.pass_(SAID_AFTER)
    assert second == ["thinking private=False", "edit"]
    await desk.pass_(60.0)
    assert (len(first), len(second)) == (1, 2)
    locked.set()
    assert await asyncio.gather(*waiting) == [True, True]
    for call in (first, second):
        await answer(call.press, VIEW, private=False)
        assert call[-1] == "edit"
    assert (len(first), len(second)) == (2, 3)


@pytest.mark.parametrize("first", [True, False])
async def test_an_answer_at_the_same_moment_as_the_late_one_comes_once(first: bool) -> None:
    """Whichever is first: there is one message, and it shows the answer."""
    call = Call(pressed=False)
    FirstAnswer.of(call.press).asks(private=False)
    both = [answer(call.press, VIEW, private=False), answer_late(call.press)]
    await asyncio.gather(*(both if first else reversed(both)))
    assert call == (["message private=False"] if first else ["thinking private=False", "edit"])


async def test_a_refusal_at_the_same_moment_removes_the_late_answer() -> None:
    """It is for the asker alone, and must not fill what everybody sees."""
    call = Call(pressed=False)
    FirstAnswer.of(call.press).asks(private=False)

    async def refuse() -> None:
        with pytest.raises(UserError):
            async with refused_privately(call.press):
                raise UserError("empty", key="error.empty_prompt")

    await asyncio.gather(answer_late(call.press), refuse())
    assert call == ["thinking private=False", "delete"]


async def test_a_late_answer_that_discord_refuses_is_only_logged() -> None:
    """The question itself goes on."""
    call = Call(pressed=False, failure=refusal(404, 10062))
    FirstAnswer.of(call.press).asks(private=True)
    await answer_late(call.press)
    assert call == ["thinking private=True"]
