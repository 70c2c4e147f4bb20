"""Schedules: asked once for each time, with the rights of that moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.domain.channel_summary.messages import ReadMessage, first_id_at
from bot.domain.channel_summary.plan import Plan
from bot.domain.queue.request import Destination, RequestKind
from bot.domain.schedules.schedule import BY_PERSON, NewSchedule
from bot.errors import NotAllowed, NothingSaid, UserError
from bot.services.access.operators import Person
from bot.services.requests.schedule_runs import TRY_AGAIN_AFTER, run_of
from bot.services.requests.schedules import Wanted
from tests.fakes.schedules import new_schedule
from tests.integration.services.requests.scheduled_world import HOUR, OPERATOR, World, opened, questions_of


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A world without schedules."""
    async with opened(tmp_path) as made:
        yield made


async def test_one_that_crashes_is_tried_again_later_and_holds_up_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not at each look: a hundred of them would stand before everybody else's."""
    crashing = await world.keeps(question="Crash", user=2)
    await world.keeps(question="Other")
    tries: list[int] = []

    async def roles(_guild_id: int, user_id: int) -> frozenset[int]:
        if user_id == 2:
            tries.append(user_id)
            raise RuntimeError("a bug")
        return frozenset()

    monkeypatch.setattr(world.server, "roles", roles)
    with capture_logs() as logs:
        await world.at_due(crashing)
        await world.runs.ask_due()
    assert await world.asked() == ["Other"]
    assert len(tries) == 1
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["schedule.crashed"]
    world.clock.at += TRY_AGAIN_AFTER
    await world.runs.ask_due()
    assert len(tries) == 2


async def test_it_is_asked_when_it_is_due_and_not_before(world: World) -> None:
    kept = await world.keeps()
    assert await world.runs.ask_due() == 2.0
    assert await world.asked() == []
    await world.at_due(kept)
    assert await world.asked() == ["What is new?"]
    now = await world.now(kept)
    assert now.due_at == kept.new.due_at + 24 * HOUR
    assert now.last_at == world.clock.now()
    # What is shown names the schedule and its owner.
    (entry,) = await world.queue.store.queue()
    assert "⏰ every day 9:00 · schedule of <@1>" in world.queue.answer(entry.request_id).text


async def test_a_process_that_is_killed_after_asking_does_not_ask_twice(world: World) -> None:
    """The question is in the queue, and what it is due at next is not stored."""
    kept = await world.keeps()
    world.clock.at = kept.new.due_at
    await questions_of(world.queue, world.server, world.clock).ask(
        kept, run_of(kept.schedule_id, kept.new.due_at), at=kept.new.due_at
    )
    world.clock.advance(5.0)
    await world.runs.ask_due()
    assert await world.asked() == ["What is new?"]
    assert (await world.now(kept)).due_at == kept.new.due_at + 24 * HOUR


async def test_two_processes_that_believe_to_lead_ask_once(world: World) -> None:
    kept = await world.keeps()
    world.clock.at = kept.new.due_at
    await asyncio.gather(world.runs.ask_due(), world.another().ask_due())
    assert await world.asked() == ["What is new?"]


@pytest.mark.parametrize(
    ("when", "catch_up", "late", "asked"),
    [
        ("every day 9:00", True, HOUR, 1),
        ("every day 9:00", True, 7 * HOUR, 0),
        ("every day 9:00", False, HOUR, 0),
        ("every day 9:00", False, 60.0, 1),
        # Of many that were missed, one is made up for.
        ("every 1 hours", True, 50.5 * HOUR, 1),
        ("every day 9:00", True, 49 * HOUR, 1),
        ("every 1 hours", False, 50.5 * HOUR, 0),
        # A time that has come just now was not missed.
        ("every 1 hours", False, 50 * HOUR, 1),
    ],
)
async def test_what_was_missed(world: World, when: str, catch_up: bool, late: float, asked: int) -> None:
    kept = await world.keeps(when, catch_up=catch_up)
    await world.at_due(kept, late)
    for _ in range(3):
        await world.runs.ask_due()
    assert len(await world.asked()) == asked
    now = await world.now(kept)
    assert now.due_at is not None
    assert now.due_at > world.clock.now()
    assert now.last_key == (None if asked else "schedule.skipped_late")


async def test_its_owner_left_and_reads_it_once(world: World) -> None:
    kept = await world.keeps()
    del world.server.roles_of[1]
    await world.at_due(kept)
    for _ in range(3):
        world.clock.advance(24 * HOUR)
        await world.runs.ask_due()
    assert await world.asked() == []
    assert (await world.now(kept)).paused_why == "error.schedule_left"
    ((user, told),) = world.server.told
    assert user == 1
    assert "is paused and asks nothing more. Its owner is not a member of the server any more." in told


async def test_a_channel_that_is_gone_pauses_it(world: World) -> None:
    """Also when nobody can be told."""
    kept = await world.keeps()
    world.server.channel_open = world.server.takes_messages = False
    await world.at_due(kept)
    assert (await world.now(kept)).paused_why == "error.schedule_channel"


async def test_what_discord_does_not_tell_is_asked_again(world: World) -> None:
    kept = await world.keeps(catch_up=False)
    world.server.answers = False
    await world.at_due(kept)
    assert await world.asked() == []
    assert (await world.now(kept)).try_at == kept.new.due_at + 30.0
    world.server.answers = True
    world.clock.advance(30.0)
    await world.runs.ask_due()
    assert await world.asked() == ["What is new?"]


async def test_a_process_that_ends_leaves_it_to_the_next(world: World) -> None:
    kept = await world.keeps()
    world.queue.gate.restart()
    await world.at_due(kept)
    assert (await world.now(kept)) == kept
    assert await world.runs.ask_due() == 2.0


async def test_the_loop_sleeps_until_the_next_one_and_is_woken(world: World) -> None:
    loop = asyncio.create_task(world.runs.run())
    await world.clock.asleep()
    kept = await world.keeps()
    world.clock.at = kept.new.due_at - 1.0
    world.schedules.changed.set()
    await world.clock.asleep()
    world.clock.advance(1.0)
    async with asyncio.timeout(10.0):
        while not await world.asked():
            await world.clock.asleep()
    loop.cancel()


def wanted(when: str = "every day 9:00", **fields: object) -> Wanted:
    new = new_schedule()
    place = _destination(new)
    made = {"asker": new.asker, "place": new.place, "destination": place, "when": when, "zone": "UTC"}
    return Wanted(**{**made, "question": "What is new?", **fields})  # type: ignore[arg-type]  # a field's name and value come together


def _destination(new: NewSchedule) -> Destination:
    return Destination(1, new.channel_id, new.guild_id, private=False, channel_route=True)


ANA, BEN, OLGA = Person(1, 5), Person(2, 5), Person(OPERATOR, 5)


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"when": "now and then"}, "error.schedule_when"),
        ({"when": "0 9 30 2 *"}, "error.schedule_when"),
        ({"when": "every 14 minutes"}, "error.schedule_often"),
        ({"when": "*/5 9 * * *"}, "error.schedule_often"),
        ({"zone": "Mars/Olympus"}, "error.schedule_zone"),
        ({"zone": "../../etc/passwd"}, "error.schedule_zone"),
        ({"question": "  "}, "error.empty_prompt"),
        ({"question": "long " * 5000}, "error.prompt_too_long"),
    ],
)
async def test_what_cannot_be_a_schedule(world: World, fields: dict[str, str], key: str) -> None:
    with pytest.raises(UserError) as raised:
        await world.schedules.create(wanted(**fields), ANA)
    assert raised.value.key == key
    assert await world.schedules.of(1) == []


async def test_who_may_change_it(world: World) -> None:
    kept = await world.schedules.create(wanted(zone="Asia/Tokyo"), ANA)
    number = kept.schedule_id
    assert await world.schedules.zone_for(1) == "Asia/Tokyo"
    assert await world.schedules.zone_for(2) == "UTC"
    for act in (world.schedules.pause, world.schedules.resume, world.schedules.delete):
        with pytest.raises(NotAllowed):
            await act(number, BEN)
    with pytest.raises(NotAllowed):
        await world.schedules.in_server(ANA, 5)
    with pytest.raises(NotAllowed):
        await world.schedules.run_now(number, OLGA, 1)
    assert await world.schedules.in_server(OLGA, 5) == [kept]
    await world.schedules.pause(number, OLGA)
    assert (await world.now(kept)).paused_why == BY_PERSON
    world.clock.advance(100 * HOUR)
    await world.schedules.resume(number, ANA)
    assert (await world.now(kept)).due_at == kept.after(world.clock.now())
    await world.schedules.run_now(number, ANA, 1)
    assert await world.asked() == ["What is new?"]
    await world.schedules.delete(number, OLGA)
    assert await world.schedules.of(1) == []
    done = [(who, action) for who, action, _ in world.audit.noted]
    assert done == [
        (1, "schedule.create"),
        (OPERATOR, "schedule.pause"),
        (1, "schedule.resume"),
        (OPERATOR, "schedule.delete"),
    ]


async def test_there_is_a_limit(world: World) -> None:
    for _ in range(2):
        await world.schedules.create(wanted(), ANA)
    with pytest.raises(UserError) as raised:
        await world.schedules.create(wanted(), ANA)
    assert raised.value.key == "error.schedules_person"


async def test_it_is_asked_about_what_was_said_since_the_last_run(world: World) -> None:
    """Over a kill after asking, each message is read for one run; a run by hand does not count."""
    kept = await world.keeps(with_summary=True)
    made, due, day = kept.new.created_at, kept.new.due_at, 24 * HOUR
    world.server.words = [ReadMessage(first_id_at(made), "Ben", "We meet on Monday.")]
    await world.schedules.run_now(kept.schedule_id, ANA, 1)
    (entry,) = await world.queue.store.queue()
    request = await world.queue.store.get(entry.request_id)
    assert request is not None
    assert (request.question.kind, request.question.prompt) == (RequestKind.SUMMARY, "What is new?")
    assert "Ben: We meet on Monday." in Plan.read(request.question.attached_text).unread[0]
    await world.queue.store.clear(now=world.clock.now())
    world.clock.at = due
    questions = questions_of(world.queue, world.server, world.clock)
    await questions.ask(kept, run_of(kept.schedule_id, due), at=due)
    await world.at_due(kept, 60.0)
    await world.at_due(kept)
    assert len(await world.asked()) == 2
    assert world.server.read == [(made, made), (made, due), (made, due), (due, due + day)]


async def test_when_nothing_was_said_nothing_is_asked(world: World) -> None:
    kept = await world.keeps(with_summary=True)
    await world.at_due(kept)
    assert await world.asked() == []
    now = await world.now(kept)
    assert (now.last_key, now.paused_why, now.read_to) == ("schedule.skipped_silence", None, kept.new.due_at)
    with pytest.raises(NothingSaid):
        await world.schedules.run_now(kept.schedule_id, ANA, 1)


async def test_without_the_privilege_nothing_can_be_said_about_a_channel(world: World) -> None:
    kept = await world.keeps(with_summary=True)
    world.server.content = False
    with pytest.raises(UserError) as raised:
        await world.schedules.create(wanted(with_summary=True), ANA)
    assert raised.value.key == "error.summary_hidden"
    await world.at_due(kept)
    assert (await world.now(kept)).paused_why == "error.summary_hidden"
    assert "Discord hides people's messages" in world.server.told[0][1]
