"""Charts: the program that draws them, and the class that runs it.

``python -m bot.workers.chart_drawing`` reads a `bot.presentation.chart_data.Chart` as JSON and writes a PNG. It
runs in a process of its own: matplotlib takes 60 MB of memory and blocks the interpreter for longer than a gateway
should wait. To start fast, the program imports none of the bot's modules that take time to load.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bot.errors import DeliveryError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from bot.presentation.chart_data import BarChart, BarPanel, Chart, LineChart, LinePanel, Text
    from bot.workers.subprocesses import Subprocesses

MEMORY_BYTES = 512_000_000
SECONDS = 20.0
PNG_BYTES = 8_000_000

BACKGROUND = "#1e1f22"
PANEL = "#2b2d31"
TEXT = "#dbdee1"
MUTED = "#949ba4"
GRID = "#3f4147"
COLOURS = ("#5dade2", "#f5b041", "#af7ac5", "#58d68d")
SERIES_COLOURS = (*COLOURS, "#ec7063", "#48c9b0", "#f7dc6f", "#dc7633", "#aab7b8")
LEGEND_COLUMNS = 3
# The width fits the screen of a phone; the text is large enough to be read there without zooming.
SIZE, DPI = (7.2, 8.4), 105
# Up to this many values are drawn as larger dots joined by a thin line.
FEW = 40
# The shortest time that the axis shows.
SHORTEST = timedelta(minutes=1)

# By language, the font families that contain its letters. Chinese and Japanese letters share code points but have
# different shapes.
_SANS = {
    "ja": ("Noto Sans CJK JP", "Source Han Sans JP", "IPAexGothic", "Hiragino Sans", "Yu Gothic"),
    "zh": ("Noto Sans CJK SC", "Source Han Sans SC", "WenQuanYi Zen Hei", "PingFang SC", "Microsoft YaHei"),
    "": ("Droid Sans Fallback", "Noto Sans CJK KR", "Arial Unicode MS"),
}
_LATIN = "DejaVu Sans"


class ChartDrawer:
    """Draws charts, each in a process of its own."""

    def __init__(self, subprocesses: Subprocesses) -> None:
        self._subprocesses = subprocesses

    async def draw(self, chart: Chart, *, user_id: int) -> bytes:
        """Wait for this person's turn and draw the chart as a PNG.

        Raises :class:`DeliveryError` when it cannot be drawn, :class:`WaitListFull`.
        """
        from bot.workers.subprocesses import ChildFailed, Limits

        data = json.dumps(chart).encode()
        async with self._subprocesses.turn(user_id) as worker:
            try:
                limits = Limits(MEMORY_BYTES, SECONDS, PNG_BYTES)
                return await worker.run("bot.workers.chart_drawing", data=data, limits=limits)
            except ChildFailed as error:
                raise DeliveryError(f"no chart: {error}", key="error.chart") from error


def font_families(locale: str) -> list[str]:
    """The font families of this machine for a chart, in the order in which letters are searched in them."""
    from matplotlib.font_manager import fontManager

    language = locale.split("-", maxsplit=1)[0]
    preferred = sorted(_SANS, key=lambda known: known != language)
    installed = {font.name for font in fontManager.ttflist}
    return [_LATIN, *(name for known in preferred for name in _SANS[known] if name in installed)]


class _Writer:
    """Chooses texts that the fonts of this machine can draw."""

    def __init__(self, families: Sequence[str]) -> None:
        from matplotlib.font_manager import FontProperties, findfont, get_font

        self._fonts = [get_font(findfont(FontProperties(family=[family]))) for family in families]

    def words(self, text: Text) -> str:
        """The text, or its plain form where letters are missing."""
        return text["text"] if all(self._has(letter) for letter in text["text"]) else text["plain"]

    def _has(self, letter: str) -> bool:
        return any(font.get_char_index(ord(letter)) for font in self._fonts)


def draw(chart: Chart) -> bytes:
    """The chart as a PNG."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    families = font_families(chart["locale"])
    # Names are untrusted: a dollar in a name must not begin a formula.
    with rc_context({"font.family": families, "text.parse_math": False}):
        writer = _Writer(families)
        figure = Figure(figsize=SIZE, dpi=DPI, facecolor=BACKGROUND)
        FigureCanvasAgg(figure)
        figure.subplots_adjust(left=0.115, right=0.97, top=0.9, bottom=0.06, hspace=0.46)
        figure.suptitle(writer.words(chart["title"]), color=TEXT, fontsize=19, x=0.115, y=0.98, ha="left")
        if chart["kind"] == "lines":
            _lines(figure, chart, writer)
        else:
            _bars(figure, chart, writer)
        png = io.BytesIO()
        figure.savefig(png, format="png", facecolor=BACKGROUND)
        return png.getvalue()


def _lines(figure: Figure, chart: LineChart, writer: _Writer) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    times = [datetime.fromtimestamp(at, UTC) for at in chart["times"]]
    count = len(chart["panels"])
    for index, panel in enumerate(chart["panels"]):
        axes = figure.add_subplot(count, 1, index + 1)
        _style(axes, writer.words(panel["title"]))
        _line(axes, times, panel, COLOURS[index % len(COLOURS)])
        if all(value is None for value in panel["values"]):
            _empty(axes, writer.words(chart["none"]))
        locator = AutoDateLocator(minticks=3, maxticks=6)  # type: ignore[no-untyped-call]  # not annotated
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(
            ConciseDateFormatter(locator, tz=UTC, show_offset=False)  # type: ignore[no-untyped-call]  # as above
        )
        axes.tick_params(axis="x", labelbottom=index == count - 1)


def _bars(figure: Figure, chart: BarChart, writer: _Writer) -> None:
    count = len(chart["panels"])
    for index, panel in enumerate(chart["panels"]):
        axes = figure.add_subplot(count, 1, index + 1)
        _style(axes, writer.words(panel["title"]))
        _stacked(axes, panel, writer)
        step = max(1, len(chart["labels"]) // 6)
        axes.set_xticks(range(0, len(chart["labels"]), step), chart["labels"][::step])
        axes.tick_params(axis="x", labelbottom=index == count - 1)
    # One legend is enough: all panels with several series have the same series.
    handles, names = figure.axes[0].get_legend_handles_labels()
    if len(names) > 1:
        figure.subplots_adjust(bottom=0.06 + 0.03 * (1 + (len(names) - 1) // LEGEND_COLUMNS))
        figure.legend(
            handles, names, loc="lower left", ncols=LEGEND_COLUMNS, frameon=False, labelcolor=TEXT, fontsize=12
        )


def _stacked(axes: Axes, panel: BarPanel, writer: _Writer) -> None:
    from matplotlib.ticker import MaxNLocator

    base = [0.0] * max(len(series["values"]) for series in panel["series"])
    for number, series in enumerate(panel["series"]):
        axes.bar(
            range(len(base)),
            series["values"],
            bottom=base,
            # The library leaves out names that begin with an underscore.
            label="\u200b" + writer.words(series["name"]),
            color=SERIES_COLOURS[min(number, len(SERIES_COLOURS) - 1)],
            width=0.8,
        )
        base = [below + value for below, value in zip(base, series["values"], strict=True)]
    axes.set_ylim(bottom=0.0, top=1.12 * (max(base) or 1.0))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, min_n_ticks=2))


def _style(axes: Axes, title: str) -> None:
    axes.set_facecolor(PANEL)
    axes.set_title(title, color=TEXT, fontsize=16, loc="left", pad=6)
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=TEXT, labelsize=15)
    for spine in axes.spines.values():
        spine.set_color(GRID)


def _empty(axes: Axes, text: str) -> None:
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.text(0.5, 0.5, text, color=MUTED, fontsize=15, ha="center", va="center", transform=axes.transAxes)


def _line(axes: Axes, times: Sequence[datetime], panel: LinePanel, colour: str) -> None:
    from matplotlib.ticker import MaxNLocator

    known = [(at, value) for at, value in zip(times, panel["values"], strict=True) if value is not None]
    values = [float("nan") if value is None else value for value in panel["values"]]
    # A single measurement between gaps has no line, so dots show it.
    axes.plot(
        times,  # type: ignore[arg-type]  # the stubs know no dates
        values,
        color=colour,
        linewidth=2.0,
        marker="o",
        markersize=2.5,
        drawstyle="steps-post" if panel["step"] else "default",
    )
    if len(known) <= FEW and not panel["step"]:
        at, measured = [at for at, _ in known], [value for _, value in known]
        # matplotlib takes datetimes, but its annotations say numbers; so it is with the limits below.
        single = {"color": colour, "linewidth": 1.0, "alpha": 0.6, "marker": "o", "markersize": 6.0}
        axes.plot(at, measured, **single)  # type: ignore[arg-type]  # its stubs know no dates
    axes.set_xlim(min(times[0], times[-1] - SHORTEST), times[-1])  # type: ignore[arg-type]  # as above
    highest = max((value for _, value in known), default=0.0)
    # The margins keep a constant curve visible, at the top as well as at zero.
    axes.set_ylim(bottom=-0.03 * (highest or 1.0), top=1.12 * (highest or 1.0))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=panel["step"], min_n_ticks=2))


def main() -> int:
    """Read, draw, write."""
    sys.stdout.buffer.write(draw(json.load(sys.stdin)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
