"""``python -m tests.metrics_table``: all metrics, as docs/metrics.md lists them, made from the code.

``make lint`` compares. The names and labels are also what the dashboard and the alerts in ``deploy`` may use.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.telemetry.metrics import Metrics
from tests.bounds import replace_table

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = "docs/metrics.md"

HEADING = "| metric | type | labels | what |\n|---|---|---|---|"

OF_THE_PROCESS = (
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
)
"""What prometheus_client tells of the process, where the system has ``/proc``: named in the document's text."""


@dataclass(frozen=True, slots=True)
class Described:
    """One metric: its name as it is queried, its type, the names of its labels and what it says."""

    name: str
    kind: str
    labels: tuple[str, ...]
    what: str


def described() -> list[Described]:
    """All metrics of the bot, by name."""
    registry, found = Metrics().registry, []
    labels = {
        name: tuple(getattr(collector, "_labelnames", ()))
        for collector, names in registry._collector_to_names.items()
        for name in names
    }
    for family in registry.collect():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        if not name.startswith("process_"):
            found.append(Described(name, family.type, labels[name], family.documentation))
    return sorted(found, key=lambda one: one.name)


def series() -> Mapping[str, frozenset[str]]:
    """The names that can be queried, with the labels that each has beside those of the scrape."""
    found = {name: frozenset[str]() for name in OF_THE_PROCESS}
    for one in described():
        if one.kind == "histogram":
            found |= {f"{one.name}{end}": frozenset(one.labels) for end in ("_sum", "_count")}
            found[f"{one.name}_bucket"] = frozenset({*one.labels, "le"})
        else:
            found[one.name] = frozenset(one.labels)
    return found


def table() -> str:
    """A row for each metric."""
    rows = (
        f"| `{one.name}` | {one.kind} | {', '.join(f'`{label}`' for label in one.labels)} | {one.what} |"
        for one in described()
    )
    return "\n".join((HEADING, *rows))


def findings(document: str) -> Iterator[str]:
    """One line when the document does not list the metrics as they are."""
    if f"\n\n{table()}\n" not in document:
        yield f"{DOCUMENT}: does not list the metrics as the code has them: make tables"


def of_the_repository() -> Iterator[str]:
    """:func:`findings` of this repository."""
    yield from findings((ROOT / DOCUMENT).read_text(encoding="utf-8"))


def main() -> int:
    """Write the table into the document."""
    path = ROOT / DOCUMENT
    path.write_text(replace_table(path.read_text(encoding="utf-8"), table()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
