"""What operators read of everything the bot depends on."""

from __future__ import annotations

from bot.domain.checkup import broken, ok, warning, worst
from bot.presentation.checkup import TEXT_LIMIT, checkup_text

EN = "en-US"


def test_the_worst_comes_first_with_its_remedy() -> None:
    """What other servers have said cannot make a form of its own."""
    found = [ok("disk", "1 GB free"), warning("clock", "9 s behind", "use NTP"), broken("board", "*gone*", "look")]
    assert checkup_text(EN, found).splitlines() == [
        "### What the doctor found",
        "Something is broken.",
        "❌ **board**: \\*gone\\*: look",
        "⚠️ **clock**: 9 s behind: use NTP",
        "✅ **disk**: 1 GB free",
    ]
    assert checkup_text(EN, found[:1]).splitlines()[1] == "All is well."
    assert checkup_text(EN, found[:2]).splitlines()[1] == "It works, but something should be changed."
    assert worst(()) == worst(found[:1])


def test_what_does_not_fit_is_counted() -> None:
    """One message has a limit."""
    text = checkup_text(EN, [ok(f"channel {number}", "x" * 500) for number in range(40)])
    assert len(text) < TEXT_LIMIT + 200
    assert text.splitlines()[-1].startswith("… and 2")
