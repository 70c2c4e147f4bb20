"""Answers that break off, on a cluster that can continue a text."""

from __future__ import annotations

from bot.domain.chat import ChatMessage, Role
from bot.domain.queue.request import RequestState
from bot.errors import RequestRefused, StreamInterrupted
from tests.fakes.schedulers import ready
from tests.integration.services.process import RunningQueue, Settings, running

PREFIX = Settings(assistant_prefix=True)


async def _broken_after(queue: RunningQueue, request_id: str, *pieces: str) -> None:
    """Let the first stream send this text and break."""
    stream = await queue.scheduler.asked(1)
    stream.begin()
    for piece in pieces:
        stream.say(piece)
    await queue.until_shows(request_id, pieces[0].strip())
    stream.fail(StreamInterrupted("cut"))


async def test_a_broken_answer_goes_on_where_it_stopped() -> None:
    """What was shown stays, and the rest follows."""
    async with running(ready(1), settings=PREFIX) as queue:
        asked = await queue.asks(1, "count")
        await _broken_after(queue, asked, "one,", " two,", "\n")
        rest = await queue.scheduler.asked(2)
        assert rest.request.goes_on
        assert rest.request.messages[-2:] == (
            ChatMessage(Role.USER, "user 1: count"),
            ChatMessage(Role.ASSISTANT, "one, two,"),
        )
        assert rest.request.max_tokens == 1000 - 3
        assert rest.request.think is False
        await queue.until_shows(asked, "reconnecting")
        rest.begin()
        rest.say("\n")
        rest.say("three")
        await queue.until_shows(asked, "three")
        rest.end(", four")
        await queue.until_settled()

        states = queue.answer(asked).states
        first = next(index for index, state in enumerate(states) if "one, two," in state)
        assert all("one, two," in state for state in states[first:])
        stored = await queue.stored(asked)
        assert stored.state is RequestState.DELIVERED
        assert stored.answer is not None
        assert stored.answer.text == "one, two,\nthree, four"
        # Three pieces came before, and the scheduler counted five more.
        assert (stored.answer.completion_tokens, stored.answer.counted) == (8, False)


async def test_a_cluster_that_refuses_to_go_on_is_asked_anew() -> None:
    """The setting was wrong about the engine; the answer is complete all the same."""
    async with running(ready(1), settings=PREFIX) as queue:
        asked = await queue.asks(1, "count")
        await _broken_after(queue, asked, "one,", " two,")
        (await queue.scheduler.asked(2)).fail(RequestRefused("400", status=400))
        anew = await queue.scheduler.asked(3)
        assert not anew.request.goes_on
        assert anew.request.messages[-1] == ChatMessage(Role.USER, "user 1: count")
        anew.end("1, 2, 3")
        await queue.until_settled()
        stored = await queue.stored(asked)
        assert stored.answer is not None
        assert stored.answer.text == "1, 2, 3"
        assert "one" not in queue.answer(asked).text


async def test_what_breaks_off_a_second_time_is_kept_whole() -> None:
    """Both streams' text is kept, marked as broken off."""
    async with running(ready(1), settings=PREFIX) as queue:
        asked = await queue.asks(1, "count")
        await _broken_after(queue, asked, "one,")
        rest = await queue.scheduler.asked(2)
        rest.begin()
        rest.say(" two")
        rest.fail(StreamInterrupted("cut again"))
        await queue.until_shows(asked, "the connection to the cluster broke")
        await queue.until_settled()
        stored = await queue.stored(asked)
        assert stored.answer is not None
        assert (stored.answer.text, stored.answer.finish) == ("one, two", "interrupted")
        assert len(queue.scheduler.streams) == 2


async def test_words_that_a_template_cuts_messages_at_are_asked_for_anew() -> None:
    """Some templates drop what stands before the end of thinking."""
    async with running(ready(1), settings=PREFIX) as queue:
        asked = await queue.asks(1, "which tags are there?")
        await _broken_after(queue, asked, "One tag", " is </think>")
        anew = await queue.scheduler.asked(2)
        assert not anew.request.goes_on
        anew.end("Another answer.")
        await queue.until_settled()
        stored = await queue.stored(asked)
        assert stored.answer is not None
        assert stored.answer.text == "Another answer."


async def test_stopped_while_it_is_asked_for_again_it_keeps_what_was_shown() -> None:
    """The new stream had said less than the one that broke."""
    async with running(ready(1)) as queue:
        asked = await queue.asks(1, "count")
        await _broken_after(queue, asked, "one, two, three")
        anew = await queue.scheduler.asked(2)
        anew.begin()
        anew.say("uno")
        await queue.until_shows(asked, "uno")
        assert await queue.cancellation.stop(asked, by=7)
        await queue.until_shows(asked, "stopped by <@7>")
        await queue.until_settled()
        stored = await queue.stored(asked)
        assert stored.answer is not None
        assert (stored.answer.text, stored.answer.finish) == ("one, two, three", "stopped")
        assert "one, two, three" in queue.answer(asked).text


async def test_stopped_before_it_is_taken_again_it_keeps_what_was_shown() -> None:
    """The scheduler holds the repetition. The answer ends at once, its slot is free when a pipeline takes it."""
    async with running(ready(1)) as queue:
        asked = await queue.asks(1, "count")
        await _broken_after(queue, asked, "one, two, three")
        held = await queue.scheduler.asked(2)
        assert await queue.cancellation.stop(asked, by=7)
        await queue.until_shows(asked, "stopped by <@7>")
        assert queue.in_flight.running == 1
        stored = await queue.stored(asked)
        assert stored.answer is not None
        assert (stored.answer.text, stored.answer.finish) == ("one, two, three", "stopped")
        held.begin()
        await queue.scheduler.left(held)
        await queue.until_settled()
        assert queue.in_flight.running == 0
