"""What the composition root makes of the settings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.app import timeouts_of
from bot.parallax.timeouts import Timeouts
from bot.settings import Settings

TOKEN = "MTA.of-no-use.anywhere"


@pytest.fixture(autouse=True)
def nothing_configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No time-out in the environment, no .env in the working directory."""
    monkeypatch.chdir(tmp_path)
    for name in ("CONNECT", "FIRST_BYTE", "IDLE"):
        monkeypatch.delenv(f"PARALLAX_{name}_TIMEOUT", raising=False)
    monkeypatch.setenv("DISCORD_TOKEN", TOKEN)


def test_the_scheduler_is_waited_for_as_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each setting is the limit it is named after."""
    for name, seconds in (("CONNECT", 1.5), ("FIRST_BYTE", 2.5), ("IDLE", 3.5)):
        monkeypatch.setenv(f"PARALLAX_{name}_TIMEOUT", str(seconds))
    assert timeouts_of(Settings()) == Timeouts(connect=1.5, first_byte=2.5, idle=3.5)


def test_by_default_longer_than_the_scheduler_holds_a_question() -> None:
    """It does so for up to 96 s before it answers at all."""
    assert timeouts_of(Settings()) == Timeouts(connect=5.0, first_byte=130.0, idle=60.0)


def test_without_its_setting_nothing_of_the_api_is_loaded() -> None:
    """Neither its memory nor its time at start is anybody's who does not use it."""
    code = "import sys, bot.app, bot.container.services; print(sorted(m for m in sys.modules if 'bot.api' in m))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )
    assert done.stdout.strip() == "[]"
