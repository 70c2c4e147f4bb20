"""Names in an answer that become mentions again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.presentation.mentions import with_mentions

BEN, BEN_K, ROOM = "<@100000000000000001>", "<@100000000000000002>", "<#100000000000000003>"
MENTIONS = {"@Ben": BEN, "@ben_k": BEN_K, "#team room": ROOM}


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("Ask @Ben, or look in #team room.", f"Ask {BEN}, or look in {ROOM}."),
        (r"**@ben\_k**: yes", f"**{BEN_K}**: yes"),
        ("@Bennet and a@Ben.org and x@Ben", "@Bennet and a@Ben.org and x@Ben"),
        ("`@Ben` and\n```\n@Ben\n```\nand @Ben", f"`@Ben` and\n```\n@Ben\n```\nand {BEN}"),
        ("```\n@Ben", "```\n@Ben"),
        ("@Ann", "@Ann"),
    ],
    ids=["names", "escaped", "parts of words", "code", "open code", "not mentioned"],
)
def test_d5_names_come_back_as_mentions(body: str, shown: str) -> None:
    """Those that the question mentioned, as whole words, outside of code."""
    assert with_mentions(body, MENTIONS, limit=1000) == shown


@given(st.text(alphabet="@Ben #team room`\n\\_k", max_size=80), st.integers(0, 120))
def test_d5_a_page_stays_within_its_limit(body: str, limit: int) -> None:
    """A mention is longer than a name: what does not fit stays a name."""
    assert len(with_mentions(body, MENTIONS, limit=limit)) <= max(limit, len(body))


def test_d5_without_mentions_nothing_changes() -> None:
    """Most questions mention nobody."""
    assert with_mentions("Ask @Ben", {}, limit=1000) == "Ask @Ben"


def test_d5_a_mention_that_does_not_fit_stays_a_name() -> None:
    """The first one takes the room, and a shorter page has room for both."""
    body = "@Ben and @Ben"
    more = len(BEN) - len("@Ben")
    assert with_mentions(body, MENTIONS, limit=len(body) + more - 1) == body
    assert with_mentions(body, MENTIONS, limit=len(body) + more) == f"{BEN} and @Ben"
    assert with_mentions(body, MENTIONS, limit=len(body) + 2 * more) == f"{BEN} and {BEN}"
