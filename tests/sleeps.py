"""The tests that may let real time pass, and why. All others wait for a condition, or on virtual time."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

VIRTUAL = "VirtualTimeLoop"
"""A ``conftest.py`` that names it runs everything below its folder on virtual time, where sleeping is free."""

REAL_TIME = {
    "tests/contract/discord_double/test_network.py": "an outage ends by itself: that is the subject",
    "tests/contract/parallax/replay.py": "the gaps between a peer's bytes",
    "tests/e2e/bot_process.py": "that a process was stopped, or its log has grown, is polled: there is no event",
    "tests/e2e/crash_world.py": "kills at random moments; another process's database is polled",
    "tests/fakes/clocks.py": "clocks",
    "tests/fakes/channels.py": "the latency of a network",
    "tests/integration/discord_io/test_answer_delivery.py": "an answer grows 200 times a second",
    "tests/integration/services/process.py": "a failed task is started again after a pause, as in the bot",
    "tests/integration/services/queue/test_position_edits.py": "answers end at a pace",
    "tests/soak/world.py": "the load of a soak has a pace, and its faults last a while",
    "tests/unit/sandbox/discord_api/test_clock.py": "the clock is the subject",
    "tests/unit/sandbox/parallax/test_clock.py": "the clock is the subject",
    "tests/unit/test_clock.py": "the clock is the subject",
}


def sleeping(sources: Mapping[str, str], allowed: Mapping[str, str] = REAL_TIME) -> Iterator[str]:
    """One line for each call of ``sleep`` in ``sources`` (text by path) that lets real time pass in a file that is
    not ``allowed`` to, and for each file that is and does not. ``sleep(0)`` only gives others a turn."""
    virtual = {
        PurePosixPath(name).parent
        for name, text in sources.items()
        if name.endswith("conftest.py") and VIRTUAL in text
    }
    unused = set(allowed)
    for name, text in sources.items():
        if virtual & set(PurePosixPath(name).parents):
            continue
        for line in _sleeps(text):
            unused.discard(name)
            if name not in allowed:
                yield f"{name}:{line}: sleeps; wait for what is needed, or on virtual time (tests/fakes/loops.py)"
    for name in sorted(unused):
        yield f"tests/sleeps.py: {name} does not sleep, or is gone: remove it from the list"


def _sleeps(text: str) -> Iterator[int]:
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call) or ast.unparse(node.func).rpartition(".")[2] != "sleep":
            continue
        if not (len(node.args) == 1 and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0):
            yield node.lineno
