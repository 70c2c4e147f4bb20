"""Messages whose ids were lost, by a crash or with the answer to a call, are found and not sent again."""

from __future__ import annotations

from collections.abc import Sequence

from bot.discord_io.delivery.answer import AnswerDelivery
from sandbox.discord_api.model import Message
from sandbox.discord_api.people import Invocation
from tests.integration.discord_io.conftest import Desk


async def two_pages(desk: Desk) -> tuple[Invocation, Message, Message]:
    """An answer of two messages, left by a process that is gone."""
    delivery, first, invocation = await desk.open()
    desk.source.say("> question\none", "two")
    delivery.changed()
    await desk.discord.wait_until(lambda: len(invocation.followups) == 1)
    await delivery.aclose()
    desk.sent.clear()
    return invocation, first, invocation.followups[0]


def opened_again(desk: Desk, invocation: Invocation, message_ids: Sequence[int]) -> AnswerDelivery:
    """The next process's delivery, which knows these messages."""
    delivery = desk.deliveries.open(
        f"{invocation.interaction.id:016x}",
        desk.surface(invocation),
        desk.source,
        locale="en-US",
        message_ids=message_ids,
        on_sent=lambda page, message_id: desk.sent.append((page, message_id)),
        on_gone=lambda: desk.gone.append(True),
    )
    if not message_ids:
        delivery.acknowledged(None)
    return delivery


async def test_a_further_message_whose_id_was_not_kept_is_used(desk: Desk) -> None:
    """It is known by its mark, edited, and its id is told."""
    invocation, first, second = await two_pages(desk)
    desk.source.say("> question\nONE", "TWO")
    await opened_again(desk, invocation, [first.id]).finish()
    assert desk.discord.messages("general") == [first, second]
    assert "ONE" in first.text
    assert "TWO" in second.text
    assert desk.sent == [(1, second.id)]


async def test_with_a_spent_token_too(desk: Desk) -> None:
    """Even the first message is found in the channel when nothing else tells of it."""
    invocation, first, second = await two_pages(desk)
    desk.discord.expire_tokens()
    desk.source.say("> question\nONE", "TWO")
    await opened_again(desk, invocation, []).finish()
    assert desk.discord.messages("general") == [first, second]
    assert "ONE" in first.text
    assert desk.sent == [(0, first.id), (1, second.id)]


async def test_the_first_message_is_told_by_the_interaction(desk: Desk) -> None:
    """The acknowledgement's id was lost; the token still names the message."""
    invocation, first = await desk.acknowledged()
    desk.source.say("> question\nhere")
    await opened_again(desk, invocation, []).finish()
    assert desk.discord.messages("general") == [first]
    assert "here" in first.text
    assert desk.sent == [(0, first.id)]


async def test_a_message_sent_although_the_call_failed_is_not_sent_again(desk: Desk) -> None:
    """The connection broke after Discord had taken the page."""
    delivery, first, invocation = await desk.open()
    desk.discord.faults.next("POST", "/webhooks/*", "reset", applied=True)
    desk.source.say("> question\none", "two")
    await delivery.finish()
    (second,) = invocation.followups
    assert desk.discord.messages("general") == [first, second]
    assert desk.sent == [(1, second.id)]


async def test_what_an_earlier_attempt_wrote_further_is_emptied_and_taken_away(desk: Desk) -> None:
    """Kept while it may be needed, deleted when the answer has ended shorter; nobody deleted the answer."""
    invocation, first, second = await two_pages(desk)
    desk.source.say("> question\nanew")
    delivery = opened_again(desk, invocation, [first.id, second.id])
    delivery.changed()
    await desk.discord.wait_until(lambda: second.text == "…")
    assert desk.discord.messages("general") == [first, second]
    await delivery.finish()
    assert desk.discord.messages("general") == [first]
    assert delivery.is_removing(second.id)
    assert desk.sent == [(1, None)]
    assert desk.gone == []
