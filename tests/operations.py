"""``python -m tests.operations``: which operations of Discord's API the sandbox has, and which it lacks."""

from __future__ import annotations

import sys
from collections import Counter

from sandbox.discord_api.operations import operations
from sandbox.discord_api.rest import ROUTER


def report() -> str:
    """Each first segment with how many of its operations are there, then what is missing."""
    lacking = ROUTER.lacking()
    whole = Counter(path.split("/")[1] for _, path in operations())
    missing = Counter(path.split("/")[1] for _, path in lacking)
    lines = [f"/{name}: {count - missing[name]} of {count}" for name, count in sorted(whole.items())]
    lines.append(f"in all: {whole.total() - missing.total()} of {whole.total()}")
    return "\n".join([*lines, "", "lacking:", *(f"{method} {path}" for method, path in lacking)])


if __name__ == "__main__":
    sys.stdout.write(f"{report()}\n")
