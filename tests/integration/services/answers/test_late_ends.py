"""How questions ended is shown later where it could not be shown at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from bot.domain.queue.request import RequestKind, RequestState
from bot.errors import DeliveryError, MessageGone
from bot.services.answers.completion import Completion
from bot.services.answers.final_views import FinalViews
from bot.services.answers.late_ends import GIVEN_UP_AFTER, LEFT_ALONE, LOOK_EVERY, STORED_AFTER, LateEnds
from bot.services.answers.live import LiveAnswers
from bot.services.answers.unshown import FIRST_AGAIN, Unshown
from bot.tasks.background import Background
from bot.telemetry.metrics import Metrics
from tests.fakes.clocks import HandClock
from tests.fakes.deliveries import NoAnnouncements, NoMessages, ShownAnswer, ShownAnswers
from tests.fakes.ends import MemoryEnds
from tests.fakes.questions import WIDE, answer, question
from tests.fakes.requests import MemoryRequests

ASKER = 1


@dataclass(eq=False)
class Later:
    """A process that begins with what others left."""

    clock: HandClock = field(default_factory=HandClock)
    store: MemoryRequests = field(default_factory=MemoryRequests)
    shown: ShownAnswers = field(default_factory=ShownAnswers)
    leads: Callable[[], Awaitable[bool]] | None = None

    def __post_init__(self) -> None:
        """Put the parts together."""
        self.ends = MemoryEnds(self.store)
        self.unshown = Unshown(self.ends, self.clock)
        self.live_answers = LiveAnswers(self.shown, self.store, Background(), self.clock, max_pages=5)
        views = FinalViews(self.store, self.live_answers, max_tokens=1000)
        self.completion = Completion(
            self.store,
            views,
            NoMessages(),
            NoAnnouncements(),
            self.unshown,
            self.clock,
            Metrics(),
            owner="me",
            announce_after=1e9,
        )
        self.late_ends = LateEnds(
            store=self.store,
            ends=self.ends,
            unshown=self.unshown,
            live_answers=self.live_answers,
            views=views,
            completion=self.completion,
            clock=self.clock,
            leads=self.leads,
        )
        self.changed = asyncio.Event()
        self.shown.on_change = self.changed.set

    async def asked(self, *message_ids: int, name: str = "q", root: str | None = None) -> None:
        """A question that waits, in these messages."""
        kind = RequestKind.REGENERATE if root else RequestKind.ASK
        await self.store.enqueue(question(name, user=ASKER, at=self.clock.now(), kind=kind, root=root), WIDE)
        for page, message_id in enumerate(message_ids):
            await self.store.attach_message(name, page, message_id)

    async def cancelled(self, name: str = "q") -> None:
        """It is cancelled, and the process ends before that is shown."""
        await self.store.mark_cancelled(name, now=self.clock.now())
        await self.ends.add(name, now=self.clock.now())

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The process runs."""
        task = asyncio.create_task(self.late_ends.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def until_done(self, name: str = "q") -> ShownAnswer:
        """Wait until the end is shown and nothing is remembered of it."""
        async with asyncio.timeout(5.0):
            while name in self.ends.kept or name in self.shown.open_now:
                self.changed.clear()
                await self.changed.wait()
        return self.shown.answers[name]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (RequestState.CANCELLED, "> prompt of q\n-# cancelled"),
        (RequestState.FAILED, "> prompt of q\n-# Something went wrong on our side."),
        (RequestState.EXPIRED, "> prompt of q\n-# expired: it waited longer than 1 min 40 s."),
    ],
)
async def test_what_an_earlier_process_left_is_shown_at_the_start(state: RequestState, words: str) -> None:
    """In its message, and further ones are looked for."""
    later = Later()
    await later.asked(11)
    later.clock.advance(100.0)
    if state is RequestState.CANCELLED:
        await later.store.mark_cancelled("q", now=later.clock.now())
    elif state is RequestState.FAILED:
        await later.store.mark_failed("q", "error.prompt_too_long", now=later.clock.now())
    else:
        await later.store.expire(before=later.clock.now(), now=later.clock.now())
    await later.ends.add("q", now=later.clock.now())
    async with later.running():
        shown = await later.until_done()
    assert shown.text.startswith(words)
    assert shown.ids == [11]
    assert shown.may_be_more


async def test_what_discord_did_not_take_is_tried_again() -> None:
    """After half a minute, then ever more rarely, and at once when Discord comes back."""
    later = Later()
    await later.asked(11)
    stored = await later.store.get("q")
    assert stored is not None
    live = later.live_answers.reopen(stored)
    later.shown.answers["q"].error = DeliveryError("503")
    await later.cancelled()
    await later.completion.show_cancelled(stored, live, by=ASKER)
    await later.live_answers.close("q")
    assert later.unshown.due() == ()
    later.clock.advance(FIRST_AGAIN)
    assert later.unshown.due() == ("q",)
    later.unshown.failed("q")
    later.clock.advance(FIRST_AGAIN)
    assert later.unshown.due() == ()
    later.unshown.reconsider()
    await later.late_ends.show()
    assert "cancelled" in later.shown.answers["q"].text
    assert later.ends.kept == {}
    assert later.unshown.due_in() is None


async def test_an_answer_that_could_not_be_shown_is_shown_without_a_restart() -> None:
    """Discord was out for longer than its last edit was repeated."""
    later = Later()
    await later.asked(11)
    taken = await later.store.claim("me", now=later.clock.now, lease=30.0)
    assert taken is not None
    live = later.live_answers.reopen(taken)
    later.shown.answers["q"].error = DeliveryError("503")
    await later.completion.finish(taken, live, answer("forty-two"))
    await later.live_answers.close("q")
    stored = await later.store.get("q")
    assert stored is not None
    assert stored.state is RequestState.ANSWERED
    later.clock.advance(FIRST_AGAIN)
    await later.late_ends.show()
    assert "forty-two" in later.shown.answers["q"].text
    stored = await later.store.get("q")
    assert stored is not None
    assert stored.state is RequestState.DELIVERED
    assert later.unshown.due_in() is None


async def test_what_is_left_of_a_deleted_answer_is_ended_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody deleted its first message; the second one offered to stop it."""
    later = Later()
    await later.asked(11, 12)
    await later.cancelled()
    whole = ShownAnswer.finish

    async def finish(shown: ShownAnswer) -> None:
        if shown.ids[0] == 11:
            raise MessageGone("10008")
        await whole(shown)

    monkeypatch.setattr(ShownAnswer, "finish", finish)
    async with later.running():
        shown = await later.until_done()
        while "cancelled" not in shown.text:
            later.changed.clear()
            await later.changed.wait()
            shown = later.shown.answers["q"]
    assert shown.ids == [12]
    stored = await later.store.get("q")
    assert stored is not None
    assert stored.message_ids == (12,)


async def test_the_messages_of_a_later_version_are_left_alone() -> None:
    """It was asked for again, and its messages show that now."""
    later = Later()
    await later.asked(11)
    await later.cancelled()
    await later.asked(11, name="again", root="q")
    later.unshown.found("q")
    await later.late_ends.show()
    assert later.shown.answers == {}
    assert later.ends.kept == {}


async def test_after_a_day_it_is_given_up() -> None:
    """A press on its message still takes the button away."""
    later = Later()
    await later.asked(11)
    await later.cancelled()
    later.clock.advance(GIVEN_UP_AFTER + 1.0)
    later.unshown.found("q")
    await later.late_ends.show()
    assert later.shown.answers == {}
    assert later.ends.kept == {}


async def test_a_message_that_turns_up_is_told_to_the_delivery_that_has_the_question() -> None:
    """Which knows whether it is its own."""
    later = Later()
    await later.asked(11)
    stored = await later.store.get("q")
    assert stored is not None
    later.live_answers.reopen(stored)
    await later.late_ends.seen("q", 11)
    assert later.shown.answers["q"].strays == [11]


async def test_one_that_turns_up_after_the_end_is_ended() -> None:
    """Unless its id was only about to be stored."""
    later = Later()
    await later.asked(11)
    await later.store.mark_cancelled("q", now=later.clock.now())
    for message_id, looks in ((11, 1), (12, len(STORED_AFTER))):
        seen = asyncio.create_task(later.late_ends.seen("q", message_id))
        for pause in STORED_AFTER[:looks]:
            await later.clock.asleep()
            assert later.unshown.due() == ()
            later.clock.advance(pause)
        await seen
    assert later.unshown.due() == ("q",)
    await later.late_ends.show()
    assert later.shown.answers["q"].ids == [11, 12]


async def test_of_several_processes_the_leader_shows_what_the_others_have_not_shown() -> None:
    """It leaves them half a minute to do so."""
    leading = [False]

    async def leads() -> bool:
        return leading[0]

    later = Later(leads=leads)
    await later.asked(11)
    await later.cancelled()
    async with later.running():
        for is_leader, waited in ((True, LOOK_EVERY), (False, LEFT_ALONE)):
            leading[0] = is_leader
            await later.clock.asleep()
            later.clock.advance(waited)
            await later.clock.asleep()
            assert later.shown.answers == {}
        leading[0] = True
        later.clock.advance(LOOK_EVERY)
        shown = await later.until_done()
    assert "cancelled" in shown.text
