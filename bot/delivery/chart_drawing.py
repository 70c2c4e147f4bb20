"""The program that draws a chart: JSON on standard input, a PNG on standard output.

It runs in a process of its own (:mod:`bot.delivery.cluster_chart`): matplotlib takes 60 MB of memory and holds the
interpreter for longer than a gateway should wait. So this module imports nothing of the bot's.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BACKGROUND = "#1e1f22"
PANEL = "#2b2d31"
TEXT = "#dbdee1"
MUTED = "#949ba4"
GRID = "#3f4147"
COLOURS = ("#5dade2", "#f5b041", "#af7ac5", "#58d68d")
# As wide as a phone shows at once; the type is large enough to be read there without zooming.
SIZE, DPI = (7.2, 8.4), 105


# So few answers are single dots: they are made larger and joined by a thin line.
FEW = 40
# Less than this is not worth an axis of its own.
SHORTEST = timedelta(minutes=1)


class Chart(TypedDict):
    """What is drawn: panels by title, over the same moments (epoch seconds). ``none`` is said in a panel that has
    no value at all."""

    title: str
    none: str
    times: list[float]
    panels: list[Panel]


class Panel(TypedDict):
    """One line over time; None where nothing was measured."""

    title: str
    values: list[float | None]
    step: bool


def draw(chart: Chart) -> bytes:
    """The chart as a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, dpi=DPI, facecolor=BACKGROUND)
    FigureCanvasAgg(figure)
    figure.subplots_adjust(left=0.115, right=0.97, top=0.9, bottom=0.06, hspace=0.46)
    figure.suptitle(chart["title"], color=TEXT, fontsize=19, x=0.115, y=0.98, ha="left")
    times = [datetime.fromtimestamp(at, UTC) for at in chart["times"]]
    count = len(chart["panels"])
    for index, panel in enumerate(chart["panels"]):
        axes = figure.add_subplot(count, 1, index + 1)
        _panel(axes, times, panel, COLOURS[index % len(COLOURS)])
        if all(value is None for value in panel["values"]):
            _empty(axes, chart["none"])
        locator = AutoDateLocator(minticks=3, maxticks=6)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(
            ConciseDateFormatter(locator, tz=UTC, show_offset=False)  # type: ignore[no-untyped-call]
        )
        axes.tick_params(axis="x", labelbottom=index == count - 1)
    png = io.BytesIO()
    figure.savefig(png, format="png", facecolor=BACKGROUND)
    return png.getvalue()


def _few(axes: Axes, times: Sequence[datetime], panel: Panel, colour: str) -> None:
    known = [(at, value) for at, value in zip(times, panel["values"], strict=True) if value is not None]
    axes.plot(
        [at for at, _ in known],  # type: ignore[arg-type]
        [value for _, value in known],
        color=colour,
        linewidth=1.0,
        alpha=0.6,
        marker="o",
        markersize=6.0,
    )


def _empty(axes: Axes, text: str) -> None:
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.text(0.5, 0.5, text, color=MUTED, fontsize=15, ha="center", va="center", transform=axes.transAxes)


def _panel(axes: Axes, times: Sequence[datetime], panel: Panel, colour: str) -> None:
    from matplotlib.ticker import MaxNLocator

    values = [float("nan") if value is None else value for value in panel["values"]]
    axes.set_facecolor(PANEL)
    axes.set_title(panel["title"], color=TEXT, fontsize=16, loc="left", pad=6)
    # Single measurements between gaps have no line to be seen by: dots show them.
    axes.plot(
        times,  # type: ignore[arg-type]  # the stubs know no dates
        values,
        color=colour,
        linewidth=2.0,
        marker="o",
        markersize=2.5,
        drawstyle="steps-post" if panel["step"] else "default",
    )
    if sum(value is not None for value in panel["values"]) <= FEW and not panel["step"]:
        _few(axes, times, panel, colour)
    axes.set_xlim(min(times[0], times[-1] - SHORTEST), times[-1])  # type: ignore[arg-type]
    highest = max((value for value in panel["values"] if value is not None), default=0.0)
    # A line that never moves is seen whole all the same, at the top as on the ground.
    axes.set_ylim(bottom=-0.03 * (highest or 1.0), top=1.12 * (highest or 1.0))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=panel["step"], min_n_ticks=2))
    axes.grid(color=GRID, linewidth=0.8)
    axes.tick_params(colors=TEXT, labelsize=15)
    for spine in axes.spines.values():
        spine.set_color(GRID)


def main() -> int:
    """Read, draw, write."""
    sys.stdout.buffer.write(draw(json.load(sys.stdin)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
