"""``make screenshots`` still works, and makes every picture that the documents show."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageStat

from tests.e2e import screenshots
from tests.e2e.browser import needs_chromium

pytestmark = needs_chromium


@pytest.fixture
async def taken(tmp_path: Path) -> Path:
    """A folder with the pictures, made of an answer that comes at once."""
    await screenshots.take_all(tmp_path, speed=2000)
    return tmp_path


async def test_every_picture_of_the_documents_can_be_made_anew(taken: Path) -> None:
    """The same names in the same sizes; light is light, dark is dark, and none is empty."""
    assert {picture.name: size_of(picture) for picture in taken.iterdir()} == {
        picture.name: size_of(picture) for picture in screenshots.IMAGES.glob("*.png")
    }
    brightness = {}
    for picture in taken.iterdir():
        with Image.open(picture) as opened:
            statistics = ImageStat.Stat(opened.convert("L"))
        assert statistics.stddev[0] > 10, f"{picture.name} is empty"
        brightness[picture.name] = statistics.mean[0]
    assert brightness.pop("answer-light.png") > 200
    assert max(brightness.values()) < 80


def size_of(picture: Path) -> tuple[int, int]:
    """Its width and height in pixels."""
    with Image.open(picture) as opened:
        return opened.size
