"""``python -m benchmarks.profile``: where the bot's CPU time goes while a hundred answers stream.

Writes ``benchmarks/results/profile.speedscope.json``, a flame graph for https://www.speedscope.app or its program,
and ``profile.folded`` beside it, a stack with its count a line, which other flame graph programs read. Prints
which functions take most.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Mapping

from benchmarks.__main__ import RESULTS
from benchmarks.scheduler_process import Load
from benchmarks.streams import measure
from bot import event_loop

PRINTED = 25


def speedscope(stacks: Mapping[str, int]) -> dict[str, object]:
    """The stacks in speedscope's file format (its docs, "Importing from custom sources")."""
    frames: dict[str, int] = {}
    samples = [[frames.setdefault(name, len(frames)) for name in stack.split(";")] for stack in stacks if stack]
    weights = [times for stack, times in stacks.items() if stack]
    return {
        "$schema": "https://www.speedscope.app/file-format-schema.json",
        "shared": {"frames": [{"name": name} for name in frames]},
        "profiles": [
            {
                "type": "sampled",
                "name": "bot",
                "unit": "none",
                "startValue": 0,
                "endValue": sum(weights),
                "samples": samples,
                "weights": weights,
            }
        ],
    }


def shares(stacks: Mapping[str, int], of: Callable[[list[str]], set[str]]) -> list[tuple[str, float]]:
    """The share of the samples that each function ``of`` a stack has, the largest first."""
    counted: Counter[str] = Counter()
    for stack, times in stacks.items():
        for name in of(stack.split(";")):
            counted[name] += times
    total = sum(stacks.values())
    return [(name, times / total) for name, times in counted.most_common(PRINTED)]


def main() -> None:
    """Measure, write and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile", description="Where CPU time goes.")
    parser.add_argument("--streams", type=int, default=100, help="answers at once (default 100)")
    parser.add_argument("--rate", type=float, default=30.0, help="tokens a second of each (default 30)")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long an answer takes (default 20)")
    wanted = parser.parse_args()
    load = Load(wanted.streams, round(wanted.rate * wanted.seconds), wanted.rate)
    stacks = event_loop.run(measure(load, profile=True)).stacks
    RESULTS.mkdir(exist_ok=True)
    graph, folded = RESULTS / "profile.speedscope.json", RESULTS / "profile.folded"
    graph.write_text(json.dumps(speedscope(stacks)), encoding="utf-8")
    folded.write_text("".join(f"{stack} {times}\n" for stack, times in stacks.items()), encoding="utf-8")
    for title, of in (("itself", lambda stack: {stack[-1]}), ("with what it calls", set)):
        print(f"\nCPU time of a function {title}:")
        for name, share in shares(stacks, of):
            print(f"  {share:6.1%}  {name}")
    print(f"\nwrote {graph}\nwrote {folded}", file=sys.stderr)


if __name__ == "__main__":
    main()
