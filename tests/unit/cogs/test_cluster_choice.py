"""The cluster in the dialogue of ``/settings``."""

from __future__ import annotations

from typing import Any, cast

import pytest

from cogs.ui.profile_modals import Edit, SwitchesModal

NONE = cast("Any", None)
NAMES = ("studio", "office")


def dialogue(*names: str, **chosen: object) -> SwitchesModal:
    """The dialogue where these clusters are, with what was chosen before."""
    return SwitchesModal(Edit(chosen, "en-US", NONE, NONE), clusters=names)


def options(modal: SwitchesModal) -> dict[str, bool]:
    """What can be chosen for the cluster, and whether it is what is chosen now."""
    select = modal._cluster
    assert select is not None
    return {option.value: option.default for option in select.options}


def test_one_cluster_is_not_asked_for() -> None:
    """And what was chosen before, when there were several, stays as it is."""
    modal = dialogue(cluster="office")
    assert modal._cluster is None
    assert "cluster" not in modal.changes()


@pytest.mark.parametrize(
    ("chosen", "now"),
    [
        ({}, "inherit"),
        ({"cluster": ""}, "only:"),
        ({"cluster": "office"}, "only:office"),
        ({"cluster": "x"}, "only:"),
    ],
)
def test_what_is_chosen_now_is_shown(chosen: dict[str, object], now: str) -> None:
    """A cluster that is gone counts as any."""
    found = options(dialogue(*NAMES, **chosen))
    assert list(found) == ["inherit", "only:", "only:studio", "only:office"]
    assert [value for value, is_now in found.items() if is_now] == [now]


@pytest.mark.parametrize(("value", "choice"), [("inherit", None), ("only:", ""), ("only:office", "office")])
def test_what_is_submitted_is_chosen(value: str, choice: str | None) -> None:
    """Inherited, any, or one."""
    modal = dialogue(*NAMES)
    assert modal._cluster is not None
    modal._cluster._values = [value]
    assert modal.changes()["cluster"] == choice
