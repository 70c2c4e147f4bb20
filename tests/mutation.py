"""Mutation testing: a pytest plugin for it, and ``python -m tests.mutation``, which prints its result by package.

With the plugin, property tests try the same input for every mutant and do not make it smaller: only whether a test
fails is of interest.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings

RESULTS = Path("mutants")
SURVIVED, NO_TEST = 0, 33
"""Exit codes by which mutmut 3 remembers what became of a mutant; None for one that was not tried yet."""

settings.register_profile(
    "mutation",
    derandomize=True,
    database=None,
    deadline=None,
    print_blob=False,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)


def scores(results: Path = RESULTS) -> dict[str, tuple[int, int]]:
    """For each package how many mutants the tests noticed, and how many were tried."""
    codes: defaultdict[str, Counter[bool]] = defaultdict(Counter)
    for path in results.rglob("*.meta"):
        tried = json.loads(path.read_text("utf-8"))["exit_code_by_key"].values()
        package = str(path.parent.relative_to(results))
        codes[package].update(code not in {SURVIVED, NO_TEST} for code in tried if code is not None)
    return {package: (count[True], count.total()) for package, count in sorted(codes.items()) if count}


if __name__ == "__main__":
    for package, (noticed, tried) in scores().items():
        sys.stdout.write(f"{package}: {noticed} of {tried}, {noticed / tried:.1%}\n")
