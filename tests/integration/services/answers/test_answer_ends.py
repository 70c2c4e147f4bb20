"""Ends of an answer that its reader has to know about."""

from __future__ import annotations

import pytest

from bot.domain.chat import FinishReason, Reasoning
from bot.domain.queue.request import RequestKind
from bot.errors import NodeFailed, StreamInterrupted
from bot.presentation.page import Control
from bot.services.answers.final_views import controls_of
from bot.services.answers.prompt import CONTINUE_PROMPT
from tests.fakes.schedulers import ready
from tests.integration.services.process import running
from tests.integration.services.requests.test_revisions import PRESS, again


async def test_t3_thinking_that_used_up_the_limit_says_so_and_goes_on_without_thinking() -> None:
    """Continue asks the question again, without an instruction to continue a text that is not there."""
    async with running(ready(1)) as queue:
        asked = await queue.asks(1, "Why?")
        stream = await queue.scheduler.asked(1)
        stream.begin()
        stream._events.put_nowait(Reasoning("Let me think."))
        stream.end(reason=FinishReason.LENGTH)
        await queue.until_shows(asked, "thinking used all 1,000 tokens")
        await queue.until_settled()

        await again(queue).repeat(await queue.stored(asked), RequestKind.CONTINUE, PRESS, in_place=True)
        rest = await queue.scheduler.asked(2)
        assert rest.request.think is False
        assert rest.question == "user 1: Why?"
        assert not any(CONTINUE_PROMPT in message.content for message in rest.request.messages)
        rest.end("Because.")
        await queue.until_settled()


@pytest.mark.parametrize(("finish", "offered"), [("length", True), ("stop", False), ("tool_call", False)])
def test_t3_thinking_alone_can_be_continued_when_the_limit_cut_it(finish: str, offered: bool) -> None:
    controls = controls_of(finish, 0, 1, has_text=False, has_thoughts=True)
    assert (Control.CONTINUE in controls) is offered
    assert Control.CONTINUE not in controls_of(finish, 0, 1, has_text=False, has_thoughts=False)


async def test_p17_a_node_that_fails_twice_is_named() -> None:
    """The answer is asked for once more; what came is kept, and can be continued."""
    async with running(ready(1)) as queue:
        asked = await queue.asks(1, "count")
        for number in (1, 2):
            stream = await queue.scheduler.asked(number)
            stream.begin()
            stream.say("one, two")
            stream.fail(NodeFailed("500 server_error", status=500))
        await queue.until_shows(asked, "a node of the cluster failed")
        await queue.until_settled()
        stored = await queue.stored(asked)
    assert stored.answer is not None
    assert (stored.answer.text, stored.answer.finish) == ("one, two", "node_failed")
    assert Control.CONTINUE in controls_of("node_failed", 0, 1, has_text=True, has_thoughts=False)


async def test_p17_a_lost_connection_is_no_failed_node() -> None:
    async with running(ready(1)) as queue:
        asked = await queue.asks(1, "count")
        for number in (1, 2):
            stream = await queue.scheduler.asked(number)
            stream.begin()
            stream.say("one, two")
            stream.fail(StreamInterrupted("cut"))
        await queue.until_shows(asked, "the connection to the cluster broke")
        await queue.until_settled()


@pytest.mark.parametrize("text", ["", "I look it up."])
@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        (FinishReason.TOOL_CALL, "the model tried to use a tool; it has none here"),
        (FinishReason.CUT, "the answer exceeded the limits of time or length"),
    ],
)
async def test_p18_q9_a_tool_call_and_a_cut_are_told_in_one_line(
    reason: FinishReason, sentence: str, text: str
) -> None:
    async with running(ready(1)) as queue:
        asked = await queue.asks(1, "weather?")
        (await queue.scheduler.asked(1)).end(text, reason)
        await queue.until_shows(asked, sentence)
        await queue.until_settled()
        stored = await queue.stored(asked)
    assert stored.answer is not None
    assert (stored.answer.text, stored.answer.finish) == (text, reason.value)
