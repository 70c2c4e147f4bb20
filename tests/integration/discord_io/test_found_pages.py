"""Messages whose ids were lost, by a crash or with the answer to a call, are found and not sent again."""

from __future__ import annotations

from collections.abc import Sequence

from bot.discord_io.delivery.answer import AnswerDelivery
from sandbox.discord_api.model import Message
from sandbox.discord_api.people import Invocation
from tests.integration.discord_io.conftest import DeliveryRig


async def two_pages(live_answers: DeliveryRig) -> tuple[Invocation, Message, Message]:
    """An answer of two messages, left by a process that is gone."""
    delivery, first, invocation = await live_answers.open()
    live_answers.source.say("> question\none", "two")
    delivery.changed()
    await live_answers.discord.wait_until(lambda: len(invocation.followups) == 1)
    await delivery.aclose()
    live_answers.sent.clear()
    return invocation, first, invocation.followups[0]


def opened_again(live_answers: DeliveryRig, invocation: Invocation, message_ids: Sequence[int]) -> AnswerDelivery:
    """The next process's delivery, which knows these messages."""
    delivery = live_answers.deliveries.open(
        f"{invocation.interaction.id:016x}",
        live_answers.destination(invocation),
        live_answers.source,
        locale="en-US",
        message_ids=message_ids,
        may_be_more=True,
        on_sent=lambda page, message_id: live_answers.sent.append((page, message_id)),
        on_gone=lambda: live_answers.gone.append(True),
    )
    if not message_ids:
        delivery.acknowledged(None)
    return delivery


async def test_a_further_message_whose_id_was_not_kept_is_used(live_answers: DeliveryRig) -> None:
    """It is recognised by its mark, edited, and its id is reported."""
    invocation, first, second = await two_pages(live_answers)
    live_answers.source.say("> question\nONE", "TWO")
    await opened_again(live_answers, invocation, [first.id]).finish()
    assert live_answers.discord.messages("general") == [first, second]
    assert "ONE" in first.text
    assert "TWO" in second.text
    assert live_answers.sent == [(1, second.id)]


async def test_with_a_spent_token_too(live_answers: DeliveryRig) -> None:
    """Even the first message is found in the channel when its id is not stored."""
    invocation, first, second = await two_pages(live_answers)
    live_answers.discord.expire_tokens()
    live_answers.source.say("> question\nONE", "TWO")
    await opened_again(live_answers, invocation, []).finish()
    assert live_answers.discord.messages("general") == [first, second]
    assert "ONE" in first.text
    assert live_answers.sent == [(0, first.id), (1, second.id)]


async def test_the_first_message_is_told_by_the_interaction(live_answers: DeliveryRig) -> None:
    """The acknowledgement's id was lost; the token still names the message."""
    invocation, first = await live_answers.acknowledged()
    live_answers.source.say("> question\nhere")
    await opened_again(live_answers, invocation, []).finish()
    assert live_answers.discord.messages("general") == [first]
    assert "here" in first.text
    assert live_answers.sent == [(0, first.id)]


async def test_a_message_sent_although_the_call_failed_is_not_sent_again(live_answers: DeliveryRig) -> None:
    """The connection broke after Discord had taken the page."""
    delivery, first, invocation = await live_answers.open()
    live_answers.discord.faults.next("POST", "/webhooks/*", "reset", applied=True)
    live_answers.source.say("> question\none", "two")
    await delivery.finish()
    (second,) = invocation.followups
    assert live_answers.discord.messages("general") == [first, second]
    assert live_answers.sent == [(1, second.id)]


async def test_what_an_earlier_attempt_wrote_further_is_emptied_and_taken_away(live_answers: DeliveryRig) -> None:
    """It is kept while it may be needed, and deleted when the answer is shorter in the end."""
    invocation, first, second = await two_pages(live_answers)
    live_answers.source.say("> question\nanew")
    delivery = opened_again(live_answers, invocation, [first.id, second.id])
    delivery.changed()
    await live_answers.discord.wait_until(lambda: second.text == "…")
    assert live_answers.discord.messages("general") == [first, second]
    await delivery.finish()
    assert live_answers.discord.messages("general") == [first]
    assert delivery.is_removing(second.id)
    assert live_answers.sent == [(1, None)]
    assert live_answers.gone == []
