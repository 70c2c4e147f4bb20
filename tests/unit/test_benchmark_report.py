"""The page of the benchmarks is made from what is kept of their runs."""

from __future__ import annotations

from typing import Any

from benchmarks.__main__ import SUITES
from benchmarks.report import descriptions, findings, kept, machine, page

ABOUT = {"edits": "How much an edit costs.", "lag": "How late the loop is.", "line": "A queue."}


def run(at: str, *results: object) -> dict[str, Any]:
    """One run of a suite, as it is kept."""
    where = {"processor": "Fast", "cores": 2, "memory_gb": 8, "system": "Linux 6", "python": "3.11.2"}
    return {"at": at, "version": "abc", "machine": where, "results": list(results)}


RESULT = {"name": "cpu", "figures": {"us": 1200.5, "late": 3}, "bounds": {"us": 1000}, "good": False}


def test_a_figure_is_shown_beside_its_bound_and_whether_that_held() -> None:
    """With the machine and the version, without which it means little."""
    lines = page({"lag": run("2026-01-02T03:04:05Z", RESULT)}, ABOUT).splitlines()
    assert "## lag" in lines
    assert "How late the loop is." in lines
    assert "2026-01-02, version abc: Fast, 2 cores, 8 GB, Linux 6, Python 3.11.2." in lines
    assert "| cpu | us | 1,200.5 | 1,000 | **over** |" in lines
    assert "| cpu | late | 3 |  |  |" in lines
    assert "## edits" not in lines


def test_a_run_takes_the_place_of_the_earlier_run_of_the_same_suite_only() -> None:
    """Suites may be measured one at a time."""
    before = {"edits": run("2026-01-01T00:00:00Z", RESULT), "lag": run("2026-01-01T00:00:00Z", RESULT)}
    report = {"at": "2026-02-02T00:00:00Z", "version": "def", "machine": machine()}
    after = kept(before, report, {"lag": []})
    assert after["edits"] == before["edits"]
    assert after["lag"] == {**report, "results": []}


def test_a_page_that_was_edited_by_hand_is_found() -> None:
    right = page({}, descriptions(SUITES))
    assert list(findings({}, right, SUITES)) == []
    assert list(findings({}, right.replace("newest", "best"), SUITES)) == [
        "docs/benchmarks.md: does not show what docs/benchmarks.json has: make tables"
    ]


def test_every_suite_says_what_it_measures() -> None:
    assert all(said.endswith((".", ":")) for said in descriptions(SUITES).values())
