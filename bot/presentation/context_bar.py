"""A bar of text that shows how a prompt's budget is used."""

from __future__ import annotations

from bot.i18n.catalogue import say

WIDTH = 24


def budget_picture(*, persona: int, recalled: int, limit: int, locale: str) -> str:
    """A bar of 24 cells (█ the persona, ▓ earlier turns, ░ free) over its legend; tokens, ``limit`` ≥ 1."""
    persona_cells = _cells(persona, limit)
    recalled_cells = min(WIDTH - persona_cells, _cells(recalled, limit))
    free = max(0, limit - persona - recalled)
    bar = "█" * persona_cells + "▓" * recalled_cells
    legend = say(locale, "context.legend", persona=persona, recalled=recalled, free=free)
    return f"`{bar.ljust(WIDTH, '░')}`\n-# {legend}"


def _cells(tokens: int, limit: int) -> int:
    """The number of whole cells; at least one for more than zero tokens."""
    return 0 if tokens <= 0 else min(WIDTH, max(1, round(WIDTH * tokens / limit)))
