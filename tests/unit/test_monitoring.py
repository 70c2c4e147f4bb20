"""The dashboard and the alerts in ``deploy`` use what the bot measures, and each alert says what to do."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.metrics_table import described, series
from tests.queries import unknown_names

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy/prometheus/rules.yaml"
DASHBOARD = ROOT / "deploy/grafana/dashboard.json"

_ALERT = re.compile(r"(?m)^      - alert: (\w+)\n        expr: (?:>-\n)?((?:.|\n)*?)\n        (?=for:|labels:)")
_RUNBOOK = re.compile(r"runbook_url: docs/troubleshooting\.md#([\w-]+)")
_LEGEND = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def alerts() -> dict[str, str]:
    """The query of each alert, by its name."""
    text = RULES.read_text(encoding="utf-8")
    found = {name: " ".join(query.split()) for name, query in _ALERT.findall(text)}
    assert len(found) == text.count("- alert:")
    return found


def panels() -> list[dict[str, Any]]:
    """The panels of the dashboard that show something."""
    return [one for one in json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"] if one["type"] != "row"]


def queries() -> Iterator[tuple[str, str]]:
    """The title of the panel and the query, with the variables as Grafana would fill them in."""
    for panel in panels():
        for target in panel["targets"]:
            yield (
                panel["title"],
                target["expr"].replace("$job", "parallax-discord").replace("$__rate_interval", "1m"),
            )


def test_alerts_use_metrics_and_labels_that_exist() -> None:
    """After a metric is renamed, an alert on the old name would never fire and nobody would notice."""
    known = series()
    assert {name: found for name, query in alerts().items() if (found := list(unknown_names(query, known)))} == {}


def test_panels_use_metrics_and_labels_that_exist() -> None:
    """In queries and in legends."""
    known, labels = series(), {label for one in described() for label in one.labels} | {"instance"}
    assert [(title, found) for title, query in queries() for found in unknown_names(query, known)] == []
    legends = {
        label for panel in panels() for one in panel["targets"] for label in _LEGEND.findall(one["legendFormat"])
    }
    assert legends <= labels


def test_every_metric_is_on_the_dashboard_or_in_an_alert() -> None:
    """What nobody looks at need not be measured."""
    used = " ".join([*alerts().values(), *(query for _, query in queries())])
    unused = {one.name for one in described() if not re.search(rf"\b{one.name}(?:_bucket|_count|_sum)?\b", used)}
    assert unused == {"parallax_child_process_seconds"}  # for whoever looks for the reason of its failures


def test_every_alert_has_its_section_in_the_troubleshooting_page() -> None:
    """What it means, what to look at, what to do."""
    page = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"(?ms)^## (\w+)\n(.*?)(?=^## |\Z)", page))
    runbooks = _RUNBOOK.findall(RULES.read_text(encoding="utf-8"))
    assert runbooks == [name.lower() for name in alerts()]
    for name in alerts():
        assert "*Means*" in sections[name], name
        assert "*Do*" in sections[name], name


def test_a_wrong_name_is_found() -> None:
    """In a selector, in a matcher and in a grouping; what is in quotes is no name."""
    known = {"parallax_a_total": frozenset({"kind"}), "parallax_b": frozenset[str]()}
    assert list(unknown_names('sum by (job, kind) (rate(parallax_a_total{kind="parallax_c"}[5m]))', known)) == []
    assert list(unknown_names("parallax_c > 1", known)) == ["parallax_c is no metric"]
    assert list(unknown_names('parallax_b{kind="x"}', known)) == ["parallax_b has no label kind"]
    assert list(unknown_names("max by (kind) (parallax_b)", known)) == [
        "no metric of max by (kind) (parallax_b) has the label kind"
    ]
    assert list(unknown_names("vector(1)", known)) == ["names no metric: vector(1)"]


def test_promtool_finds_the_rules_right_and_their_tests_pass(tmp_path: Path) -> None:
    """And parses every query of the dashboard."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: prometheus), so nothing here parses PromQL")
    recorded = [{"record": f"panel:{number}", "expr": query} for number, (_, query) in enumerate(queries())]
    panel_rules = tmp_path / "panels.yaml"  # JSON is YAML
    panel_rules.write_text(json.dumps({"groups": [{"name": "panels", "rules": recorded}]}), encoding="utf-8")
    for command in (
        [promtool, "check", "rules", str(RULES), str(panel_rules)],
        [promtool, "test", "rules", str(RULES.with_name("tests.yaml"))],
    ):
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
