"""Marks in a summary become links, and only to messages that were read."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.channel_summary.links import Linker

_IDS = (900_000_000_000_000_001, 900_000_000_000_000_002, 900_000_000_000_000_003)
_BASE = "https://discord.com/channels/11/22"
_ONE, _TWO, _THREE = (f"[{number}]({_BASE}/{message})" for number, message in enumerate(_IDS, 1))
_ANY = re.compile(r"(?:https?|discord)://[^\s/]*?(?:discord(?:app)?\.com|-)/+channels[^\s)>]*", re.IGNORECASE)


def _linked(*pieces: str) -> str:
    linker = Linker(11, 22, _IDS)
    return "".join(map(linker.feed, pieces)) + linker.close()


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Ann wants tea [1].", f"Ann wants tea {_ONE}."),
        ("so [1][2]", f"so {_ONE} {_TWO}"),
        ("so [1][9][2]. [3]x[1]", f"so {_ONE} {_TWO}. {_THREE}x{_ONE}"),
        ("so [1, 3] and [#2]", f"so {_ONE} {_THREE} and {_TWO}"),
        ("so [1 and 2]; [^3], 【2】", f"so {_ONE} {_TWO}; {_THREE}, {_TWO}"),
        ("so [msg 2] [message 3] [m1]", f"so {_TWO} {_THREE} {_ONE}"),
        ("so [2](https://example.com/elsewhere).", f"so {_TWO}."),
        (f"so [2]({_BASE}/{_IDS[2]})", f"so {_TWO}"),
        ("nobody [4] said [0] this [99999].", "nobody  said  this ."),
        ("both [3, 77]", f"both {_THREE}"),
        ("decided[8]and done", "decided and done"),
        (f"here {_BASE}/{_IDS[0]} and <{_BASE}/{_IDS[1]}>", f"here {_ONE} and {_TWO}"),
        (f"here {_BASE}/7, https://ptb.discord.com/channels/11/23/{_IDS[0]}!", "here  "),
        (f"[the tea]({_BASE}/{_IDS[0]}) [the cake]({_BASE}/5)", f"[the tea]({_BASE}/{_IDS[0]}) the cake"),
        (f"[{_BASE}/5](https://example.com/x)", "[](https://example.com/x)"),
        ("discord://-/channels/11/22/5 x", " x"),
        (
            "see https://example.com/a?b=[1] and `list[word]`",
            f"see https://example.com/a?b={_ONE} and `list[word]`",
        ),
        ("an open [1", "an open [1"),
        ("a [link](https://example.com/a) stays", "a [link](https://example.com/a) stays"),
    ],
)
def test_marks_of_every_form(written: str, shown: str) -> None:
    assert _linked(written) == shown
    assert _linked(*written) == shown


_PIECES = st.sampled_from(
    [
        *("[", "]", "(", ")", "<", ">", "1", "2", "7", " ", "\n", ",", "a", "x" * 130, "http", "s://", "discord"),
        *(
            "://",
            ".com",
            "/channels/",
            "11",
            "/22/",
            str(_IDS[0]),
            "9" * 18,
            "[1]",
            "[9]",
            "【",
            "】",
            "@",
            "-",
            "/",
        ),
        *(
            f"{_BASE}/{_IDS[1]}",
            f"{_BASE}/5",
            "https://canary.discord.com/channels/1/2/3",
            "DISCORDAPP.COM",
            "!",
            "`",
        ),
    ]
)


@given(st.lists(st.one_of(_PIECES, st.text(max_size=4)), max_size=40))
def test_only_read_messages_are_linked_to_however_the_text_arrives(pieces: list[str]) -> None:
    shown = _linked(*pieces)
    allowed = {f"{_BASE}/{message}" for message in _IDS}
    assert set(_ANY.findall(shown)) <= allowed


def test_text_without_marks_is_not_held_back() -> None:
    linker = Linker(11, 22, _IDS)
    assert linker.feed("決定は次の通り") == "決定は次の通り"
    assert linker.feed("One word and ano") == "One word and "
    assert linker.feed("ther one ") == "another one "


def test_an_endless_word_is_shown_all_the_same() -> None:
    linker = Linker(11, 22, _IDS)
    assert len(linker.feed("x" * 5000)) > 4000
