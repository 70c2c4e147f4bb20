"""Listeners and their notifications."""

from __future__ import annotations

from structlog.testing import capture_logs

from bot.tasks.listeners import Listeners
from tests.fakes.clocks import HandClock


def test_one_that_fails_keeps_nobody_from_being_told() -> None:
    """Its error is logged once a minute, with the number of times it was not logged."""
    clock, heard = HandClock(), []
    listeners = Listeners[[str]](clock)

    def broken(_what: str) -> None:
        raise OverflowError("int too large to convert to float")

    listeners.subscribe(lambda what: heard.append(f"first {what}"))
    listeners.subscribe(broken)
    listeners.subscribe(lambda what: heard.append(f"last {what}"))
    with capture_logs() as logs:
        for what in ("a", "b", "c"):
            listeners.tell(what)
        clock.advance(60.0)
        listeners.tell("d")
    assert heard == [f"{who} {what}" for what in "abcd" for who in ("first", "last")]
    assert [(entry["event"], entry["unsaid"]) for entry in logs] == [
        ("listener.failed", 0),
        ("listener.failed", 2),
    ]
    assert "broken" in logs[0]["listener"]
    assert isinstance(logs[0]["exc_info"], OverflowError)


def test_whoever_has_enough_is_told_no_more() -> None:
    """Also in the middle of a notification."""
    heard: list[str] = []
    listeners = Listeners[[]](HandClock())

    def once() -> None:
        heard.append("once")
        end()

    end = listeners.subscribe(once)
    listeners.subscribe(lambda: heard.append("always"))
    listeners.tell()
    listeners.tell()
    assert heard == ["once", "always", "always"]
