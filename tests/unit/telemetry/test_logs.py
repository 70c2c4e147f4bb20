"""What logs show, and above all what they do not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.telemetry.logs import Redactor

ROOT = Path(__file__).resolve().parents[3]
SECRET = "MTA.hush-hush.token"
INTERACTION = "aW50ZXJhY3Rpb246aHVzaA"

# Logging is a process's own: each style gets a process, as in life.
PROGRAM = f"""
import logging, sys, structlog
from bot.telemetry.logs import configure_logging
configure_logging(sys.argv[1], sys.argv[2], secrets=({SECRET!r},))
log = structlog.get_logger("bot.test")
log.debug("too.quiet")
log.info("said", token="by-key-hush", url="https://x/webhooks/12/{INTERACTION}/messages/@original", text="é")
logging.getLogger("somebody").warning("with %s in it", {SECRET!r})
logging.getLogger("httpx").info("GET /every/request")
logging.getLogger("aiosqlite").debug("executing with the parameters %s", "a prompt")
try:
    raise RuntimeError("near {SECRET}")
except RuntimeError:
    log.exception("failed", path="/interactions/34/{INTERACTION}/callback")
"""


def logged(level: str, style: str) -> str:
    """What the program writes to standard error; nothing goes to standard output."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, level, style],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == ""
    return done.stderr


@pytest.mark.parametrize("style", ["console", "json"])
@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
def test_no_secret_is_in_any_log(level: str, style: str) -> None:
    """By key, by value, in Discord's paths and in tracebacks; the rest is still there."""
    text = logged(level, style)

    assert not [secret for secret in (SECRET, INTERACTION, "by-key-hush") if secret in text]
    assert "webhooks/12/[secret]/messages/@original" in text
    assert "interactions/34/[secret]/callback" in text
    assert "with [secret] in it" in text
    assert "RuntimeError: near [secret]" in text
    assert ("too.quiet" in text) == (level == "DEBUG")
    assert "/every/request" not in text
    assert "a prompt" not in text


def test_json_is_one_object_a_line() -> None:
    """With a time in UTC, a level and a logger, from our code and from libraries alike."""
    events = [json.loads(line) for line in logged("INFO", "json").splitlines()]

    assert [(event["level"], event["logger"]) for event in events] == [
        ("info", "bot.test"),
        ("warning", "somebody"),
        ("error", "bot.test"),
    ]
    assert all(event["timestamp"].endswith("Z") for event in events)
    assert events[0]["text"] == "é"


def test_an_empty_secret_hides_nothing() -> None:
    """Replacing the empty text would put the mark between all letters."""
    assert Redactor(("",)).clean("plain") == "plain"


@pytest.mark.parametrize(
    "address",
    [
        "http://ada:hush@cluster:3001/x",
        "postgresql+asyncpg://bot:hush@db/bot",
        "see https://hush@cluster.example for more",
        "https://ada:h@ush@hush@cluster.example",
    ],
)
def test_a_login_in_an_address_is_hidden_whoever_logs_it(address: str) -> None:
    """In a text, in what an event carries along, and in an exception; the address itself stays."""
    redactor = Redactor(())
    event = redactor(
        None, "info", {"event": address, "error": ValueError(address), "more": {"urls": [address, (address, 1)]}}
    )
    assert "hush" not in repr(event)
    assert repr(event).count("://[secret]@") == 4


@pytest.mark.parametrize(
    "text", ["mail ada@example.org", "http://cluster:3001/a?b=c@d", "http://x/a@b", "a://b c@d"]
)
def test_what_is_no_login_stays(text: str) -> None:
    """An @ elsewhere is a part of the text."""
    assert Redactor(()).clean(text) == text
