"""Answers on their way to a Discord with limits, through the real library."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field, replace
from functools import partial

import pytest

from bot.clock import SystemClock
from bot.discord_io.delivery.answer import AnswerDelivery
from bot.discord_io.delivery.registry import Deliveries
from bot.discord_io.delivery.routes import RouteKind
from bot.discord_io.outgoing import Outgoing
from bot.errors import DeliveryError, MessageGone, TokenExpired
from bot.presentation.page import Page
from bot.telemetry.metrics import Metrics
from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Message
from tests.fakes.clocks import FastClock
from tests.integration.discord_io.conftest import FIRST, DeliveryRig, Pages, Wire, logged_in

CLOCK = SystemClock()


async def stream(live_answers: DeliveryRig, changed: object, count: int) -> None:
    """Let the source grow ``count`` times, 200 times a second: far more often than Discord takes edits."""
    assert callable(changed)
    for number in range(1, count + 1):
        live_answers.source.say(f"> question\nstate {number}")
        changed()
        await asyncio.sleep(0.005)


async def test_one_edit_at_a_time_and_only_the_newest_state(live_answers: DeliveryRig) -> None:
    """States that nobody could have seen are skipped; those shown are in order; the last one is shown."""
    delivery, message, _ = await live_answers.open()
    await stream(live_answers, delivery.changed, 400)
    await delivery.finish()

    shown = [
        int(number) for r in message.history for number in re.findall(r"state (\d+)", str(r.payload["components"]))
    ]
    assert shown == sorted(set(shown))
    assert shown[-1] == 400
    assert 4 <= len(shown) <= 20
    assert live_answers.wire.most == 1


async def test_what_did_not_change_costs_nothing(live_answers: DeliveryRig) -> None:
    """A reported change that changes nothing visible sends no edit."""
    delivery, message, _ = await live_answers.open()
    for _ in range(20):
        delivery.changed()
    await delivery.finish()
    assert len(message.history) == 1
    assert "PATCH" not in live_answers.wire.methods


@pytest.mark.parametrize("private", [False, True])
async def test_the_last_edit_is_not_starved_by_the_ones_before(live_answers: DeliveryRig, private: bool) -> None:
    """The last state is shown soon, also when streaming has used up the budget."""
    delivery, message, _ = await live_answers.open(private=private)
    await stream(live_answers, delivery.changed, 300)
    live_answers.source.say("> question\nthe end")
    began = CLOCK.monotonic()
    await delivery.finish()
    assert CLOCK.monotonic() - began < 0.6
    assert "the end" in message.text


async def test_an_edit_that_drains_the_bucket_returns_when_it_is_applied(live_answers: DeliveryRig) -> None:
    """discord.py itself would return only after the reset, two seconds later (its traps 1 and 7)."""
    delivery, message, _ = await live_answers.open()
    destination = delivery.destination
    began = CLOCK.monotonic()
    for number in range(5):
        await destination.edit(RouteKind.INTERACTION, message.id, Page(f"state {number}"))
        assert message.text == f"state {number}"
    assert CLOCK.monotonic() - began < 1.0
    await destination.drained()
    await destination.edit(RouteKind.INTERACTION, message.id, Page("afterwards"))
    assert message.text == "afterwards"
    await destination.drained()


async def test_further_pages_become_further_messages(live_answers: DeliveryRig) -> None:
    """Pages are sent once each, in order, edited in place and reported with their ids; they ping nobody."""
    delivery, message, invocation = await live_answers.open()
    live_answers.source.say("> question\none", "two @everyone", "three")
    delivery.changed()
    await live_answers.discord.wait_until(lambda: len(invocation.followups) == 2)
    live_answers.source.say("> question\none", "two @everyone", "three and more")
    await delivery.finish()

    second, third = invocation.followups
    assert [m.text.split("\n-# ")[0] for m in (message, second, third)] == [
        "> question\none",
        "two @everyone",
        "three and more",
    ]
    assert live_answers.sent == [(1, second.id), (2, third.id)]
    counted = live_answers.metrics.registry.get_sample_value
    assert counted("discord_edits_total", {"route": "interaction", "purpose": "last"}) == 1
    assert delivery.message_ids == (message.id, second.id, third.id)
    assert all(m.notified == frozenset() and not m.mentions.everyone for m in (second, third))


async def test_what_the_channels_route_sent_is_reached_while_the_token_lives(live_answers: DeliveryRig) -> None:
    """By token Discord knows only what was sent by it; its "Unknown Message" does not mean that it was deleted."""
    delivery, message, _ = await live_answers.open()
    destination = delivery.destination
    sent = await destination.send(RouteKind.CHANNEL, Page("second page"), 1)
    further = live_answers.discord.world.messages[sent]
    await destination.edit(RouteKind.INTERACTION, sent, Page("second page, longer"), 1)
    assert further.text == "second page, longer"
    await destination.delete(RouteKind.INTERACTION, sent)
    assert further.deleted
    await destination.delete(RouteKind.INTERACTION, sent)
    with pytest.raises(MessageGone):
        await destination.edit(RouteKind.INTERACTION, sent, Page("second page"), 1)
    await destination.drained()
    assert not message.deleted


async def test_a_spent_token_moves_the_answer_to_the_channel_route(live_answers: DeliveryRig) -> None:
    """Discord says 50027 once; from then on the bot's own token edits the same message."""
    delivery, message, _ = await live_answers.open()
    live_answers.source.say("> question\nbefore")
    delivery.changed()
    await live_answers.discord.wait_until(lambda: "before" in message.text)
    live_answers.discord.expire_tokens()
    live_answers.source.say("> question\nafter")
    delivery.changed()
    await live_answers.discord.wait_until(lambda: "after" in message.text)
    live_answers.source.say("> question\nand later")
    await delivery.finish()
    assert "and later" in message.text
    assert sum(traced.code == 50027 for traced in live_answers.discord.trace) == 1


async def test_a_token_near_its_end_is_not_used_any_more(live_answers: DeliveryRig) -> None:
    """The route changes a minute before, without Discord having to refuse anything."""
    delivery, message, _ = await live_answers.open(lives=59.0)
    live_answers.source.say("> question\nin time")
    await delivery.finish()
    assert "in time" in message.text
    assert not any(traced.path.startswith("/webhooks/") for traced in live_answers.discord.trace)
    assert not any(traced.code == 50027 for traced in live_answers.discord.trace)


async def test_a_private_answer_has_no_other_route(live_answers: DeliveryRig) -> None:
    """It cannot be shown after its token has expired, and the waiting caller gets the error."""
    delivery, message, _ = await live_answers.open(private=True)
    live_answers.discord.expire_tokens()
    live_answers.source.say("> question\ntoo late")
    with pytest.raises(TokenExpired):
        await delivery.finish()
    assert "too late" not in message.text
    assert live_answers.gone == []


async def test_a_deleted_message_ends_the_delivery(live_answers: DeliveryRig) -> None:
    """Nothing is sent again; ``on_gone`` is called once."""
    delivery, message, _ = await live_answers.open()
    await live_answers.discord.person("grace").delete(message)
    live_answers.source.say("> question\nfor nobody")
    with pytest.raises(MessageGone):
        await delivery.finish()
    assert live_answers.gone == [True]
    assert live_answers.discord.messages("general") == []


async def test_an_answer_in_a_follow_up_is_reached_by_its_id(live_answers: DeliveryRig) -> None:
    """The interaction was answered first by a sentence, which is gone. A deleted follow-up ends the delivery
    too."""
    first, sentence, invocation = await live_answers.open()
    live_answers.source.say("> question\none", "two")
    await first.finish()
    (message,) = invocation.followups
    await first.aclose()
    await live_answers.discord.person("grace").delete(sentence)

    delivery = live_answers.deliveries.open(
        "follow-up",
        live_answers.destination(invocation),
        live_answers.source,
        locale="en-US",
        message_ids=(message.id,),
        on_sent=lambda page, message_id: live_answers.sent.append((page, message_id)),
        on_gone=lambda: live_answers.gone.append(True),
    )
    live_answers.source.say("> question\nthe whole answer")
    await delivery.finish()
    assert "the whole answer" in message.text
    await live_answers.discord.person("grace").delete(message)
    live_answers.source.say("> question\nfor nobody")
    with pytest.raises(MessageGone):
        await delivery.finish()
    assert live_answers.gone == [True]


@pytest.mark.parametrize("answer", [500, 502, "reset"])
async def test_a_failed_edit_is_repeated(live_answers: DeliveryRig, answer: int | str) -> None:
    """A server error or a broken connection delays the last state, and does not lose it."""
    delivery, message, _ = await live_answers.open()
    live_answers.discord.faults.next("PATCH", "*", "reset" if answer == "reset" else int(answer))
    live_answers.source.say("> question\nin the end")
    await delivery.finish()
    assert "in the end" in message.text
    assert live_answers.discord.messages("general") == [message]


async def test_an_edit_whose_answer_is_lost_is_not_shown_twice(live_answers: DeliveryRig) -> None:
    """It was applied; repeating it changes nothing."""
    delivery, message, _ = await live_answers.open()
    live_answers.discord.faults.next("PATCH", "*", "reset", applied=True)
    live_answers.source.say("> question\nonce")
    await delivery.finish()
    assert message.text.count("once") == 1
    assert live_answers.discord.messages("general") == [message]


async def test_giving_up_waiting_does_not_stop_the_delivery(live_answers: DeliveryRig) -> None:
    """A cancelled wait leaves the edit alone: a cancelled webhook call would lock the token for good (trap 1)."""
    delivery, message, _ = await live_answers.open()
    live_answers.discord.latency = 0.2
    live_answers.source.say("> question\nall the same")
    waiting = asyncio.create_task(delivery.finish())
    await asyncio.sleep(0)
    waiting.cancel()
    await live_answers.discord.wait_until(lambda: "all the same" in message.text)
    await delivery.finish()


async def test_closing_lets_calls_in_flight_end(live_answers: DeliveryRig) -> None:
    """Another delivery of the same interaction goes on where the closed one was."""
    delivery, message, invocation = await live_answers.open()
    live_answers.discord.latency = 0.2
    live_answers.source.say("> question\nunder way")
    delivery.changed()
    await live_answers.wire.edit_left.wait()
    await live_answers.deliveries.close(f"{invocation.interaction.id:016x}")
    assert "under way" in message.text

    live_answers.discord.latency = 0.0
    again = live_answers.deliveries.open(
        "another",
        live_answers.destination(invocation),
        live_answers.source,
        locale="en-US",
        message_ids=(message.id,),
        on_sent=lambda page, message_id: live_answers.sent.append((page, message_id)),
        on_gone=lambda: live_answers.gone.append(True),
    )
    live_answers.source.say("> question\nafterwards")
    await again.finish()
    assert "afterwards" in message.text
    assert live_answers.discord.messages("general") == [message]


async def test_a_press_on_a_message_whose_token_is_spent_reaches_it_again(live_answers: DeliveryRig) -> None:
    """Each press brings a token that edits the pressed message, private or not; a delivery that had given up
    begins anew with it."""
    delivery, message, _ = await live_answers.open(private=True)
    live_answers.discord.expire_tokens()
    live_answers.source.say("> question\n3rd in the queue")
    with pytest.raises(TokenExpired):
        await delivery.finish()

    token = await live_answers.pressed(message)
    live_answers.source.say("> question\ncancelled")
    delivery.renew(token, CLOCK.now() + 900.0)
    await delivery.finish()
    assert "cancelled" in message.text


@dataclass(eq=False)
class NotedClock(FastClock):
    """Records the seconds of every sleep."""

    slept: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        """Return early."""
        self.slept.append(seconds)
        await super().sleep(seconds)


@pytest.mark.parametrize("private", [False, True])
async def test_what_cannot_be_edited_any_more_is_sent_anew(monkeypatch: pytest.MonkeyPatch, private: bool) -> None:
    """Attempts get rarer and end. A private message has no other route: the waiting caller gets the error."""
    clock = NotedClock(100.0)
    outgoing = Outgoing(clock, Metrics())
    async with (
        DiscordDouble(latency=0.0, limits=False) as double,
        logged_in(double, monkeypatch, Wire(), clock, outgoing) as client,
    ):
        live_answers = DeliveryRig(double, Deliveries(client, clock, outgoing), Wire(), outgoing, client)
        delivery, message, _ = await live_answers.open(private=private, lives=1e12)
        double.faults.next("PATCH", "*", "reset", times=1000)
        live_answers.source.say("> question\nthe whole answer")
        if private:
            with pytest.raises(DeliveryError):
                await delivery.finish()
        else:
            await delivery.finish()
        backed_off = [seconds for seconds in clock.slept if seconds in {0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0}]
        assert backed_off == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0]
        shown = double.messages("general")
        assert "the whole answer" not in message.text
        if not private:
            (anew,) = shown
            assert "the whole answer" in anew.text
            assert message.deleted
            assert live_answers.sent == [(0, anew.id), (1, message.id), (1, None)]
            assert delivery.message_ids == (anew.id,)
        await live_answers.deliveries.aclose()


async def test_places_give_way_to_answers_that_run(live_answers: DeliveryRig) -> None:
    """All share the channel's budget: new text goes before a position that changed long ago."""
    places, texts = Pages(is_waiting=True), Pages()
    waiting, told = await on_the_channel(live_answers, places)
    running, answer = await on_the_channel(live_answers, texts)
    seen: list[str] = []
    places.say("> question\n2nd in the queue")
    waiting.changed()
    for word in ("one", "two", "three", "four"):
        texts.say(f"> question\n{word}")
        running.changed()
        await live_answers.discord.wait_until(partial(shows, answer, word))
        seen.append(told.text)
    assert not any("2nd in the queue" in text for text in seen)
    await live_answers.discord.wait_until(lambda: "2nd in the queue" in told.text)
    await waiting.finish()
    await running.finish()


def shows(message: Message, words: str) -> bool:
    """Whether the message shows ``words`` now."""
    return words in message.text


async def on_the_channel(live_answers: DeliveryRig, source: Pages) -> tuple[AnswerDelivery, Message]:
    """A delivery of a message that has no interaction's token."""
    invocation, message = await live_answers.acknowledged()
    destination = replace(live_answers.destination(invocation), token=None, token_expires_at=None)
    delivery = live_answers.deliveries.open(
        f"{invocation.interaction.id:016x}",
        destination,
        source,
        locale="en-US",
        on_sent=lambda page, message_id: live_answers.sent.append((page, message_id)),
        on_gone=lambda: live_answers.gone.append(True),
    )
    delivery.acknowledged(message.id, FIRST)
    return delivery, message
