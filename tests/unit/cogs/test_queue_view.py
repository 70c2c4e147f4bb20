"""What people read of the queue, and what operators do."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

from discord import ui

from bot.discord_io.client import Services
from bot.domain.queue.hold import RESTARTING
from bot.domain.queue.request import QueueEntry, RequestState, StoredRequest
from bot.i18n.catalogue import say
from bot.presentation.status import Load
from bot.services.requests.overview import Mine, MyQueue
from cogs.queue import QueueView
from cogs.ui.queue_admin import SHOWN, QueueAdminView
from tests.fakes.questions import WIDE, question
from tests.fakes.requests import MemoryRequests

LOAD = Load(running=1, capacity=4, waiting=3)


def text(view: ui.LayoutView) -> str:
    """All that is written in a message."""
    return "\n".join(item.content for item in view.walk_children() if isinstance(item, ui.TextDisplay))


def of_mine(mine: MyQueue) -> str:
    """What ``/queue`` shows."""
    return text(QueueView(cast("MyQueue", None), mine, locale="en", owner_id=1))  # type: ignore[arg-type]  # no press


async def stored(request_id: str) -> StoredRequest:
    """A question that waits."""
    return await MemoryRequests().enqueue(question(request_id), WIDE)


async def test_each_question_is_shown_with_its_state() -> None:
    """Its position and how long that is, as far as that is known; why the queue does not move."""
    waiting = await stored("q")
    kept = replace(waiting, state=RequestState.ANSWERED)
    mine = (Mine(waiting, 2, 30.0), Mine(waiting, 3, None), Mine(waiting, None, None), Mine(kept, None, None))
    shown = of_mine(MyQueue(mine, LOAD, RESTARTING, announced=True))
    assert say("en", RESTARTING.key) in shown
    assert shown.count("prompt of q") == 4
    second, third = (say("en", "queue.position", position=position) for position in (2, 3))
    assert f"{second} · " in shown
    assert shown.count(say("en", "queue.running")) >= 1
    assert say("en", "queue.kept") in shown
    third_line = next(line for line in shown.splitlines() if third in line)
    assert say("en", "footer.about", duration="30 s").split()[0] not in third_line.partition(third)[2]


async def test_nothing_is_said_to_be_nothing() -> None:
    """And why nothing moves is not said while it moves."""
    shown = of_mine(MyQueue((), LOAD, None, announced=False))
    assert say("en", "queue.nothing") in shown
    assert say("en", RESTARTING.key) not in shown


async def test_operators_see_as_much_as_a_message_holds() -> None:
    """And how much more there is."""
    asked = question("q")
    waiting = [
        QueueEntry(
            request_id=f"{number:016x}",
            position=number,
            asker=asked.asker,
            conversation_id=1,
            channel_id=71,
            prompt=f"question {number}",
            enqueued_at=0.0,
            cost=1.0,
        )
        for number in range(1, SHOWN + 4)
    ]
    services = cast("Services", SimpleNamespace(queue=None))

    def view(entries: list[QueueEntry]) -> str:
        return text(QueueAdminView(services, [], entries, locale="en", owner_id=1, now=0.0))

    assert say("en", "queue_admin.more", more=3) in view(waiting)
    assert f"question {SHOWN + 1}" not in view(waiting)
    assert "question 1" in view(waiting)
    assert say("en", "queue_admin.empty") in view([])
    assert say("en", "queue_admin.more", more=3) not in view(waiting[:SHOWN])
