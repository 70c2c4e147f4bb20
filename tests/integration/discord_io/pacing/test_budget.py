"""Hundreds of answers in as many channels by the bot's token: Discord takes 50 of its calls a second in all."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Sequence

import pytest

from bot.discord_io.delivery.answer import AnswerDelivery
from bot.discord_io.outgoing import LONGEST_PAUSE, Ticket, calls_for
from bot.domain.discord_calls.budget import CALLS
from bot.domain.discord_calls.priority import CallPriority
from bot.domain.queue.request import Destination
from sandbox.discord_api.limits import GLOBAL
from sandbox.discord_api.model import Channel
from tests.integration.discord_io.conftest import DeliveryRig, Pages

ROOMS = 100
ANSWERS = 200


def rooms(live_answers: DeliveryRig) -> Sequence[Channel]:
    """Enough channels for their own limits to allow more than the global one."""
    world, beside = live_answers.discord.world, live_answers.discord.channel("general")
    return [
        world.add_channel(Channel(world.ids.next(), beside.type, f"room-{number}", beside.guild_id))
        for number in range(ROOMS)
    ]


def unacknowledged(live_answers: DeliveryRig, room: Channel, name: str, source: Pages) -> AnswerDelivery:
    """An answer whose question Discord did not let the bot acknowledge any more."""
    destination = Destination(
        application_id=live_answers.discord.application_id,
        channel_id=room.id,
        guild_id=room.guild_id,
        private=False,
        channel_route=True,
        token="spent",
        token_expires_at=live_answers.clock.now() + 900.0,
    )
    delivery = live_answers.deliveries.open(
        name,
        destination,
        source,
        locale="en-US",
        on_sent=lambda page, message_id: live_answers.sent.append((page, message_id)),
        on_gone=lambda: live_answers.gone.append(True),
    )
    delivery.refused()
    return delivery


def most_in_a_second(live_answers: DeliveryRig) -> int:
    """The most calls that Discord counted towards the global limit in any second."""
    times = sorted(at for traced in live_answers.discord.limits.traces.values() for at in traced)
    return max(bisect_left(times, at + GLOBAL.window) - index for index, at in enumerate(times))


async def test_many_answers_without_an_interaction_are_all_shown(live_answers: DeliveryRig) -> None:
    """None is refused, nor any call of the library beside them; nothing is looked for that is not there."""
    halls = rooms(live_answers)
    answers = []
    for number in range(ANSWERS):
        source = Pages()
        source.say(f"answer {number}")
        answers.append(unacknowledged(live_answers, halls[number % ROOMS], f"{number:016x}", source))
    fetched = [asyncio.create_task(live_answers.client.fetch_channel(hall.id)) for hall in halls]
    await asyncio.gather(*(answer.finish() for answer in answers), *fetched)

    shown = sorted(message.text for hall in halls for message in live_answers.discord.messages(hall))
    assert shown == sorted(f"answer {number}\n-# small print" for number in range(ANSWERS))
    assert live_answers.discord.limits.rejections == []
    assert CALLS - 5 <= most_in_a_second(live_answers) <= CALLS
    assert not any(
        traced.status >= 400 or "messages" in traced.path
        for traced in live_answers.discord.trace
        if traced.method == "GET"
    )


async def test_places_wait_for_last_states(live_answers: DeliveryRig) -> None:
    """Changing positions do not delay the last edits of answers."""
    halls = rooms(live_answers)
    waiting: list[AnswerDelivery] = []
    done: list[AnswerDelivery] = []
    for number in range(ANSWERS):
        source = Pages(is_waiting=number % 2 == 0)
        source.say(f"place {number}" if source.is_waiting else f"answer {number}")
        answer = unacknowledged(live_answers, halls[number // 2], f"{number:016x}", source)
        (waiting if source.is_waiting else done).append(answer)
        answer.changed()
    await asyncio.gather(*(answer.finish() for answer in done))
    texts = [message.text for hall in halls for message in live_answers.discord.messages(hall)]

    assert sum(text.startswith("answer") for text in texts) == len(done)
    assert sum(text.startswith("place") for text in texts) < len(waiting) / 2
    assert live_answers.discord.limits.rejections == []


async def test_a_call_that_the_library_holds_back_leaves_in_its_turn(live_answers: DeliveryRig) -> None:
    """A ticket that was granted before the library waited for a channel's window is asked for again after it."""
    hall = rooms(live_answers)[0]
    channel = live_answers.client.get_partial_messageable(hall.id)

    async def send(number: int) -> None:
        async with live_answers.outgoing.turn(CallPriority.OTHER):
            await channel.send(f"message {number}")

    await asyncio.gather(*(send(number) for number in range(20)))
    assert len(live_answers.discord.messages(hall)) == 20
    assert live_answers.discord.limits.rejections == []


async def test_what_commands_send_shares_the_limit_of_a_channel_with_its_answers(
    live_answers: DeliveryRig,
) -> None:
    """Discord counts new messages of both together."""
    hall = rooms(live_answers)[0]
    channel = live_answers.client.get_partial_messageable(hall.id)
    writing: list[asyncio.Task[object]] = []
    for number in range(30):
        writing.append(asyncio.create_task(channel.send(f"message {number}")))
        if number % 5 == 0:
            source = Pages()
            source.say(f"answer {number}")
            answer = unacknowledged(live_answers, hall, f"{number:016x}", source)
            writing.append(asyncio.create_task(answer.finish()))
        await asyncio.sleep(0.3)
    await asyncio.gather(*writing)

    assert len(live_answers.discord.messages(hall)) == len(writing)
    assert live_answers.discord.limits.rejections == []


async def test_another_process_with_the_same_token_is_given_way(live_answers: DeliveryRig) -> None:
    """After one global refusal every call waits until the limit's reset."""
    halls = rooms(live_answers)
    await live_answers.client.fetch_channel(halls[0].id)
    window = live_answers.discord.limits._windows[GLOBAL.counter, ""]  # what nobody can do from outside
    window.used = GLOBAL.limit
    with calls_for(CallPriority.LAST):
        first = asyncio.create_task(live_answers.client.fetch_channel(halls[1].id))
        await live_answers.discord.wait_until(lambda: live_answers.discord.limits.rejections)
        await asyncio.sleep(0.05)
        await asyncio.gather(first, *(live_answers.client.fetch_channel(hall.id) for hall in halls[2:]))

    assert len(live_answers.discord.limits.rejections) == 1


@pytest.mark.parametrize(("told", "waits"), [(30.0, 30.0), (86_400.0, LONGEST_PAUSE)])
async def test_a_refusal_that_comes_from_before_discord_holds_back_every_call(
    live_answers: DeliveryRig, told: float, waits: float
) -> None:
    """It names no scope, because it is no limit of Discord's: the machine's address is refused for a while. It is
    believed for two minutes at most."""
    refused = Ticket(CallPriority.OTHER, interaction=False)
    live_answers.outgoing.answered(refused, 429, retry_after=told)
    began = live_answers.clock.monotonic()
    await live_answers.client.fetch_channel(live_answers.discord.channel("general").id)
    assert waits <= live_answers.clock.monotonic() - began < waits + 1.0


async def test_a_refusal_of_one_route_holds_back_no_other(live_answers: DeliveryRig) -> None:
    """Nor does one that is nobody's fault."""
    for scope in ("user", "shared"):
        refused = Ticket(CallPriority.OTHER, interaction=False)
        live_answers.outgoing.answered(refused, 429, scope=scope, retry_after=30.0)
    began = live_answers.clock.monotonic()
    await live_answers.client.fetch_channel(live_answers.discord.channel("general").id)
    assert live_answers.clock.monotonic() - began < 1.0


@pytest.mark.parametrize("path", ["/interactions/1/token/callback", "/webhooks/1/token/messages/@original"])
async def test_interactions_wait_for_nothing(live_answers: DeliveryRig, path: str) -> None:
    """Discord does not count them, so neither does the bot."""
    tickets = [live_answers.outgoing.ask(CallPriority.LAST, interaction=False) for _ in range(CALLS)]
    assert not tickets[-1].granted.is_set()
    began = live_answers.clock.monotonic()
    session = live_answers.client.http._HTTPClient__session  # type: ignore[attr-defined]  # as webhooks use it
    async with session.post(f"{live_answers.discord.api_url}{path}", json={}) as answer:
        assert answer.status >= 400
    assert live_answers.clock.monotonic() - began < 0.2
