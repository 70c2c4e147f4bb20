"""The steps of a channel's summary, each of which waits in the queue again."""

from __future__ import annotations

from bot.domain.channel_summary.steps import Step
from bot.domain.queue.request import RequestKind, RequestState, Used
from tests.contract.storage.conftest import Stores
from tests.fakes.clocks import always
from tests.fakes.questions import WIDE, answer, question

_STEP = Step("2 3\nthe rest", 500.0, Used(90, 10))


async def _take(stores: Stores, owner: str = "me", now: float = 10.0) -> str | None:
    claimed = await stores.requests.claim(owner, now=always(now), lease=30)
    return None if claimed is None else claimed.request_id


async def test_a_summary_lets_others_in_after_each_step(stores: Stores) -> None:
    """It joins the queue again as a question does, and not at its head as one that was put back."""
    await stores.requests.enqueue(question("s", kind=RequestKind.SUMMARY), WIDE)
    assert await _take(stores) == "s"
    await stores.requests.enqueue(question("other", user=2, conversation=2), WIDE)
    await stores.requests.enqueue(question("later", user=1, conversation=3), WIDE)
    assert await stores.steps.advance("s", "me", _STEP, now=20.0)
    assert await stores.requests.waiting_ids() == ["other", "s", "later"]
    kept = await stores.requests.get("s")
    assert kept is not None
    assert (kept.state, kept.enqueued_at, kept.attempts) == (RequestState.QUEUED, 20.0, 0)
    assert (kept.question.attached_text, kept.question.cost) == (_STEP.plan, 500.0)
    assert (kept.started_at, kept.lease_owner, kept.cluster) == (None, None, None)
    assert [await _take(stores, now=30.0) for _ in range(3)] == ["other", "s", "later"]


async def test_what_a_step_cost_is_paid(stores: Stores) -> None:
    """Whoever had a dear step waits behind whoever had a cheap one."""
    for user, used in ((1, Used(4000, 1000)), (2, Used(40, 10))):
        await stores.requests.enqueue(
            question(f"s{user}", user=user, conversation=user, kind=RequestKind.SUMMARY), WIDE
        )
        assert await _take(stores) == f"s{user}"
        assert await stores.steps.advance(f"s{user}", "me", Step("2 3\n", 100.0, used), now=20.0)
        if user == 1:
            # It waits alone, so it would go on at once.
            await stores.requests.enqueue(question("third", user=3, conversation=3), WIDE)
            assert await _take(stores) == "third"
    assert list(await stores.requests.waiting_ids()) == ["s2", "s1"]


async def test_only_its_holder_advances_a_summary(stores: Stores) -> None:
    await stores.requests.enqueue(question("s", kind=RequestKind.SUMMARY), WIDE)
    assert not await stores.steps.advance("s", "me", _STEP, now=20.0)
    assert await _take(stores) == "s"
    assert not await stores.steps.advance("s", "other", _STEP, now=20.0)
    assert not await stores.steps.advance("unknown", "me", _STEP, now=20.0)


async def test_a_summary_is_no_turn_of_a_conversation(stores: Stores) -> None:
    await stores.requests.enqueue(question("s", kind=RequestKind.SUMMARY), WIDE)
    assert await _take(stores) == "s"
    assert await stores.requests.mark_answered("s", "me", answer("All of it"), now=20.0)
    assert not await stores.conversations.recent_turns(1, limit=9, follows=None)
