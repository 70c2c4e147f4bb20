"""All checks, each bounded in time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from bot.doctor import channels, contradictions, database, discord_api, schedulers, versions
from bot.domain.checkup import Finding, Level, broken, worst
from bot.settings import Settings
from bot.telemetry.logs import Redactor

LONGEST = 30.0
"""Seconds that one group of checks may take. Each request has a shorter bound of its own."""

EXIT_CODES = {Level.OK: 0, Level.WARNING: 1, Level.BROKEN: 2}

Check = Callable[[Settings], Awaitable[Sequence[Finding]]]

CHECKS: tuple[tuple[str, Check], ...] = (
    ("version", versions.check),
    ("settings", contradictions.check),
    ("database", database.check),
    ("scheduler", schedulers.check),
    ("discord", discord_api.check),
    ("channels", channels.check),
)

QUIET_CHECKS = tuple((what, schedulers.look if check is schedulers.check else check) for what, check in CHECKS)
"""The same without a question to a cluster, for beside people's questions."""


async def examine(settings: Settings, checks: Sequence[tuple[str, Check]] = CHECKS) -> tuple[Finding, ...]:
    """Run all checks at once; returns what they found, in their order, without any secret of the settings.

    Changes nothing, so it may be called while the bot runs. Requests eight tokens from a cluster that is ready.
    """
    found = await asyncio.gather(*(_bounded(what, check, settings) for what, check in checks))
    # Answers of other servers are repeated as they are, and might contain a secret that was sent to them.
    clean = Redactor(settings.secrets).clean
    return tuple(
        Finding(one.level, one.what, clean(one.detail), clean(one.remedy)) for part in found for one in part
    )


async def _bounded(what: str, check: Check, settings: Settings) -> Sequence[Finding]:
    try:
        async with asyncio.timeout(LONGEST):
            return await check(settings)
    except TimeoutError:
        return (broken(what, f"the check did not end within {LONGEST:.0f} s", "look whether what it asks hangs"),)


def as_data(findings: Sequence[Finding]) -> dict[str, object]:
    """The findings for programs."""
    return {
        "level": worst(findings).value,
        "findings": [
            {"level": one.level.value, "what": one.what, "detail": one.detail, "remedy": one.remedy}
            for one in findings
        ],
    }
