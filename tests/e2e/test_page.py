"""The sandbox's page in a real browser: what people see and can do."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, expect

from sandbox.discord_api import DiscordDouble
from tests.e2e.browser import BOX, chromium, complaints_of, needs_chromium, open_as, type_in
from tests.e2e.page_bot import PageBot, running_page_bot

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    needs_chromium,
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all tests of this file."""
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def discord() -> AsyncIterator[DiscordDouble]:
    """A fresh Discord double, quick and without limits."""
    async with DiscordDouble(latency=0.0, limits=False) as double:
        yield double


@pytest_asyncio.fixture(loop_scope="module")
async def bot(discord: DiscordDouble) -> AsyncIterator[PageBot]:
    """A bot that is connected to it."""
    async with running_page_bot(discord) as connected:
        yield connected


@pytest_asyncio.fixture(loop_scope="module")
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    """A window of a desktop."""
    window = await browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme="dark")
    yield window
    await window.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(context: BrowserContext, discord: DiscordDouble, bot: PageBot) -> AsyncIterator[Page]:
    """Ada's page; the test fails if it logged an error or asked anything of another host."""
    opened = await context.new_page()
    complaints = complaints_of(opened, discord)
    await open_as(opened, discord, "ada")
    yield opened
    assert complaints == []


async def test_a_newcomer_asks_and_watches_the_answer_grow(page: Page, bot: PageBot) -> None:
    """The hint leads to /ask; the message appears, grows in place, ends with its controls."""
    await page.locator(".first-run button").click()
    await page.keyboard.type("How do I shard a table?")
    await page.keyboard.press("Enter")
    answer = page.locator(".message", has_text="First words")
    await expect(answer.locator(".headline-text")).to_have_text("Ada used /ask")
    await expect(answer.locator("blockquote")).to_have_text("How do I shard a table?")
    await expect(answer.get_by_role("button", name="Stop")).to_be_visible()
    await expect(page.locator(".first-run")).to_have_count(0)
    quote = await answer.locator("blockquote").element_handle()
    bot.grow.set()
    await expect(answer.locator("strong")).to_have_text("the rest")
    await expect(answer.locator(".code-block .code-number")).to_have_text("1")
    await expect(answer.locator(".edited")).to_be_visible()
    await expect(answer.get_by_role("button", name="Stop")).to_have_count(0)
    assert quote is not None
    assert await quote.evaluate("node => node.isConnected"), "what did not change was not drawn again"


async def test_a_press_is_answered_privately_and_can_be_dismissed(page: Page, bot: PageBot) -> None:
    """An ephemeral answer says that only its reader sees it."""
    bot.grow.set()
    await type_in(page, "/ask why")
    await page.get_by_role("button", name="Reasoning").click()
    private = page.locator(".message.is-ephemeral")
    await expect(private).to_contain_text("Because it is faster.")
    await expect(private).to_contain_text("Only you can see this")
    await private.get_by_role("button", name="Dismiss message").click()
    await expect(private).to_have_count(0)


async def test_what_the_bot_leaves_unanswered_is_said(page: Page, bot: PageBot, discord: DiscordDouble) -> None:
    """Three seconds without an acknowledgement: the command's notice, the press's line, as Discord has them."""
    bot.grow.set()
    await type_in(page, "/silent ")
    await expect(page.locator(".message.is-pending")).to_contain_text("Sending command")
    discord.clock.advance(3.1)
    notice = page.locator(".message", has_text="The application did not respond")
    await notice.get_by_role("button", name="Dismiss message").click()
    await expect(notice).to_have_count(0)
    await type_in(page, "/ask why")
    broken = page.get_by_role("button", name="Broken")
    await broken.click()
    await expect(broken).to_have_attribute("aria-busy", "true")
    discord.clock.advance(3.1)
    await expect(page.locator(".press-failed")).to_have_text("This interaction failed")
    await expect(broken).not_to_have_attribute("aria-busy", "true")


async def test_autocomplete_and_required_options(page: Page) -> None:
    """Suggestions come from the bot; a command without what it needs is not sent."""
    await type_in(page, "/pick ")
    await expect(page.locator(".picker .option")).to_have_count(2)
    await page.keyboard.press("Escape")
    await page.keyboard.press("Enter")
    await expect(page.locator(".option-error")).to_have_text("This option is required.")
    await page.keyboard.type("gpt")
    await expect(page.locator(".picker .option")).to_have_text(["openai/gpt-oss-20b"])
    await page.keyboard.press("Enter")
    await page.keyboard.press("Enter")
    await expect(page.locator(".message", has_text="You picked openai/gpt-oss-20b")).to_be_visible()


async def test_a_message_command_opens_a_modal(page: Page, discord: DiscordDouble) -> None:
    """The message's menu lists the bot's commands; the form closes once the bot took it."""
    await discord.person("ben").say(discord.channel("general"), "The **build** is red")
    await page.locator(".message", has_text="The build is red").click(button="right")
    await page.get_by_role("menuitem", name="Ask about this").click()
    dialog = page.get_by_role("dialog", name="Ask about this")
    await dialog.get_by_role("button", name="Submit").click()
    await expect(dialog.locator(".field-error")).to_have_text("This field is required.")
    await dialog.get_by_label("Question").fill("Why?")
    await dialog.get_by_role("button", name="Submit").click()
    await expect(dialog).to_have_count(0)
    await expect(page.locator(".message.is-ephemeral")).to_contain_text("You asked: Why?")


async def test_two_people_talk_and_private_answers_stay_private(
    page: Page, browser: Browser, bot: PageBot, discord: DiscordDouble
) -> None:
    """Two windows: messages, replies, edits and deletions reach both; ephemeral answers only their reader."""
    window = await browser.new_context(viewport={"width": 1280, "height": 800})
    other = await window.new_page()
    await open_as(other, discord, "ben")
    bot.grow.set()
    await type_in(page, "/ask why")
    await page.get_by_role("button", name="Reasoning").click()
    await expect(page.locator(".message.is-ephemeral")).to_have_count(1)
    await other.locator(BOX).press_sequentially("Hello @ad")
    await expect(other.locator(".picker .option").first).to_contain_text("@Ada")
    await other.keyboard.press("Enter")
    await other.keyboard.press("Enter")
    hello = page.locator(".message", has_text="Hello @Ada")
    await expect(hello).to_have_class(re.compile("mentions-me"))
    await expect(other.locator(".message.is-ephemeral")).to_have_count(0)
    await hello.hover()
    await hello.get_by_role("button", name="Reply").click()
    await type_in(page, "Hi")
    await expect(other.locator(".message", has_text="Hi").locator("button.headline")).to_contain_text("Hello @Ada")
    await other.locator(BOX).press("ArrowUp")
    await other.get_by_label("Edit the message").fill("Hello again")
    await other.keyboard.press("Enter")
    await expect(page.locator(".message .markdown", has_text="Hello again")).to_be_visible()
    again = other.locator(".message:not(:has(.headline))", has_text="Hello again")
    await again.click(button="right")
    await other.get_by_role("menuitem", name="Delete message").click()
    await expect(again).to_have_count(0)
    await window.close()


async def test_reading_above_is_never_disturbed(page: Page, bot: PageBot, discord: DiscordDouble) -> None:
    """Scrolled up, nothing moves when messages come; at the bottom the view stays there."""
    ben = discord.person("ben")
    for number in range(60):
        await ben.say(discord.channel("general"), f"Message {number}")
    await expect(page.get_by_text("Message 59", exact=True)).to_be_in_viewport()
    await page.locator(".messages-scroller").evaluate("element => { element.scrollTop -= 600; }")
    await expect(page.locator(".jump-to-present")).to_be_visible()
    before = await page.locator(".messages-scroller").evaluate("element => element.scrollTop")
    bot.grow.set()
    await discord.person("ada").slash(discord.channel("general"), "ask", prompt="why")
    await expect(page.locator(".message", has_text="the rest")).to_have_count(1)
    assert await page.locator(".messages-scroller").evaluate("element => element.scrollTop") == before
    await page.locator(".jump-to-present").click()
    await expect(page.get_by_role("button", name="Reasoning")).to_be_in_viewport()


async def test_being_someone_else(page: Page) -> None:
    """The switcher lists people with their parts; channels and the address follow."""
    await expect(page.locator("button.channel")).to_have_text(["general", "random", "help"])
    await page.get_by_role("button", name="You are Ada, Member").click()
    await page.get_by_role("menuitemradio", name="Grace Administrator").click()
    await expect(page.locator("button.channel")).to_have_text(["general", "random", "ops", "help"])
    await page.get_by_role("button", name="You are Grace").press("Enter")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("menu")).to_have_count(0)
    await page.get_by_role("button", name="Use the light theme").click()
    await expect(page.locator("html")).to_have_attribute("data-theme", "light")


async def test_a_forum_is_a_list_of_posts(page: Page) -> None:
    """The box begins one, which opens; afterwards the forum lists it."""
    await page.locator("button.channel", has_text="help").first.click()
    await expect(page.get_by_text("There are no posts yet.")).to_be_visible()
    await type_in(page, "The printer is dead")
    await expect(page.locator("h1")).to_have_text("The printer is dead")
    await expect(page.locator(".message", has_text="The printer is dead")).to_be_visible()
    await page.locator("button.channel", has_text="help").first.click()
    await expect(page.locator(".forum-post")).to_contain_text("The printer is dead")
    await expect(page.locator(".forum-post")).to_contain_text("Ada · 0 replies")


async def test_the_sandbox_panel_shows_the_bots_requests(page: Page, bot: PageBot) -> None:
    """Open, it lists the requests and counts 429s."""
    bot.grow.set()
    await page.get_by_role("button", name="Show the sandbox panel").click()
    await expect(page.locator(".trace li").first).to_be_visible()
    await expect(page.locator(".figure", has_text="429").locator("dd")).to_have_text("0")


async def test_a_phone_has_one_column_and_drawers(browser: Browser, discord: DiscordDouble, bot: PageBot) -> None:
    """At 390 pixels nothing is wider than the screen, and channels are a drawer."""
    bot.grow.set()
    phone = await browser.new_context(viewport={"width": 390, "height": 780}, has_touch=True, is_mobile=True)
    page = await phone.new_page()
    await open_as(page, discord, "ada")
    await type_in(page, "/ask How wide is a phone?")
    await expect(page.get_by_role("button", name="Reasoning")).to_be_in_viewport()
    assert await page.evaluate("document.documentElement.scrollWidth") == 390
    await page.get_by_role("button", name="Show servers and channels").click()
    await page.get_by_role("button", name="random").click()
    await expect(page.locator(BOX)).to_have_attribute("aria-label", "Message #random")
    await expect(page.get_by_role("button", name="random")).not_to_be_in_viewport()
    await phone.close()


async def test_people_react_start_threads_and_use_menus_on_each_other(
    page: Page, bot: PageBot, discord: DiscordDouble
) -> None:
    """What a person can do with a message and with another person."""
    await discord.person("ben").say(discord.channel("general"), "Shall we ship it?")
    said = page.locator(".message", has_text="Shall we ship it?")
    await said.hover()
    await said.get_by_role("button", name="Add a reaction").click()
    await page.get_by_role("menuitem", name="React with 🎉").click()
    mine = said.get_by_role("button", name="🎉, 1")
    await expect(mine).to_have_attribute("aria-pressed", "true")
    await discord.person("ben").react(discord.messages("general")[-1], "🎉")
    both = said.get_by_role("button", name="🎉, 2")
    await both.click()
    await expect(mine).to_have_attribute("aria-pressed", "false")
    await page.get_by_role("button", name="Mention Ben").click(button="right")
    await page.get_by_role("menuitem", name="Wave at").click()
    await expect(page.locator(".message", has_text="You waved at Ben")).to_be_visible()
    await said.click(button="right")
    await page.get_by_role("menuitem", name="Start a thread").click()
    await expect(page.locator(BOX)).to_have_attribute("aria-label", "Message #Shall we ship it?")
    await type_in(page, "Not on a Friday")
    await page.get_by_role("button", name="general", exact=True).click()
    await expect(said.locator(".thread-card")).to_contain_text("1 message")


async def test_newcomers_appear_in_the_list_at_once(page: Page, discord: DiscordDouble) -> None:
    """Who joins the server is there without a reload, and so is who can be switched to."""
    discord.new_person("Zoe")
    await expect(page.get_by_role("button", name="Mention Zoe")).to_be_visible()
    await page.get_by_role("button", name="You are Ada, Member").click()
    await expect(page.get_by_role("menuitemradio", name="Zoe")).to_be_visible()
