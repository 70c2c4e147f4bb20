"""Chromium for the tests of the page: Debian's, found on the path. Its headless build costs half the CPU."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, Request, async_playwright, expect

from sandbox.discord_api import DiscordDouble

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "chromium-browser"))),
    None,
)
BOX = "#composer"
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None and "CI" not in os.environ,
    reason="Chromium is not installed (apt-get install chromium)",
)
"""Skips with a visible reason where there is no browser, and never in CI."""


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A running browser."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(_FLAGS))
        try:
            yield running
        finally:
            await running.close()


async def open_as(page: Page, discord: DiscordDouble, who: str, channel: str = "general") -> None:
    """Be somebody in a channel."""
    place = discord.channel(channel)
    await page.goto(f"{discord.page_url}?user={who}#{place.id}")
    await expect(page.locator(BOX)).to_have_attribute("aria-label", f"Message #{channel}")


async def type_in(page: Page, text: str) -> None:
    """Write into the message box and press Enter, as a person does."""
    await page.locator(BOX).press_sequentially(text)
    await page.keyboard.press("Enter")


def complaints_of(page: Page, discord: DiscordDouble) -> list[str]:
    """What the page will log as a warning or an error, and every request to another host; grows by itself."""
    complaints: list[str] = []

    def logged(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    def requested(request: Request) -> None:
        if not request.url.startswith((discord.page_url, "data:")):
            complaints.append(f"asked {request.url}")

    page.on("console", logged)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", requested)
    return complaints
