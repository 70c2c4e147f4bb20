"""Conversion between Parallax's JSON, in both dialects, and the domain's types.

The *documented* dialect is that of Parallax's API reference, the *current* one is what its scheduler uses today
(recordings 01–36). Everything read here is untrusted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from bot.domain.chat import ChatRequest
from bot.domain.status import ClusterState, ClusterStatus, JoinCommand, Model, Node, NodeState
from bot.errors import UpstreamFailed
from bot.parallax import bounds
from bot.parallax.errors import read_error
from bot.parallax.untrusted import mapping, printable, quantity, sequence, storable, whole_number

_PEER = re.compile(r"\s(?:-s|--scheduler-addr)[\s=]+\S")
_CLUSTER_STATES = {state.value: state for state in ClusterState}
_NODE_STATES = {state.value: state for state in NodeState}


def chat_body(request: ChatRequest) -> dict[str, object]:
    """The body of a chat request. It has no ``model``: a cluster runs one model and ignores the field."""
    body: dict[str, object] = {
        "stream": True,
        "stream_options": {"include_usage": True},  # the only way to learn how many tokens there were
        "messages": [
            {"role": message.role.value, "content": storable(message.content)} for message in request.messages
        ],
    }
    if request.max_tokens is not None:
        body["max_tokens"] = request.max_tokens
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.top_k is not None:
        # the field of the documented dialect, and the one that OpenAI-compatible engines read
        body["sampling_params"] = {"top_k": request.top_k}
        body["top_k"] = request.top_k
    if request.think is not None:
        body["chat_template_kwargs"] = {"enable_thinking": request.think}
    if request.goes_on:
        # the fields of vLLM (its docs, "OpenAI-Compatible Server"), whose front answers on Parallax's nodes; older
        # nodes ignore them
        body["continue_final_message"] = True
        body["add_generation_prompt"] = False
    return body


def read_join(value: object) -> JoinCommand | None:
    """Read a join command: a string (documented), ``{"command": …}`` or null (current).

    None also for a command that is too long: a command that was cut must not be run.
    """
    fields = mapping(value)
    command = printable(fields.get("command") if fields is not None else value, bounds.COMMAND)
    if not command or command.endswith("…"):
        return None
    return JoinCommand(command, public=_PEER.search(command) is not None)


def read_models(payload: object) -> tuple[Model, ...]:
    """Read the body of ``/model/list``: entries without a name are left out, repeated names count once."""
    found: dict[str, Model] = {}
    for entry in sequence(data_of(payload))[: bounds.MODELS]:
        fields = mapping(entry) or {"name": entry}
        name = printable(fields.get("name"), bounds.NAME)
        if name and not name.endswith("…"):
            found.setdefault(name, _model(name, fields))
    return tuple(found.values())


def _model(name: str, fields: Mapping[str, object]) -> Model:
    size = fields.get("size")
    number = quantity(size, most=bounds.MEMORY_GB)
    return Model(
        name=name,
        memory_gb=quantity(fields.get("vram_gb"), most=bounds.MEMORY_GB) or None,
        size=printable(size if number is None else f"{number:g}", bounds.SIZE) or None,
        provider=printable(fields.get("provider"), bounds.SHORT_NAME) or None,
    )


def read_served(payload: object) -> tuple[str, ...]:
    """Read the ids in the body of ``/v1/models``."""
    entries = (mapping(entry) for entry in sequence(data_of(payload))[: bounds.MODELS])
    names = (printable(entry.get("id"), bounds.NAME) for entry in entries if entry is not None)
    return tuple(name for name in names if name)


def read_status(payload: object) -> ClusterStatus:
    """Read one report of the cluster's status. Raises ValueError when it is no report; invalid fields become
    None."""
    outer = mapping(payload)
    if outer is None:
        raise ValueError("not a JSON object")
    fields = mapping(outer.get("data", outer))
    if fields is None or "status" not in fields:
        error = read_error(outer)
        raise ValueError(f"no status in it{f': {error.message}' if error else ''}")
    return ClusterStatus(
        state=_CLUSTER_STATES.get(_word(fields["status"]), ClusterState.UNKNOWN),
        model=printable(fields.get("model_name"), bounds.NAME) or None,
        init_nodes=whole_number(fields.get("init_nodes_num"), most=bounds.NODES),
        nodes=_nodes(fields.get("node_list")),
        need_more_nodes=fields.get("need_more_nodes") is True,
        join=read_join(fields.get("node_join_command")),
        capacity=whole_number(fields.get("max_running_request"), most=bounds.CAPACITY),
    )


def _word(value: object) -> str:
    return value.lower() if isinstance(value, str) else ""


def _nodes(value: object) -> tuple[Node, ...]:
    nodes: list[Node] = []
    for entry in sequence(value)[: bounds.NODES]:
        fields = mapping(entry) or {}
        node_id = printable(fields.get("node_id"), bounds.NAME)
        if not node_id:
            continue
        count = whole_number(fields.get("gpu_num"), most=bounds.GPUS)
        nodes.append(
            Node(
                node_id=node_id,
                state=_NODE_STATES.get(_word(fields.get("status")), NodeState.UNKNOWN),
                gpu_name=printable(fields.get("gpu_name"), bounds.SHORT_NAME),
                gpu_count=1 if count is None else count,
                gpu_memory=quantity(fields.get("gpu_memory"), most=bounds.MEMORY_GB) or 0.0,
            )
        )
    return tuple(nodes)


def data_of(payload: object) -> object:
    """The ``data`` of a response. Raises :class:`UpstreamFailed` when it has none."""
    fields = mapping(payload)
    if fields is None or "data" not in fields:
        raise UpstreamFailed("the response has no data", code="malformed")
    return fields["data"]
