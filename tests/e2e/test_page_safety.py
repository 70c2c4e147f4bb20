"""The page asks nothing of other hosts, and is usable without eyes or mouse."""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import AsyncIterator
from typing import Literal

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from sandbox.discord_api import DiscordDouble
from sandbox.parallax import ParallaxDouble
from tests.e2e.browser import chromium, needs_chromium, open_as, type_in
from tests.e2e.page_bot import running_page_bot

pytestmark = [pytest.mark.asyncio(loop_scope="module"), needs_chromium]

AXE = importlib.resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")

_PROBE = """
async ([elsewhere]) => {
  const refused = [];
  document.addEventListener("securitypolicyviolation", (event) => refused.push(event.effectiveDirective));
  const outcome = {};
  outcome.fetch = await fetch(`${elsewhere}_sandbox/people`).then(() => "reached", () => "refused");
  const load = (tag, properties) => new Promise((resolve) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.onload = () => resolve("reached");
    element.onerror = () => resolve("refused");
    document.body.append(element);
  });
  outcome.image = await load("img", { src: `${elsewhere}web/icon.svg` });
  outcome.script = await load("script", { src: `${elsewhere}web/theme_boot.js` });
  outcome.style = await load("link", { rel: "stylesheet", href: `${elsewhere}web/styles/theme.css` });
  const inline = document.createElement("script");
  inline.textContent = "globalThis.injected = true;";
  document.body.append(inline);
  outcome.inline = globalThis.injected ? "reached" : "refused";
  await new Promise((resolve) => setTimeout(resolve, 0));
  return { outcome, refused: [...new Set(refused)].sort() };
}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all tests of this file."""
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def discord() -> AsyncIterator[DiscordDouble]:
    """A Discord with a cluster behind it and messages of every kind in #general."""
    async with DiscordDouble(latency=0.0, limits=False) as double, ParallaxDouble() as parallax:
        double.cluster_url = parallax.url
        async with running_page_bot(double) as bot:
            bot.grow.set()
            ben = double.person("ben")
            said = await ben.say("general", "Hello **Ada** <@101> ||secret|| `code` https://example.com")
            await ben.react(said, "🎉")
            await ben.say("general", "a reply", said, [("notes.txt", b"some notes")])
            await (await ben.slash("general", "ask", prompt="Why?")).response()
            yield double


async def test_the_policy_lets_nothing_reach_another_host(browser: Browser, discord: DiscordDouble) -> None:
    """Requests, images, scripts, styles and inline code are refused by the browser itself."""
    async with DiscordDouble(latency=0.0) as elsewhere:
        page = await browser.new_page()
        await open_as(page, discord, "ada")
        probed = await page.evaluate(_PROBE, [elsewhere.page_url])
        await page.close()
    assert set(probed["outcome"].values()) == {"refused"}, probed
    assert set(probed["refused"]) == {"connect-src", "img-src", "script-src-elem", "style-src-elem"}


@pytest.mark.parametrize(
    ("scheme", "width"), [("dark", 1440), ("light", 1440), ("dark", 390)], ids=["dark", "light", "phone"]
)
async def test_axe_finds_nothing_serious(
    browser: Browser, discord: DiscordDouble, scheme: Literal["dark", "light"], width: int
) -> None:
    """The conversation, the panel, menus, the command picker and a dialogue."""
    window = await browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True, reduced_motion="reduce"
    )
    page = await window.new_page()
    await open_as(page, discord, "ada")
    await expect(page.get_by_role("button", name="Reasoning").first).to_be_visible()
    await page.evaluate(AXE)
    await _no_serious(page, "the conversation")
    await page.get_by_role("button", name="Show the sandbox panel").click()
    await expect(page.locator(".node").first).to_be_visible()
    await _no_serious(page, "the panel")
    await page.get_by_role("button", name="Close the sandbox panel").click()
    await type_in(page, "/")
    await _no_serious(page, "the picker")
    await page.keyboard.press("Escape")
    await page.locator("#composer").fill("")
    await page.locator(".message", has_text="a reply").click(button="right")
    await expect(page.get_by_role("menu")).to_be_visible()
    await _no_serious(page, "a menu")
    await page.get_by_role("menuitem", name="Ask about this").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await _no_serious(page, "a dialogue")
    if width > 1000:  # on a phone the person's menu is the same, in a drawer
        await page.keyboard.press("Escape")
        await page.get_by_role("button", name="You are Ada").click()
        await page.get_by_role("menuitem", name="Language").click()
        await expect(page.get_by_role("menuitemradio", name="English, US")).to_be_focused()
        await _no_serious(page, "the languages")
    await window.close()


async def _no_serious(page: Page, where: str) -> None:
    found = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    serious = [
        {"rule": each["id"], "nodes": [node["html"][:160] for node in each["nodes"]][:4]}
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
    ]
    assert serious == [], f"{where}: {json.dumps(serious, indent=1)}"


async def test_the_panel_is_reached_by_keyboard(browser: Browser, discord: DiscordDouble) -> None:
    """Skip link first; the panel's button takes Enter; Escape leaves a menu where it was opened."""
    page = await browser.new_page()
    await open_as(page, discord, "ada")
    skip = page.get_by_role("link", name="Skip to the message box")
    await skip.focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#composer")).to_be_focused()
    button = page.get_by_role("button", name="Show the sandbox panel")
    await button.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Sandbox")).to_be_visible()
    await expect(page.locator('[data-panel="sandbox-panel"]')).to_be_focused()
    await page.close()
