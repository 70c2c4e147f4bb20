"""The turns of conversations, in every store."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.conversation.store import ConversationKey
from bot.domain.queue.request import Answer, RequestKind
from tests.contract.storage.conftest import Stores
from tests.fakes.clocks import always
from tests.fakes.questions import WIDE, answer, question


async def ask(
    stores: Stores,
    request_id: str,
    given: Answer,
    *,
    conversation: int = 1,
    kind: RequestKind = RequestKind.ASK,
    root: str | None = None,
) -> None:
    asked = question(request_id, conversation=conversation, kind=kind, root=root)
    await stores.requests.enqueue(asked, WIDE)
    claimed = await stores.requests.claim("me", now=always(1.0), lease=30)
    assert claimed is not None
    assert await stores.requests.mark_answered(claimed.request_id, "me", given, now=2.0)
    await stores.requests.mark_delivered(claimed.request_id, now=3.0)


async def remembered(stores: Stores, conversation: int = 1) -> list[str]:
    return [turn.answer for turn in await stores.conversations.recent_turns(conversation, limit=10)]


async def test_each_key_has_its_own_conversation(stores: Stores) -> None:
    """Channels, and one person's private answers in them, are kept apart."""
    shared = ConversationKey(500, guild_id=8)
    private = ConversationKey(500, guild_id=8, private_to=4)
    assert await stores.conversations.find(shared) is None

    made = await stores.conversations.conversation(shared)
    hidden = await stores.conversations.conversation(private)

    assert made != hidden
    assert await stores.conversations.conversation(shared) == made
    assert await stores.conversations.find(shared) == made
    assert await stores.conversations.find(private) == hidden


async def test_newest_turns_first_and_of_this_conversation_only(stores: Stores) -> None:
    """The newest turns of the conversation are returned, and none of another."""
    for number in range(4):
        await ask(stores, f"a{number}", answer(f"answer {number}"))
    await ask(stores, "b", answer("elsewhere"), conversation=2)

    turns = await stores.conversations.recent_turns(1, limit=3)

    assert [turn.answer for turn in turns] == ["answer 3", "answer 2", "answer 1"]
    assert [turn.request_id for turn in turns] == ["a3", "a2", "a1"]


async def test_a_new_version_replaces_the_old_in_its_place(stores: Stores) -> None:
    """Only the newest version is remembered, at the position of the question."""
    await ask(stores, "a", answer("first try"))
    await ask(stores, "b", answer("after it"))
    await ask(stores, "a2", answer("second try"), kind=RequestKind.REGENERATE, root="a")

    turns = await stores.conversations.recent_turns(1, limit=10)

    assert [turn.answer for turn in turns] == ["after it", "second try"]
    assert turns[1].request_id == "a2"


async def test_a_continued_answer_is_one_turn(stores: Stores) -> None:
    """The rest is appended to the answer that it continues."""
    await ask(stores, "a", answer("one, two, ", tokens=10, finish="length"))
    await ask(stores, "more", answer("three", tokens=5), kind=RequestKind.CONTINUE, root="a")

    (turn,) = await stores.conversations.recent_turns(1, limit=10)

    assert (turn.answer, turn.finish, turn.completion_tokens) == ("one, two, three", "stop", 15)
    assert turn.question == "prompt of a"


async def test_an_empty_answer_is_not_remembered(stores: Stores) -> None:
    """A question stopped before its first word leaves no turn, and does not change an earlier version."""
    await ask(stores, "a", answer("kept"))
    await ask(stores, "b", answer(" \n", finish="stopped"))
    await ask(stores, "a2", answer("", finish="stopped"), kind=RequestKind.REGENERATE, root="a")

    assert await remembered(stores) == ["kept"]


async def test_clearing_forgets_this_conversation(stores: Stores) -> None:
    """All turns of the channel are removed and counted; other channels keep theirs."""
    for number in range(3):
        await ask(stores, f"a{number}", answer())
    await ask(stores, "b", answer("elsewhere"), conversation=2)

    assert await stores.conversations.clear(1) == 3
    assert await stores.conversations.clear(1) == 0
    assert await remembered(stores) == []
    assert await remembered(stores, 2) == ["elsewhere"]


async def test_after_clearing(stores: Stores) -> None:
    """A new version is remembered; the rest of a forgotten answer is not."""
    await ask(stores, "a", answer("forgotten, ", finish="length"))
    await stores.conversations.clear(1)

    await ask(stores, "more", answer("the rest"), kind=RequestKind.CONTINUE, root="a")
    assert await remembered(stores) == []
    await ask(stores, "a2", answer("anew"), kind=RequestKind.REGENERATE, root="a")
    assert await remembered(stores) == ["anew"]


async def test_a_branch_is_what_it_followed_and_all_before(stores: Stores) -> None:
    """A reply to an older answer goes on from there, without the turns in between."""
    await ask(stores, "a", answer("a"))
    await ask(stores, "b", answer("b"))
    await ask(stores, "between", answer("between"))
    await stores.requests.enqueue(replace(question("c"), follows="b"), WIDE)
    await stores.requests.claim("me", now=always(1.0), lease=30)
    await stores.requests.mark_answered("c", "me", answer("c"), now=2.0)

    async def branch(root: str, limit: int = 10) -> list[str]:
        turns = await stores.conversations.recent_turns(1, limit=limit, follows=root)
        return [turn.answer for turn in turns]

    assert await branch("b") == ["b", "a"]
    assert await branch("c") == ["c", "b", "a"]
    assert await branch("c", limit=2) == ["c", "b"]
    assert await remembered(stores) == ["c", "between", "b", "a"]
    assert await branch("unknown") == ["c", "between", "b", "a"]
