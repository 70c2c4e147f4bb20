"""Values of a scheduler beyond the bounds count as missing."""

from __future__ import annotations

import ast
import json
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.chat import Text
from bot.domain.queue.capacity import CapacityLimit
from bot.domain.queue.estimate import estimate_wait
from bot.domain.status import ClusterStatus
from bot.errors import RequestRefused, UpstreamFailed
from bot.parallax import bounds, wire
from bot.parallax.answer_fields import read_usage
from bot.parallax.errors import ENVELOPE, ErrorBody, from_status, read_error, retry_after
from bot.parallax.untrusted import parse_json, parse_leading_object, quantity, whole_number
from bot.telemetry.metrics import Metrics
from tests.unit.parallax.test_answer_reader import merged, nested, read_whole

HUGE = 10**399  # 400 digits
NUMBERS = (
    st.integers()
    | st.floats()
    | st.integers(min_value=10**9, max_value=HUGE)
    | st.integers().map(str)
    | st.sampled_from([HUGE, -HUGE, str(HUGE), 1e308, 10**12])
)


@given(NUMBERS, st.integers(-5, 5), st.integers(0, 10**6))
def test_a_whole_number_is_within_its_range_or_missing(value: object, least: int, most: int) -> None:
    found = whole_number(value, least=least, most=most)
    assert found is None or (type(found) is int and least <= found <= most)
    if isinstance(value, int) and least <= value <= most:
        assert found == value


@given(NUMBERS, st.floats(0, 1e6))
def test_a_quantity_is_a_float_within_its_range_or_missing(value: object, most: float) -> None:
    found = quantity(value, most=most)
    assert found is None or (type(found) is float and 0 <= found <= most)


def status(**fields: object) -> ClusterStatus:
    node: dict[str, object] = {"node_id": "n", "status": "available"}
    node |= {key: fields.pop(key) for key in ("gpu_num", "gpu_memory") if key in fields}
    nodes = [node]
    return wire.read_status({"status": "available", "model_name": "m", "node_list": nodes, **fields})


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS)
def test_q4_what_is_derived_from_any_report_stays_finite(
    capacity: object, nodes: object, gpus: object, memory: object
) -> None:
    """The queue's limit, its gauge, the estimated wait and the total memory of the nodes."""
    report = status(max_running_request=capacity, init_nodes_num=nodes, gpu_num=gpus, gpu_memory=memory)
    limit = CapacityLimit()
    limit.status(report.capacity)
    slots = limit.limit(0.0)
    Metrics().capacity.set(slots)
    assert slots == 0 or estimate_wait(10_000, slots, 5.0, [1.0, 2.0], free=0, held=0) >= 0.0
    assert 0 <= sum(node.gpu_memory * node.gpu_count for node in report.nodes) < 1e12
    assert len(json.dumps(asdict(report), default=str)) < 1000


def test_a_number_at_its_bound_is_used_and_one_more_is_not() -> None:
    most = {
        "max_running_request": bounds.CAPACITY,
        "init_nodes_num": bounds.NODES,
        "gpu_num": bounds.GPUS,
        "gpu_memory": bounds.MEMORY_GB,
    }
    believed, beyond = status(**most), status(**{name: value + 1 for name, value in most.items()})
    assert (believed.capacity, believed.init_nodes) == (bounds.CAPACITY, bounds.NODES)
    assert (believed.nodes[0].gpu_count, believed.nodes[0].gpu_memory) == (bounds.GPUS, bounds.MEMORY_GB)
    assert (beyond.capacity, beyond.init_nodes) == (None, None)
    assert (beyond.nodes[0].gpu_count, beyond.nodes[0].gpu_memory) == (1, 0.0)


def test_lists_and_names_are_cut_at_their_bounds() -> None:
    """Nodes, models and their names."""
    long = "x" * 10_000
    many = [{"node_id": f"{n}{long}", "gpu_name": long} for n in range(bounds.NODES + 10)]
    report = wire.read_status({"status": "available", "model_name": long, "node_list": many})
    assert len(report.nodes) == bounds.NODES
    assert report.model is not None
    assert max(len(report.model), *(len(node.node_id) for node in report.nodes)) == bounds.NAME
    assert {len(node.gpu_name) for node in report.nodes} == {bounds.SHORT_NAME}
    entries = [{"name": f"m{n}", "size": long, "provider": long} for n in range(bounds.MODELS + 10)]
    models = wire.read_models({"data": entries})
    assert len(models) == bounds.MODELS
    assert (models[0].size, models[0].provider) == (
        "x" * (bounds.SIZE - 1) + "…",
        "x" * (bounds.SHORT_NAME - 1) + "…",
    )
    assert len(wire.read_served({"data": [{"id": one["name"]} for one in entries]})) == bounds.MODELS


def test_a_join_command_that_is_too_long_is_dropped() -> None:
    """A cut command must not be run, also when invisible characters made it too long."""
    for filler in ("\u200b", " ", "x"):
        assert wire.read_join("parallax join" + filler * 10 * bounds.COMMAND + " --further") is None


@pytest.mark.parametrize("count", [HUGE, str(HUGE), 1e300, bounds.TOKENS + 1])
def test_a_token_count_that_no_model_reaches_is_ignored(count: object) -> None:
    assert read_usage({"prompt_tokens": 1, "completion_tokens": count}) is None
    assert read_usage({"prompt_tokens": count, "completion_tokens": 1}) is None


@pytest.mark.parametrize("number", [HUGE, 99, 600, -500])
def test_a_number_that_is_no_http_status_is_ignored(number: int) -> None:
    """In an envelope and as an error's code."""
    enveloped = read_error({ENVELOPE: True, "status_code": number, "body_base64": ""})
    coded = read_error({"error": {"message": "x", "code": number}})
    assert enveloped is not None
    assert coded is not None
    assert (enveloped.status, coded.status, coded.code) == (None, None, None)


def test_a_context_length_of_400_digits_is_not_shown() -> None:
    """The refusal has the general sentence, without numbers."""
    text = f"This model's maximum context length is {HUGE} tokens. However, you requested 7 tokens"
    failure = from_status(ErrorBody(text, status=400))
    assert isinstance(failure, RequestRefused)
    assert (failure.key, failure.params) == ("error.request_refused", {})


@pytest.mark.parametrize("header", ["9" * 400, "1e300", "inf", "nan", "Fri, 31 Dec 9999 23:59:59 GMT", "100000"])
def test_a_retry_after_beyond_its_bound_is_ignored(header: str) -> None:
    """As a number and as a date."""
    assert retry_after(header, 0.0) is None


@pytest.mark.parametrize(
    "text",
    [
        "[" * 60_000,
        '{"a": ' + "9" * 5000 + "}",
        "[" + "[]," * bounds.CONTAINERS + "[]]",
        b"[" + b"{}," * bounds.CONTAINERS + b"{}]",
        "[" * 200_000,
    ],
    ids=["deep", "digits", "wide", "wide bytes", "deep and wide"],
)
def test_json_that_needs_too_much_time_memory_or_stack_is_refused(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"recursion|brackets|digits"):
        parse_json(text)
    if isinstance(text, str):
        assert parse_leading_object(text) is None


def test_b4_nested_content_of_a_whole_answer() -> None:
    """Depths that formats have are read; a deeper one is an error of the cluster."""
    assert merged(read_whole({"choices": [{"message": {"content": nested(1)}}]})[0]) == [Text("x")]
    for field in ("content", "reasoning", "reasoning_content"):
        _, failure = read_whole({"choices": [{"message": {field: nested(350)}}]})
        assert type(failure) is UpstreamFailed
        assert failure.code == "malformed"


def test_every_bound_says_what_happens_beyond_it() -> None:
    """The module is the table that the documents refer to."""
    tree = ast.parse(Path(bounds.__file__).read_text(encoding="utf-8"))
    for statement, following in pairwise(tree.body):
        if isinstance(statement, ast.Assign):
            assert isinstance(following, ast.Expr)
            assert isinstance(following.value, ast.Constant)
            assert "eyond:" in str(following.value.value), ast.unparse(statement)
