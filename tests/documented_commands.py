"""Every command line in the documents is run by a test, or says why not. Part of ``make lint``.

A command line stands in a block of Markdown marked ``console``. It is run by the test that :data:`RUN_BY` names
for it, or the line before its block is a comment with the reason, which readers do not see::

    <!-- not run by a test: needs root -->
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

RUN_BY = (
    (r"make demo", "tests/e2e/test_demo.py"),
    (r"make run", "tests/e2e/test_setup_page.py"),
    (r"make migrate", "tests/e2e/test_setup_page.py"),
    (r"cp \.env\.example \.env", "tests/e2e/test_setup_page.py"),
    (r"chmod 600 \.env", "tests/e2e/test_setup_page.py"),
    (r"\.venv/bin/python -m bot (invite \d+|doctor)", "tests/e2e/test_setup_page.py"),
    (r"\.venv/bin/python -m bot doctor --json", "tests/unit/test_cli.py"),
    (r"\.venv/bin/python -m bot backup( .*)?", "tests/integration/test_backups.py"),
    (r"\.venv/bin/python -m sandbox", "tests/unit/sandbox/discord_api/test_command_line.py"),
    (r"make (test|lint|setup|soak|package)", ".ci/run"),
    (r"discord-sandbox run -- python bot\.py", "tests/packaging_sandbox.py"),
    (r"make docs", "tests/e2e/test_site.py"),
)
"""Command lines (a pattern of the whole line without its comment) and what runs them."""

_BLOCK = re.compile(
    r"(?ms)(?:^ *<!-- not run by a test: (?P<reason>[^>]+) -->\n)?"
    r"^(?P<margin> *)```console\n(?P<lines>.*?)^(?P=margin)```"
)
_COMMENT = re.compile(r"\s+# .*$")


def command_lines(text: str) -> Iterator[str]:
    """The command lines of a Markdown text that do not say why no test runs them."""
    for block in _BLOCK.finditer(text):
        if block["reason"] is None:
            joined = block["lines"].replace("\\\n", " ")
            yield from (line for raw in joined.splitlines() if (line := _COMMENT.sub("", raw).strip()))


def findings(name: str, text: str) -> Iterator[str]:
    """One line for each command line of a document that nothing runs."""
    for line in command_lines(text):
        runners = [runner for pattern, runner in RUN_BY if re.fullmatch(pattern, line)]
        if not runners:
            yield f"{name}: no test runs `{line}`, and the block does not say why (tests/documented_commands.py)"
        for runner in runners:
            if not (ROOT / runner).exists():
                yield f"tests/documented_commands.py: {runner} does not exist"
