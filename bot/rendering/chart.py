"""What a chart shows, and the program that draws it.

``python -m bot.rendering.chart`` reads a :class:`Chart` as JSON and writes a PNG. It runs in a process of its own:
matplotlib takes tens of megabytes that the bot would never give back.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from typing import BinaryIO


@dataclass(frozen=True, slots=True)
class Panel:
    """One diagram: a value per series and label, drawn as bars on top of each other."""

    title: str
    series: tuple[tuple[str, tuple[float, ...]], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """Panels above each other over the same ``labels`` (days). Every series has a value for each label."""

    title: str
    labels: tuple[str, ...]
    panels: tuple[Panel, ...]

    def to_json(self) -> str:
        """The chart as text, for the drawing process."""
        return json.dumps(asdict(self), ensure_ascii=False)


def from_json(text: str) -> Chart:
    """What :meth:`Chart.to_json` wrote."""
    data = json.loads(text)
    return Chart(
        title=data["title"],
        labels=tuple(data["labels"]),
        panels=tuple(
            Panel(panel["title"], tuple((name, tuple(values)) for name, values in panel["series"]))
            for panel in data["panels"]
        ),
    )


_COLOURS = ("#4c78a8", "#f58518", "#54a24b", "#b279a2", "#e45756", "#72b7b2", "#eeca3b", "#9d755d", "#8a8f98")


def draw(chart: Chart) -> bytes:
    """The chart as a PNG of 1000 × 250 pixels per panel, legible on dark and light pages."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 2.6 * len(chart.panels) + 0.6), dpi=100, layout="constrained")
    figure.suptitle(_plain(chart.title), fontsize=13)
    for index, panel in enumerate(chart.panels, start=1):
        axes = figure.add_subplot(len(chart.panels), 1, index)
        _bars(axes, chart.labels, panel)
        if index == 1 and len(panel.series) > 1:
            axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=9)
    target = BytesIO()
    figure.savefig(target, format="png")
    return target.getvalue()


def _bars(axes: object, labels: Sequence[str], panel: Panel) -> None:
    from matplotlib.axes import Axes

    assert isinstance(axes, Axes)  # noqa: S101  # what add_subplot makes
    base = [0.0] * len(labels)
    for number, (name, values) in enumerate(panel.series):
        colour = _COLOURS[min(number, len(_COLOURS) - 1)]
        axes.bar(range(len(labels)), values, bottom=base, label=_plain(name), color=colour, width=0.8)
        base = [below + value for below, value in zip(base, values, strict=True)]
    axes.set_title(_plain(panel.title), fontsize=10, loc="left")
    step = max(1, len(labels) // 10)
    axes.set_xticks(range(0, len(labels), step), [_plain(label) for label in labels[::step]], fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.25)


def _plain(text: str) -> str:
    """Names are other people's: a dollar would begin a formula."""
    return text.replace("$", r"\$")


def main(source: BinaryIO, target: BinaryIO) -> None:
    """Read a chart, write its picture."""
    target.write(draw(from_json(source.read().decode())))


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer)
