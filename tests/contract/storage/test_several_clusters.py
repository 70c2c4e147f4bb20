"""Claiming for one of several clusters: each store gives the same question to the same cluster."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.queue.request import RequestState
from bot.domain.queue.store import Place, QueuePause
from tests.contract.storage.conftest import Stores
from tests.fakes.clocks import always
from tests.fakes.questions import WIDE, question

STUDIO, OFFICE = (Place(name, ("studio", "office")) for name in ("studio", "office"))


async def waits(
    stores: Stores, request_id: str, *, user: int = 1, conversation: int = 1, wanted: str | None = None
) -> None:
    """Let a question join the queue that only ``wanted`` may answer."""
    asked = question(request_id, user=user, conversation=conversation)
    await stores.requests.enqueue(replace(asked, wanted_cluster=wanted), WIDE)


async def take(
    stores: Stores, place: Place, *, owner: str = "me", room: int | None = None, now: float = 10.0
) -> str | None:
    """Claim for a place; the id."""
    claimed = await stores.requests.claim(owner, now=always(now), lease=30, room=room, place=place)
    assert claimed is None or claimed.cluster == place.cluster
    return None if claimed is None else claimed.request_id


async def test_a_question_for_any_cluster_goes_to_whichever_asks(stores: Stores) -> None:
    """And it is stored where it runs, until it waits again."""
    await waits(stores, "a")
    assert await take(stores, OFFICE) == "a"
    assert (await stores.requests.running_at("office"), await stores.requests.running_at("studio")) == (1, 0)
    stored = await stores.requests.get("a")
    assert stored is not None
    assert stored.cluster == "office"
    assert await stores.requests.release("a", "me", now=11.0)
    stored = await stores.requests.get("a")
    assert stored is not None
    assert (stored.state, stored.cluster) == (RequestState.QUEUED, None)
    assert await take(stores, STUDIO) == "a"


async def test_one_that_wants_another_cluster_is_passed_and_keeps_its_place(stores: Stores) -> None:
    """Who is behind may go elsewhere; the first is still the first where it may go."""
    await waits(stores, "a", wanted="studio")
    await waits(stores, "b", user=2)
    await waits(stores, "c", user=3)
    assert await stores.requests.wanted() == {"a": "studio"}
    assert await take(stores, OFFICE) == "b"
    assert await stores.requests.position("a") == 1
    assert await take(stores, STUDIO) == "a"
    assert await stores.requests.wanted() == {}
    assert await take(stores, STUDIO) == "c"
    assert await take(stores, STUDIO) is None


async def test_a_cluster_that_is_not_configured_any_more_holds_nothing_up(stores: Stores) -> None:
    """Any of the others may answer; so does the only one, without a name or with one."""
    for name, place in (("a", OFFICE), ("b", Place()), ("c", Place("studio", ("studio",)))):
        await waits(stores, name, user=ord(name), wanted="attic")
        assert await take(stores, place) == name


async def test_the_questions_of_a_conversation_keep_their_order(stores: Stores) -> None:
    """What somebody asked later in the same conversation waits for the answer that only another cluster gives."""
    await waits(stores, "a", wanted="studio")
    await waits(stores, "b")
    await waits(stores, "c", conversation=2)
    assert await take(stores, OFFICE) == "c"
    assert await take(stores, OFFICE) is None
    assert await take(stores, STUDIO) == "a"
    assert await take(stores, OFFICE) is None, "one of theirs runs there"


async def test_the_room_is_that_of_each_cluster(stores: Stores) -> None:
    """Whatever other processes have at the other one."""
    for number in range(5):
        await waits(stores, str(number), user=number)
    for _ in range(2):
        assert await take(stores, STUDIO, owner="other", room=2) is not None
    assert await take(stores, STUDIO, room=2) is None
    assert await take(stores, OFFICE, room=1) is not None
    assert await take(stores, OFFICE, owner="other", room=1) is None
    assert await take(stores, STUDIO, room=2, now=50.0) is not None, "the other's leases have run out"


@pytest.mark.parametrize("cluster", ["", "office"])
async def test_a_paused_cluster_takes_nothing(stores: Stores, cluster: str) -> None:
    """The whole queue under the empty name; each pause is read with its reason and ends for itself."""
    await waits(stores, "a")
    pause = QueuePause("new *disks*", by=7, since=5.0)
    await stores.requests.pause(pause, cluster)
    await stores.requests.pause(replace(pause, by=8), cluster)
    assert await stores.requests.pauses() == {cluster: replace(pause, by=8)}
    assert await take(stores, OFFICE) is None
    await stores.requests.pause(None, "studio")
    if cluster:
        assert await stores.requests.paused() is None
        assert await take(stores, STUDIO) == "a"
    await stores.requests.pause(None, cluster)
    assert await stores.requests.pauses() == {}
