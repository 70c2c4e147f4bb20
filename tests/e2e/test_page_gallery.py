"""Everything a message can hold, drawn by the page; and what is done with a keyboard and with files."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, FilePayload, Page, expect

from sandbox.discord_api import DiscordDouble
from tests.e2e.browser import BOX, chromium, complaints_of, needs_chromium, open_as, type_in
from tests.e2e.page_bot import running_page_bot

pytestmark = [pytest.mark.asyncio(loop_scope="module"), needs_chromium]

NOTES = FilePayload(name="notes.txt", mimeType="text/plain", buffer=b"some notes")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all tests of this file."""
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def discord() -> AsyncIterator[DiscordDouble]:
    """A Discord with one of everything in #general."""
    async with DiscordDouble(latency=0.0, limits=False) as double, running_page_bot(double) as bot:
        bot.grow.set()
        shown = await double.person("ben").slash("general", "gallery")
        await double.wait_until(lambda: len(shown.followups) == 2)
        yield double


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def window(browser: Browser, discord: DiscordDouble) -> AsyncIterator[Page]:
    """Ada's window, and what it complains of at the end."""
    context = await browser.new_context(
        viewport={"width": 1280, "height": 1600}, locale="en-US", timezone_id="UTC"
    )
    page = await context.new_page()
    complaints = complaints_of(page, discord)
    yield page
    assert complaints == []
    await context.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(window: Page, discord: DiscordDouble) -> Page:
    """The window in #general, anew for each test."""
    await window.goto("about:blank")
    await open_as(window, discord, "ada")
    return window


async def test_an_embed_has_its_parts(page: Page) -> None:
    """Author, linked title, Markdown, fields beside and below each other, footer, and its colour at the edge."""
    embed = page.locator(".embed")
    await expect(embed.locator(".embed-author")).to_have_text("An author")
    await expect(embed.get_by_role("link", name="A title")).to_have_attribute("href", "https://example.com/title")
    await expect(embed.locator(".embed-description strong")).to_have_text("bold")
    await expect(embed.locator(".embed-field strong")).to_have_text(["Beside", "Below"])
    await expect(embed.locator(".embed-field.is-inline")).to_have_count(1)
    await expect(embed.locator(".embed-footer")).to_have_text("A footer")
    assert await embed.evaluate("element => element.style.getPropertyValue('--accent')") == "#3ba55d"


async def test_legacy_rows_and_selects_work(page: Page) -> None:
    """A link leads away, a disabled button stays as it is, a choice reaches the bot, people can be chosen too."""
    message = page.locator(".message", has=page.locator(".embed"))
    await expect(message.get_by_role("link", name="Elsewhere")).to_have_attribute("href", "https://example.com")
    await expect(message.get_by_role("button", name="No more")).to_be_disabled()
    await message.get_by_role("button", name="Pick a letter").click()
    await expect(page.get_by_role("option")).to_have_text(["AlphaThe letter Alpha", "BetaThe letter Beta"])
    await page.get_by_role("option", name="Beta").click()
    await expect(page.locator(".message.is-ephemeral").last).to_contain_text("You chose ['Beta']")
    await message.get_by_role("button", name="Pick somebody").click()
    await page.get_by_role("option", name="Chloe").click()
    await expect(page.locator(".message.is-ephemeral")).to_have_count(2)


async def test_spoilers_are_hidden_until_somebody_wants_them(page: Page) -> None:
    """In a text, by mouse or keyboard; over a container; over a file."""
    spoiler = page.locator(".spoiler")
    await expect(spoiler.locator("[aria-hidden=true]")).to_have_text("the secret")
    await spoiler.focus()
    await page.keyboard.press("Enter")
    await expect(spoiler.locator(".spoiler-text")).not_to_have_attribute("aria-hidden", "true")
    container = page.locator("section.container", has_text="Under the cover")
    await expect(container).to_have_class("container has-accent is-covered")
    await container.get_by_role("button", name="Spoiler").click()
    await expect(container).to_have_class("container has-accent")
    await expect(container.get_by_role("button", name="Spoiler")).to_have_count(0)
    plot = page.locator(".covered", has_text="SPOILER_plot.txt")
    await plot.get_by_role("button", name="Spoiler").click()
    await expect(plot.locator(".file-card")).to_be_visible()
    await expect(plot.get_by_role("button", name="Spoiler")).to_have_count(0)


async def test_timestamps_are_written_for_the_reader(page: Page) -> None:
    """In the reader's language and time zone; the relative one says how long ago, the whole date on hovering."""
    stamps = page.locator("time.timestamp")
    await expect(stamps).to_have_count(2)
    absolute, relative = stamps.first, stamps.last
    await expect(absolute).to_have_text("November 14, 2023")
    await expect(absolute).to_have_attribute("datetime", "2023-11-14T22:13:20.000Z")
    await expect(relative).to_contain_text("years ago")
    await expect(relative).to_have_attribute("title", re.compile(r"Saturday, January 1, 2000 at 12:00\sAM"))


async def test_files_are_cards_and_pictures_are_shown(page: Page) -> None:
    """A card has name, size and a link to the content; a gallery, a thumbnail and a file in their components."""
    card = page.locator(".message", has_text="Two files").locator(".file-card").first
    await expect(card).to_contain_text("notes.txt2.00 KB")
    url = await card.get_by_role("link").get_attribute("href")
    assert url is not None
    assert await (await page.request.get(url)).body() == b"n" * 2048
    for place in (".thumbnail img", ".gallery img"):
        await expect(page.locator(place)).to_have_js_property("naturalWidth", 1)
    await expect(page.locator(".thumbnail img")).to_have_attribute("alt", "A small dot")
    await expect(page.locator("hr.separator")).to_have_count(1)
    await expect(page.locator(".file-card", has_text="report.txt")).to_be_visible()


async def test_the_typing_line_names_who_types(page: Page) -> None:
    """Until they have written."""
    await type_in(page, "/hesitate ")
    await expect(page.locator(".typing-line")).to_have_text("parallax is typing…")
    await type_in(page, "/pick gpt")
    await expect(page.locator(".typing-line")).to_have_text("")


async def test_files_are_sent_with_a_message(page: Page) -> None:
    """Chosen, shown in the tray where one may be taken back, sent, and there for everybody."""
    chooser = page.locator(".composer-line input[type=file]")
    await chooser.set_input_files([NOTES, FilePayload(name="wrong.txt", mimeType="text/plain", buffer=b"x")])
    await page.get_by_role("button", name="Remove wrong.txt").click()
    await expect(page.locator(".tray-item")).to_have_text(["notes.txt"])
    await type_in(page, "My notes")
    sent = page.locator(".message", has_text="My notes")
    await expect(sent.locator(".file-card")).to_contain_text("notes.txt10 B")
    await expect(page.locator(".tray-item")).to_have_count(0)


async def test_a_command_takes_a_file(page: Page) -> None:
    """An option of that type: the field says which file, and the bot reads it."""
    await page.locator(BOX).press_sequentially("/read ")
    form = page.get_by_role("form", name="Command read")
    await form.locator("input[type=file]").set_input_files([NOTES])
    await expect(form.get_by_role("button", name="file: choose a file")).to_have_text("notes.txt")
    await form.get_by_role("button", name="Send the command").click()
    await expect(page.locator(".message", has_text="notes.txt: some notes")).to_be_visible()


async def test_a_question_is_asked_and_answered_with_the_keyboard_alone(page: Page) -> None:
    """Typing goes to the message box from anywhere; the picker, the answer's button and its private answer."""
    await page.keyboard.type("/as")
    await expect(page.get_by_role("option").first).to_contain_text("/ask")
    await page.keyboard.press("Enter")
    await page.keyboard.type("Without a mouse?")
    await page.keyboard.press("Enter")
    reasoning = page.locator(".message", has_text="Without a mouse?").get_by_role("button", name="Reasoning")
    await expect(reasoning).to_be_visible()
    for _ in range(12):
        await page.keyboard.press("Shift+Tab")
        if await reasoning.evaluate("button => button === document.activeElement"):
            break
    await expect(reasoning).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator(".message.is-ephemeral").last).to_contain_text("Because it is faster.")
