"""The documentation's site: it builds strictly, and a reader without a network finds a page by a word."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Request, expect

from tests.e2e.browser import chromium, needs_chromium
from tests.e2e.reading import PATIENCE

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built site. Every warning is a failure: dead links and anchors, pages without a menu."""
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "-q", "build", "-f", "deploy/site/mkdocs.yml", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


async def test_every_page_of_the_documents_is_there(site: Path) -> None:
    documents = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    pages = {path.relative_to(site) for path in site.rglob("*.html")}
    assert documents <= pages
    assert Path("changelog.html") in pages
    assert "0003-start-time-fair-queueing.html" in (site / "decisions/index.html").read_text(encoding="utf-8")


@needs_chromium
async def test_a_word_is_found_without_a_network(site: Path) -> None:
    asked: list[str] = []

    def requested(request: Request) -> None:
        if not request.url.startswith(("file:", "data:", "blob:", "about:")):
            asked.append(request.url)

    async with chromium() as browser:
        page = await browser.new_page(viewport={"width": 1280, "height": 800})
        page.on("request", requested)
        await page.goto((site / "index.html").as_uri())
        await page.get_by_role("textbox", name="Search").fill("litestream")
        found = page.locator(".md-search-result__link", has_text="Litestream").first
        await expect(found).to_be_visible(timeout=PATIENCE * 1000)
        await found.click()
        await expect(page.locator("h1")).to_contain_text("Backups")
    assert asked == []
