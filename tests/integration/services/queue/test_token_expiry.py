"""People who can only be told through a token read in time where their answer will be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest

from bot.clock import Clock
from bot.domain.queue.request import NewQuestion
from bot.domain.queue.store import QueueLimits
from bot.services.queue.positions import OPEN_AT_MOST
from bot.services.queue.token_expiry import EDITS_END_BEFORE, LOOK_EVERY, NOTICE_BEFORE, TokenExpiryNotifier
from tests.fakes.clocks import FastClock, HandClock
from tests.fakes.conversations import MemoryConversations
from tests.fakes.questions import WIDE, question
from tests.fakes.requests import MemoryRequests
from tests.fakes.schedulers import ready
from tests.integration.services.process import Settings, built, running

TOKEN_LIFE = 900.0
NOTICE = "the answer will come as a direct message (if your DMs are closed, see /queue)"


@dataclass(eq=False)
class Watched:
    """A queue of questions that are shown nowhere, and the notifier."""

    clock: Clock
    store: MemoryRequests = field(default_factory=MemoryRequests)

    def __post_init__(self) -> None:
        """Put the parts together."""
        process = built(self.store, MemoryConversations(), Settings(clock=self.clock))
        self.shown, self.background = process.shown, process.background
        self.live_answers, self.queue = process.live_answers, process.positions
        self.notifier = process.parts.tokens

    async def asked(self, name: str, *, private: bool, user: int = 1) -> NewQuestion:
        """A question that was asked now and waits; its message is not open."""
        asked = question(name, user=user, conversation=user, at=self.clock.now(), private=private)
        await self.store.enqueue(asked, WIDE)
        await self.store.attach_message(name, 0, user)
        return asked

    def text(self, name: str) -> str:
        """What its message shows; empty when it was never opened."""
        return self.shown.answers[name].text if name in self.shown.answers else ""


@pytest.fixture
async def by_hand() -> AsyncIterator[tuple[Watched, HandClock]]:
    """A queue whose time a test moves."""
    clock = HandClock()
    watched = Watched(clock)
    yield watched, clock
    await watched.background.aclose()


async def test_the_notice_is_out_before_minute_14(by_hand: tuple[Watched, HandClock]) -> None:
    """Not while the answer may still come in time, and at the latest a minute before edits end."""
    watched, clock = by_hand
    live = watched.live_answers.open(await watched.asked("mine", private=True), (1,))
    clock.advance(TOKEN_LIFE - NOTICE_BEFORE - 0.1)
    await watched.notifier.look()
    assert NOTICE not in watched.text("mine")
    clock.advance(0.1)
    await watched.notifier.look()
    assert NOTICE in watched.text("mine")
    assert clock.now() + LOOK_EVERY < live.question.asked_at + 14 * 60
    shown = len(watched.shown.answers["mine"].states)
    await watched.notifier.look()
    assert len(watched.shown.answers["mine"].states) == shown


@pytest.mark.parametrize("token", [True, False])
async def test_who_can_be_reached_otherwise_is_not_bothered(
    by_hand: tuple[Watched, HandClock], token: bool
) -> None:
    """Where the bot may edit the message in its channel, nothing changes for its reader."""
    watched, clock = by_hand
    asked = await watched.asked("everybody's", private=False)
    if not token:
        asked = replace(asked, destination=replace(asked.destination, token=None, token_expires_at=None))
    live = watched.live_answers.open(asked, (1,))
    live.show()
    clock.advance(TOKEN_LIFE - EDITS_END_BEFORE)
    await watched.notifier.look()
    assert NOTICE not in watched.text("everybody's")


async def test_it_looks_by_itself(by_hand: tuple[Watched, HandClock]) -> None:
    """Every few seconds from its start on."""
    watched, clock = by_hand
    changed = asyncio.Event()
    watched.shown.on_change = changed.set
    watched.live_answers.open(await watched.asked("mine", private=True), (1,))
    task = asyncio.create_task(watched.notifier.run())
    try:
        async with asyncio.timeout(5.0):
            while not changed.is_set():
                await asyncio.sleep(0)
                clock.advance(LOOK_EVERY / 4)
    finally:
        task.cancel()
        await asyncio.wait({task})
    assert NOTICE in watched.text("mine")
    assert clock.now() <= 100_000.0 + TOKEN_LIFE - NOTICE_BEFORE + 2 * LOOK_EVERY


async def test_whose_message_is_not_kept_open_is_told_once() -> None:
    """Far back in the queue messages are closed. One is opened for the notice, with its position, and only
    once."""
    watched = Watched(FastClock(1.0))
    for user in range(1, 4):
        asked = question(f"of {user}", user=user, conversation=user, private=True)
        await watched.store.enqueue(
            replace(
                asked,
                destination=replace(
                    asked.destination, token_expires_at=watched.clock.now() + NOTICE_BEFORE - user
                ),
            ),
            WIDE,
        )
        await watched.store.attach_message(asked.request_id, 0, user)
    await watched.notifier.look()
    assert [NOTICE in watched.text(f"of {user}") for user in (1, 2, 3)] == [True, True, True]
    assert "2nd in the queue" in watched.text("of 2")

    await watched.live_answers.close("of 2")
    await watched.notifier.look()
    assert "of 2" not in watched.shown.open_now
    # Its place changes: it is opened anew for that, and the notice comes back.
    request = await watched.store.get("of 2")
    assert request is not None
    watched.queue.show_position(watched.live_answers.reopen(request), 1)
    assert NOTICE not in watched.text("of 2")
    await watched.notifier.look()
    assert NOTICE in watched.text("of 2")
    await watched.background.aclose()


async def test_everybody_in_a_long_queue_is_told() -> None:
    """Also those behind the first two hundred, whose messages are closed."""
    conversations = MemoryConversations()
    store, clock = MemoryRequests(conversations), FastClock(1.0)
    limits = QueueLimits(per_user=1000, total=1000)
    names = [f"request {number}" for number in range(OPEN_AT_MOST + 40)]
    for number, name in enumerate(names):
        asked = question(name, user=number, conversation=number, at=1.0, private=number % 2 == 1)
        destination = replace(asked.destination, token_expires_at=clock.now() + NOTICE_BEFORE - 1.0)
        await store.enqueue(replace(asked, destination=destination), limits)
        await store.attach_message(name, 0, number)
    async with running(ready(1), store, conversations) as queue:
        await queue.until(lambda: len(queue.shown.answers) == len(names))
        await queue.until(lambda: len(queue.shown.open_now) <= OPEN_AT_MOST + 1)
        assert names[-1] not in queue.shown.open_now
        await TokenExpiryNotifier(queue.live_answers, store, queue.positions, clock).look()
        told = [NOTICE in queue.answer(name).text for name in names]
        assert told == [number % 2 == 1 for number in range(len(names))]


async def test_who_is_answered_or_withdraws_meanwhile_is_not_told(
    by_hand: tuple[Watched, HandClock], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at the tokens and the look at the question it may have ended, or been removed."""
    watched, clock = by_hand
    await watched.asked("mine", private=True)
    assert await watched.store.mark_cancelled("mine", now=clock.now())

    async def both(**_: object) -> list[str]:
        return ["mine", "removed"]

    monkeypatch.setattr(watched.store, "tokens_ending", both)
    await watched.notifier.look()
    assert watched.shown.answers == {}
