"""Every shape an answer takes, in a browser: what it says is there, inside its message, at a desk and on a phone.

The pictures stay in pytest's folder (``pytest-of-…/pytest-current/…/shapes0``) for whoever wants to look at them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, ViewportSize, expect

from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Channel, Message
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.browser import chromium, complaints_of, needs_chromium, open_as
from tests.e2e.reading import PATIENCE, ask, is_over, new_room, of_the_bot, until_over, until_shows, within

pytestmark = [pytest.mark.asyncio(loop_scope="module"), needs_chromium]

SIZES = {"desk": ViewportSize(width=1280, height=900), "phone": ViewportSize(width=390, height=844)}
FOR_EVER = 600.0
"""Seconds that no test lasts."""

TABLE = """\
Two of them:

| operation | sorted list | heap |
|---|---:|---:|
| smallest | O(1) | O(1) |
| add an item | O(n) | O(log n) |

| step | what happens | who | how long it takes | what can go wrong |
|---|---|---|---|---|
| copy | the rows are copied in batches of five hundred | a worker | two hours | a long transaction |
| switch | the names of both tables are exchanged | **you** | a second | nothing |
"""
FORMULAS = """\
The cost is $O(n \\log n)$, and $\\sum_{i=1}^{n} i = \\frac{n(n+1)}{2}$.

$$
\\int_0^1 x^2 \\, dx = \\frac{1}{3}
$$

\\[ \\begin{pmatrix} a & b \\\\ c & d \\end{pmatrix} \\]
"""
LISTS = """\
## Before a release

1. Run the *smallest* case.
   - with data
   - without
     - not at all
2. Compare the numbers:
   ```python
   assert after <= before
   ```
3. Undo it if it was not worth it.

#### Done

- [x] tested
- [ ] released

> A quote with **bold** text
> and a second line
"""
ARABIC = (
    "الذاكرة المخبئية تحفظ ما يُقرأ كثيرًا.\n\n"
    "- سريعة جدًا\n- تستخدم `cache.get(key)` للقراءة\n\n"
    "הטבלה נשמרת בזיכרון."
)
JAPANESE = (
    "表を分割するには、まず**複製**を作ります。それから`backfill`で行を少しずつ写します。"
    "終わったら、二つの表の名前を入れ替えます。長い文でも、行の終わりで正しく折り返されるはずです。\n\n"
    "中文：先建立副本，再逐批复制数据。한국어: 먼저 복제본을 만듭니다. 👩‍👩‍👧‍👦 🇯🇵 👍🏽"
)
LONG_WORD = "An address that is one word: https://example.org/" + "a-very-long-path/" * 12
CODE = (
    "```python\n"
    + "\n".join(f"line_{number} = {number}  # nothing to see here" for number in range(260))
    + "\n```"
)


@dataclass(frozen=True)
class Shape:
    """A message and what a person must find in it."""

    name: str
    message: Message
    words: Sequence[str]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium."""
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A bot that shows an answer in two messages at most, and a cluster that can do two things at once."""
    async with staged(
        tmp_path_factory.mktemp("bot"),
        discord=DiscordDouble(latency=0.0, limits=False),
        parallax=ParallaxDouble(nodes=1, slots=2, tokens_per_second=2000, lag=False),
        ANSWER_MAX_MESSAGES="2",
        SHUTDOWN_GRACE="0.1",
    ) as running:
        yield running


async def test_every_shape_is_legible(
    stage: Stage, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Its words are visible, nothing sticks out, and the page has nothing to complain of."""
    folder = tmp_path_factory.mktemp("shapes")
    room = new_room(stage)
    ended = [*await written(stage, room), *await ended_early(stage, room)]
    going_on = await under_way(stage, room)
    for size in SIZES:
        await looked_at(stage, browser, room, size, [*ended, *going_on], folder)
    await (
        await stage.discord.person("olga").slash(room, "cluster pause", reason="a fan is being changed")
    ).response()
    held = [
        Shape("held", going_on[-1].message, ["Is it my turn?", "kept: the queue is paused", "a fan", "Cancel"])
    ]
    await until_shows(stage, held[0].message, "a fan is being changed")
    for size in SIZES:
        await looked_at(stage, browser, room, size, held, folder)


async def written(stage: Stage, room: Channel) -> list[Shape]:
    """Answers that simply ended."""
    texts = {
        "table": (TABLE, ["add an item", "O(log n)", "what can go wrong", "a long transaction"]),
        "formulas": (FORMULAS, ["The cost is O(n log n)", "∫", "pmatrix"]),
        "lists": (LISTS, ["Before a release", "not at all", "assert after", "released", "a second line"]),
        "arabic": (ARABIC, ["الذاكرة", "cache.get(key)", "הטבלה"]),
        "japanese": (JAPANESE, ["複製", "中文", "한국어", "👍🏽"]),
        "long-word": (LONG_WORD, ["An address that is one word", "a-very-long-path"]),
    }
    shapes = []
    for name, (text, words) in texts.items():
        stage.parallax.script([text])
        message = await ask(stage.discord.person("ada"), room, f"Show me: {name}")
        await until_over(stage, message)
        shapes.append(Shape(name, message, [f"Show me: {name}", *words, "first token", "Regenerate"]))
    stage.parallax.script([CODE])
    await ask(stage.discord.person("ada"), room, "A program")
    await stage.discord.wait_until(lambda: is_over(of_the_bot(stage, room)[-1]), PATIENCE)
    last = of_the_bot(stage, room)[-1]
    return [*shapes, Shape("files", last, ["code-1.py", "answer.md", "first token"])]


async def ended_early(stage: Stage, room: Channel) -> list[Shape]:
    """Answers that were stopped, broke off or met the limit, and one with a second version."""
    ada, parallax = stage.discord.person("ada"), stage.parallax
    parallax.script(["As far as ", "the limit"], finish="length")
    limited = await ask(ada, room, "Cut short")
    await until_over(stage, limited)
    for _ in range(2):
        parallax.script(["Half of ", "it", " never"], fault="close@2")
    broken = await ask(ada, room, "Unlucky")
    await until_over(stage, broken)
    parallax.script(["Begun", *[(" and on", 0.1)] * 300])
    stopped = await ask(ada, room, "Enough")
    await until_shows(stage, stopped, "Begun")
    await ada.click(stopped, label="Stop")
    await until_over(stage, stopped)
    await within(PATIENCE, stage, lambda: parallax.active == 0)
    parallax.script(["The first."])
    versions = await ask(ada, room, "Twice")
    await until_over(stage, versions)
    parallax.script(["The second."])
    await ada.click(versions, label="Regenerate")
    await until_shows(stage, versions, "version 2 of 2")
    return [
        Shape("length-limit", limited, ["As far as the limit", "length limit", "Continue"]),
        Shape("broken", broken, ["Half of it", "a node of the cluster failed", "Continue"]),
        Shape("stopped", stopped, ["Begun", "stopped by @Ada", "Continue"]),
        Shape("versions", versions, ["The second.", "version 2 of 2", "Previous"]),
    ]


async def under_way(stage: Stage, room: Channel) -> list[Shape]:
    """Answers that grow, think and wait, for as long as anybody looks."""
    ada, ben, chloe = (stage.discord.person(name) for name in ("ada", "ben", "chloe"))
    stage.parallax.script(["It grows **and", " grows", (" never", FOR_EVER)], match="Write")
    streaming = await ask(ada, room, "Write")
    await until_shows(stage, streaming, "grows")
    stage.parallax.script([("never", FOR_EVER)], reasoning=["Let me see."], match="Think")
    thinking = await ask(ben, room, "Think")
    await until_shows(stage, thinking, "is thinking")
    waiting = await ask(chloe, room, "Is it my turn?")
    await until_shows(stage, waiting, "in the queue")
    return [
        Shape("streaming", streaming, ["It grows and grows", "Qwen3-8B", "Stop"]),
        Shape("thinking", thinking, ["Qwen3-8B is thinking", "Stop"]),
        Shape("waiting", waiting, ["Is it my turn?", "next in the queue", "Cancel"]),
    ]


async def looked_at(
    stage: Stage, browser: Browser, room: Channel, size: str, shapes: Sequence[Shape], folder: Path
) -> None:
    """Check each of the shapes in a window of this size, and keep its picture."""
    window = await browser.new_context(viewport=SIZES[size], color_scheme="dark")
    try:
        page = await window.new_page()
        complaints = complaints_of(page, stage.discord)
        await open_as(page, stage.discord, "ada", room.name)
        for shape in shapes:
            await legible(page, shape, folder / f"{shape.name}-{size}.png")
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert complaints == []
    finally:
        await window.close()


async def legible(page: Page, shape: Shape, picture: Path) -> None:
    """The words are in the message, and all of it is inside."""
    message = page.locator(f'.message[data-id="{shape.message.id}"]')
    for words in shape.words:
        await expect(message.get_by_text(words).first, shape.name).to_be_visible()
    # A message may be higher than the window: its end is what tells the shapes apart.
    await message.locator(".component, button").last.scroll_into_view_if_needed()
    await page.screenshot(path=picture, animations="disabled")
    assert await message.evaluate(STICKS_OUT) == [], shape.name


STICKS_OUT = """message => {
    const outer = message.getBoundingClientRect();
    const scrolls = element => /auto|scroll|hidden/.test(getComputedStyle(element).overflowX);
    const inScroller = element => {
        for (let up = element.parentElement; up && up !== message; up = up.parentElement)
            if (scrolls(up)) return true;
        return false;
    };
    return [message, ...message.querySelectorAll("*")].filter(element => {
        const box = element.getBoundingClientRect();
        if (!box.width || inScroller(element)) return false;
        const wide = element.clientWidth && !scrolls(element) && element.scrollWidth > element.clientWidth + 1;
        return wide || box.left < outer.left - 1 || box.right > outer.right + 1;
    }).map(element => `${element.tagName}.${element.className}`);
}"""
