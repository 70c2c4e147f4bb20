"""The status card, the list of models and the join card as text."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain.status import ClusterState, ClusterStatus, JoinCommand, Model, Node, NodeState
from bot.presentation.join import join_card
from bot.presentation.models import MODELS_PER_PAGE, models_page
from bot.presentation.status import NODES_SHOWN, Accent, Card, Load, status_card

EN = "en-US"
LOCAL = JoinCommand("parallax join -s `12D3` \n--flag", public=False)
PUBLIC = JoinCommand("parallax join -s 12D3", public=True)


def node(number: int = 0, *, state: NodeState = NodeState.AVAILABLE, count: int = 1) -> Node:
    """A machine."""
    return Node(f"node-{number}", state, "NVIDIA GeForce RTX 4090", count, 24.0)


def status(*nodes: Node, more: bool = False) -> ClusterStatus:
    """A report."""
    return ClusterStatus(ClusterState.AVAILABLE, "some/model", 1, nodes, more, None, 4)


def card(
    seen: ClusterStatus | None = None, *, availability: str = "usable", load: Load | None = None, **how: Any
) -> Card:
    """The card of a cluster with one node that is idle, unless something else is said."""
    return status_card(
        EN,
        status(node()) if seen is None else seen,
        availability=availability,
        received_at=1_700_000_000.4,
        load=load or Load(running=0, capacity=4, waiting=0),
        **how,
    )


def text(shown: Card) -> str:
    """The text of a card."""
    return "\n".join(shown.sections)


@pytest.mark.parametrize(
    ("availability", "how", "accent", "words"),
    [
        ("usable", {}, Accent.GOOD, "● **some/model** · usable"),
        ("usable", {"load": Load(4, 4, 2)}, Accent.WAITING, "· full"),
        ("usable", {"load": Load(5, 4, 0)}, Accent.WAITING, "· full"),
        ("usable", {"load": Load(3, 4, 0)}, Accent.GOOD, "· usable"),
        ("starting", {}, Accent.WAITING, "○ **some/model** · starting"),
        ("no_model", {}, Accent.WAITING, "· no model set"),
        ("unknown", {}, Accent.WAITING, "· state unknown"),
        ("unreachable", {}, Accent.BAD, "· not answering"),
        ("unreachable", {"frozen": True}, Accent.BAD, "· frozen"),
        ("usable", {"failing": True}, Accent.BAD, "· failing"),
        ("starting", {"stranded": True}, Accent.BAD, "· stranded"),
    ],
)
def test_the_edge_and_the_word_say_how_it_is(
    availability: str, how: dict[str, Any], accent: Accent, words: str
) -> None:
    """Green only when a question is taken at once, red when somebody has to do something."""
    shown = card(availability=availability, **how)
    assert shown.accent is accent
    assert words in shown.sections[0]


def test_trouble_comes_with_its_remedy() -> None:
    """And without nodes that may be gone."""
    shown = card(availability="unreachable", frozen=True)
    assert "restart it" in text(shown)
    assert "RTX 4090" not in text(shown)
    assert "Restart that worker" in text(card(failing=True))
    assert "Stop all workers" in text(card(availability="starting", stranded=True))


def test_capacity_in_use_and_the_line() -> None:
    """The capacity where it is known, the queue in any case."""
    assert "Running 3 of 8 · 2 in the queue" in text(card(load=Load(3, 8, 2)))
    assert "Running 3 · 2 in the queue" in text(card(load=Load(3, None, 2)))


def test_a_cluster_that_needs_more_nodes_says_so() -> None:
    """But not when it is stranded: another node would not help."""
    needing = status(node(), more=True)
    assert "needs more nodes. Add one with /join." in text(card(needing, availability="starting"))
    assert "needs more nodes" not in text(card(needing, availability="starting", stranded=True))
    assert "No node has joined. Add one with /join." in text(card(status(), availability="starting"))


def test_a_node_has_name_gpus_memory_and_state() -> None:
    """Several GPUs are counted; people's names are escaped; a long id is known by its tail."""
    peer = Node("12D3KooWabcdefghijklmnop", NodeState.WAITING, "A100", 1, 80.0)
    shown = text(card(status(node(count=2), peer), names={"node-0": "ada*s"}))
    assert "● **ada\\*s** · 2 × NVIDIA GeForce RTX 4090 · 24 GB · ready" in shown
    assert "○ **…ijklmnop** · A100 · 80 GB · joining" in shown
    assert "1 ×" not in shown


def test_more_nodes_than_fit_are_counted() -> None:
    """Twenty lines, and how many more."""
    many = status(*(node(number) for number in range(NODES_SHOWN + 3)))
    assert text(card(many)).count("RTX 4090") == NODES_SHOWN
    assert text(card(many)).endswith("… and 3 more")
    just = status(*(node(number) for number in range(NODES_SHOWN)))
    assert "more" not in text(card(just))


def test_the_age_is_told_by_discord_and_is_no_difference() -> None:
    """A relative time, which each reader's client keeps current: the card need not be edited for it."""
    shown = card()
    assert shown.stamp == "-# <t:1700000000:R>"
    assert shown == status_card(
        EN, status(node()), availability="usable", received_at=1.0, load=Load(running=0, capacity=4, waiting=0)
    )


# -- the models ----------------------------------------------------------------------------------------------


def test_models_tell_what_their_dialect_knows() -> None:
    """Size and provider as documented, memory as it runs today; the running one first, marked."""
    documented = [Model("b/two", size="8B", provider="Qwen"), Model("a/one", size="4B", provider="Qwen")]
    shown, _ = models_page(EN, documented, running="b/two", page=0)
    assert shown.splitlines()[2:] == ["● `b/two` · Qwen · 8B · **running**", "○ `a/one` · Qwen · 4B"]
    current = [Model("a/one", memory_gb=12.5), Model("b/two")]
    shown, _ = models_page(EN, current, running=None, page=0)
    assert shown.splitlines()[2:] == ["○ `a/one` · 12.5 GB", "○ `b/two` · size unknown"]


def test_operators_see_whether_a_model_fits() -> None:
    """Into all the memory that has joined, rounded up; not for the one that runs, not where nothing is known."""
    models = [Model("a", memory_gb=24.0), Model("b", memory_gb=24.1), Model("c"), Model("d", memory_gb=1.0)]
    shown, _ = models_page(EN, models, running="d", page=0, memory=24.0)
    assert shown.splitlines()[2:] == [
        "● `d` · 1 GB · **running**",
        "○ `a` · 24 GB · fits",
        "○ `b` · 24.1 GB · needs 1 GB more",
        "○ `c` · size unknown",
    ]
    assert "fits" not in models_page(EN, models, running="d", page=0)[0]


def test_pages_end_where_the_models_do() -> None:
    """Whatever page is asked for; a search tells what was searched for."""
    models = [Model(f"lab/model-{number:02}") for number in range(MODELS_PER_PAGE + 1)]
    shown, pages = models_page(EN, models, running=None, page=9)
    assert pages == 2
    assert "page 2 of 2" in shown
    assert shown.count("○") == 1
    found, pages = models_page(EN, models, running=None, page=0, wanted="LAB 07")
    assert (found.count("○"), pages) == (1, 1)
    assert "searched for “LAB 07”" in found
    assert "No model matches." in models_page(EN, models, running=None, page=0, wanted="`x`")[0]
    assert "lists no models" in models_page(EN, [], running=None, page=0)[0]


# -- joining ----------------------------------------------------------------------------------------------


def test_the_join_command_can_be_copied_whatever_is_in_it() -> None:
    """In a fence that the command cannot end."""
    shown = text(join_card(EN, LOCAL, None))
    assert "```sh\nparallax join -s 12D3 --flag\n```" in shown


def test_joining_says_what_it_reveals() -> None:
    """On either network, for every system."""
    for join in (LOCAL, PUBLIC):
        for system in ("linux", "macos", "windows"):
            shown = text(join_card(EN, join, None, system=system))
            assert "reveals how to reach the cluster" in shown
            assert "sees the prompts it works on" in shown


def test_each_network_has_its_obstacles() -> None:
    """Ports, firewall and WSL on both; relays and symmetric NAT on the public one only."""
    local, public = text(join_card(EN, LOCAL, None)), text(join_card(EN, PUBLIC, None))
    for shown in (local, public):
        assert "--tcp-port 4001 --udp-port 4001" in shown
        assert "networkingMode=mirrored" in shown
    assert "on the same network, not on guest Wi-Fi" in local
    assert "gradient.network on port 18080" in public
    assert "NAT type is symmetric" in public
    assert "symmetric" not in local


@pytest.mark.parametrize(
    ("system", "words"),
    [
        ("linux", ("--extras gpu", "docker run -it --gpus all")),
        ("macos", ("Apple silicon", "--extras mac", "caffeinate -i")),
        ("windows", ("Parallax_Win_Setup.exe", "parallax install")),
    ],
)
def test_the_steps_are_the_systems(system: str, words: tuple[str, ...]) -> None:
    """The steps of other systems are not shown."""
    shown = text(join_card(EN, LOCAL, None, system=system))
    assert all(word in shown for word in words)
    others = {"--extras gpu", "--extras mac", "Parallax_Win_Setup.exe"} - set(words)
    assert not any(word in shown for word in others)


def test_progress_and_who_came() -> None:
    """The card shows how many nodes have joined and who came; without a model it says that nothing can join."""
    seen = status(node(), node(1, state=NodeState.WAITING))
    shown = join_card(EN, LOCAL, seen, came="Your node has joined: A100.")
    assert "Nodes: 1 ready of 2 joined" in text(shown)
    assert shown.sections[-1] == "✓ Your node has joined: A100."
    none = join_card(EN, None, seen)
    assert none.accent is Accent.WAITING
    assert "An operator sets one with /cluster init" in text(none)
