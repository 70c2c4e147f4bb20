"""The whole bot as people see it: the real process, a cluster, and a browser."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Channel
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.browser import BOX, chromium, complaints_of, needs_chromium, open_as, type_in

pytestmark = [pytest.mark.asyncio(loop_scope="module"), needs_chromium]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all tests of this file."""
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A bot beside a ready cluster, both quick."""
    async with staged(
        tmp_path_factory.mktemp("bot"),
        discord=DiscordDouble(latency=0.02),
        parallax=ParallaxDouble(tokens_per_second=40, lag=False),
        SHUTDOWN_GRACE="2",
    ) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def ada(browser: Browser, stage: Stage, room: Channel) -> AsyncIterator[Page]:
    """Ada's window, in a channel of its own."""
    async for page in _window(browser, stage, room, "ada"):
        yield page


@pytest_asyncio.fixture(loop_scope="module")
async def olga(browser: Browser, stage: Stage, room: Channel) -> AsyncIterator[Page]:
    """An operator's window."""
    async for page in _window(browser, stage, room, "olga"):
        yield page


@pytest_asyncio.fixture(loop_scope="module")
async def grace(browser: Browser, stage: Stage, room: Channel) -> AsyncIterator[Page]:
    """The window of who owns the server."""
    async for page in _window(browser, stage, room, "grace"):
        yield page


async def _window(browser: Browser, stage: Stage, room: Channel, who: str) -> AsyncIterator[Page]:
    window = await browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="dark")
    page = await window.new_page()
    complaints = complaints_of(page, stage.discord)
    await open_as(page, stage.discord, who, room.name)
    yield page
    assert complaints == []
    await window.close()


def _answer(page: Page, question: str) -> Locator:
    return page.locator(".message", has=page.locator("blockquote", has_text=question))


def _words(count: int) -> list[str]:
    return [f"word{number} " for number in range(count)]


async def test_an_answer_grows_and_can_be_stopped_and_asked_anew(ada: Page, stage: Stage) -> None:
    """The text grows in place; Stop keeps what exists; Regenerate answers again."""
    stage.parallax.script(_words(2000))
    await type_in(ada, "/ask Why is the sky blue?")
    answer = _answer(ada, "Why is the sky blue?")
    await expect(answer).to_contain_text("word5")
    shown = (await answer.inner_text()).count("word")
    await expect(answer).to_contain_text(f"word{shown + 10} ")
    await answer.get_by_role("button", name="Stop").click()
    await expect(answer).to_contain_text("stopped by @Ada")
    await expect(answer).to_contain_text("word5")
    stage.parallax.script(["Because ", "of ", "Rayleigh."])
    await answer.get_by_role("button", name="Regenerate").click()
    await expect(ada.locator(".message", has_text="Because of Rayleigh.")).to_be_visible()


async def test_a_question_waits_in_line_and_can_be_withdrawn(ada: Page, olga: Page) -> None:
    """While an operator holds the line it says so, to everybody; Cancel takes the question back."""
    await type_in(olga, "/cluster pause a fan is being changed")
    try:
        await type_in(ada, "/ask Is anybody there?")
        for page in (ada, olga):
            await expect(_answer(page, "Is anybody there?")).to_contain_text("a fan is being changed")
        waiting = _answer(ada, "Is anybody there?")
        await type_in(ada, "/queue ")
        await expect(ada.locator(".message.is-ephemeral")).to_contain_text("Is anybody there?")
        await waiting.get_by_role("button", name="Cancel").click()
        await expect(waiting).to_contain_text("cancelled by @Ada")
        await expect(waiting.get_by_role("button", name="Cancel")).to_have_count(0)
    finally:
        await type_in(olga, "/cluster resume ")


async def test_what_the_model_thought_is_shown_to_who_asks(ada: Page, stage: Stage) -> None:
    """Reasoning answers privately, below the answer."""
    stage.parallax.script(["Four."], reasoning=["Two and ", "two make ", "four."])
    await type_in(ada, "/ask What is two and two?")
    answer = _answer(ada, "What is two and two?")
    await answer.get_by_role("button", name="Reasoning").click()
    private = ada.locator(".message.is-ephemeral")
    await expect(private).to_contain_text("Two and two make four.")
    await expect(private).to_contain_text("Only you can see this")


async def test_the_status_follows_the_cluster(ada: Page, stage: Stage) -> None:
    """A machine that was added in the panel is on the card after a refresh."""
    await type_in(ada, "/status ")
    card = ada.locator(".message", has_text="Qwen/Qwen3-8B")
    await expect(card).to_contain_text("usable")
    await ada.get_by_role("button", name="Show the sandbox panel").click()
    await expect(ada.get_by_role("list", name="Nodes").locator("li")).to_have_count(3)
    await ada.get_by_label("GPU of the new node").select_option(label="NVIDIA H100")
    await ada.get_by_role("button", name="Add a node").click()
    await expect(ada.get_by_role("list", name="Nodes")).to_contain_text("spare-1")
    with_it = ada.locator(".message", has_text="NVIDIA H100 · 80 GB · ready").first
    for _ in range(4):  # the scheduler tells its state once a second: whoever was too quick looks again
        await type_in(ada, "/status ")
        with contextlib.suppress(AssertionError):
            await expect(with_it).to_be_visible(timeout=1500)
            break
    await expect(with_it).to_be_visible()
    await ada.get_by_role("button", name="Remove spare-1").click()
    await expect(ada.get_by_role("list", name="Nodes").locator("li")).to_have_count(3)


async def test_a_live_status_follows_the_cluster_by_itself(ada: Page, stage: Stage) -> None:
    """After Live nobody has to ask again: a machine that comes and goes is on the card."""
    await type_in(ada, "/status ")
    card = ada.locator(".message", has_text="Qwen/Qwen3-8B")
    await card.get_by_role("button", name="Live").click()
    stage.parallax.add_node("visitor", "NVIDIA A100", 80.0)
    await expect(card).to_contain_text("NVIDIA A100 · 80 GB")
    stage.parallax.remove_node("visitor")
    await expect(card).not_to_contain_text("NVIDIA A100")


async def test_a_board_is_placed_and_kept_current(ada: Page, olga: Page, stage: Stage) -> None:
    """An operator places it, everybody sees it change."""
    await type_in(olga, "/cluster board ")
    await expect(olga.locator(".message.is-ephemeral")).to_contain_text("The board is here")
    board = ada.locator(".message", has_text="Qwen/Qwen3-8B")
    await expect(board).to_contain_text("usable")
    stage.parallax.add_node("guest", "NVIDIA L40S", 48.0)
    await expect(board).to_contain_text("NVIDIA L40S", timeout=15_000)
    stage.parallax.remove_node("guest")
    await expect(board).not_to_contain_text("NVIDIA L40S", timeout=15_000)


async def _init(page: Page, model: str) -> None:
    """Fill in ``/cluster init`` and send it."""
    await page.locator(BOX).press_sequentially("/cluster init ")
    form = page.get_by_role("form", name="Command cluster init")
    await form.get_by_label("model", exact=True).fill(model)
    await form.get_by_label("nodes", exact=True).fill("1")
    await page.keyboard.press("Enter")


async def test_a_model_switch_is_not_even_offered_to_members(ada: Page) -> None:
    """The picker has the commands for everybody."""
    await ada.locator(BOX).press_sequentially("/")
    options = ada.locator(".picker .option")
    await expect(options.filter(has_text="/models")).to_have_count(1)
    await expect(options.filter(has_text="/cluster")).to_have_count(0)


async def test_a_model_switch_is_refused_to_the_servers_owner(grace: Page, stage: Stage) -> None:
    """Said privately, and nothing happens."""
    await _init(grace, "Qwen/Qwen3-4B")
    await expect(grace.locator(".message.is-ephemeral")).to_contain_text("This is for the cluster's operators.")
    assert stage.parallax.model == "Qwen/Qwen3-8B"


async def test_an_operator_is_asked_before_a_model_switch(olga: Page, stage: Stage) -> None:
    """What it interrupts, and a way out."""
    await _init(olga, "Qwen/Qwen3-4B")
    asked = olga.locator(".message.is-ephemeral")
    await expect(asked).to_contain_text("Switch Qwen/Qwen3-8B → Qwen/Qwen3-4B?")
    await asked.get_by_role("button", name="Not now").click()
    await expect(asked).to_contain_text("Nothing was changed.")
    assert stage.parallax.model == "Qwen/Qwen3-8B"


async def test_two_people_ask_at_once_and_see_each_other(ada: Page, olga: Page, stage: Stage) -> None:
    """Each answer is in both windows; only its asker can stop it."""
    stage.parallax.script(_words(400), match="first")
    stage.parallax.script(_words(400), match="second")
    await type_in(ada, "/ask the first question")
    await type_in(olga, "/ask the second question")
    for page in (ada, olga):
        await expect(_answer(page, "the first question")).to_contain_text("word5")
        await expect(_answer(page, "the second question")).to_contain_text("word5")
    await _answer(ada, "the second question").get_by_role("button", name="Stop").click()
    await expect(ada.locator(".message.is-ephemeral")).to_contain_text("Only the person who asked")
    await _answer(olga, "the first question").get_by_role("button", name="Stop").click()
    await expect(_answer(ada, "the first question")).to_contain_text("stopped by @Olga")
    await _answer(olga, "the second question").get_by_role("button", name="Stop").click()
    await expect(_answer(ada, "the second question")).to_contain_text("stopped by @Olga")


async def test_trouble_from_the_panel_reaches_the_answer(ada: Page, stage: Stage) -> None:
    """A scripted answer is given; when streams are broken the bot asks again and says what happened."""
    await ada.get_by_role("button", name="Show the sandbox panel").click()
    await ada.get_by_label("The next answer", exact=True).fill("Scripted in the panel, word for word. " * 12)
    await ada.get_by_role("button", name="Script it").click()
    await expect(ada.locator(".toast")).to_contain_text("The next question gets this answer.")
    await type_in(ada, "/ask Who wrote you?")
    answer = _answer(ada, "Who wrote you?")
    await expect(answer).to_contain_text("Scripted in the panel, word for word.")
    await expect(answer.get_by_role("button", name="Regenerate")).to_be_visible()
    drawn = ada.locator(".staleness li", has_text="Who wrote you?")
    await expect(drawn.locator("rect").first).to_be_attached()
    await expect(drawn).to_contain_text("longest")
    asked = len(stage.parallax.requests)
    stage.parallax.script(_words(400))
    stage.parallax.script(["Back ", "again."])
    await type_in(ada, "/ask Will you finish?")
    broken = _answer(ada, "Will you finish?")
    await expect(broken).to_contain_text("word5")
    await ada.get_by_role("button", name="Break streams").click()
    await expect(broken.get_by_role("button", name="Regenerate")).to_be_visible()
    assert len(stage.parallax.requests) > asked
    assert stage.parallax.requests[asked].outcome == "lost"


async def test_a_german_person_picks_frage(browser: Browser, stage: Stage, room: Channel) -> None:
    """Whose language is chosen in the person's menu: the picker, the options and the answer are in it, the English
    names are found as well, and the bot is sent these."""
    stage.discord.new_person("Jana")
    async for page in _window(browser, stage, room, "jana"):
        await page.get_by_role("button", name="You are Jana").click()
        await page.get_by_role("menuitem", name="Language English, US").click()
        await page.get_by_role("menuitemradio", name="Deutsch").click()
        await expect(page.get_by_role("button", name="/frage")).to_be_visible()
        await page.locator(BOX).press_sequentially("/fra")
        await expect(page.get_by_role("option").first).to_contain_text("/frage")
        await expect(page.get_by_role("option").first).to_contain_text("Frag den KI-Cluster deines Teams.")
        await page.keyboard.press("Enter")
        form = page.get_by_role("form", name="Command frage")
        await expect(form).to_contain_text("+ nachdenken")
        stage.parallax.script(["Wegen ", "Rayleigh."])
        await form.get_by_role("combobox", name="text").press_sequentially("Warum ist der Himmel blau?")
        await page.keyboard.press("Enter")
        answer = _answer(page, "Warum ist der Himmel blau?")
        await expect(answer).to_contain_text("Wegen Rayleigh.")
        await expect(answer).to_contain_text("Jana used /frage")
        await expect(answer.get_by_role("button", name="Neu generieren")).to_be_visible()
        await page.locator(BOX).press_sequentially("/queue")
        await expect(page.get_by_role("option").first).to_contain_text("/warteschlange")
        await page.keyboard.press("Enter")
        await page.keyboard.press("Enter")
        await expect(page.locator(".message.is-ephemeral")).to_contain_text("Von dir wartet oder läuft gerade")


async def test_a_phone_is_wide_enough(browser: Browser, stage: Stage, room: Channel) -> None:
    """At 390 pixels: ask, read, press; nothing is wider than the screen."""
    phone = await browser.new_context(viewport={"width": 390, "height": 780}, has_touch=True, is_mobile=True)
    page = await phone.new_page()
    await open_as(page, stage.discord, "ada", room.name)
    stage.parallax.script(["```py\n", "x = ", "'a very long line' * 100  # that is much too long\n", "```"])
    await type_in(page, "/ask Is a phone enough?")
    answer = _answer(page, "Is a phone enough?")
    await expect(answer.get_by_role("button", name="Regenerate")).to_be_in_viewport()
    assert await page.evaluate("document.documentElement.scrollWidth") == 390
    await page.get_by_role("button", name="Show the sandbox panel").tap()
    await expect(page.get_by_role("heading", name="Sandbox")).to_be_in_viewport()
    await expect(page.get_by_role("list", name="Nodes")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") == 390
    await phone.close()


async def test_an_operator_switches_the_model_to_the_end(olga: Page, stage: Stage) -> None:
    """Confirmed by typing the name, told what to do at each step, and usable in the end."""
    await _init(olga, "Qwen/Qwen3-4B")
    card = olga.locator(".message.is-ephemeral")
    await card.get_by_role("button", name="Switch …").click()
    dialog = olga.get_by_role("dialog", name="Type the model's name")
    await dialog.get_by_label("The model's name, to confirm").fill("Qwen/Qwen3-4B")
    await dialog.get_by_role("button", name="Submit").click()
    await expect(card).to_contain_text("stop all workers now")
    workers = [(node.name, node.gpu, node.memory) for node in stage.parallax.nodes.values() if node.alive]
    for name, _, _ in workers:
        stage.parallax.remove_node(name)
    await expect(card).to_contain_text("model set, start the workers again", timeout=15_000)
    await expect(card).to_contain_text("parallax join")
    for name, gpu, memory in workers:
        stage.parallax.add_node(name, gpu, memory)
    await expect(card).to_contain_text("Qwen/Qwen3-4B is usable", timeout=15_000)
    stage.parallax.script(["Smaller ", "now."])
    await type_in(olga, "/ask Which model are you?")
    await expect(_answer(olga, "Which model are you?")).to_contain_text("Smaller now.")
