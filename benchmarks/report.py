"""``python -m benchmarks.report``: the page docs/benchmarks.md, made from docs/benchmarks.json.

``python -m benchmarks --keep`` takes the figures of a run over into that file: of each suite the newest run is
kept, with the machine and the version that it was measured on. ``make lint`` compares the two files.
"""

from __future__ import annotations

import ast
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "docs/benchmarks.json"
PAGE = ROOT / "docs/benchmarks.md"

Report = Mapping[str, Any]
"""What ``python -m benchmarks`` prints, without its results: when, where and of which version."""

_HEAD = """# Benchmarks

Made from [benchmarks.json](benchmarks.json) by `make tables`; do not edit. `python -m benchmarks NAME` repeats a
suite and fails when a figure is over its bound; with `--keep` its figures are taken over into this page, which
shows the newest run of each suite. In a figure's name `p95` is the 95th percentile, and the last part is the unit.
"""


def machine() -> dict[str, object]:
    """What a figure has to be read with: the processor, its cores, the memory, the system and Python."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def revision() -> str:
    """The commit that is checked out, with a mark when files differ from it; empty where there is no git."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty"],  # noqa: S607  # whichever git is used here
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
        )
    except FileNotFoundError:
        return ""
    return done.stdout.strip()


def kept(before: Mapping[str, Any], report: Report, suites: Mapping[str, Sequence[object]]) -> dict[str, Any]:
    """What was kept ``before``, with the results of these suites in the place of their earlier ones."""
    return {**before, **{name: {**report, "results": list(results)} for name, results in suites.items()}}


def page(suites: Mapping[str, Any], about: Mapping[str, str]) -> str:
    """The page: a section for each suite that was run, in the order of ``about``, which says what each
    measures."""
    order = [name for name in about if name in suites]
    return "\n".join([_HEAD, *(line for name in order for line in _section(name, about[name], suites[name]))])


def _section(name: str, about: str, run: Mapping[str, Any]) -> Iterator[str]:
    where = run["machine"]
    yield f"## {name}\n\n{about}\n"
    yield (
        f"{run['at'][:10]}, version {run['version'] or 'unknown'}: {where['processor']}, {where['cores']} cores, "
        f"{where['memory_gb']} GB, {where['system']}, Python {where['python']}.\n"
    )
    yield "| what | figure | measured | at most | |\n|---|---|---|---|---|"
    for result in run["results"]:
        for figure, value in result["figures"].items():
            most = result["bounds"].get(figure)
            held = "" if most is None else "held" if value <= most else "**over**"
            yield f"| {result['name']} | {figure} | {value:,g} | {'' if most is None else f'{most:,g}'} | {held} |"
    yield ""


def descriptions(names: Sequence[str]) -> dict[str, str]:
    """The first sentence of what each suite says of itself, by its name."""
    found = {}
    for name in names:
        source = (Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8")
        said = " ".join((ast.get_docstring(ast.parse(source)) or "").split("\n\n")[0].split())
        found[name] = said.replace("``", "`")
    return found


def read() -> dict[str, Any]:
    """What is kept, by suite."""
    return dict(json.loads(KEPT.read_text(encoding="utf-8"))) if KEPT.exists() else {}


def write(suites: Mapping[str, Any], names: Sequence[str]) -> None:
    """Keep these suites, and write the page. ``names`` are all suites there are, in their order."""
    ordered = {name: suites[name] for name in names if name in suites}
    KEPT.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(ordered, descriptions(names)), encoding="utf-8")


def findings(suites: Mapping[str, Any], shown: str, names: Sequence[str]) -> Iterator[str]:
    """One line when the page does not show what is kept."""
    if shown != page(suites, descriptions(names)):
        yield "docs/benchmarks.md: does not show what docs/benchmarks.json has: make tables"


def of_the_repository() -> Iterator[str]:
    """:func:`findings` of this repository."""
    from benchmarks.__main__ import SUITES

    yield from findings(read(), PAGE.read_text(encoding="utf-8"), SUITES)


def main() -> int:
    """Write the page anew."""
    from benchmarks.__main__ import SUITES

    write(read(), SUITES)
    return 0


if __name__ == "__main__":
    sys.exit(main())
