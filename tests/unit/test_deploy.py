"""What the files in ``deploy`` promise agrees with the code."""

from __future__ import annotations

import re
from pathlib import Path

from bot.workers import chart_drawing, documents, text_encoding
from bot.workers.subprocesses import AT_ONCE

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = (ROOT / "deploy/compose.yaml").read_text(encoding="utf-8")
UNIT = (ROOT / "deploy/parallax-discord.service").read_text(encoding="utf-8")
BOT_BYTES = 200_000_000


def number(pattern: str, text: str) -> int:
    """The number that a pattern finds in its only place."""
    (found,) = re.findall(pattern, text, flags=re.MULTILINE)
    return int(found)


def test_o3_memory_is_limited_and_enough_for_the_children() -> None:
    """The same in a container and as a service; a child ends at its own limit before the bot does."""
    limits = [number(r"^ +mem_limit: (\d+)m$", COMPOSE), number(r"^MemoryMax=(\d+)M$", UNIT)]
    assert limits[0] == limits[1]
    child = max(module.MEMORY_BYTES for module in (chart_drawing, documents, text_encoding))
    assert BOT_BYTES + AT_ONCE * child <= limits[0] * 1024 * 1024


def test_o3_processes_are_limited() -> None:
    """Threads count too: three of the database, those of asyncio and of each child."""
    limits = [number(r"^ +pids_limit: (\d+)$", COMPOSE), number(r"^TasksMax=(\d+)$", UNIT)]
    assert limits == [128, 128]


def test_q11_the_unit_does_not_repeat_what_a_start_cannot_cure() -> None:
    """Exit code 2 is a setting (``bot/cli.py``); the documents say the same."""
    assert number(r"^RestartPreventExitStatus=(\d+)$", UNIT) == 2
    page = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
    assert "Exit code 2 is a setting" in page
    assert "`RestartPreventExitStatus=2`" in page
