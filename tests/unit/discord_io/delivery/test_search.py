"""Where messages that were found belong."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.discord_io.delivery.search import Found, places

IDS = st.integers(1, 9)


@given(
    known=st.lists(IDS, unique=True, max_size=4),
    lost=st.sets(st.integers(0, 3)),
    found=st.lists(st.builds(Found, st.integers(0, 4), IDS), unique_by=lambda one: one.message_id, max_size=6),
)
def test_every_message_has_one_place(known: list[int], lost: set[int], found: list[Found]) -> None:
    """Those known keep theirs, those found get one each, and no page is left out."""
    ids = [None if page in lost else message_id for page, message_id in enumerate(known)]
    after: list[int | None] = list(ids)
    for page, message_id in places(ids, found):
        if page == len(after):
            after.append(None)
        assert after[page] is None
        after[page] = message_id
    told = [message_id for message_id in after if message_id is not None]
    assert len(set(told)) == len(told)
    assert set(told) == {one for one in ids if one is not None} | {one.message_id for one in found}
    assert all(after[page] == one for page, one in enumerate(ids) if one is not None)


def test_a_page_gets_the_oldest_message_found_of_it() -> None:
    """The next one is the next page, and what is there twice comes last."""
    found = [Found(0, 12), Found(0, 11), Found(1, 14)]
    assert places([None], found) == [Found(0, 11), Found(1, 14), Found(2, 12)]
    assert places([11], found) == [Found(1, 14), Found(2, 12)]
