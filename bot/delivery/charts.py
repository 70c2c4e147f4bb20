"""Charts, drawn in a process of their own."""

from __future__ import annotations

from bot.delivery.children import run_child
from bot.rendering.chart import Chart

DRAWING_SECONDS = 30.0


async def draw_chart(chart: Chart) -> bytes:
    """The chart as a PNG. Raises :class:`BotError` when it could not be drawn in 30 s."""
    return await run_child("bot.rendering.chart", data=chart.to_json().encode(), seconds=DRAWING_SECONDS)
