"""Profiles of scopes: what is inherited, and what a field may have."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.conversation.profile import (
    FIELDS,
    PERSONA_LIMIT,
    Profile,
    Scope,
    ScopeChain,
    addressed,
    inherited,
    limits_of,
)

DEFAULTS = Profile(persona="You help.", context_tokens=6000, answer_tokens=2000, blocked_users=frozenset({7}))
CHANNEL, SERVER = 71, 8


def in_effect(field: str, value: object) -> object:
    """What a field has where its scope has this choice."""
    return getattr(inherited(DEFAULTS, [(CHANNEL, {field: value})]), field)


def test_without_a_choice_everything_has_its_default() -> None:
    """And comes from no scope."""
    assert inherited(DEFAULTS, []) == DEFAULTS
    assert inherited(DEFAULTS, [(CHANNEL, {}), (SERVER, {"unknown": 1, "origins": {"persona": 1}})]) == DEFAULTS


def test_the_nearest_choice_wins_and_tells_its_scope() -> None:
    """A wider scope counts for what the nearer one leaves open, or has in a form that cannot be read."""
    profile = inherited(
        DEFAULTS,
        [
            (CHANNEL, {"persona": "You joke.", "top_k": "many", "threads": False}),
            (SERVER, {"persona": "You advise.", "top_k": 5, "threads": True, "private": True}),
        ],
    )
    assert (profile.persona, profile.top_k, profile.threads, profile.private) == ("You joke.", 5, False, True)
    assert profile.origins == {"persona": CHANNEL, "threads": CHANNEL, "top_k": SERVER, "private": SERVER}
    assert profile.context_tokens == DEFAULTS.context_tokens


def test_blocks_add_up_and_other_lists_do_not() -> None:
    """A channel cannot lift the block of its server, but may let other people ask."""
    profile = inherited(
        DEFAULTS,
        [
            (CHANNEL, {"blocked_users": [1], "allowed_users": [3]}),
            (SERVER, {"blocked_users": [2], "allowed_users": [4]}),
        ],
    )
    assert profile.blocked_users == {1, 2}
    assert profile.allowed_users == {3}
    assert profile.origins == {"blocked_users": CHANNEL, "allowed_users": CHANNEL}
    assert inherited(DEFAULTS, [(CHANNEL, {"persona": "x"})]).blocked_users == {7}, "those of the settings"


@pytest.mark.parametrize("field", ["allowed_roles", "allowed_users", "blocked_users", "channels"])
def test_lists_hold_ids_only(field: str) -> None:
    """Anything else in them is ignored, and what is no list too."""
    assert in_effect(field, [1, "2", None, 3]) == {1, 3}
    assert in_effect(field, []) == frozenset()
    assert in_effect(field, "12") == getattr(DEFAULTS, field)


def test_a_persona_is_as_long_as_a_dialogue_takes() -> None:
    """Longer ones are cut; what is no text is ignored."""
    assert in_effect("persona", "x" * (PERSONA_LIMIT + 1)) == "x" * PERSONA_LIMIT
    assert in_effect("persona", "") == ""
    assert in_effect("persona", 5) == DEFAULTS.persona


def test_a_cluster_is_a_short_name() -> None:
    """Empty is any; what is no text is ignored."""
    assert in_effect("cluster", "office") == "office"
    assert in_effect("cluster", "x" * 30) == "x" * 20
    assert in_effect("cluster", 5) == ""


@pytest.mark.parametrize("field", ["think", "private", "threads"])
def test_a_switch_is_on_or_off(field: str) -> None:
    """A number is no switch."""
    assert in_effect(field, True) is True
    assert in_effect(field, False) is False
    assert in_effect(field, 1) is getattr(DEFAULTS, field)
    assert limits_of(field, DEFAULTS) is None


@pytest.mark.parametrize(
    ("field", "low", "high"),
    [
        ("context_tokens", 256, 6000),
        ("answer_tokens", 1, 2000),
        ("temperature", 0, 2),
        ("top_k", 1, 1000),
        ("retention_days", 0, 3650),
    ],
)
def test_a_number_stays_within_its_limits(field: str, low: int, high: int) -> None:
    """No scope may spend more tokens than the operators' settings allow."""
    assert limits_of(field, DEFAULTS) == (low, high)
    assert in_effect(field, low - 1) == low
    assert in_effect(field, high + 1) == high
    assert in_effect(field, high) == high
    for value in (True, "5", None, [5]):
        assert in_effect(field, value) == getattr(DEFAULTS, field)


def test_only_the_temperature_has_a_fraction() -> None:
    """Tokens, candidates and days are counted."""
    assert in_effect("temperature", 0.7) == 0.7
    assert isinstance(in_effect("temperature", 1), float)
    assert in_effect("top_k", 5.9) == 5
    assert isinstance(in_effect("top_k", 5.9), int)


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5000, 5_000_000),
    st.floats(-10, 10),
    st.text("a7", max_size=3),
    st.lists(st.integers(0, 9), max_size=3),
)
CHOICES = st.dictionaries(st.sampled_from([*FIELDS, "unknown"]), VALUES, max_size=6)


@given(st.lists(CHOICES, max_size=4))
def test_whatever_is_stored_a_profile_has_what_its_fields_may_have(stored: list[Mapping[str, object]]) -> None:
    """Numbers keep their limits; a field comes from the nearest scope that sets it, or has its default."""
    chosen = list(enumerate(stored))
    profile = inherited(DEFAULTS, chosen)
    for name in FIELDS:
        value = getattr(profile, name)
        if name not in profile.origins:
            assert value == getattr(DEFAULTS, name)
            continue
        assert name not in inherited(DEFAULTS, chosen[: profile.origins[name]]).origins
        limits = limits_of(name, DEFAULTS)
        assert limits is None or limits[0] <= value <= limits[1]


def test_a_chain_names_its_nearest_scope_of_a_kind() -> None:
    """Of several kinds the nearest one counts, in whatever order they are asked for."""
    chain = ScopeChain(
        (Scope("thread", 72, "A question"), Scope("channel", 71, "general"), Scope("server", 8, "Team"))
    )
    assert chain.ids == (72, 71, 8)
    assert chain.name("channel", "thread") == "A question"
    assert chain.name("channel") == "general"
    assert chain.name("category") == ""


def test_a_persona_says_where_and_when_it_is_asked() -> None:
    """Other braces stay as they are; a placeholder may stand twice."""
    text = addressed(
        "{user} in {channel} of {server}, {date}; {user} {other} {}",
        date="2026-01-02",
        server="Team",
        channel="general",
        user="Ada",
    )
    assert text == "Ada in general of Team, 2026-01-02; Ada {other} {}"


@pytest.mark.parametrize("name", ["server", "channel", "user"])
def test_a_name_in_a_persona_is_one_short_line_without_placeholders(name: str) -> None:
    """It is untrusted: a user named {date} is not filled in, and a long name does not push the persona aside."""
    names = {"date": "D", "server": "S", "channel": "C", "user": "U"}
    assert addressed(f"<{{{name}}}>", **{**names, name: "a\n  b{user}{date}"}) == "<a b(user}(date}>"
    assert addressed(f"<{{{name}}}>", **{**names, name: "x" * 101}) == f"<{'x' * 100}>"
