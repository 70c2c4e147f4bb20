"""How an end is shown when its message cannot be edited, and which answers are announced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from bot.domain.queue.request import Destination, RequestState, StoredRequest
from bot.errors import AccessLost, BotError, DeliveryError, MessageGone, TokenExpired
from bot.presentation.page import Page
from bot.services.answers.completion import Completion
from bot.services.answers.final_views import FinalViews
from bot.services.answers.live import LiveAnswer, LiveAnswers
from bot.services.answers.unshown import Unshown
from bot.tasks.background import Background
from bot.telemetry.metrics import Metrics
from tests.fakes.clocks import HandClock
from tests.fakes.deliveries import ShownAnswers
from tests.fakes.ends import MemoryEnds
from tests.fakes.questions import WIDE, answer, question
from tests.fakes.requests import MemoryRequests

ASKER, OPERATOR = 1, 99
ANNOUNCE_AFTER = 60.0


@dataclass(eq=False)
class Messages:
    """A :class:`bot.services.ports.Messenger` whose messages a test reads."""

    refusal: DeliveryError | None = None
    direct_messages: list[tuple[int, str]] = field(default_factory=list)
    announced: list[int] = field(default_factory=list)

    async def announce(
        self, destination: Destination, *, request_id: str, reply_to: int, user_id: int, text: str
    ) -> None:
        """Record who was told."""
        self.announced.append(user_id)

    async def direct(
        self, user_id: int, pages: Sequence[Page], *, request_id: str, locale: str, heading: str
    ) -> None:
        """Record what was written to whom."""
        if self.refusal is not None:
            raise self.refusal
        self.direct_messages.append((user_id, "\n".join([heading, *(f"{p.body}\n{p.footer}" for p in pages)])))


class EveryAnnouncement:
    """A :class:`bot.services.ports.Preferences` of people who want announcements."""

    async def announce(self, user_id: int) -> bool:
        """Always true."""
        return True

    async def set_announce(self, user_id: int, announce: bool) -> None:
        """Do nothing."""


@dataclass(eq=False)
class Ends:
    """One question, and the messages that its end causes."""

    clock: HandClock = field(default_factory=HandClock)
    store: MemoryRequests = field(default_factory=MemoryRequests)
    shown: ShownAnswers = field(default_factory=ShownAnswers)
    messages: Messages = field(default_factory=Messages)

    def __post_init__(self) -> None:
        """Put the parts together."""
        self.live_answers = LiveAnswers(self.shown, self.store, Background(), self.clock, max_pages=5)
        self.completion = Completion(
            self.store,
            FinalViews(self.store, self.live_answers, max_tokens=1000),
            self.messages,
            EveryAnnouncement(),
            Unshown(MemoryEnds(self.store), self.clock),
            self.clock,
            Metrics(),
            owner="me",
            announce_after=ANNOUNCE_AFTER,
        )

    async def asked(self, *, private: bool = False) -> tuple[StoredRequest, LiveAnswer]:
        """A waiting question with a message."""
        stored = await self.store.enqueue(question("q", user=ASKER, at=self.clock.now(), private=private), WIDE)
        live = self.live_answers.open(stored.question)
        await self.live_answers.acknowledged("q", 11, None)
        return stored, live

    async def taken(self) -> StoredRequest:
        """Claim the question."""
        taken = await self.store.claim("me", now=self.clock.now, lease=30.0)
        assert taken is not None
        return taken

    async def out_of_reach(self, error: DeliveryError) -> tuple[StoredRequest, LiveAnswer]:
        """A private question whose message cannot be edited any more."""
        stored, live = await self.asked(private=True)
        self.shown.answers["q"].error = error
        return stored, live


@pytest.mark.parametrize("error", [TokenExpired("50027"), AccessLost("50001")])
async def test_a_failure_is_told_in_direct_messages_when_the_message_is_out_of_reach(error: DeliveryError) -> None:
    """One sentence, the question it is about, and where that was asked."""
    ends = Ends()
    _, live = await ends.out_of_reach(error)
    await ends.completion.fail(await ends.taken(), live, BotError("broken"))
    ((user_id, text),) = ends.messages.direct_messages
    assert user_id == ASKER
    assert text.startswith("About your question in <#71>:\n> prompt of q\n")
    assert text.endswith(live.view.footer())


async def test_expired_and_cleared_questions_are_told_too() -> None:
    """Their askers must not go on waiting."""
    ends = Ends()
    stored, live = await ends.out_of_reach(TokenExpired("50027"))
    await ends.completion.show_expired(stored, live, now=ends.clock.now() + 86_400.0)
    await ends.completion.show_cancelled(stored, live, by=OPERATOR)
    expired, cleared = (text for _, text in ends.messages.direct_messages)
    assert "waited" in expired
    assert f"cancelled by <@{OPERATOR}>" in cleared


async def test_who_withdrew_a_question_need_not_be_told() -> None:
    """Nor people whose message was deleted, or shows it."""
    ends = Ends()
    stored, live = await ends.out_of_reach(TokenExpired("50027"))
    await ends.completion.show_cancelled(stored, live, by=ASKER)
    ends.shown.answers["q"].error = MessageGone("10008")
    await ends.completion.show_expired(stored, live, now=ends.clock.now())
    ends.shown.answers["q"].error = None
    await ends.completion.show_expired(stored, live, now=ends.clock.now())
    assert ends.messages.direct_messages == []


async def test_with_closed_direct_messages_the_end_stands_all_the_same() -> None:
    """The state is committed, and nothing is raised."""
    ends = Ends()
    _, live = await ends.out_of_reach(TokenExpired("50027"))
    ends.messages.refusal = AccessLost("50007")
    await ends.completion.fail(await ends.taken(), live, BotError("broken"))
    failed = await ends.store.get("q")
    assert failed is not None
    assert failed.state is RequestState.FAILED


@pytest.mark.parametrize(
    ("in_line", "held", "announced"),
    [(61.0, 0.3, True), (0.0, 70.0, True), (30.0, 31.0, True), (30.0, 29.0, False), (0.0, None, False)],
)
async def test_a_long_wait_is_announced_wherever_it_was_spent(
    in_line: float, held: float | None, announced: bool
) -> None:
    """In our queue, or at the scheduler, which holds a question until a pipeline is free."""
    ends = Ends()
    _, live = await ends.asked()
    ends.clock.advance(in_line)
    taken = await ends.taken()
    await ends.completion.finish(taken, live, replace(answer(), ttft=held))
    assert ends.messages.announced == ([ASKER] if announced else [])


async def test_so_is_one_that_a_restart_shows() -> None:
    """How long its asker waited is stored."""
    ends = Ends()
    await ends.asked()
    await ends.taken()
    await ends.store.mark_answered("q", "me", replace(answer(), ttft=70.0), now=ends.clock.now())
    (left,) = (await ends.store.recover("next", now=ends.clock.now, is_alive=lambda _: False)).undelivered
    await ends.completion.deliver(left, ends.live_answers.reopen(left))
    assert ends.messages.announced == [ASKER]


async def test_private_answers_are_not_announced() -> None:
    """The reply would be seen in the channel."""
    ends = Ends()
    _, live = await ends.asked(private=True)
    await ends.completion.finish(await ends.taken(), live, replace(answer(), ttft=70.0))
    assert ends.messages.announced == []


async def test_an_answer_whose_question_is_not_held_any_more_is_not_shown() -> None:
    """Another process has it, and will answer."""
    ends = Ends()
    stored, live = await ends.asked()
    await ends.completion.finish(stored, live, answer())
    assert ends.shown.answers["q"].finished == 0
    waiting = await ends.store.get("q")
    assert waiting is not None
    assert (waiting.state, waiting.answer) == (RequestState.QUEUED, None)


async def test_a_question_that_nobody_ended_is_not_said_to_be_ended_by_somebody() -> None:
    """Its message was deleted: there is nothing to show."""
    ends = Ends()
    stored, live = await ends.asked()
    assert await ends.completion.cancel(stored, live, by=0)
    assert ends.shown.answers["q"].finished == 0
    assert not await ends.completion.cancel(stored, live, by=ASKER), "it has ended"


async def test_an_answer_whose_message_was_deleted_counts_as_shown() -> None:
    """Its asker does not want it, so it is kept for nobody."""
    ends = Ends()
    _, live = await ends.asked()
    ends.shown.answers["q"].error = MessageGone("10008")
    await ends.completion.finish(await ends.taken(), live, answer())
    stored = await ends.store.get("q")
    assert stored is not None
    assert stored.state is RequestState.DELIVERED
    assert ends.messages.direct_messages == []


async def test_what_has_no_answer_has_no_pages() -> None:
    """Such as a question that failed."""
    ends = Ends()
    stored, _ = await ends.asked()
    assert await FinalViews(ends.store, ends.live_answers, max_tokens=1000).stored_pages(stored) == ()
