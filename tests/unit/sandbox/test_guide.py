"""``docs/sandbox.md`` keeps its word: its example runs, and every rule names a test that exists."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
GUIDE = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")
_FILES = re.compile(r"```python\n# (\w+\.py)\n(.*?)```", re.DOTALL)
_RULES = re.compile(
    r"^\| (?P<rule>[^|]+) \| (?P<source>[^|]+) \| `(?P<path>tests/\S+)::(?P<test>\w+)` \|$", re.MULTILINE
)


def _lines(code: str) -> int:
    return sum(1 for line in code.splitlines() if line.strip() and not line.startswith(("import", "from")))


def test_the_example_bot_and_its_test_run_as_printed(tmp_path: Path) -> None:
    """In a folder of its own, with nothing but the plugin: twenty lines tested in ten."""
    files = dict(_FILES.findall(GUIDE))
    assert sorted(files) == ["bot.py", "test_bot.py"]
    assert _lines(files["bot.py"]) <= 20
    assert _lines(files["test_bot.py"]) <= 10
    for name, code in files.items():
        (tmp_path / name).write_text(code, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "sandbox.pytest_plugin", "-o", "asyncio_mode=auto", "."]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_every_rule_is_held_by_a_test_that_exists() -> None:
    """Nobody has to believe the table of faithfulness."""
    rules = list(_RULES.finditer(GUIDE))
    assert len(rules) > 40
    named = GUIDE.count("::test_")
    assert named == len(rules), "a row of the table is not written as the others"
    missing = [match["test"] for match in rules if match["test"] not in _tests_of(ROOT / match["path"])]
    assert missing == []


def _tests_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef)}
