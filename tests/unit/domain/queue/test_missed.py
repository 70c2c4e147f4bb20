"""What was missed becomes questions: each once, whenever the bot crashes and starts again."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.queue.missed import (
    HeardPlace,
    Mark,
    Post,
    choose,
    first_id,
    heard_until,
    in_turn,
    sent_at,
)

MOST = 4


def post(number: int, author: int = 1, words: str = "", *, asks: bool = True, replied: bool = False) -> Post:
    """A message; without ``words`` its text is its own."""
    return Post(number, author, words or f"question {number}", asks, replied)


def test_ids_tell_their_time() -> None:
    """Discord's documentation has this one as its example; no smaller id is as new."""
    assert sent_at(175928847299117063) == pytest.approx(1462015105.796)
    assert sent_at(first_id(1462015105.796)) == pytest.approx(1462015105.796, abs=0.0011)
    assert first_id(1462015105.796) <= 175928847299117063
    assert first_id(0.0) == 0


def test_the_oldest_comes_first_and_what_is_done_is_left() -> None:
    """Talk, and what the bot has replied to."""
    found = choose([post(3), post(1), post(2, asks=False), post(4, replied=True)], most=MOST)
    assert found.taken == (1, 3)
    assert found.left_out == ()


def test_of_the_same_words_the_newest_is_taken() -> None:
    """They were asked again; somebody else may have the same question."""
    same = [post(1, 1, "Why?"), post(2, 2, "why?"), post(3, 1, " WHY? "), post(4, 1, "How?")]
    assert choose(same, most=MOST).taken == (2, 3, 4)
    same[2] = post(3, 1, "Why?", replied=True)
    assert choose(same, most=MOST).taken == (2, 4)


def test_of_many_the_newest_are_taken_and_the_others_told_of_once() -> None:
    """The choice is the same when a part was taken before a crash; a reply to the newest of the others tells."""
    posts = [post(number) for number in range(1, 8)]
    assert choose(posts, most=MOST).left_out == (1, 2, 3)
    assert choose(posts, most=MOST).taken == (4, 5, 6, 7)
    again = [post(number, replied=number in {3, 4, 5}) for number in range(1, 8)]
    assert choose(again, most=MOST).left_out == ()
    assert choose(again, most=MOST).taken == (6, 7)


def test_everybody_comes_before_anybodys_second() -> None:
    """And each person's own are in their order."""
    assert in_turn({5: 1, 1: 1, 2: 1, 3: 2, 4: 3}) == [1, 3, 4, 2, 5]


def test_a_shard_was_heard_until_its_mark() -> None:
    """Under another number of shards all of those count, if all are known."""
    marks = [Mark(0, 1, 50.0), Mark(0, 2, 80.0), Mark(1, 2, 70.0), Mark(2, 3, 99.0)]
    assert heard_until(marks, 1, 2) == 70.0
    assert heard_until(marks, 0, 2) == 80.0
    assert heard_until(marks, 0, 1) == 70.0
    assert heard_until(marks, 3, 4) == 70.0
    assert heard_until([Mark(0, 2, 80.0)], 1, 2) is None
    assert heard_until([Mark(0, 2, 80.0)], 0, 1) is None
    assert heard_until([], 0, 1) is None


def test_a_servers_shard_is_that_of_its_id() -> None:
    """Direct messages come on the first one."""
    assert HeardPlace(1, None).shard(4) == 0
    assert HeardPlace(1, 7 << 22).shard(4) == 3


@dataclass
class World:
    """A channel, what is stored of it, and a bot that crashes after a given number of steps."""

    posts: list[tuple[int, str]]
    """Author and words of each message, by its number."""
    replied: set[int] = field(default_factory=set)
    stored: list[int] = field(default_factory=list)
    told: list[int] = field(default_factory=list)

    def run(self, crash_after: int) -> bool:
        """Catch up; False when the bot crashed before the end. Each write is a step."""
        # A start shows what is stored and was not shown.
        self.replied |= set(self.stored)
        steps = crash_after
        found = choose(
            [Post(n, author, words, True, n in self.replied) for n, (author, words) in enumerate(self.posts)],
            most=MOST,
        )
        if found.left_out:
            if not steps:
                return False
            steps -= 1
            self.replied.add(found.left_out[-1])
            self.told.append(found.left_out[-1])
        for number in in_turn({number: self.posts[number][0] for number in found.taken}):
            if not self.is_open(number):
                continue
            if not steps:
                return False
            self.stored.append(number)
            steps -= 1
            if not steps:
                return False
            self.replied.add(number)
            steps -= 1
        return True

    def is_open(self, number: int) -> bool:
        """As :meth:`MissedStore.is_open`."""
        author = self.posts[number][0]
        return not any(one >= number and self.posts[one][0] == author for one in self.stored)


POSTS = st.lists(st.tuples(st.integers(1, 3), st.sampled_from(["a", "b", "c", "d"])), max_size=9)


@given(POSTS, st.lists(st.integers(0, 6), max_size=6))
def test_each_question_is_taken_once_whatever_crashes(posts: list[tuple[int, str]], crashes: list[int]) -> None:
    """With any crashes the same questions are taken as without one, and people are told once of the others."""
    calm, crashing = World(posts), World(posts)
    assert calm.run(1000)
    for crash_after in crashes:
        if crashing.run(crash_after):
            break
    assert crashing.run(1000)
    assert sorted(crashing.stored) == sorted(calm.stored)
    assert len(set(crashing.stored)) == len(crashing.stored)
    assert crashing.told == calm.told
    newest = {one: number for number, one in enumerate(posts)}
    kept = range(max(0, len(posts) - MOST), len(posts))
    assert set(calm.stored) == {number for number in newest.values() if number in kept}
