"""Reads the recordings: what a real scheduler sent, as blocks of exact bytes."""

from __future__ import annotations

import ast
import itertools
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.domain.chat import Reasoning, StreamEvent, Text, Usage

FOLDER = Path(__file__).parents[2] / "data" / "recordings"

_BLOCK = re.compile(r"^\[ *(\d+\.\d+)\] (b'.*'|b\".*\")$")
_CLOSED = re.compile(r"closed by (?:the )?server")
_RAW = "----- raw response (status line, headers, body) -----\n"

NOT_A_RESPONSE = {
    "34_capacity_counter_lag": "a table of waits: why first_byte is 130 s",
    "42_event_loop_freeze_while_not_ready": "measurements: why ClusterStatus.usable wants an available node",
    "67_worker_leave_timeline": "a timeline of 65 and 66",
    "71_node_join_timeline": "a timeline of 70",
    "74_reinit_same_model_timeline": "a timeline of 72 and 73",
    "76_reinit_other_model_timeline": "a timeline of 75",
    "77_reinit_recovery": "a timeline: what an operator meets",
    "78_recovery_that_works": "a timeline: what an operator does",
    "84_front_crash_timeline": "a timeline of 80–83",
    "85_kill_tokio16_timeline": "a timeline of the other recordings 85",
    "88_idle_kill_timeline": "a timeline of 86 and 87",
    "89_init_unknown_model_on_running_cluster": "a timeline: why an init is confirmed first",
    "91_two_nodes_needed_timeline": "a timeline of 90",
    "95_two_nodes_full_timeline": "a timeline of 92–94",
    "96_ttft_overhead": "a measurement",
    "97_idle_worker_leave_and_return": "a timeline",
}
"""Recordings that are no response, and what they are."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One response. ``blocks`` are (seconds, bytes); ``held`` when the server never closed by itself."""

    name: str
    blocks: tuple[tuple[float, bytes], ...]
    held: bool

    @property
    def payloads(self) -> list[dict[str, object]]:
        """The JSON objects of all ``data:`` lines, for expectations without the client's own parsing."""
        raw = b"".join(block for _, block in self.blocks)
        return [json.loads(found) for found in re.findall(rb"data: (\{.*\})\n", raw)]


def names() -> list[str]:
    """All recordings without their extension."""
    return sorted(path.stem for path in FOLDER.glob("*.txt"))


def text(name: str) -> str:
    """The file of the recording ``name``, with the request."""
    return (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


def load(name: str) -> Recording:
    """The recording ``name``, from either of the two forms the files have."""
    written = text(name)
    return _from_curl(name, written) if _RAW in written else _from_blocks(name, written)


def _from_blocks(name: str, text: str) -> Recording:
    blocks = []
    for line in text.splitlines():
        found = _BLOCK.match(line)
        if found:
            raw = ast.literal_eval(found[2])
            assert isinstance(raw, bytes)
            blocks.append((float(found[1]), raw))
    return Recording(
        name, tuple(blocks), held="closed by server" not in text and "closed by the server" not in text
    )


def _from_curl(name: str, text: str) -> Recording:
    dump = text.partition(_RAW)[2].rpartition("\n----- end:")[0]
    cut_by_client = "curl: (28)" in dump
    dump = re.sub(r"^curl: .*\n", "", dump, flags=re.MULTILINE)
    head, _, body = dump.partition("\n\n")
    head_bytes = (head.replace("\n", "\r\n") + "\r\n\r\n").encode()
    if "transfer-encoding: chunked" in head.lower():
        lines = [f"{line}\n".encode() for line in body.splitlines() if line]
        chunks = [b"%x\r\n%b\r\n" % (len(line), line) for line in lines]
        # curl (18): the server closed a chunked response without its last chunk
        return Recording(name, ((0.0, head_bytes), *((0.0, c) for c in chunks)), held=cut_by_client)
    body_bytes = body.rstrip("\n").encode()
    # recording 12 has a masked name in its body, so that its length is no longer the recorded one
    head_bytes = re.sub(rb"content-length: \d+", b"content-length: %d" % len(body_bytes), head_bytes)
    return Recording(name, ((0.0, head_bytes + body_bytes),), held=False)


def expected_content(name: str) -> list[Text | Reasoning]:
    """What a recorded answer consists of, a piece for each chunk."""
    found: list[Text | Reasoning] = []
    for payload in load(name).payloads:
        choices = payload.get("choices", [])
        assert isinstance(choices, list)
        for choice in choices:
            delta = choice["delta"]
            if "reasoning" in delta:
                found.append(Reasoning(delta["reasoning"]))
            if "content" in delta:
                found.append(Text(delta["content"]))
    return found


def runs(content: Sequence[StreamEvent]) -> list[tuple[type[StreamEvent], str]]:
    """Each run of pieces of the same kind as one: those that come together are given together."""
    grouped = itertools.groupby((piece for piece in content if isinstance(piece, Text | Reasoning)), type)
    return [(kind, "".join(piece.text for piece in pieces)) for kind, pieces in grouped]


def joined(content: list[Text | Reasoning], kind: type[Text | Reasoning]) -> str:
    """The text or the reasoning of an answer."""
    return "".join(event.text for event in content if isinstance(event, kind))


def reported_usage(name: str) -> list[Usage]:
    """The counts of tokens in a recorded answer."""
    counts = [found for payload in load(name).payloads if isinstance(found := payload.get("usage"), dict)]
    return [Usage(found["prompt_tokens"], found["completion_tokens"]) for found in counts]
