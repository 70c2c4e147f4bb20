"""Charts, drawn by the child process."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest
from PIL import Image, ImageColor, ImageStat

from bot.domain.cluster.history import Sample
from bot.domain.queue.usage import UsageRow
from bot.presentation.chart_data import Chart
from bot.presentation.cluster_chart import POINTS, cluster_chart, thinned
from bot.presentation.usage_chart import usage_chart
from bot.workers.chart_drawing import (
    BACKGROUND,
    COLOURS,
    MUTED,
    SERIES_COLOURS,
    ChartDrawer,
    draw,
    font_families,
    main,
)
from bot.workers.fair_semaphore import FairSemaphore
from bot.workers.subprocesses import Subprocesses

DARK = ImageColor.getrgb(BACKGROUND)


async def drawn(chart: Chart) -> bytes:
    """The picture, from a process of its own."""
    with Subprocesses.opened(FairSemaphore(1)) as subprocesses:
        return await ChartDrawer(subprocesses).draw(chart, user_id=1)


def opened_picture(png: bytes) -> Image.Image:
    """The pixels of a PNG."""
    with Image.open(io.BytesIO(png)) as opened:
        return opened.convert("RGB")


def samples(count: int) -> list[Sample]:
    """A minute each; the busiest one is alone."""
    return [
        Sample(60.0 * at, 60.0, 9.0 if at == 777 else 0.0, 1.0, 2.0, 3.0, at % 2, None, 40.0 if at % 3 else None)
        for at in range(count)
    ]


@pytest.mark.parametrize("locale", ["en-US", "ja"])
async def test_a_chart_is_a_dark_png_for_a_phone(locale: str) -> None:
    """In every language, and higher than wide, like the screen."""
    png = await drawn(cluster_chart(samples(1440), locale))
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    picture = opened_picture(png)
    assert 600 < picture.width < picture.height
    assert ImageStat.Stat(picture.convert("L")).mean[0] < 60
    corners = [(0, 0), (picture.width - 1, 0), (0, picture.height - 1), (picture.width - 1, picture.height - 1)]
    assert {picture.getpixel(corner) for corner in corners} == {DARK}


def test_it_has_four_panels_one_below_the_other() -> None:
    """Speed, first token, line and nodes, each in a colour of its own and in its own quarter."""
    measured = [
        replace(one, ttft=0.3, tokens_per_second=40.0, waiting=at % 5) for at, one in enumerate(samples(90))
    ]
    picture = opened_picture(draw(cluster_chart(measured, "en-US")))
    below = 0
    for colour in COLOURS:
        rows = rows_with(picture, ImageColor.getrgb(colour))
        assert rows, f"nothing is drawn in {colour}"
        assert min(rows) > below
        assert max(rows) - min(rows) < picture.height / 4
        below = max(rows)


def rows_with(picture: Image.Image, colour: tuple[int, ...]) -> list[int]:
    """The rows in which a pixel has exactly this colour."""
    length, pixels, wanted = 3 * picture.width, picture.tobytes(), bytes(colour)
    rows = [pixels[at : at + length] for at in range(0, len(pixels), length)]
    return [
        number
        for number, row in enumerate(rows)
        # Most rows have these bytes nowhere, which is quick to see.
        if wanted in row and any(row[at : at + 3] == wanted for at in range(0, length, 3))
    ]


def test_two_samples_are_enough() -> None:
    """A bot that was just started has no more."""
    assert draw(cluster_chart(samples(2), "en")).startswith(b"\x89PNG")


def test_thinning_keeps_the_time_and_the_peaks() -> None:
    """A week of minutes has more points than a screen; its busiest minute is still seen."""
    found = thinned(samples(10_080), POINTS)
    assert len(found) <= POINTS
    assert sum(one.span for one in found) == 10_080 * 60.0
    assert max(one.waiting for one in found) == 9.0
    assert thinned([], POINTS) == []


async def test_the_usage_of_a_server_is_drawn_by_the_same_program() -> None:
    """Each person has a colour, also one whose name contains a formula or begins with an underscore."""
    rows = [UsageRow(20_000, 1, "Ada $x^$", 3, 900, 1.0), UsageRow(20_000, 2, "_山田", 1, 400, 0.0)]
    png = await drawn(usage_chart(rows, last_day=20_001, days=7, locale="ja"))
    picture = opened_picture(png)
    assert picture.getpixel((0, 0)) == DARK
    for colour in SERIES_COLOURS[:2]:
        assert rows_with(picture, ImageColor.getrgb(colour))


def test_all_others_have_the_last_colour_and_one_person_needs_no_legend() -> None:
    """Nine series are more than a line of the legend holds; below one series there is only the axis of days."""
    crowd = [UsageRow(20_000, user, f"user {user}", 3, 900 - user, 1.0) for user in range(1, 12)]
    picture = opened_picture(draw(usage_chart(crowd, last_day=20_001, days=7, locale="en")))
    drawn_in = {colour for _, colour in picture.getcolors(picture.width * picture.height) or []}
    assert {ImageColor.getrgb(colour) for colour in SERIES_COLOURS} <= drawn_in
    assert max(rows_with(picture, ImageColor.getrgb(SERIES_COLOURS[2]))) > 0.95 * picture.height

    alone = opened_picture(draw(usage_chart(crowd[:1], last_day=20_001, days=7, locale="en")))
    assert max(rows_with(alone, ImageColor.getrgb(SERIES_COLOURS[0]))) < 0.95 * alone.height


def test_the_program_says_which_panel_has_no_value(
    monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """In grey words instead of a curve: an empty panel would look like a fault."""
    unmeasured = [replace(one, ttft=None, tokens_per_second=None) for one in samples(3)]
    chart = cluster_chart(unmeasured, "en")
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(chart)))
    assert main() == 0
    picture = opened_picture(capsysbinary.readouterr().out)
    assert rows_with(picture, ImageColor.getrgb(MUTED))
    assert not rows_with(picture, ImageColor.getrgb(COLOURS[0]))


def test_words_are_drawn_in_the_letters_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the reader's language where a font has them all, else in English; never as empty boxes."""
    if len(font_families("ja")) == 1:
        pytest.skip("no font of this machine has Chinese and Japanese letters")
    japanese = cluster_chart(samples(2), "ja")
    translated = draw(japanese)
    monkeypatch.setattr("bot.workers.chart_drawing.font_families", lambda _locale: ["DejaVu Sans"])
    with_latin_letters_alone = draw(japanese)
    english = cluster_chart(samples(2), "en")
    assert translated != with_latin_letters_alone == draw(english)


def test_chinese_and_japanese_have_their_own_shapes() -> None:
    """They share code points, so the reader's language decides which font is searched first."""
    families = {locale: font_families(locale) for locale in ("ja", "zh-CN")}
    if "Noto Sans CJK JP" not in families["ja"]:
        pytest.skip("these fonts are not on this machine")
    assert [families[locale][1] for locale in families] == ["Noto Sans CJK JP", "Noto Sans CJK SC"]
