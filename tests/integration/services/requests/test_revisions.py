"""Regenerating through a press, whose token edits only the pressed message."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any, Literal

import pytest

from bot.domain.chat import FinishReason
from bot.domain.queue.request import Destination, RequestKind, RequestState, StoredRequest
from bot.errors import DeliveryError, RequestRefused, UserError
from bot.services.requests.revisions import Revisions
from tests.fakes.clocks import FastClock
from tests.fakes.deliveries import ShownAnswer
from tests.fakes.schedulers import ready
from tests.integration.services.process import LIMITS, RunningQueue, Settings, running

PRESS = Destination(9, 71, 8, private=False, channel_route=True, token="of the press", token_expires_at=1e12)


def again(queue: RunningQueue) -> Revisions:
    """The service over the parts of this queue."""
    parts = queue.parts
    return Revisions(
        queue.store,
        parts.live_answers,
        parts.gate,
        parts.positions,
        parts.signal,
        parts.views,
        FastClock(20.0),
        LIMITS,
    )


@pytest.mark.parametrize(("messages", "token"), [(1, "of the press"), (3, None)])
@pytest.mark.parametrize("kind", [RequestKind.REGENERATE, RequestKind.CONTINUE])
async def test_several_messages_are_reached_without_the_token_of_the_press(
    messages: int, token: str | None, kind: RequestKind
) -> None:
    """Also when the press came before the ids of all of them were known."""
    async with running(ready(1)) as queue:
        request_id = await queue.asks(1, "A long one?")
        (await queue.scheduler.asked(1)).end("Half of it", FinishReason.LENGTH)
        await queue.until_shows(request_id, "length limit")
        await queue.until_settled()
        pressed = await queue.stored(request_id)
        assert len(pressed.message_ids) == 1
        for page in range(1, messages):
            await queue.store.attach_message(request_id, page, 2000 + page)

        accepted = await again(queue).repeat(pressed, kind, PRESS, in_place=True)

        stored = await queue.stored(accepted.request_id)
        assert len(stored.message_ids) == messages
        assert stored.question.destination.token == token


async def answered(
    queue: RunningQueue, number: int = 1, finish: FinishReason = FinishReason.STOP
) -> StoredRequest:
    """A question that is answered and shown, the ``number``-th that the cluster is asked."""
    request_id = await queue.asks(1, "A short one?")
    (await queue.scheduler.asked(number)).end("All of it", finish)
    await queue.until_settled()
    return await queue.stored(request_id)


async def refused(attempt: Awaitable[object]) -> str:
    """The key of the sentence with which this is refused."""
    with pytest.raises(UserError) as error:
        await attempt
    return error.value.key


async def test_what_cannot_be_repeated_is_refused_with_the_reason() -> None:
    """A question that its asker deleted, an answer that is whole, and a version that is not there."""
    async with running(ready(1)) as queue:
        origin = await answered(queue)
        revisions = again(queue)
        deleted = replace(origin, question=replace(origin.question, prompt=""))
        repeating = revisions.repeat(deleted, RequestKind.REGENERATE, PRESS, in_place=True)
        assert await refused(repeating) == "error.request_unknown"
        repeating = revisions.repeat(origin, RequestKind.CONTINUE, PRESS, in_place=True)
        assert await refused(repeating) == "error.not_continuable"
        for step in (-1, 1):
            assert await refused(revisions.turn(origin, step, PRESS)) == "error.no_version"
        assert len(queue.scheduler.streams) == 1


async def test_only_the_newest_version_is_continued() -> None:
    """An older one would go on after words that nobody sees."""
    async with running(ready(1)) as queue:
        older = await answered(queue, finish=FinishReason.LENGTH)
        revisions = again(queue)
        newer = await revisions.repeat(older, RequestKind.REGENERATE, PRESS, in_place=True)
        (await queue.scheduler.asked(2)).end("Half of it", FinishReason.LENGTH)
        await queue.until_settled()
        continuing = revisions.repeat(older, RequestKind.CONTINUE, PRESS, in_place=True)
        assert await refused(continuing) == "error.not_continuable"
        newest = await queue.stored(newer.request_id)
        await revisions.repeat(newest, RequestKind.CONTINUE, PRESS, in_place=True)
        assert (await queue.scheduler.asked(3)).question


async def test_two_presses_at_once_change_the_messages_once() -> None:
    """The second person reads that it is being changed; so does who presses while it waits."""
    async with running(ready(1)) as queue:
        origin = await answered(queue)
        revisions = again(queue)
        results = await asyncio.gather(
            *(revisions.repeat(origin, RequestKind.REGENERATE, PRESS, in_place=True) for _ in range(2)),
            return_exceptions=True,
        )
        errors = [one for one in results if isinstance(one, UserError)]
        assert [error.key for error in errors] == ["error.still_running"]
        repeating = revisions.repeat(origin, RequestKind.REGENERATE, PRESS, in_place=True)
        assert await refused(repeating) == "error.still_running"
        await queue.scheduler.asked(2)


class LastEdit(asyncio.Event):
    """Lets Discord take the last edit when it is set; ``begun`` is set when the edit is under way."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = asyncio.Event()

    async def wait(self) -> Literal[True]:
        """Wait until Discord takes it."""
        self.begun.set()
        return await super().wait()


async def test_a_press_waits_a_moment_for_the_last_edit() -> None:
    """The answer is committed, so the press is not refused as one at an answer that is still being written."""
    async with running(ready(1)) as queue:
        request_id = await queue.asks(1, "?")
        shown = queue.answer(request_id)
        shown.taken = last_edit = LastEdit()
        (await queue.scheduler.asked(1)).end("All of it")
        await last_edit.begun.wait()
        assert await queue.state(request_id) is RequestState.ANSWERED
        origin = await queue.stored(request_id)
        pressed = asyncio.create_task(again(queue).repeat(origin, RequestKind.REGENERATE, PRESS, in_place=True))
        await asyncio.sleep(0)
        assert not pressed.done()
        last_edit.set()
        assert (await pressed).request_id != request_id
        await queue.scheduler.asked(2)


async def test_a_version_that_cannot_be_shown_stays_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Discord is down: nothing is raised, and the next press shows it."""
    async with running(ready(1)) as queue:
        first = await answered(queue)
        revisions = again(queue)
        second = await revisions.repeat(first, RequestKind.REGENERATE, PRESS, in_place=True)
        (await queue.scheduler.asked(2)).end("Another one")
        await queue.until_settled()
        newest = await queue.stored(second.request_id)
        opened = queue.shown.open

        def failing(*args: Any, **kwargs: Any) -> ShownAnswer:
            answer = opened(*args, **kwargs)
            answer.error = DeliveryError("Discord is down")
            return answer

        with monkeypatch.context() as patch:
            patch.setattr(queue.shown, "open", failing)
            await revisions.turn(newest, -1, PRESS)
        assert queue.answer(first.request_id).finished == 0
        await revisions.turn(newest, -1, PRESS)
        await queue.until_shows(first.request_id, "All of it")
        assert queue.shown.open_now == set()


async def test_a_deleted_question_loses_the_buttons_that_ask_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the channel; what has no message, or is still open, is left as it is."""
    monkeypatch.setattr("bot.services.requests.revisions.LAST_EDIT_WITHIN", 0.01)
    async with running(ready(1)) as queue:
        origin = await answered(queue)
        waiting = await queue.asks(2, "still open")
        await queue.scheduler.asked(2)
        revisions = again(queue)
        await revisions.show_forgotten(["0" * 16, waiting, origin.request_id])
        assert queue.answer(origin.request_id).finished == 1
        assert "All of it" in queue.answer(origin.request_id).text
        assert queue.answer(waiting).finished == 0


async def test_a_cluster_that_cannot_go_on_with_a_text_is_asked_in_words() -> None:
    """The setting was wrong about the engine: the rest comes all the same."""
    async with running(ready(1), settings=Settings(assistant_prefix=True)) as queue:
        origin = await answered(queue, finish=FinishReason.LENGTH)
        going_on = await again(queue).repeat(origin, RequestKind.CONTINUE, PRESS, in_place=True)
        first = await queue.scheduler.asked(2)
        assert first.request.goes_on
        first.fail(RequestRefused("400", status=400))
        second = await queue.scheduler.asked(3)
        assert not second.request.goes_on
        second.end(" and the rest")
        await queue.until_settled()
        assert await queue.state(going_on.request_id) is RequestState.DELIVERED
        assert "All of it and the rest" in queue.answer(going_on.request_id).text
