"""Untrusted JSON to the cluster's types."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.status import ClusterState, JoinCommand, Model, NodeState
from bot.parallax import bounds, wire
from bot.parallax.untrusted import parse_json, printable, quantity, storable, whole_number

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = (
    "status",
    "model_name",
    "init_nodes_num",
    "node_join_command",
    "node_list",
    "need_more_nodes",
    "max_running_request",
)


@given(st.fixed_dictionaries(dict.fromkeys(FIELDS, JSON)), st.lists(JSON, max_size=3))
def test_a_status_of_odd_fields_is_still_a_status(fields: dict[str, object], nodes: list[object]) -> None:
    wire.read_status({"type": "cluster_status", "data": fields})
    keys = ("node_id", "status", "gpu_num", "gpu_name", "gpu_memory")
    entries = [dict.fromkeys(keys, value) for value in nodes]
    for node in wire.read_status({"status": "available", "node_list": entries}).nodes:
        assert node.node_id
        assert node.gpu_count >= 0
        assert node.gpu_memory >= 0


@given(JSON)
def test_reading_a_status_raises_only_a_value_error(payload: object) -> None:
    try:
        wire.read_status(payload)
    except ValueError:
        return
    assert isinstance(payload, dict)


def test_unknown_states_and_wrong_fields() -> None:
    status = wire.read_status(
        {
            "status": "exploding",
            "model_name": "",
            "init_nodes_num": "2",
            "node_list": [
                {"node_id": "n", "status": "dancing", "gpu_num": None, "gpu_memory": -1},
                {"status": "x"},
                7,
            ],
            "need_more_nodes": "yes",
            "node_join_command": {"command": None},
            "max_running_request": -1,
        }
    )
    assert status.state is ClusterState.UNKNOWN
    assert (status.model, status.init_nodes, status.capacity, status.join) == (None, 2, None, None)
    assert not status.need_more_nodes
    assert [(node.state, node.gpu_count, node.gpu_memory) for node in status.nodes] == [
        (NodeState.UNKNOWN, 1, 0.0)
    ]


def test_names_are_one_clean_line() -> None:
    status = wire.read_status(
        {
            "status": "WAITING",
            "model_name": "a\x1b[31m/b\n\u202ec\0" + "x" * 500,
            "node_list": [{"node_id": " n ", "gpu_name": "RTX\t4090 \u200b"}],
        }
    )
    assert status.state is ClusterState.WAITING
    assert status.model is not None
    assert status.model.startswith("a[31m/b cxxx")
    assert len(status.model) == bounds.NAME
    assert (status.nodes[0].node_id, status.nodes[0].gpu_name) == ("n", "RTX 4090")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("", None),
        (7, None),
        ({}, None),
        ("parallax join", JoinCommand("parallax join", public=False)),
        ({"command": "parallax join -s 12D3 "}, JoinCommand("parallax join -s 12D3", public=True)),
        ("parallax join --scheduler-addr=12D3", JoinCommand("parallax join --scheduler-addr=12D3", public=True)),
        ("parallax join\nrm -rf /", JoinCommand("parallax join rm -rf /", public=False)),
        ("parallax join -s " + "x" * 5000, None),
    ],
)
def test_join_commands(value: object, expected: JoinCommand | None) -> None:
    assert wire.read_join(value) == expected


def test_models_in_every_form() -> None:
    assert wire.read_models(
        {
            "data": [
                {"name": "a", "vram_gb": 0},
                {"name": "b", "vram_gb": 1.5},
                {"name": "c", "size": 7, "provider": "p"},
                "d",
                {"name": "a", "vram_gb": 9},
                {"name": None},
                None,
                {"name": "e", "vram_gb": "?"},
            ]
        }
    ) == (Model("a"), Model("b", memory_gb=1.5), Model("c", size="7", provider="p"), Model("d"), Model("e"))


@given(JSON)
def test_bodies_of_any_shape(payload: object) -> None:
    for read in (wire.read_models, wire.read_served, wire.data_of):
        read({"data": payload})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, 3),
        ("3", 3),
        (3.0, 3),
        (3.5, None),
        (True, None),
        (-1, None),
        ("x", None),
        ("²", None),
        ("9" * 99, None),
        (bounds.CAPACITY, bounds.CAPACITY),
        (bounds.CAPACITY + 1, None),
        (str(bounds.CAPACITY + 1), None),
        (2**63, None),
        (1e300, None),
        (int("9" * 400), None),
    ],
)
def test_whole_numbers(value: object, expected: int | None) -> None:
    assert whole_number(value, most=bounds.CAPACITY) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(3, 3.0), (0.5, 0.5), (float("inf"), None), (float("nan"), None), (-1, None), (True, None), (10**400, None)],
)
def test_quantities(value: object, expected: float | None) -> None:
    assert quantity(value, most=bounds.MEMORY_GB) == expected


@given(st.text(alphabet=st.characters(), max_size=300), st.integers(1, 60))
def test_printable_text_is_one_line_within_its_limit(text: str, limit: int) -> None:
    shown = printable(text, limit)
    assert len(shown) <= limit
    assert len(shown.splitlines()) <= 1
    shown.encode()


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=50))
def test_storable_text_can_be_stored(text: str) -> None:
    stored = storable(text)
    stored.encode()
    assert "\0" not in stored
    if not any("\ud800" <= character <= "\udfff" for character in text):
        assert stored == text.replace("\0", "")


def test_json_that_is_too_deep_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="recursion"):
        parse_json("[" * 60_000)
