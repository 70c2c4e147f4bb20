"""The control panel in the browser: each of its buttons and fields has its effect in the doubles."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, Response, expect

from sandbox.discord_api import DiscordDouble
from sandbox.parallax import ParallaxDouble
from tests.e2e.browser import chromium, complaints_of, needs_chromium, open_as, type_in
from tests.e2e.page_bot import running_page_bot
from tests.e2e.reading import PATIENCE

pytestmark = [pytest.mark.asyncio(loop_scope="module"), needs_chromium]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def discord() -> AsyncIterator[DiscordDouble]:
    """A Discord with limits, and a bot in it."""
    async with DiscordDouble(latency=0.0) as double, running_page_bot(double) as bot:
        bot.grow.set()
        yield double


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def parallax(discord: DiscordDouble) -> AsyncIterator[ParallaxDouble]:
    """The cluster that the panel shows, in whose time ten seconds are short."""
    async with ParallaxDouble(time_scale=40, lag=False) as double:
        discord.cluster_url = double.url
        yield double


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page(discord: DiscordDouble, parallax: ParallaxDouble) -> AsyncIterator[Page]:
    """Ada's window with the panel open."""
    async with chromium() as browser:
        opened = await browser.new_page(viewport={"width": 1440, "height": 1600})
        complaints = complaints_of(opened, discord)
        await open_as(opened, discord, "ada")
        await opened.get_by_role("button", name="Show the sandbox panel").click()
        await expect(opened.get_by_role("list", name="Nodes").locator("li")).to_have_count(3)
        yield opened
        assert complaints == []


async def press(page: Page, name: str) -> None:
    """Press a button of the panel and wait until its double has taken it."""
    async with page.expect_response(_is_turned):
        await page.get_by_role("button", name=name, exact=True).click()


async def write(page: Page, field: str, value: str) -> None:
    """Write into a field of the panel, leave it, and wait until its double has taken it."""
    where = page.get_by_label(field)
    async with page.expect_response(_is_turned):
        await where.fill(value)
        await where.press("Tab")


async def choose(page: Page, field: Locator, label: str) -> None:
    """Choose in a field of the panel."""
    async with page.expect_response(_is_turned):
        await field.select_option(label=label)


def _is_turned(response: Response) -> bool:
    return response.request.method == "POST" and response.url.endswith(("/_sandbox/discord", "/_sandbox/cluster"))


async def test_how_fast_and_how_full_the_cluster_is(page: Page, parallax: ParallaxDouble) -> None:
    """Speed, slots, what others hold, the dialect."""
    await write(page, "Speed", "77")
    assert parallax.speed == 77
    await write(page, "Slots per pipeline", "9")
    assert parallax.slots == 9
    await write(page, "Held by others", "3")
    assert sum(node.others for node in parallax.nodes.values()) == 3
    await write(page, "Held by others", "0")
    await choose(page, page.get_by_label("Dialect"), "as documented")
    assert parallax.dialect == "documented"
    await choose(page, page.get_by_label("Dialect"), "as it runs today")
    assert parallax.dialect == "current"


async def test_what_befalls_a_node(page: Page, parallax: ParallaxDouble) -> None:
    """Its front crashes and is mended, it is removed, it is killed; the list says so."""
    nodes = page.get_by_role("list", name="Nodes")
    await press(page, "Crash front of studio")
    assert not parallax.nodes["studio"].front_alive
    await expect(nodes.locator("li", has_text="studio")).to_contain_text("its front has crashed")
    await press(page, "Mend front of studio")
    assert parallax.nodes["studio"].front_alive
    await press(page, "Kill attic")
    assert not parallax.nodes["attic"].alive
    await expect(nodes.get_by_role("button", name="Kill attic")).to_have_count(0)
    await press(page, "Remove workstation")
    assert "workstation" not in {node.name for node in parallax.nodes.values() if node.alive}
    await press(page, "Add a node")
    assert parallax.nodes["spare-1"].alive
    await expect(nodes.locator("li", has_text="spare-1")).to_contain_text("ready")


async def test_the_cluster_falls_silent_and_comes_back(page: Page, parallax: ParallaxDouble) -> None:
    """Frozen until it is unfrozen or restarted; unreachable for ten of its seconds."""
    await press(page, "Freeze")
    assert parallax.frozen
    await press(page, "Unfreeze")
    assert not parallax.frozen
    await press(page, "Freeze")
    await press(page, "Restart")
    assert not parallax.frozen
    gone = _soon(parallax, lambda: not parallax.is_reachable)
    await page.get_by_role("button", name="Unreachable 10 s").click()
    await gone
    await parallax.wait_until(lambda: parallax.is_reachable, PATIENCE)
    await expect(page.get_by_role("button", name="Freeze", exact=True)).to_be_visible()


def _soon(parallax: ParallaxDouble, condition: Callable[[], bool]) -> asyncio.Task[None]:
    """Watch from now on: what is looked for may be over before a press is."""
    return asyncio.create_task(parallax.wait_until(condition, PATIENCE))


async def test_how_discord_is(page: Page, discord: DiscordDouble) -> None:
    """Latency, the two limits, an outage that is ended."""
    await write(page, "Latency", "20")
    assert discord.latency == 0.02
    await write(page, "Latency", "0")
    switches: dict[str, Callable[[], bool]] = {
        "Rate limits": lambda: discord.limits.enabled,
        "Hidden limit of webhooks": lambda: discord.limits.hidden_webhook_limit,
    }
    for name, read in switches.items():
        before = read()
        for turned in (not before, before):
            async with page.expect_response(_is_turned):
                await page.get_by_role("switch", name=name).click()
            assert read() is turned
    await press(page, "Outage 10 s")
    assert discord.faults.in_outage
    await press(page, "End the outage")
    assert not discord.faults.in_outage


async def test_what_befalls_the_bot(page: Page, discord: DiscordDouble) -> None:
    """Its message is deleted, its tokens expire, its gateway is dropped, and it comes back."""
    await type_in(page, "/ask Is it still there?")
    await expect(page.locator(".message", has_text="Is it still there?")).to_contain_text("the rest")
    (answer,) = [message for message in discord.messages("general") if message.author.bot]
    await press(page, "Expire tokens")
    (asked,) = [one for one in discord.interactions._by_id.values() if one.original is answer]
    assert asked.revoked
    await press(page, "Delete the bot's last message")
    assert answer.deleted
    await expect(page.locator(".message", has_text="Is it still there?")).to_have_count(0)
    resumes = discord.gateway.resumes
    await press(page, "Drop the gateway")
    await discord.wait_until(lambda: discord.gateway.resumes > resumes and discord.gateway.online, PATIENCE)


async def test_time_passes_as_wanted(page: Page, discord: DiscordDouble) -> None:
    """It jumps, and it runs faster."""
    for name, seconds in (("+ 1 minute", 60), ("+ 15 minutes", 900), ("+ 1 hour", 3600)):
        before = discord.clock.now()
        await press(page, name)
        assert seconds <= discord.clock.now() - before < seconds + PATIENCE
    await choose(page, page.get_by_label("Time passes"), "a minute in a second")
    assert discord.clock.scale == 60
    await choose(page, page.get_by_label("Time passes"), "as it is")
    assert discord.clock.scale == 1
