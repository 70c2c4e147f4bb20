"""``python -m tests.operations``: which operations of Discord's API the sandbox has, and which it lacks."""

from __future__ import annotations

import sys

from sandbox.discord_api.operations import operations, shape_of
from sandbox.discord_api.routes import ROUTER, SUBJECTS


def table() -> str:
    """How many of Discord's operations are there, by subject, as docs/sandbox.md has it."""
    known = {(method, shape_of(path)) for method, path in operations()}
    rows = []
    for subject, router in SUBJECTS.items():
        served = {(route.method, shape_of(route.template)) for route in router.routes}
        rows.append((subject, len(served & known)))
    whole = sum(count for _, count in rows)
    lines = [f"| {subject} | {count} |" for subject, count in rows]
    return "\n".join(["| subject | operations |", "|---|---|", *lines, f"| in all, of {len(known)} | {whole} |"])


def lacking() -> str:
    """What is missing, a line for each."""
    return "\n".join(f"{method} {path}" for method, path in ROUTER.lacking())


if __name__ == "__main__":
    sys.stdout.write(f"{table()}\n\nlacking:\n{lacking()}\n")
