"""Discord refuses call after call: the bot sends less and less before it would be banned, and more again later."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import discord
import pytest
from structlog.testing import capture_logs

from bot.discord_io.cards import ChannelCards
from bot.discord_io.outgoing import Ticket, for_operators
from bot.domain.discord_calls.brake import CUTS_OFF, HOLDS_BACK, WINDOW, Level
from bot.domain.discord_calls.priority import CallPriority
from bot.errors import HeldBack
from tests.integration.discord_io.conftest import DeliveryRig

AT_ONCE = 50


async def refused(live_answers: DeliveryRig, count: int) -> None:
    """Make so many calls with the bot's token, each of which is answered with 403."""
    live_answers.discord.faults.next("GET", "/guilds/*", 50001, times=count)

    async def fetch(guild_id: int, times: int) -> None:
        for _ in range(times):
            with pytest.raises(discord.Forbidden):
                await live_answers.client.fetch_guild(guild_id)

    # Each server has limits of its own.
    await asyncio.gather(*(fetch(guild_id, count // AT_ONCE) for guild_id in range(1, AT_ONCE + 1)))


def refused_elsewhere(live_answers: DeliveryRig, count: int) -> None:
    """Count so many further answers without making the calls."""
    for _ in range(count):
        live_answers.outgoing.answered(Ticket(CallPriority.OTHER, interaction=False), 403)


def changes(logs: Sequence[Mapping[str, object]]) -> list[tuple[object, object, object]]:
    """Each change of the brake: how it was logged, the level, the count."""
    found = [entry for entry in logs if entry["event"] == "discord.brake_changed"]
    return [(entry["log_level"], entry["level"], entry["invalid_answers"]) for entry in found]


async def answered_operator(channel: discord.abc.Messageable) -> None:
    """What an operator's command does, in a task of its own."""
    for_operators()
    await channel.send("as an operator wanted")


def metric(live_answers: DeliveryRig, name: str) -> float | None:
    """A gauge."""
    return live_answers.metrics.registry.get_sample_value(name)


async def test_only_last_states_leave_then_only_what_operators_need(live_answers: DeliveryRig) -> None:
    """Each level is logged once and counted; what waited is sent when it eases."""
    channel = live_answers.client.get_partial_messageable(live_answers.discord.channel("general").id)
    cards = ChannelCards(live_answers.client, live_answers.outgoing)
    first, first_message, _ = await live_answers.open()
    second, second_message, _ = await live_answers.open(lives=0.0)
    with capture_logs() as logs:
        await refused(live_answers, HOLDS_BACK)
        assert live_answers.outgoing.level() is Level.HELD_BACK
        assert changes(logs) == [("warning", "held_back", HOLDS_BACK)]
        assert metric(live_answers, "discord_invalid_answers") == HOLDS_BACK
        assert metric(live_answers, "discord_brake_level") == 1

        before = len(live_answers.discord.trace)
        live_answers.source.say("> question\nhalf an answer")
        first.changed()
        second.changed()
        with pytest.raises(HeldBack):
            await channel.send("something new")
        with pytest.raises(HeldBack):
            await live_answers.client.fetch_channel(channel.id)
        await asyncio.sleep(60.0)
        assert len(live_answers.discord.trace) == before
        live_answers.source.say("> question\nthe whole answer")
        await first.finish()
        assert "the whole answer" in first_message.text
        assert "whole" not in second_message.text

        refused_elsewhere(live_answers, CUTS_OFF - HOLDS_BACK)
        assert changes(logs)[1:] == [("critical", "cut_off", CUTS_OFF)]
        assert metric(live_answers, "discord_brake_level") == 2
        last = asyncio.create_task(second.finish())
        await asyncio.sleep(60.0)
        assert not last.done()
        assert "whole" not in second_message.text
        await cards.tell(channel.id, "Discord refuses the bot's calls")
        assert live_answers.discord.messages("general")[-1].text == "Discord refuses the bot's calls"
        await asyncio.create_task(answered_operator(channel))
        assert live_answers.discord.messages("general")[-1].text == "as an operator wanted"

        began = live_answers.clock.monotonic()
        await last
        assert live_answers.clock.monotonic() - began < WINDOW
        assert "the whole answer" in second_message.text
        await asyncio.sleep(WINDOW)
        assert live_answers.outgoing.level() is Level.OPEN
        await channel.send("something new")
    assert [level for _, level, _ in changes(logs)] == ["held_back", "cut_off", "held_back", "open"]
    assert metric(live_answers, "discord_invalid_answers") == 0


async def test_what_waits_for_a_slot_is_refused_when_the_level_rises(live_answers: DeliveryRig) -> None:
    """It does not wait ten minutes inside the library."""
    channel = live_answers.client.get_partial_messageable(live_answers.discord.channel("general").id)
    tickets = [live_answers.outgoing.ask(CallPriority.LAST, interaction=False) for _ in range(100)]
    sending = asyncio.create_task(channel.send("something new"))
    await asyncio.sleep(0.1)
    refused_elsewhere(live_answers, HOLDS_BACK)
    with pytest.raises(HeldBack):
        await sending
    for ticket in tickets:
        live_answers.outgoing.end(ticket)


async def test_nothing_is_given_up_while_the_brake_is_on(live_answers: DeliveryRig) -> None:
    """Pages that another process may have left are looked for afterwards, not taken for missing."""
    delivery, message, invocation = await live_answers.open()
    live_answers.source.say("> question\none")
    await delivery.finish()
    await delivery.aclose()
    refused_elsewhere(live_answers, CUTS_OFF)
    live_answers.source.say("> question\none", "two")
    again = live_answers.deliveries.open(
        f"{invocation.interaction.id:016x}",
        live_answers.destination(invocation),
        live_answers.source,
        locale="en-US",
        on_sent=lambda page, message_id: live_answers.sent.append((page, message_id)),
        on_gone=lambda: live_answers.gone.append(True),
    )
    again.acknowledged(None)
    await again.finish()

    first, second = live_answers.discord.messages("general")
    assert first is message
    assert "one" in first.text
    assert "two" in second.text
