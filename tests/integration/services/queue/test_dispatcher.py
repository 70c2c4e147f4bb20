"""The way of a question through the queue, at a scheduler that the test plays."""

from __future__ import annotations

import pytest

from bot.domain.chat import FinishReason
from bot.domain.queue.request import RequestState
from bot.domain.queue.store import QueuePause
from bot.errors import (
    ClusterBusy,
    DeliveryError,
    Draining,
    NoAnswer,
    RequestRefused,
    SchedulerNotReady,
    SchedulerUnreachable,
    StreamInterrupted,
    UpstreamFailed,
)
from tests.fakes.conversations import MemoryConversations
from tests.fakes.questions import WIDE, question
from tests.fakes.requests import MemoryRequests
from tests.fakes.schedulers import NO_MODEL, ready
from tests.integration.services.process import Settings, running


async def test_never_more_in_flight_than_the_cluster_takes() -> None:
    """A freed slot is used at once, by the next in the queue."""
    async with running(ready(2)) as queue:
        asked = [await queue.asks(user, f"question {user}") for user in range(1, 7)]
        await queue.scheduler.asked(2)
        for number in range(1, 7):
            stream = queue.scheduler.open[0]
            assert stream.question == f"user {number}: question {number}"
            stream.end(f"answer {number}")
            await queue.until_shows(asked[number - 1], f"answer {number}")
            if number <= 4:
                await queue.scheduler.asked(number + 2)
        assert queue.scheduler.most_open == 2
        await queue.until_settled()
        assert {await queue.state(request_id) for request_id in asked} == {RequestState.DELIVERED}


async def test_a_growing_cluster_is_used_at_once() -> None:
    """A larger capacity is used without waiting for an answer to end."""
    async with running(ready(1)) as queue:
        for user in range(1, 4):
            await queue.asks(user, "?")
        await queue.scheduler.asked(1)
        queue.scheduler.report(ready(3))
        await queue.scheduler.asked(3)
        assert len(queue.scheduler.open) == 3


async def test_pages_of_another_process_are_known_to_the_one_that_goes_on() -> None:
    """The other process answered a part of the question, sent a second page, and put it back."""
    async with running(NO_MODEL) as queue:
        kept = await queue.asks(1, "Long?")
        (first,) = queue.answer(kept).ids
        await queue.store.attach_message(kept, 1, 7777)
        queue.scheduler.report(ready(1))
        (await queue.scheduler.asked(1)).end("Short.")
        await queue.until_shows(kept, "Short.")
        assert queue.answer(kept).ids == [first, 7777]


async def test_a_cluster_without_a_model_gets_no_question() -> None:
    """The question is kept, its message says why, and it leaves when the model is there."""
    async with running(NO_MODEL) as queue:
        kept = await queue.asks(1, "Ready?")
        assert "kept: the cluster has no model yet" in queue.answer(kept).text
        assert queue.scheduler.streams == []
        queue.scheduler.report(ready(1))
        (await queue.scheduler.asked(1)).end("Ready.")
        await queue.until_shows(kept, "Ready.")


async def test_one_question_of_a_person_per_channel_at_a_time() -> None:
    """A follow-up needs the answer before it; the same person elsewhere does not wait."""
    async with running(ready(4)) as queue:
        await queue.asks(1, "first", channel=5)
        follow_up = await queue.asks(1, "second", channel=5)
        await queue.asks(1, "elsewhere", channel=6)
        await queue.scheduler.asked(2)
        assert [stream.question for stream in queue.scheduler.streams] == ["user 1: first", "user 1: elsewhere"]
        queue.scheduler.streams[0].end("the first answer")
        stream = await queue.scheduler.asked(3)
        assert [message.content for message in stream.request.messages] == [
            "user 1: first",
            "the first answer",
            "user 1: second",
        ]
        stream.end("done")
        await queue.until_shows(follow_up, "done")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ClusterBusy("429", status=429), "kept: all pipelines are busy"),
        (SchedulerNotReady("503", status=503), "kept: the cluster is starting"),
        (SchedulerUnreachable("refused"), "kept: the cluster does not answer"),
    ],
)
async def test_a_refused_question_goes_back_to_the_head_of_the_queue(error: Exception, words: str) -> None:
    """It is asked again before those behind it, as often as needed; its message says why it waits."""
    async with running(ready(1)) as queue:
        first, second = await queue.asks(1, "first"), await queue.asks(2, "second")
        for attempt in range(1, 4):
            stream = await queue.scheduler.asked(attempt)
            assert stream.question == "user 1: first"
            stream.fail(error)
        (await queue.scheduler.asked(4)).end("at last")
        (await queue.scheduler.asked(5)).end("then")
        await queue.until_shows(first, "at last")
        await queue.until_shows(second, "then")
        assert any(words in state for state in queue.answer(first).states)
        assert queue.scheduler.streams[4].question == "user 2: second"


async def test_a_question_that_fails_while_others_succeed_is_told_so() -> None:
    """It is kept at first, while another one is tried. After two more failures its asker reads one sentence with
    an id."""
    async with running(ready(1)) as queue:
        unlucky = await queue.asks(1, "first")
        lucky = [await queue.asks(user, "other") for user in (2, 3)]
        answered = 0
        for number in range(1, 7):
            stream = await queue.scheduler.asked(number)
            if stream.question == "user 1: first":
                stream.fail(UpstreamFailed("500", status=500))
            else:
                stream.end("fine")
                answered += 1
        assert answered == len(lucky)
        await queue.until_shows(unlucky, "A node of the cluster failed while answering. Please ask again. · ")
        for one in lucky:
            await queue.until_shows(one, "fine")
        await queue.until_settled()
        assert await queue.state(unlucky) is RequestState.FAILED


async def test_a_question_without_an_answer_is_asked_once_more_and_holds_nobody() -> None:
    """The cluster works, so the others leave meanwhile."""
    async with running(ready(2)) as queue:
        silent = await queue.asks(1, "first")
        (await queue.scheduler.asked(1)).fail(NoAnswer())
        again = await queue.scheduler.asked(2)
        assert again.question == "user 1: first"
        other = await queue.asks(2, "other")
        (await queue.scheduler.asked(3)).end("fine")
        await queue.until_shows(other, "fine")
        again.fail(NoAnswer())
        await queue.until_shows(
            silent, "The model was asked twice and gave no answer. Please ask in other words. · "
        )
        await queue.until_settled()
        assert await queue.state(silent) is RequestState.FAILED
        assert len(queue.scheduler.streams) == 3


async def test_a_refusal_for_good_is_not_repeated() -> None:
    """Asking the same again would be refused again."""
    async with running(ready(1)) as queue:
        refused = await queue.asks(1, "too long")
        (await queue.scheduler.asked(1)).fail(RequestRefused("400", status=400))
        await queue.until_shows(refused, "The cluster refused this question. Please ask it in other words.")
        await queue.until_settled()
        assert len(queue.scheduler.streams) == 1


async def test_an_answer_that_breaks_off_twice_keeps_the_longer_part() -> None:
    """The first break is repeated silently. The second is told, and the turn is remembered as cut."""
    async with running(ready(1)) as queue:
        broken = await queue.asks(1, "long")
        for number, text in ((1, "the longer beginning"), (2, "short")):
            stream = await queue.scheduler.asked(number)
            stream.begin()
            stream.say(text)
            stream.fail(StreamInterrupted("cut"))
        await queue.until_shows(broken, "the connection to the cluster broke")
        assert "the longer beginning" in queue.answer(broken).text
        await queue.until_settled()
        answer = (await queue.stored(broken)).answer
        assert answer is not None
        assert (answer.text, answer.finish) == ("the longer beginning", "interrupted")


async def test_stopping_a_stream_keeps_what_came_and_frees_the_slot() -> None:
    """The connection is closed, the footer names who stopped it."""
    async with running(ready(1)) as queue:
        stopped, following = await queue.asks(1, "long"), await queue.asks(2, "next")
        stream = await queue.scheduler.asked(1)
        stream.begin()
        stream.say("as far as this")
        await queue.until_shows(stopped, "as far as this")
        assert await queue.cancellation.stop(stopped, by=7)
        await queue.until_shows(stopped, "stopped by <@7>")
        assert stream.closed
        assert "as far as this" in queue.answer(stopped).text
        (await queue.scheduler.asked(2)).end("mine")
        await queue.until_shows(following, "mine")
        await queue.until_settled()
        answer = (await queue.stored(stopped)).answer
        assert answer is not None
        assert answer.finish == "stopped"


async def test_stopping_what_the_scheduler_still_holds_keeps_its_slot() -> None:
    """It ends at once for its asker, and keeps its slot in our count until a pipeline takes it."""
    async with running(ready(1)) as queue:
        stopped, following = await queue.asks(1, "held"), await queue.asks(2, "next")
        stream = await queue.scheduler.asked(1)
        assert await queue.cancellation.stop(stopped, by=7)
        await queue.until_shows(stopped, "stopped by <@7> before the first word")
        assert not stream.closed
        assert queue.in_flight.running == 1
        assert len(queue.scheduler.streams) == 1

        stream.begin()
        await queue.scheduler.left(stream)
        (await queue.scheduler.asked(2)).end("my turn")
        await queue.until_shows(following, "my turn")
        assert await queue.state(stopped) is RequestState.CANCELLED


async def test_withdrawing_a_waiting_question() -> None:
    """It is never sent; withdrawing it twice changes nothing."""
    async with running(ready(1)) as queue:
        await queue.asks(1, "running")
        waiting = await queue.asks(2, "waiting")
        stream = await queue.scheduler.asked(1)
        assert await queue.cancellation.stop(waiting, by=2)
        await queue.until_shows(waiting, "cancelled by <@2>")
        assert not await queue.cancellation.stop(waiting, by=2)
        stream.end("done")
        await queue.until_settled()
        assert len(queue.scheduler.streams) == 1


async def test_a_deleted_message_closes_its_stream() -> None:
    """Nobody can read the answer."""
    async with running(ready(1)) as queue:
        deleted, following = await queue.asks(1, "unread"), await queue.asks(2, "next")
        stream = await queue.scheduler.asked(1)
        stream.begin()
        stream.say("words")
        await queue.until_shows(deleted, "words")
        await queue.cancellation.message_deleted((await queue.stored(deleted)).message_ids[0])
        await queue.scheduler.left(stream)
        (await queue.scheduler.asked(2)).end("read")
        await queue.until_shows(following, "read")
        assert await queue.state(deleted) is RequestState.CANCELLED


async def test_a_paused_queue_lets_running_answers_finish() -> None:
    """Those who wait read the operator's reason; after the release the queue moves."""
    async with running(ready(1)) as queue:
        finishing = await queue.asks(1, "running")
        stream = await queue.scheduler.asked(1)
        await queue.gate.pause(QueuePause("new *disks*", by=7, since=0.0))
        waiting = await queue.asks(2, "waiting")
        assert "kept: the queue is paused: new \\*disks\\*" in queue.answer(waiting).text
        stream.end("finished")
        await queue.until_shows(finishing, "finished")
        await queue.until_settled()
        assert len(queue.scheduler.streams) == 1
        await queue.gate.resume()
        (await queue.scheduler.asked(2)).end("going on")
        await queue.until_shows(waiting, "going on")


async def test_capacity_is_learned_where_the_cluster_does_not_say() -> None:
    """It begins with two. A question taken at once while both are used lets one more be tried."""
    async with running(ready(None)) as queue:
        for user in range(1, 21):
            await queue.asks(user, "?")
        await queue.scheduler.asked(2)
        assert queue.scheduler.most_open == 2
        ended = 0
        while queue.scheduler.most_open == 2:
            await queue.scheduler.asked(ended + 2)
            for stream in queue.scheduler.open:
                stream.end("fine")
                ended += 1
        assert queue.scheduler.most_open == 3


async def test_a_bug_while_answering_is_told_and_frees_the_slot(capsys: pytest.CaptureFixture[str]) -> None:
    """The asker reads a sentence."""
    async with running(ready(1)) as queue:
        unlucky, lucky = await queue.asks(1, "first"), await queue.asks(2, "second")
        (await queue.scheduler.asked(1)).fail(RuntimeError("a bug"))
        await queue.until_shows(unlucky, "Something went wrong on our side.")
        (await queue.scheduler.asked(2)).end("fine")
        await queue.until_shows(lucky, "fine")
        await queue.until_settled()
        assert await queue.state(unlucky) is RequestState.FAILED
    assert "a bug" in capsys.readouterr().out


async def test_draining_finishes_what_runs_and_keeps_what_waits() -> None:
    """Nothing more is taken; the messages say that their questions are kept."""
    async with running(ready(1)) as queue:
        finishing, waiting = await queue.asks(1, "running"), await queue.asks(2, "waiting")
        stream = await queue.scheduler.asked(1)
        stream.end("in time")
        await queue.until_shows(finishing, "in time")
        stream = await queue.scheduler.asked(2)
        await queue.dispatcher.drain(grace=0.0)
        assert "kept: the bot is restarting" in queue.answer(waiting).text
        assert await queue.state(waiting) is RequestState.QUEUED
        with pytest.raises(Draining):
            await queue.asks(3, "too late")
        assert len(queue.scheduler.streams) == 2


async def test_the_next_process_takes_everything_over() -> None:
    """What ran is asked again first, what waited follows, what was complete is only shown."""
    conversations = MemoryConversations()
    store = MemoryRequests(conversations)
    async with running(ready(1), store, conversations, Settings(owner="the first")) as queue:
        complete = await queue.asks(1, "complete")
        queue.answer(complete).error = DeliveryError("Discord is down")
        (await queue.scheduler.asked(1)).end("all of it")
        ran, waited = await queue.asks(2, "ran"), await queue.asks(3, "waited")
        await queue.scheduler.asked(2)
        assert await queue.state(complete) is RequestState.ANSWERED

    async with running(ready(1), store, conversations, Settings(owner="the second")) as queue:
        await queue.until_shows(complete, "all of it")
        stream = await queue.scheduler.asked(1)
        assert stream.question == "user 2: ran"
        stream.end("again")
        (await queue.scheduler.asked(2)).end("too")
        await queue.until_shows(ran, "again")
        await queue.until_shows(waited, "too")
        await queue.until_settled()
        states = {await queue.state(request_id) for request_id in (complete, ran, waited)}
        assert states == {RequestState.DELIVERED}
        assert len(queue.scheduler.streams) == 2


async def test_an_answer_cut_by_its_limit_says_so() -> None:
    """With the limit, so that the reader knows what to do."""
    async with running(ready(1)) as queue:
        cut = await queue.asks(1, "long")
        (await queue.scheduler.asked(1)).end("so far", FinishReason.LENGTH)
        await queue.until_shows(cut, "length limit (1,000 tokens)")


async def test_a_message_deleted_before_its_id_is_kept() -> None:
    """A moderation bot may be faster than our database."""
    async with running(ready(1)) as queue:
        deleted, following = await queue.asks(1, "unread"), await queue.asks(2, "next")
        stream = await queue.scheduler.asked(1)
        stream.begin()
        await queue.cancellation.message_deleted(4711)
        queue.answer(deleted).on_sent(1, 4711)
        await queue.scheduler.left(stream)
        (await queue.scheduler.asked(2)).end("read")
        await queue.until_shows(following, "read")
        assert await queue.state(deleted) is RequestState.CANCELLED


async def test_a_queue_of_hundreds_is_cleared_at_once() -> None:
    """All are cancelled before the first message says so; what runs goes on, and in the end every message says
    so."""
    conversations = MemoryConversations()
    store = MemoryRequests(conversations)
    async with running(ready(1), store, conversations) as queue:
        first = await queue.asks(1, "runs")
        stream = await queue.scheduler.asked(1)
        waiting = [f"q{number}" for number in range(300)]
        for number, request_id in enumerate(waiting):
            await store.enqueue(question(request_id, user=10 + number, conversation=10 + number), WIDE)

        assert await queue.cancellation.clear(by=7) == 300
        assert {await queue.state(request_id) for request_id in waiting} == {RequestState.CANCELLED}

        def told() -> bool:
            shown = queue.shown.answers
            return all(one in shown and "cancelled by <@7>" in shown[one].text for one in waiting)

        await queue.until(told)
        stream.end("not disturbed")
        await queue.until_shows(first, "not disturbed")
        await queue.until_settled()
        assert queue.shown.open_now == set()
        assert await queue.cancellation.clear(by=7) == 0
