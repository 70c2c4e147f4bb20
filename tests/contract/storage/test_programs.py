"""What programs ask, in the queue: of the process that has their connection, and of nobody else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.conversation.store import ConversationKey
from bot.domain.queue.request import NewQuestion, RequestKind, RequestState
from bot.domain.queue.store import Admission, QueueLimits
from bot.errors import UserLimitReached
from tests.contract.storage.conftest import Stores
from tests.fakes.clocks import always
from tests.fakes.questions import WIDE, answer, question


def asked(request_id: str, *, user: int = 1, owner: str = "me", weight: float = 1.0) -> NewQuestion:
    """A program's request, whose connection the process ``owner`` has."""
    return replace(question(request_id, user=user, kind=RequestKind.API, weight=weight), held_by=owner)


async def take(stores: Stores, owner: str = "me", now: float = 10.0) -> str | None:
    """What this process claims."""
    claimed = await stores.requests.claim(owner, now=always(now), lease=30)
    return None if claimed is None else claimed.request_id


async def test_only_the_process_with_the_connection_claims_it(stores: Stores) -> None:
    """Also when it was put back; others go on with what is behind it."""
    await stores.requests.enqueue(asked("a"), WIDE)
    await stores.requests.enqueue(question("b", user=2), WIDE)
    assert await take(stores, "other") == "b"
    assert await take(stores, "other") is None
    assert await take(stores) == "a"
    assert await stores.requests.release("a", "me", now=11.0)
    assert await take(stores, "other") is None
    assert await take(stores) == "a"


async def test_requests_of_one_person_run_side_by_side(stores: Stores) -> None:
    """They follow from nothing; a question in a channel still waits for the one before it."""
    for request_id in "ab":
        await stores.requests.enqueue(asked(request_id), WIDE)
        await stores.requests.enqueue(question(f"q{request_id}", conversation=2), WIDE)
    assert {await take(stores) for _ in range(3)} == {"a", "b", "qa"}
    assert await take(stores) is None


async def test_people_and_their_programs_have_limits_of_their_own(stores: Stores) -> None:
    """A script keeps nobody from asking."""
    limits = QueueLimits(per_user=1, total=10)
    await stores.requests.enqueue(asked("a"), limits)
    await stores.requests.enqueue(question("b"), limits)
    for again in (asked("c"), question("d")):
        with pytest.raises(UserLimitReached):
            await stores.requests.enqueue(again, limits)
    with pytest.raises(UserLimitReached):
        await stores.requests.join(asked("e"), ConversationKey(500, 8), [8], Admission(limits))


async def test_they_pay_from_the_same_account(stores: Stores) -> None:
    """Of a person's script and another person's first question, the question is next."""
    for number in range(5):
        await stores.requests.enqueue(asked(f"s{number}", weight=0.5), WIDE)
    assert await take(stores) == "s0"
    await stores.requests.enqueue(question("own"), WIDE)
    await stores.requests.enqueue(question("other", user=2), WIDE)
    assert await take(stores) == "other"


async def test_they_are_cancelled_when_their_process_is_gone(stores: Stores) -> None:
    """Waiting or running: nobody could be answered. What people asked is put back as ever."""
    await stores.requests.enqueue(asked("a", owner="gone"), WIDE)
    await stores.requests.enqueue(question("q", user=2), WIDE)
    assert {await take(stores, "gone") for _ in range(2)} == {"a", "q"}
    await stores.requests.enqueue(asked("b", owner="gone"), WIDE)
    await stores.requests.enqueue(asked("c", owner="lives"), WIDE)

    recovered = await stores.requests.recover("me", now=always(11.0), is_alive=lambda owner: owner == "lives")

    assert recovered.requeued == ("q",)
    states = {one: request.state for one in "abcq" if (request := await stores.requests.get(one)) is not None}
    assert states == {
        "a": RequestState.CANCELLED,
        "b": RequestState.CANCELLED,
        "c": RequestState.QUEUED,
        "q": RequestState.QUEUED,
    }


async def test_their_answers_become_no_turns(stores: Stores) -> None:
    """Also where their texts are kept."""
    await stores.requests.enqueue(asked("a"), WIDE)
    assert await take(stores) == "a"
    assert await stores.requests.mark_answered("a", "me", answer("kept"), now=12.0)
    stored = await stores.requests.get("a")
    assert stored is not None
    assert stored.answer is not None
    assert stored.answer.text == "kept"
    assert await stores.conversations.recent_turns(1, limit=10) == []
