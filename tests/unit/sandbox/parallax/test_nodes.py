"""Pipelines, peer ids, and the late books of a node."""

import re

from sandbox.parallax.nodes import Node, demo_nodes, node_id, pipelines


def _nodes(*memory: float) -> list[Node]:
    return [Node(f"n{index}", "GPU", gigabytes) for index, gigabytes in enumerate(memory)]


def test_each_node_that_can_hold_the_model_is_a_pipeline() -> None:
    """The others form one together, when they can."""
    assert [len(found) for found in pipelines(_nodes(192, 24, 24), 22)] == [1, 1, 1]
    assert [len(found) for found in pipelines(_nodes(192, 24, 24), 41)] == [1, 2]
    assert [len(found) for found in pipelines(_nodes(192, 24, 24), 92)] == [1]
    assert pipelines(_nodes(24, 24), 92) == []
    assert [len(found) for found in pipelines(_nodes(1, 2), 0)] == [1, 1]
    assert pipelines([], 0) == []


def test_a_heartbeat_corrects_the_books() -> None:
    """Requests in the books become the requests that really run."""
    node = Node("n", "GPU", 24, counted=4, running=1, others=1)
    node.heartbeat()
    assert node.counted == 2


def test_peer_ids_look_like_peer_ids_and_do_not_change() -> None:
    """52 characters of base 58, as recorded."""
    assert re.fullmatch(r"12D3KooW[1-9A-HJ-NP-Za-km-z]{44}", node_id("a"))
    assert node_id("a") == node_id("a")
    assert node_id("a") != node_id("b")


def test_more_nodes_than_the_demo_has_get_names_of_their_own() -> None:
    """Every name once."""
    names = [name for name, _, _ in demo_nodes(7)]
    assert names[:4] == ["studio", "workstation", "attic", "studio-2"]
    assert len(set(names)) == 7
    assert demo_nodes(0) == []
