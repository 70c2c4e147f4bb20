"""What operators read before a model switch, and in the audit log."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain.cluster.audit import AuditEntry
from bot.domain.status import ClusterState, ClusterStatus, Model, Node, NodeState
from bot.i18n.catalogue import available_locales, sentences
from bot.presentation.audit import audit_text
from bot.presentation.model_switch import NAMES_SHOWN, switch_question

EN = "en-US"
RUNNING = ClusterStatus(
    ClusterState.AVAILABLE,
    "lab/now",
    1,
    (Node("a", NodeState.AVAILABLE, "GPU", 2, 24.0), Node("b", NodeState.AVAILABLE, "GPU", 1, 12.0)),
    need_more_nodes=False,
    join=None,
    capacity=4,
)


def question(model: Model, **how: Any) -> list[str]:
    """The lines of a question about one node on the local network."""
    given: dict[str, Any] = {
        "nodes": 1,
        "local_network": True,
        "status": RUNNING,
        "running": 0,
        "waiting": 0,
        "askers": [],
    }
    return switch_question(EN, model, **(given | how)).splitlines()


def test_it_names_both_models_and_the_danger() -> None:
    """On an idle cluster nobody is interrupted."""
    lines = question(Model("lab/next"), nodes=2, local_network=False)
    assert lines[:2] == ["Switch **lab/now** → **lab/next**?", "2 nodes · public network"]
    assert len(lines) == 3
    assert "Stop the workers first" in lines[2]


def test_it_names_whom_it_interrupts() -> None:
    """Everybody once, with how many questions, those with most first; not more names than one reads."""
    lines = question(Model("lab/next"), running=1, waiting=3, askers=[7, 8, 8, 8])
    assert "Interrupts 1 running and 3 waiting questions. (<@8> ×3, <@7>)" in lines
    assert "They are kept, and asked again after the switch." in lines
    (crowd,) = [line for line in question(Model("x"), waiting=20, askers=list(range(20))) if "Interrupts" in line]
    assert crowd.count("<@") == NAMES_SHOWN
    assert crowd.endswith(", …)")


def test_it_says_whether_the_memory_is_enough() -> None:
    """All GPUs that have joined: twice 24 GB and once 12; silent where the scheduler tells no size."""
    assert "It needs 60 GB: fits." in question(Model("lab/next", memory_gb=60.0))
    assert "It needs 64.5 GB: needs 5 GB more." in question(Model("lab/next", memory_gb=64.5))
    assert not any("It needs" in line for line in question(Model("lab/next")))


def test_without_a_model_there_is_nothing_to_lose() -> None:
    """No node, no danger."""
    assert question(Model("lab/next"), status=None) == [
        "Set the cluster's model to **lab/next**?",
        "1 node · local network",
    ]


def test_the_audit_fits_into_a_message() -> None:
    """However long the details are; what people typed is escaped."""
    entries = [AuditEntry(60.0, 7, "line.pause", {"reason": "*" * 300}) for _ in range(20)]
    shown = audit_text(EN, entries)
    assert len(shown) <= 4000
    assert shown.splitlines()[1].startswith("<t:60:f> · <@7> · paused the queue · reason \\*")
    assert "No action is recorded yet." in audit_text(EN, [])


@pytest.mark.parametrize("locale", available_locales())
def test_actions_are_shown_in_words(locale: str) -> None:
    """In the reader's language; the stored name of an action without words is shown as it is."""
    words = {
        key.removeprefix("audit.action."): text for key, text in sentences(locale).items() if ".action." in key
    }
    assert {"answer.stop", "cluster.switch", "line.clear", "settings.changed"} < words.keys()
    for action, text in words.items():
        assert audit_text(locale, [AuditEntry(60.0, 7, action, None)]).endswith(f"<@7> · {text}")
    assert audit_text(locale, [AuditEntry(60.0, 7, "later.action_*", {})]).endswith("<@7> · later.action\\_\\*")
