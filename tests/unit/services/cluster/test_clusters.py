"""The clusters behind the bot, by name."""

from __future__ import annotations

import math
from typing import Any, cast

import pytest

from bot.domain.queue.fairness import EXPECTED_ANSWER
from bot.errors import UserError
from bot.services.cluster.clusters import Cluster, Clusters

NONE = cast("Any", None)


def clusters(**most: int | None) -> Clusters:
    """Clusters of these names, and how many tokens each takes at most."""
    return Clusters([Cluster(name, NONE, NONE, NONE, limit) for name, limit in most.items()])


def test_one_cluster_is_named_nowhere() -> None:
    """Whether it has a name or not."""
    for name in ("", "studio"):
        one = Clusters([Cluster(name, NONE, NONE, NONE)])
        assert (one.names, one.shown_names) == ((name,), ())
        assert one.chosen(None) is one.first
        assert one.place(one.first).most_cost == math.inf
    with pytest.raises(ValueError, match="no cluster"):
        Clusters([])


def test_several_are_chosen_by_name() -> None:
    """The first one without a name; an unknown one is told which there are."""
    both = clusters(studio=None, office=None)
    assert both.shown_names == ("studio", "office")
    assert (both.chosen(None).name, both.chosen("office").name) == ("studio", "office")
    with pytest.raises(UserError) as refused:
        both.chosen("attic")
    assert (refused.value.key, refused.value.params["names"]) == ("error.cluster_unknown", "studio, office")


def test_the_largest_takes_every_question() -> None:
    """So that none is too long for all, also when all have a limit."""
    for most, largest in (
        ({"studio": None, "office": 4000}, {"studio"}),
        ({"studio": 6000, "office": 4000, "attic": 6000}, {"studio", "attic"}),
    ):
        found = clusters(**most)
        costs = {cluster.name: found.place(cluster).most_cost for cluster in found}
        assert costs.pop("office") == 4000 + EXPECTED_ANSWER
        assert {name for name, cost in costs.items() if cost == math.inf} == largest
