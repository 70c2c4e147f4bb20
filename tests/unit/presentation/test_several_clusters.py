"""What names the clusters where there are several, and does not where there is one."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bot.domain.cluster.events import EventKind
from bot.domain.cluster.news import News
from bot.domain.cluster.switch_steps import Switch
from bot.domain.status import ClusterState, ClusterStatus, JoinCommand, Model, Node, NodeState
from bot.presentation.alerts import news_text, recovery_text, trouble_text
from bot.presentation.join import join_card
from bot.presentation.model_switch import switch_card, switch_question
from bot.presentation.status import (
    CARD_ROOM,
    MOST_BUTTONS,
    Accent,
    Card,
    Load,
    clusters_card,
    of_cluster,
    status_card,
)

EN = "en-US"


def status(nodes: int) -> ClusterStatus:
    """A usable cluster."""
    machines = tuple(
        Node(f"a-node-with-a-long-name-{number}", NodeState.AVAILABLE, "NVIDIA GeForce RTX 4090", 1, 24.0)
        for number in range(nodes)
    )
    return ClusterStatus(ClusterState.AVAILABLE, "some/model", 1, machines, False, None, 4)


def drawn(*names: str, nodes: int = 2, availability: str = "usable", pages: bool = False) -> Card:
    """The card of these clusters, each with so many nodes."""

    def draw(nodes_shown: int) -> Sequence[tuple[str, Card]]:
        return [
            (
                name,
                status_card(
                    EN,
                    status(nodes),
                    availability=availability,
                    received_at=100.0 + index,
                    load=Load(1, 4, 7),
                    web_page=f"https://{name}.example" if pages else "",
                    nodes_shown=nodes_shown,
                    of_several=True,
                ),
            )
            for index, name in enumerate(names)
        ]

    return clusters_card(EN, draw, waiting=7)


def test_several_clusters_are_one_card() -> None:
    """One queue, each cluster under its name, and the age of the oldest report."""
    card = drawn("studio", "off_ice", pages=True)
    assert card.sections[0] == "7 in the queue of all clusters"
    assert card.sections[1].startswith("**studio**\n● **some/model** · usable\nRunning 1 of 4\n")
    assert card.sections[2].startswith("**off\\_ice**\n")
    assert "in the queue" not in "".join(card.sections[1:])
    assert card.stamp == "-# <t:100:R>"
    assert card.accent is Accent.GOOD
    assert [button.label for button in card.buttons] == ["Live", "Chart", "Join a node", "studio", "off_ice"]
    assert [button.url for button in card.buttons[3:]] == ["https://studio.example", "https://off_ice.example"]


@pytest.mark.parametrize("availability", ["usable", "unreachable"])
@pytest.mark.parametrize("nodes", [0, 3, 20, 200])
@pytest.mark.parametrize("count", [2, 5])
def test_the_card_fits_into_one_message(count: int, nodes: int, availability: str) -> None:
    """Each shows as many nodes as there is room for; the row of buttons is not too long either."""
    names = [f"cluster-number-{number}-x" for number in range(count)]
    card = drawn(*names, nodes=nodes, availability=availability, pages=True)
    assert sum(map(len, card.sections)) <= CARD_ROOM + 100
    assert all(f"**{name}**" in "".join(card.sections) for name in names)
    assert len(card.buttons) <= MOST_BUTTONS


def test_the_worst_colour_is_that_of_all() -> None:
    """One that does not answer is seen at once."""
    assert drawn("a", "b", availability="unreachable").accent is Accent.BAD
    assert drawn("a", "b", availability="starting").accent is Accent.WAITING


def test_the_card_of_one_of_several_has_its_name_and_its_buttons() -> None:
    """A press on them is about this one."""
    alone = status_card(EN, status(1), availability="usable", received_at=1.0, load=Load(0, 4, 3))
    card = of_cluster("studio", alone)
    assert card.sections[0] == f"**studio** · {alone.sections[0]}"
    assert [button.action for button in card.buttons] == ["live:studio", "chart:studio", "join:studio"]


def test_alerts_say_which_cluster() -> None:
    """Before what happened; nothing without a name."""
    kind = EventKind.NOT_ANSWERING.value
    news = News(EventKind.USABLE, 5.0, 6.0, "a-model")
    for texts in (
        [trouble_text(EN, kind, at=5.0, cluster=name) for name in ("", "stu_dio")],
        [recovery_text(EN, kind, at=5.0, away=60.0, cluster=name) for name in ("", "stu_dio")],
        [news_text(EN, news, cluster=name) for name in ("", "stu_dio")],
    ):
        without, named = texts
        assert named == f"{without[:2]}**stu\\_dio** · {without[2:]}"


def test_a_switch_and_the_way_to_join_say_which_cluster() -> None:
    """Where there are several."""
    switch = Switch("0a", "new", 1, True, "old", 1, 7, 0.0, cluster="studio")
    for named, title in ((False, "### Switching"), (True, "### studio: Switching")):
        card = switch_card(
            EN,
            switch,
            status=status(1),
            running=0,
            returning=0,
            hidden=0,
            trouble=None,
            names_cluster=named,
        )
        assert card.sections[0].startswith(title)
    question = {"nodes": 1, "local_network": True, "status": None, "running": 0, "waiting": 0}
    asked = switch_question(EN, Model("new", 8.0), askers=(), cluster="studio", **question)  # type: ignore[arg-type]  # of mixed types
    assert asked.startswith("**studio**\n")
    join = JoinCommand("parallax join", public=False)
    assert join_card(EN, join, None, cluster="studio").sections[0].endswith("· studio")
    assert "·" not in join_card(EN, join, None).sections[0]
