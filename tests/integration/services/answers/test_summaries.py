"""A channel's summary on its way through the queue, at a scheduler that the test plays."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from bot.domain.channel_summary.messages import ReadMessage, first_id_at
from bot.domain.channel_summary.plan import ChannelMessages, Plan
from bot.domain.chat import FinishReason
from bot.domain.queue.request import RequestState
from bot.errors import StreamInterrupted
from tests.fakes.conversations import MemoryConversations
from tests.fakes.requests import MemoryRequests
from tests.fakes.schedulers import MODEL, ScriptedScheduler, ScriptedStream, ready
from tests.integration.services.process import RunningQueue, Settings, asked, running

_FIRST = first_id_at(1_790_000_000.0)
_BASE = "https://discord.com/channels/8/71"


def _messages(count: int, words: int) -> ChannelMessages:
    return ChannelMessages(
        8,
        71,
        [ReadMessage(_FIRST + number, "Ben", f"{number} " + "word " * words) for number in range(1, count + 1)],
    )


async def _summarises(queue: RunningQueue, what: ChannelMessages, *, private: bool = True, user: int = 1) -> str:
    request = replace(asked(user, "Summary of #general", 71, private=private), messages=what)
    accepted = await queue.ask.submit(request)
    assert accepted is not None
    await queue.ask.acknowledged(accepted, 2000 + user)
    return accepted.request_id


@asynccontextmanager
async def _three_parts() -> AsyncIterator[tuple[RunningQueue, str, list[ScriptedStream]]]:
    """A summary of sixty messages, of which the notes of the first part are being written."""
    async with running(ready(1)) as queue:
        request_id = await _summarises(queue, _messages(60, 100))
        first = await queue.scheduler.asked(1)
        yield queue, request_id, [first]


async def test_a_short_channel_is_one_question_with_links_to_what_was_read() -> None:
    conversations = MemoryConversations()
    store = MemoryRequests(conversations)
    async with running(ready(1), store=store, conversations=conversations) as queue:
        request_id = await _summarises(queue, _messages(3, 2), private=False)
        stream = await queue.scheduler.asked(1)
        system, question = (message.content for message in stream.request.messages)
        assert "[12] [15]" in system
        assert "language with the code en-US" in system
        assert "[2] 09-21 14:13 Ben: 2 word word\n[3] " in question
        stream.begin()
        stream.say("Ben wants wor")
        stream.say("ds [2][9] and [1")
        stream.end("] https://discord.com/channels/8/71/5 x")
        await queue.until_settled()
        stored = await queue.stored(request_id)
        text = f"Ben wants words [2]({_BASE}/{_FIRST + 2}) and [1]({_BASE}/{_FIRST + 1})  x"
        assert stored.answer is not None
        assert stored.answer.text == text
        shown = queue.answer(request_id).text
        assert f"Ben wants words [2](<{_BASE}/{_FIRST + 2}>) and [1](<{_BASE}/{_FIRST + 1}>)" in shown
        assert "part" not in shown
        # A conversation remembers nothing of it.
        assert await conversations.recent_turns(stored.question.conversation_id, limit=9, follows=None) == []


async def test_a_long_channel_is_read_in_parts_which_each_wait_in_the_queue() -> None:
    """Between two parts somebody else's question is answered: a summary takes no more turns than others."""
    async with _three_parts() as (queue, request_id, streams):
        other = await queue.asks(2, "And me?")
        assert "-# part 1 of 4" in queue.answer(request_id).text
        streams[0].end("notes of one [1]")
        second = await queue.scheduler.asked(2)
        assert "And me?" in second.question
        await queue.until_shows(request_id, "-# part 2 of 4")
        second.end("You too")
        await queue.until_shows(other, "You too")
        for number in (2, 3):
            stream = await queue.scheduler.asked(number + 1)
            assert stream.request.max_tokens == 800
            await queue.until_shows(request_id, f"-# part {number} of 4")
            stream.end(f"notes of part {number} [{number * 20}]")
            assert "notes" not in queue.answer(request_id).text
        last = await queue.scheduler.asked(5)
        assert all(notes in last.question for notes in ("notes of one [1]", "part 2 [40]", "part 3 [60]"))
        last.end("All of it [40]")
        await queue.until_shows(request_id, f"All of it [40](<{_BASE}/{_FIRST + 40}>)")
        await queue.until_settled()
        assert await queue.state(request_id) is RequestState.DELIVERED


async def test_stop_ends_a_part_that_runs() -> None:
    async with _three_parts() as (queue, request_id, streams):
        streams[0].begin()
        streams[0].say("notes that nobody sees")
        await queue.until_shows(request_id, "reading")
        assert await queue.cancellation.stop(request_id, by=1)
        await queue.scheduler.left(streams[0])
        await queue.until_settled()
        assert await queue.state(request_id) is RequestState.CANCELLED
        assert "stopped" in queue.answer(request_id).text
        assert "notes" not in queue.answer(request_id).text


async def test_stop_withdraws_a_part_that_waits() -> None:
    async with _three_parts() as (queue, request_id, streams):
        await queue.asks(2, "And me?")
        streams[0].end("notes")
        await queue.scheduler.asked(2)
        await queue.until_shows(request_id, "-# part 2 of 4")
        assert await queue.cancellation.stop(request_id, by=1)
        assert await queue.state(request_id) is RequestState.CANCELLED
        queue.scheduler.open[0].end("You too")
        await queue.until_settled()
        assert len(queue.scheduler.streams) == 2


async def test_a_part_that_breaks_off_is_asked_for_again() -> None:
    async with _three_parts() as (queue, request_id, streams):
        streams[0].begin()
        streams[0].say("half of the no")
        streams[0].fail(StreamInterrupted("gone"))
        again = await queue.scheduler.asked(2)
        assert again.question == streams[0].question
        again.end("notes")
        await queue.until_shows(request_id, "-# part 2 of 4")


async def test_another_process_goes_on_with_the_part_that_was_not_done() -> None:
    """The first process is gone after the notes of the first part; nothing that was read is read again."""
    conversations = MemoryConversations()
    store = MemoryRequests(conversations)
    async with running(ready(1), store, conversations, Settings(owner="first")) as queue:
        request_id = await _summarises(queue, _messages(60, 100))
        (await queue.scheduler.asked(1)).end("notes of one")
        second = await queue.scheduler.asked(2)
        waiting = second.question
    later = Settings(owner="second", scheduler=ScriptedScheduler())
    async with running(ready(1), store, conversations, later) as queue:
        stream = await queue.scheduler.asked(1)
        assert stream.question == waiting
        await queue.until_shows(request_id, "-# part 2 of 4")
        stream.end("notes of two")
        (await queue.scheduler.asked(2)).end("notes of three")
        last = await queue.scheduler.asked(3)
        assert "notes of one" in last.question
        last.end("Done [60]", FinishReason.LENGTH)
        await queue.until_shows(request_id, f"Done [60](<{_BASE}/{_FIRST + 60}>)")


async def test_notes_that_are_too_long_together_are_read_in_parts_again() -> None:
    async with running(ready(1)) as queue:
        request_id = await _summarises(queue, _messages(120, 100))
        count = 0
        while True:
            count += 1
            stream = await queue.scheduler.asked(count)
            if "You summarise" in stream.request.messages[0].content:
                break
            stream.end(f"note {count} " + "long " * 4000)
            assert count < 40
        plan = Plan.read((await queue.stored(request_id)).question.attached_text)
        assert plan.level >= 2
        stream.end("In short")
        await queue.until_shows(request_id, "In short")


async def test_a_part_that_is_too_long_after_all_becomes_two() -> None:
    """The tokenizer turned out to need more tokens than was estimated."""
    async with running(ready(1)) as queue:
        await queue.asks(2, "First?")
        first = await queue.scheduler.asked(1)
        request_id = await _summarises(queue, _messages(60, 100))
        before = Plan.read((await queue.stored(request_id)).question.attached_text)
        queue.parts.lanes[0].parts.estimator.observe(MODEL, 100_000, 300_000, ratio=1.0)
        first.end("yes")
        stream = await queue.scheduler.asked(2)
        after = Plan.read((await queue.stored(request_id)).question.attached_text)
        assert len(after.unread) > len(before.unread)
        assert after.unread[0] in stream.question
        assert "\n".join(after.unread) == "\n".join(before.unread)
