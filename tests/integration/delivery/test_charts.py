"""Charts, drawn by the child process."""

from __future__ import annotations

import struct

import pytest

from bot.cluster.records import Sample
from bot.delivery.cluster_chart import POINTS, ChartPainter, thinned


def samples(count: int) -> list[Sample]:
    """A minute each; the busiest one is alone."""
    return [
        Sample(60.0 * at, 60.0, 9.0 if at == 777 else 0.0, 1.0, 2.0, 3.0, at % 2, None, 40.0 if at % 3 else None)
        for at in range(count)
    ]


@pytest.mark.parametrize("locale", ["en-US", "ja"])
async def test_a_chart_is_a_dark_png_for_a_phone(locale: str) -> None:
    """Whatever the language; higher than wide, as the screen is."""
    png = await ChartPainter().paint(samples(1440), locale)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    assert 600 < width < height


async def test_two_samples_are_enough() -> None:
    """A bot that has just been started."""
    assert (await ChartPainter().paint(samples(2), "en")).startswith(b"\x89PNG")


def test_thinning_keeps_the_time_and_the_peaks() -> None:
    """A week of minutes has more points than a screen; its busiest minute is still seen."""
    found = thinned(samples(10_080), POINTS)
    assert len(found) <= POINTS
    assert sum(one.span for one in found) == 10_080 * 60.0
    assert max(one.waiting for one in found) == 9.0
    assert thinned([], POINTS) == []
