"""``docs/sandbox.md`` keeps its word: its example runs, and every rule names a test that exists."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

from sandbox.discord_api import gateway, wire
from tests import operations

ROOT = Path(__file__).resolve().parents[3]
GUIDE = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")
_FILES = re.compile(r"```python\n# (\w+\.py)\n(.*?)```", re.DOTALL)
_RULES = re.compile(
    r"^\| (?P<rule>[^|]+) \| (?P<source>[^|]+) \| (?P<client>[^|]+) \| `(?P<path>tests/\S+)::(?P<test>\w+)` \|$",
    re.MULTILINE,
)
_CODE = re.compile(r"\b\d{4,6}\b(?=[^()]*\))")
"""An error code: it stands in brackets at the end of a rule."""


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


def test_the_table_of_operations_is_the_codes() -> None:
    """It is what ``python -m tests.operations`` prints."""
    assert operations.table() in GUIDE


def test_every_rule_is_held_by_a_test_that_exists() -> None:
    """Nobody has to believe the table of faithfulness."""
    rules = list(_RULES.finditer(GUIDE))
    assert len(rules) > 40
    named = GUIDE.count("::test_")
    assert named == len(rules), "a row of the table is not written as the others"
    missing = [match["test"] for match in rules if match["test"] not in _tests_of(ROOT / match["path"])]
    assert missing == []


def test_every_rules_client_is_the_one_of_its_test() -> None:
    """It says discord.py only where discord.py is refused, and not a client with fewer manners."""
    told = {match["test"]: match["client"] for match in _RULES.finditer(GUIDE)}
    found = {match["test"]: client_of(ROOT / match["path"], match["test"]) for match in _RULES.finditer(GUIDE)}
    assert told == found
    assert list(found.values()).count("discord.py") > 40


def test_every_rules_error_codes_are_those_of_its_test() -> None:
    """A code in the table is looked for by the test beside it."""
    for match in _RULES.finditer(GUIDE):
        source = _source_of(ROOT / match["path"], match["test"])
        assert [code for code in _CODE.findall(match["rule"]) if code not in source] == [], match["rule"]


def test_every_error_code_of_the_double_is_in_a_rule() -> None:
    """REST's and the gateway's: whoever adds one says which rule gives it, and tests it."""
    told = {int(code) for match in _RULES.finditer(GUIDE) for code in _CODE.findall(match["rule"])}
    assert {50035, *wire._KNOWN, *gateway._CLOSE_REASONS} - told == set()


def client_of(path: Path, test: str) -> str:
    """Who is refused in a test: ``discord.py``, a ``bare`` client, or ``none``."""
    if "unit" in path.parts:
        return "none"
    names = {
        node.id if isinstance(node, ast.Name) else node.arg
        for node in ast.walk(_tests_of(path)[test])
        if isinstance(node, ast.Name | ast.arg)
    }
    if names & {"api", "aiohttp"} or not names & {"bot", "connected", "discord"}:
        return "bare"
    return "discord.py"


def _source_of(path: Path, test: str) -> str:
    node = _tests_of(path)[test]
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return "\n".join(path.read_text(encoding="utf-8").splitlines()[first - 1 : node.end_lineno])


def _tests_of(path: Path) -> dict[str, ast.AsyncFunctionDef | ast.FunctionDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef)}
