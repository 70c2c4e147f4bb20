"""Who runs the cluster."""

from __future__ import annotations

import pytest

from bot.errors import NotAllowed
from bot.services.access.operators import Operators, Person


def operators() -> Operators:
    return Operators(user_ids=iter([99]), role_ids=iter([4, 5]), guild_ids=iter([8, 9]), weight=3.0)


@pytest.mark.parametrize(
    ("person", "is_operator"),
    [
        (Person(99, None), True),
        (Person(99, 8), True),
        (Person(1, 8, frozenset({5, 6})), True),
        (Person(1, 9, frozenset({4})), True),
        (Person(1, 8, frozenset({6})), False),
        (Person(1, 8), False),
        (Person(1, 7, frozenset({4})), False),
        (Person(1, None, frozenset({4})), False),
    ],
)
def test_a_role_counts_in_its_servers_and_a_name_everywhere(person: Person, is_operator: bool) -> None:
    """Administrators of another server, who may make any role, gain nothing."""
    known = operators()
    assert known.is_operator(person) is is_operator
    assert known.weight_of(person) == (3.0 if is_operator else 1.0)
    if is_operator:
        known.require(person)
        return
    with pytest.raises(NotAllowed, match=f"user {person.user_id} "):
        known.require(person)


def test_operators_have_the_share_of_everybody_unless_it_is_set() -> None:
    """A weight of 1."""
    assert Operators(user_ids=[99], role_ids=[], guild_ids=[]).weight_of(Person(99, None)) == 1.0
