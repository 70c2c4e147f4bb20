"""Step by step the messages become the pages, whatever stood there before."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.discord_io.delivery.diff import EMPTIED, Operation, following
from bot.presentation.page import Page

PAGES = st.lists(st.sampled_from([Page("one"), Page("two"), Page("three")]), min_size=1, max_size=4)
SHOWN = st.lists(st.none() | st.sampled_from([Page("one"), Page("old"), EMPTIED]), max_size=5)


def applied(pages: list[Page], shown: list[Page | None], *, is_last: bool) -> list[Operation]:
    """Do what is to be done until there is nothing; what that was."""
    ids: list[int | None] = [*range(len(shown))]
    done: list[Operation] = []
    while (operation := following(pages, ids, shown, is_last=is_last)) is not None:
        done.append(operation)
        if operation.page is None:
            del ids[operation.index], shown[operation.index]
        elif operation.is_new:
            ids.append(100 + operation.index)
            shown.append(operation.page)
        else:
            shown[operation.index] = operation.page
    return done


@given(PAGES, SHOWN)
def test_at_the_end_there_is_nothing_but_the_pages(pages: list[Page], shown: list[Page | None]) -> None:
    """Each message is touched at most once, and none that shows its page already."""
    before = list(shown)
    done = applied(pages, shown, is_last=True)
    assert shown == pages
    assert len({operation.index for operation in done}) == len(done)
    untouched = {index for index, page in enumerate(pages) if index < len(before) and before[index] == page}
    assert untouched.isdisjoint(operation.index for operation in done)


@given(PAGES, SHOWN)
def test_before_the_end_the_pages_stand_first(pages: list[Page], shown: list[Page | None]) -> None:
    """What a process before a crash had written beyond them is emptied, and kept: it may be needed."""
    there = list(shown)
    applied(pages, shown, is_last=False)
    assert shown[: len(pages)] == pages
    beyond = there[len(pages) :]
    if beyond and all(page is None for page in beyond):
        assert shown[len(pages) :] == [EMPTIED] * len(beyond)
