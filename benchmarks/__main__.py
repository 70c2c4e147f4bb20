"""``python -m benchmarks [name …]``: measure, print a table, write JSON to ``benchmarks/results``.

Exits with 1 when a bound does not hold.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import report
from benchmarks.verdict import Result
from bot import event_loop

SUITES = (
    "rendering",
    "edits",
    "pacing",
    "latency",
    "footprint",
    "fairness",
    "hold",
    "lag",
    "line",
    "page",
    "fresh_clone",
    "cluster",
    "context",
    "crash",
    "missed",
    "summaries",
    "hostile",
    "thousand",
    "burst",
    "streams",
    "processes",
    "claims",
    "schedules",
    "api",
    "api_kills",
)
RESULTS = Path(__file__).parent / "results"


def main() -> int:
    """Run the suites named on the command line, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure the bot.")
    parser.add_argument("suites", nargs="*", choices=[*SUITES, []], help="which to run (default: all)")
    parser.add_argument("--keep", action="store_true", help="take the figures over into docs/benchmarks.md")
    arguments = parser.parse_args()
    names = arguments.suites or list(SUITES)
    about = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "version": report.revision(),
        "machine": report.machine(),
    }
    results: list[Result] = []
    for name in names:
        print(f"# {name} …", file=sys.stderr, flush=True)
        measured = event_loop.run(importlib.import_module(f"benchmarks.{name}").run())
        results.extend(measured)
        if arguments.keep:  # one by one: what was measured stays when a later suite breaks
            suite = {name: [result.as_json() for result in measured]}
            report.write(report.kept(report.read(), about, suite), SUITES)
    told = {**about, "results": [result.as_json() for result in results]}
    print(json.dumps(told, indent=2))
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / (f"{'-'.join(names)}.json" if arguments.suites else "all.json")
    path.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    Console(stderr=True).print(_table(results))
    return 0 if all(result.good for result in results) else 1


def _table(results: list[Result]) -> Table:
    table = Table("what", "figure", "measured", "at most", "")
    for result in results:
        bounds = {bound.figure: bound.most for bound in result.bounds}
        for figure, value in result.figures.items():
            most = bounds.get(figure)
            mark = "" if most is None else "ok" if value <= most else "OVER"
            table.add_row(result.name, figure, f"{value:g}", "" if most is None else f"{most:g}", mark)
    return table


if __name__ == "__main__":
    sys.exit(main())
