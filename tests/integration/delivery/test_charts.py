"""Charts, drawn by the child process."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from bot.delivery.chart_drawing import BACKGROUND, COLOURS
from bot.delivery.cluster_chart import POINTS, ChartPainter, thinned
from PIL import Image, ImageColor, ImageStat

from bot.cluster.records import Sample

DARK = ImageColor.getrgb(BACKGROUND)


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
    with Image.open(io.BytesIO(png)) as opened:
        picture = opened.convert("RGB")
    assert 600 < picture.width < picture.height
    assert ImageStat.Stat(picture.convert("L")).mean[0] < 60
    corners = [(0, 0), (picture.width - 1, 0), (0, picture.height - 1), (picture.width - 1, picture.height - 1)]
    assert {picture.getpixel(corner) for corner in corners} == {DARK}


async def test_it_has_four_panels_one_below_the_other() -> None:
    """Speed, first token, line and nodes, each in a colour of its own and in its own quarter."""
    measured = [
        replace(one, ttft=0.3, tokens_per_second=40.0, waiting=at % 5) for at, one in enumerate(samples(90))
    ]
    png = await ChartPainter().paint(measured, "en-US")
    with Image.open(io.BytesIO(png)) as opened:
        picture = opened.convert("RGB")
    below = 0
    for colour in COLOURS:
        rows = rows_with(picture, ImageColor.getrgb(colour))
        assert rows, f"nothing is drawn in {colour}"
        assert min(rows) > below
        assert max(rows) - min(rows) < picture.height / 4
        below = max(rows)


def rows_with(picture: Image.Image, colour: tuple[int, ...]) -> list[int]:
    """The rows in which a pixel has exactly this colour."""
    width, pixels = picture.width, picture.tobytes()
    wanted = bytes(colour)
    return [
        row
        for row in range(picture.height)
        if any(pixels[at : at + 3] == wanted for at in range(row * width * 3, (row + 1) * width * 3, 3))
    ]


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
