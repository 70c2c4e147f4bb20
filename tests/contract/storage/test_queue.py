"""Joining the queue, and being claimed from it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.conversation.store import ConversationKey
from bot.domain.queue.request import RequestState
from bot.domain.queue.store import LEFT_TO_OTHERS, THE_ONLY_ONE, Admission, ClaimTerms, QueueLimits, QueuePause
from bot.errors import QueueFull, UserLimitReached
from tests.contract.storage.conftest import Stores
from tests.fakes.clocks import always
from tests.fakes.questions import WIDE, answer, question


async def order(stores: Stores) -> list[str]:
    return [entry.request_id for entry in await stores.requests.queue()]


async def take_beside_others(stores: Stores, owner: str, now: float, *beginning: str) -> str | None:
    claimed = await stores.requests.claim(owner, now=always(now), lease=30, beginning=beginning)
    return None if claimed is None else claimed.request_id


async def take(stores: Stores, owner: str = "me", now: float = 10.0) -> str | None:
    claimed = await stores.requests.claim(owner, now=always(now), lease=30)
    return None if claimed is None else claimed.request_id


async def test_a_question_waits_as_it_was_asked(stores: Stores) -> None:
    """Everything that was enqueued is read back unchanged."""
    asked = question("a", at=5.0, attached_text="the file")

    stored = await stores.requests.enqueue(asked, WIDE)

    assert stored.question == asked
    assert (stored.state, stored.attempts, stored.enqueued_at) == (RequestState.QUEUED, 0, 5.0)
    assert await stores.requests.get("a") == stored


async def test_enqueueing_twice_is_enqueueing_once(stores: Stores) -> None:
    """A repeated id returns the first row, even when the queue is full by now."""
    first = await stores.requests.enqueue(question("a"), WIDE)

    assert await stores.requests.enqueue(question("a", cost=5), QueueLimits(1, 1)) == first
    assert await order(stores) == ["a"]


async def test_a_question_joins_its_conversation_and_the_queue_together(stores: Stores) -> None:
    """With its position; another one of the same channel joins the same conversation, a private one its own."""
    channel, private = ConversationKey(500, 8), ConversationKey(500, 8, private_to=4)
    first = await stores.requests.join(question("a", at=5.0, user=1), channel, [500, 8], Admission(WIDE))
    second = await stores.requests.join(question("b", user=2, cost=5), channel, [500, 8], Admission(WIDE))
    hidden = await stores.requests.join(question("c", user=4, cost=5), private, [500, 8], Admission(WIDE))

    assert first is not None
    assert second is not None
    assert hidden is not None
    shared = await stores.conversations.find(channel)
    assert shared is not None
    assert first.request == await stores.requests.get("a")
    assert first.request.question == replace(question("a", at=5.0), conversation_id=shared)
    assert second.request.question.conversation_id == shared
    assert hidden.request.question.conversation_id == await stores.conversations.find(private) != shared
    assert [one.position for one in (first, second, hidden)] == [1, 2, 3]
    assert await order(stores) == ["a", "b", "c"]


async def test_the_position_of_a_question_that_joins_is_that_of_fair_order(stores: Stores) -> None:
    """Not the last one: somebody's first question goes before another one's third."""
    for number in range(4):
        await stores.requests.join(question(f"a{number}"), ConversationKey(500), [], Admission(WIDE))
    await take(stores)
    joined = await stores.requests.join(question("b", user=2), ConversationKey(500), [], Admission(WIDE))
    assert joined is not None
    assert joined.position == await stores.requests.position("b") == (await order(stores)).index("b") + 1 < 4


async def test_a_question_that_joins_may_let_the_first_in_fair_order_be_claimed(stores: Stores) -> None:
    """In the same transaction: itself when nobody waits, else who is before it, and nothing without room."""
    terms = ClaimTerms("here", lambda: 7.0, lease=30.0, room=1, beginning=None, place=THE_ONLY_ONE)
    alone = await stores.requests.join(question("a"), ConversationKey(500), [], Admission(WIDE), terms)
    await stores.requests.enqueue(question("b", user=2), WIDE)
    behind = await stores.requests.join(question("c", user=3), ConversationKey(501), [], Admission(WIDE), terms)
    again = await stores.requests.join(question("c", user=3), ConversationKey(501), [], Admission(WIDE), terms)
    other = replace(terms, owner="elsewhere")
    full = await stores.requests.join(question("d", user=4), ConversationKey(502), [], Admission(WIDE), other)

    joined = [one for one in (alone, behind, again, full) if one is not None]
    assert [one.claimed and one.claimed.request_id for one in joined] == ["a", "b", None, None]
    assert [one.position for one in joined] == [1, 2, None, 2]
    stored = await stores.requests.get("a")
    assert alone is not None
    assert alone.claimed == stored
    assert stored is not None
    assert (stored.state, stored.lease_owner, stored.lease_until) == (RequestState.RUNNING, "here", 37.0)


async def test_joining_twice_is_joining_once(stores: Stores) -> None:
    """A repeated id returns the first row, without a position, even when the queue is full by now."""
    first = await stores.requests.join(question("a"), ConversationKey(500), [], Admission(WIDE))
    narrow = Admission(QueueLimits(1, 1))
    again = await stores.requests.join(question("a", cost=5), ConversationKey(600), [], narrow)
    assert first is not None
    assert again is not None
    assert (again.request, again.position) == (first.request, None)
    assert await order(stores) == ["a"]


async def test_who_may_not_join_leaves_nothing(stores: Stores) -> None:
    """One's own limit first, because one can do something about that."""
    await stores.requests.join(question("a"), ConversationKey(500), [], Admission(WIDE))
    with pytest.raises(UserLimitReached):
        await stores.requests.join(question("b"), ConversationKey(500), [], Admission(QueueLimits(1, 1)))
    with pytest.raises(QueueFull):
        await stores.requests.join(question("c", user=2), ConversationKey(500), [], Admission(QueueLimits(1, 1)))
    assert await order(stores) == ["a"]


async def test_a_question_without_a_message_is_left_to_the_process_where_it_joined(stores: Stores) -> None:
    """Nobody else can show anything of it. What has a message is everybody's, and so is everything after a while:
    that process may hang. One that is alone takes all."""
    for number in range(1, 5):
        await stores.requests.enqueue(question(f"q{number}", user=number, at=10.0), WIDE)
    await stores.requests.attach_message("q3", 0, 33)

    assert await take_beside_others(stores, "other", 11.0) == "q3"
    assert await take_beside_others(stores, "other", 11.0) is None
    assert await take_beside_others(stores, "me", 11.0, "q2") == "q2"
    assert await take_beside_others(stores, "me", 11.0, "q2") is None
    assert await take_beside_others(stores, "other", 10.0 + LEFT_TO_OTHERS + 0.1) == "q1"
    assert await take(stores, "alone", 11.0) == "q4"


async def test_ones_own_limit(stores: Stores) -> None:
    """A person's last question too many is refused, another person's is not."""
    limits = QueueLimits(per_user=2, total=10)
    for name in "ab":
        await stores.requests.enqueue(question(name), limits)

    with pytest.raises(UserLimitReached) as refused:
        await stores.requests.enqueue(question("c"), limits)
    await stores.requests.enqueue(question("d", user=2), limits)

    assert refused.value.params == {"count": 2, "limit": 2}
    assert await stores.requests.get("c") is None


async def test_a_full_queue(stores: Stores) -> None:
    """The limit of the queue does not count what runs."""
    limits = QueueLimits(per_user=5, total=2)
    for number in (1, 2):
        await stores.requests.enqueue(question(str(number), user=number), limits)

    with pytest.raises(QueueFull) as refused:
        await stores.requests.enqueue(question("3", user=3), limits)
    await take(stores)
    await stores.requests.enqueue(question("3", user=3), limits)

    assert refused.value.params == {"count": 2, "limit": 2}


async def test_claim_leases_the_question(stores: Stores) -> None:
    """A claimed question runs under its owner until the lease ends."""
    await stores.requests.enqueue(question("a"), WIDE)

    claimed = await stores.requests.claim("me", now=always(10.0), lease=30)

    assert claimed is not None
    assert claimed == await stores.requests.get("a")
    assert (claimed.state, claimed.attempts, claimed.started_at) == (RequestState.RUNNING, 1, 10.0)
    assert (claimed.lease_owner, claimed.lease_until) == ("me", 40.0)
    assert await take(stores) is None
    assert await stores.requests.counts() == {
        RequestState.QUEUED: 0,
        RequestState.RUNNING: 1,
        RequestState.ANSWERED: 0,
    }


async def test_what_runs_elsewhere_takes_room(stores: Stores) -> None:
    """Two processes together take no more than there is room for; each counts its own in the room that it
    gives."""
    for number in range(4):
        await stores.requests.enqueue(question(f"q{number}", user=number), WIDE)
    assert await take(stores, "other") == "q0"

    assert await stores.requests.claim("me", now=always(10.0), lease=30, room=1) is None
    assert await stores.requests.claim("me", now=always(10.0), lease=30, room=2) is not None
    assert await stores.requests.claim("me", now=always(10.0), lease=30, room=2) is not None
    assert await stores.requests.claim("other", now=always(10.0), lease=30, room=2) is None


async def test_what_a_dead_process_held_leaves_room(stores: Stores) -> None:
    """Its lease is over: nothing of it runs any more, though nobody has put it back yet."""
    for number in (1, 2):
        await stores.requests.enqueue(question(str(number), user=number, conversation=number), WIDE)
    await stores.requests.claim("dead", now=always(10.0), lease=30)

    assert await stores.requests.claim("me", now=always(40.0), lease=30, room=1) is None
    assert await stores.requests.claim("me", now=always(40.1), lease=30, room=1) is not None


async def test_a_question_that_is_set_aside_keeps_its_position(stores: Stores) -> None:
    """Others are claimed meanwhile, but not what its asker asked after it in the same conversation."""
    for request_id, user, conversation in (("a", 1, 1), ("follow-up", 1, 1), ("elsewhere", 1, 2), ("b", 2, 1)):
        await stores.requests.enqueue(question(request_id, user=user, conversation=conversation), WIDE)
    assert await take(stores) == "a"
    await stores.requests.release("a", "me", now=10.0)

    async def excluding(*aside: str) -> str | None:
        claimed = await stores.requests.claim("me", now=always(11.0), lease=30, excluding=aside)
        return None if claimed is None else claimed.request_id

    assert await excluding("a", "unknown") == "b"
    assert await excluding("a") == "elsewhere"
    assert await excluding("a") is None
    assert await excluding() == "a"


async def test_twenty_questions_do_not_hold_up_anothers_first(stores: Stores) -> None:
    """A person with one question is second, not twenty-first."""
    for number in range(20):
        await stores.requests.enqueue(question(f"heavy {number}", user=1, conversation=1), WIDE)
    await stores.requests.enqueue(question("light", user=2, conversation=2), WIDE)

    assert (await order(stores))[:3] == ["heavy 0", "light", "heavy 1"]


async def test_one_question_of_a_person_per_conversation(stores: Stores) -> None:
    """A follow-up waits for the answer before it; the same person's question elsewhere does not."""
    for name, conversation in (("first", 1), ("follow-up", 1), ("elsewhere", 2)):
        await stores.requests.enqueue(question(name, conversation=conversation), WIDE)

    assert [await take(stores) for _ in range(3)] == ["first", "elsewhere", None]
    await stores.requests.mark_answered("first", "me", answer(), now=11.0)
    assert await take(stores) == "follow-up"


async def test_what_overtakes_is_paid_first(stores: Stores) -> None:
    """A question that passes a blocked one of the same person takes that one's place in the account."""
    for name, user, conversation, cost in (
        ("a1", 1, 1, 100.0),
        ("a2", 1, 1, 100.0),
        ("elsewhere", 1, 2, 100.0),
        ("b1", 2, 3, 150.0),
        ("b2", 2, 3, 150.0),
    ):
        await stores.requests.enqueue(question(name, user=user, conversation=conversation, cost=cost), WIDE)
    assert [await take(stores), await take(stores)] == ["a1", "b1"]
    assert await order(stores) == ["a2", "b2", "elsewhere"]

    assert await take(stores) == "elsewhere"

    assert await order(stores) == ["b2", "a2"]


async def test_weight_is_a_larger_share(stores: Stores) -> None:
    """A person of weight 2 gets two questions for one of the other."""
    for number in range(4):
        await stores.requests.enqueue(question(f"op{number}", user=1, weight=2.0), WIDE)
        await stores.requests.enqueue(question(f"one{number}", user=2), WIDE)

    assert (await order(stores))[:6] == ["op0", "one0", "op1", "one1", "op2", "op3"]


async def test_measured_cost_moves_what_waits(stores: Stores) -> None:
    """After an answer far longer than estimated, another person is next."""
    for number in range(3):
        await stores.requests.enqueue(question(f"long{number}", user=1, conversation=1), WIDE)
        await stores.requests.enqueue(question(f"short{number}", user=2, conversation=2), WIDE)
    assert [await take(stores), await take(stores)] == ["long0", "short0"]

    await stores.requests.mark_answered("long0", "me", answer(tokens=350), now=11.0)
    assert await order(stores) == ["short1", "short2", "long1", "long2"]
    await stores.requests.mark_answered("short0", "me", answer(tokens=100), now=12.0)
    assert await order(stores) == ["short1", "short2", "long1", "long2"]


async def test_an_uncounted_prompt_leaves_the_estimate(stores: Stores) -> None:
    """Without usage from the cluster, a short answer does not prove a cheap question."""
    await stores.requests.enqueue(question("a", user=1, cost=400), WIDE)
    await stores.requests.enqueue(question("b", user=1, cost=400), WIDE)
    await stores.requests.enqueue(question("c", user=2, cost=300), WIDE)
    await stores.requests.enqueue(question("d", user=2, cost=300, conversation=2), WIDE)
    assert await take(stores) == "a"

    await stores.requests.mark_answered("a", "me", answer(tokens=10, prompt_tokens=None), now=11.0)

    assert await order(stores) == ["c", "d", "b"]


async def test_release_goes_back_to_the_head(stores: Stores) -> None:
    """A question that the cluster did not take is next again, and is not charged twice."""
    for number in range(3):
        await stores.requests.enqueue(question(f"a{number}", user=1), WIDE)
    await stores.requests.enqueue(question("b0", user=2), WIDE)
    assert await take(stores) == "a0"

    assert await stores.requests.release("a0", "me", now=12.0)

    assert await order(stores) == ["a0", "b0", "a1", "a2"]
    again = await stores.requests.claim("me", now=always(13.0), lease=30)
    assert again is not None
    assert (again.request_id, again.attempts) == ("a0", 2)
    assert await order(stores) == ["b0", "a1", "a2"]


async def test_release_belongs_to_the_owner(stores: Stores) -> None:
    """No other process can put a question back."""
    await stores.requests.enqueue(question("a"), WIDE)
    assert not await stores.requests.release("a", "me", now=9.0)
    await take(stores)

    assert not await stores.requests.release("a", "another", now=12.0)
    assert not await stores.requests.release("unknown", "me", now=12.0)
    assert await stores.requests.release("a", "me", now=12.0)


async def test_a_cancelled_question_closes_its_gap(stores: Stores) -> None:
    """Withdrawing a waiting question moves up what the same person asked after it."""
    for name, cost in (("a0", 100.0), ("a1", 500.0), ("a2", 100.0)):
        await stores.requests.enqueue(question(name, user=1, cost=cost), WIDE)
    for name in ("b0", "b1", "b2"):
        await stores.requests.enqueue(question(name, user=2), WIDE)
    assert await order(stores) == ["a0", "b0", "a1", "b1", "b2", "a2"]

    assert await stores.requests.mark_cancelled("a1", now=1.0)

    assert await order(stores) == ["a0", "b0", "a2", "b1", "b2"]


async def test_everybody_begins_level_after_an_idle_moment(stores: Stores) -> None:
    """What was used before the queue was empty is forgotten."""
    await stores.requests.enqueue(question("old", user=1), WIDE)
    await take(stores)
    await stores.requests.mark_answered("old", "me", answer(tokens=10_000), now=11.0)

    await stores.requests.enqueue(question("a", user=1), WIDE)
    await stores.requests.enqueue(question("b", user=2), WIDE)

    assert await order(stores) == ["a", "b"]


async def test_operators_pause_the_queue(stores: Stores) -> None:
    """During a pause questions join the queue, but none is claimed."""
    pause = QueuePause(reason="a new model", by=5, since=3.0)
    assert await stores.requests.paused() is None
    await stores.requests.pause(pause)
    await stores.requests.enqueue(question("a"), WIDE)

    assert await stores.requests.paused() == pause
    assert await take(stores) is None
    await stores.requests.pause(None)
    assert await stores.requests.paused() is None
    assert await take(stores) == "a"


async def test_positions_and_people_in_the_queue(stores: Stores) -> None:
    """The queue shows who asked what, where, and at which position."""
    asked = question("a", user=4, conversation=2, cost=7.0, at=3.0)
    await stores.requests.enqueue(asked, WIDE)
    await stores.requests.enqueue(question("b", user=4, at=4.0), WIDE)

    first, second = await stores.requests.queue()

    assert (first.position, second.position) == (1, 2)
    assert [await stores.requests.position(name) for name in ("a", "b", "unknown")] == [1, 2, None]
    assert await stores.requests.oldest_waiting() == ("a", 3.0)
    await take(stores)
    assert await stores.requests.oldest_waiting() == ("b", 4.0)
    assert [await stores.requests.position(name) for name in ("a", "b")] == [None, 1]
    assert (first.asker, first.prompt, first.channel_id) == (asked.asker, asked.prompt, 72)
    assert (first.conversation_id, first.enqueued_at, first.cost) == (2, 3.0, 7.0)
