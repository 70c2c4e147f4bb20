"""How requests end, and what is stored of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from bot.domain.queue.request import RequestKind, RequestState
from tests.contract.storage.conftest import Stores
from tests.fakes.clocks import always
from tests.fakes.owners import everybody, nobody
from tests.fakes.questions import WIDE, answer, question

FINAL = (RequestState.DELIVERED, RequestState.CANCELLED, RequestState.FAILED, RequestState.EXPIRED)

Change = Callable[[Stores], Awaitable[bool]]


async def _expired(stores: Stores) -> bool:
    return bool(await stores.requests.expire(before=100.0, now=101.0))


async def _cleared(stores: Stores) -> bool:
    return bool(await stores.requests.clear(now=102.0))


async def _claimed(stores: Stores) -> bool:
    return await stores.requests.claim("me", now=always(20.0), lease=30) is not None


CHANGES: dict[str, Change] = {
    "claim": _claimed,
    "release": lambda stores: stores.requests.release("a", "me", now=21.0),
    "answered": lambda stores: stores.requests.mark_answered("a", "me", answer(), now=22.0),
    "delivered": lambda stores: stores.requests.mark_delivered("a", now=23.0),
    "failed": lambda stores: stores.requests.mark_failed("a", "error.scheduler", now=24.0),
    "cancelled": lambda stores: stores.requests.mark_cancelled("a", now=25.0),
    "expire": _expired,
    "clear": _cleared,
}

ALLOWED = {
    RequestState.QUEUED: {
        "claim": RequestState.RUNNING,
        "failed": RequestState.FAILED,
        "cancelled": RequestState.CANCELLED,
        "expire": RequestState.EXPIRED,
        "clear": RequestState.CANCELLED,
    },
    RequestState.RUNNING: {
        "release": RequestState.QUEUED,
        "answered": RequestState.ANSWERED,
        "failed": RequestState.FAILED,
        "cancelled": RequestState.CANCELLED,
    },
    RequestState.ANSWERED: {"delivered": RequestState.DELIVERED, "failed": RequestState.FAILED},
}

WAY = {
    RequestState.QUEUED: (),
    RequestState.RUNNING: ("claim",),
    RequestState.ANSWERED: ("claim", "answered"),
    RequestState.DELIVERED: ("claim", "answered", "delivered"),
    RequestState.CANCELLED: ("cancelled",),
    RequestState.FAILED: ("failed",),
    RequestState.EXPIRED: ("expire",),
}


@pytest.mark.parametrize("state", RequestState)
@pytest.mark.parametrize("change", CHANGES)
async def test_states_change_only_where_allowed(stores: Stores, state: RequestState, change: str) -> None:
    """Each change succeeds from its own states, and changes nothing in every other."""
    await stores.requests.enqueue(question("a"), WIDE)
    for step in WAY[state]:
        assert await CHANGES[step](stores)
    before = await stores.requests.get("a")
    assert before is not None
    assert before.state is state

    changed = await CHANGES[change](stores)

    after = await stores.requests.get("a")
    expected = ALLOWED.get(state, {}).get(change)
    assert after is not None
    assert (changed, after.state) == (expected is not None, expected or state)
    if expected is None:
        assert after == before


@pytest.mark.parametrize("state", FINAL)
async def test_final_states_forget_the_token(stores: Stores, state: RequestState) -> None:
    """The interaction's token is stored only as long as it may be needed."""
    await stores.requests.enqueue(question("a"), WIDE)
    for step in WAY[state]:
        before = await stores.requests.get("a")
        assert before is not None
        assert before.question.destination.token == "interaction-token"
        await CHANGES[step](stores)

    ended = await stores.requests.get("a")

    assert ended is not None
    assert ended.question.destination.token is None
    assert ended.question.destination.token_expires_at is None
    assert (ended.lease_owner, ended.lease_until) == (None, None)


async def test_answer_turn_and_state_together(stores: Stores) -> None:
    """An answer is stored in its request and in its conversation."""
    await stores.requests.enqueue(question("a", user=4, attached_text="the file"), WIDE)
    await stores.requests.claim("me", now=always(20.0), lease=30)
    given = answer("forty-two", prompt_tokens=11)

    assert await stores.requests.mark_answered("a", "me", given, now=22.0)

    request = await stores.requests.get("a")
    (turn,) = await stores.conversations.recent_turns(1, limit=10)
    assert request is not None
    assert (request.answer, request.finished_at) == (given, 22.0)
    assert (turn.question, turn.answer, turn.attached_text) == ("prompt of a", "forty-two", "the file")
    assert (turn.asker_id, turn.asker_name, turn.created_at) == (4, "user 4", 22.0)
    assert (turn.finish, turn.prompt_tokens, turn.completion_tokens) == ("stop", 11, 100)


async def test_only_the_owner_answers(stores: Stores) -> None:
    """A process whose lease was taken over cannot answer any more."""
    await stores.requests.enqueue(question("a"), WIDE)
    await stores.requests.claim("slow", now=always(20.0), lease=30)
    await stores.requests.recover("quick", now=always(51.0), is_alive=everybody)
    await stores.requests.claim("quick", now=always(51.0), lease=30)

    assert not await stores.requests.mark_answered("a", "slow", answer(), now=52.0)
    assert await stores.conversations.recent_turns(1, limit=10) == []
    assert await stores.requests.mark_answered("a", "quick", answer(), now=53.0)


async def test_a_failure_keeps_its_reason(stores: Stores) -> None:
    """The key of the sentence that a person read is stored."""
    await stores.requests.enqueue(question("a"), WIDE)
    await stores.requests.mark_failed("a", "error.request_refused", now=30.0)

    failed = await stores.requests.get("a")

    assert failed is not None
    assert (failed.error_key, failed.finished_at) == ("error.request_refused", 30.0)


async def test_expired_questions_can_still_be_told(stores: Stores) -> None:
    """Only what waited too long expires. It is returned with the token that its last edit needs."""
    await stores.requests.enqueue(question("old", at=10.0), WIDE)
    await stores.requests.enqueue(question("new", at=20.0), WIDE)
    await stores.requests.attach_message("old", 0, 555)

    (expired,) = await stores.requests.expire(before=20.0, now=30.0)

    assert (expired.request_id, expired.state) == ("old", RequestState.EXPIRED)
    assert (expired.question.destination.token, expired.message_ids) == ("interaction-token", (555,))
    assert [entry.request_id for entry in await stores.requests.queue()] == ["new"]


async def test_a_queue_of_hundreds_is_cleared_together(stores: Stores) -> None:
    """What runs stays, and nobody is charged for what was cleared."""
    for number in range(400):
        await stores.requests.enqueue(question(f"q{number}", user=number % 7, token="tok"), WIDE)
    running = await stores.requests.claim("me", now=always(20.0), lease=30)
    assert running is not None

    cleared = await stores.requests.clear(now=102.0)

    assert len(cleared) == 399
    assert {one.state for one in cleared} == {RequestState.CANCELLED}
    assert {one.question.destination.token for one in cleared} == {"tok"}
    assert await stores.requests.queue() == []
    assert [one.request_id for one in await stores.requests.running()] == [running.request_id]
    stored = await stores.requests.get(cleared[0].request_id)
    assert stored is not None
    assert stored.question.destination.token is None
    assert await stores.requests.clear(now=103.0) == []


async def test_recovery_takes_what_a_dead_process_left(stores: Stores) -> None:
    """The next process need not wait for its leases, neither for questions nor for answers."""
    for name, user in (("waits", 1), ("runs", 2), ("answered", 3)):
        await stores.requests.enqueue(question(name, user=user), WIDE)
    await stores.requests.mark_cancelled("waits", now=1.0)
    for _ in range(2):
        await stores.requests.claim("before", now=always(20.0), lease=1000)
    await stores.requests.mark_answered("answered", "before", answer(), now=21.0)
    await stores.requests.attach_message("answered", 0, 77)

    recovered = await stores.requests.recover("after", now=always(22.0), is_alive=nobody)

    assert recovered.requeued == ("runs",)
    assert [one.request_id for one in recovered.undelivered] == ["answered"]
    assert recovered.undelivered[0].message_ids == (77,)
    assert recovered.undelivered[0].answer == answer()
    runs = await stores.requests.get("runs")
    assert runs is not None
    assert (runs.state, runs.lease_owner) == (RequestState.QUEUED, None)


async def test_recovery_leaves_a_living_process_alone(stores: Stores) -> None:
    """One of two is gone: its question waits again; the other's and one's own go on."""
    for name, user in (("mine", 1), ("gone", 2), ("theirs", 3)):
        await stores.requests.enqueue(question(name, user=user), WIDE)
    for owner in ("me", "dead", "alive"):
        await stores.requests.claim(owner, now=always(20.0), lease=1000)

    recovered = await stores.requests.recover("me", now=always(21.0), is_alive=lambda owner: owner == "alive")

    assert recovered.requeued == ("gone",)
    assert [one.request_id for one in await stores.requests.running()] == ["mine", "theirs"]


async def test_recovery_beside_others_waits_for_leases(stores: Stores) -> None:
    """A living process renews its leases. Only what is past its lease is taken, and only once."""
    for name, user in (("kept", 1), ("lost", 2), ("shown", 3)):
        await stores.requests.enqueue(question(name, user=user), WIDE)
    await stores.requests.claim("alive", now=always(20.0), lease=30)
    for _ in range(2):
        await stores.requests.claim("dead", now=always(20.0), lease=30)
    await stores.requests.mark_answered("shown", "dead", answer(), now=21.0)
    await stores.requests.renew("alive", ["kept"], now=always(45.0), lease=30)

    early = await stores.requests.recover("third", now=always(49.0), is_alive=everybody)
    late = await stores.requests.recover("third", now=always(51.0), is_alive=everybody)
    again = await stores.requests.recover("fourth", now=always(52.0), is_alive=everybody)

    assert (early.requeued, early.undelivered) == ((), ())
    assert (late.requeued, [one.request_id for one in late.undelivered]) == (("lost",), ["shown"])
    assert (again.requeued, again.undelivered) == ((), ())
    assert [one.request_id for one in await stores.requests.running()] == ["kept"]


async def test_pages_of_an_answer(stores: Stores) -> None:
    """Messages are stored by page; the newest request of a message is found by it."""
    await stores.requests.enqueue(question("a"), WIDE)
    await stores.requests.enqueue(question("again", kind=RequestKind.REGENERATE, root="a"), WIDE)
    for page, message_id in ((1, 12), (0, 11), (1, 13)):
        await stores.requests.attach_message("a", page, message_id)
    await stores.requests.attach_message("again", 0, 11)

    request = await stores.requests.get("a")
    newest = await stores.requests.by_message(11)
    older = await stores.requests.by_message(13)

    assert request is not None
    assert request.message_ids == (11, 13)
    assert newest is not None
    assert newest.request_id == "again"
    assert older == request
    assert await stores.requests.by_message(12) is None


async def test_tokens_that_are_about_to_end(stores: Stores) -> None:
    """Of requests that wait and have no other route, soonest first; bounds included."""
    for name, at, private in (("later", 30.0, True), ("sooner", 10.0, True), ("open to all", 20.0, False)):
        await stores.requests.enqueue(question(name, conversation=1, at=at, private=private), WIDE)
    await stores.requests.enqueue(question("over", at=20.0, private=True), WIDE)
    await stores.requests.mark_cancelled("over", now=21.0)
    await stores.requests.enqueue(question("by message", at=20.0, private=True, token=None), WIDE)

    assert await stores.requests.tokens_ending(after=900.0, before=940.0) == ["sooner", "later"]
    assert await stores.requests.tokens_ending(after=910.0, before=929.9) == ["sooner"]
    assert await stores.requests.tokens_ending(after=930.0, before=930.0) == ["later"]
    assert await stores.requests.tokens_ending(after=931.0, before=9000.0) == []


async def test_requests_of_a_person_and_versions_of_an_answer(stores: Stores) -> None:
    """Both are found oldest first, and nobody else's with them."""
    await stores.requests.enqueue(question("a", user=1), WIDE)
    await stores.requests.enqueue(question("b", user=2), WIDE)
    await stores.requests.enqueue(question("a2", user=1, kind=RequestKind.REGENERATE, root="a"), WIDE)
    await stores.requests.mark_cancelled("a", now=1.0)

    theirs = await stores.requests.of_user(1, [RequestState.QUEUED, RequestState.CANCELLED])
    waiting = await stores.requests.of_user(1, [RequestState.QUEUED])
    versions = await stores.requests.versions("a")

    assert [one.request_id for one in theirs] == ["a", "a2"]
    assert [one.request_id for one in waiting] == ["a2"]
    assert [one.request_id for one in versions] == ["a", "a2"]


async def test_only_what_is_held_is_renewed(stores: Stores) -> None:
    """The lease of a running question that its process lost runs out; that of an answer to be shown does not."""
    for name, user in (("held", 1), ("lost", 2), ("shown", 3), ("theirs", 4)):
        await stores.requests.enqueue(question(name, user=user), WIDE)
    for _ in range(3):
        await stores.requests.claim("me", now=always(20.0), lease=30)
    await stores.requests.claim("another", now=always(20.0), lease=30)
    await stores.requests.mark_answered("shown", "me", answer(), now=21.0)

    await stores.requests.renew("me", ["held", "shown", "theirs", "unknown"], now=always(40.0), lease=30)

    found = {name: await stores.requests.get(name) for name in ("held", "lost", "shown", "theirs")}
    assert {name: one and one.lease_until for name, one in found.items()} == {
        "held": 70.0,
        "lost": 50.0,
        "shown": 70.0,
        "theirs": 50.0,
    }


async def test_what_is_ones_own_is_not_recovered(stores: Stores) -> None:
    """A process does not take a question from itself when the lease ran out: it may be running."""
    for name, user in (("mine", 1), ("answered", 2)):
        await stores.requests.enqueue(question(name, user=user), WIDE)
        await stores.requests.claim("me", now=always(20.0), lease=30)
    await stores.requests.mark_answered("answered", "me", answer(), now=21.0)

    mine = await stores.requests.recover("me", now=always(1000.0), is_alive=nobody)
    theirs = await stores.requests.recover("another", now=always(1000.0), is_alive=everybody)

    assert (mine.requeued, mine.undelivered) == ((), ())
    assert (theirs.requeued, [one.request_id for one in theirs.undelivered]) == (("mine",), ["answered"])


async def test_the_ids_of_what_runs_under_an_owner(stores: Stores) -> None:
    """Oldest first; nobody else's, nothing that waits or has ended."""
    for name, user in (("first", 1), ("second", 2), ("theirs", 3), ("ended", 4), ("waits", 5)):
        await stores.requests.enqueue(question(name, user=user), WIDE)
    for owner, since in (("me", 20.0), ("me", 21.0), ("another", 22.0), ("me", 23.0)):
        await stores.requests.claim(owner, now=always(since), lease=30)
    await stores.requests.mark_cancelled("ended", now=24.0)

    assert await stores.requests.running_ids("me") == ["first", "second"]
    assert await stores.requests.running_ids("nobody") == []
