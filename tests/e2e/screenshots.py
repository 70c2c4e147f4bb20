"""``make screenshots``: the pictures in ``docs/images``, taken of the real bot in the running sandbox.

Needs Chromium. They are made, never drawn, so that they cannot promise what is not there.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from playwright.async_api import Browser, ViewportSize, expect

from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Role
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.browser import CHROMIUM, chromium, open_as
from tests.e2e.reading import PATIENCE, ask, of_the_bot, started_again, until_over

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
DESKTOP = ViewportSize(width=1280, height=860)
WIDE = ViewportSize(width=1440, height=1040)
LOW = ViewportSize(width=1280, height=480)
PHONE = ViewportSize(width=390, height=844)

QUESTION = "What is a heap good for? Show me one in Python."
ANSWER = """\
A **heap** keeps the smallest item at hand: you read it at once, and adding or removing costs `O(log n)`. That is \
all a priority queue needs.

```python
import heapq

line = [(3, "later"), (1, "now"), (2, "soon")]
heapq.heapify(line)
while line:
    due, what = heapq.heappop(line)
    print(due, what)
```

| operation | list, sorted | heap |
|---|---|---|
| smallest | O(1) | O(1) |
| add | O(n) | O(log n) |

Use a sorted list when you also need the *largest*, or the middle.
"""

HELP_LINE = "A person will look at this too."
HELP_POST = ("Notebook loses its GPU", "After an hour `torch.cuda.is_available()` says False. What can I look at?")
HELP_ANSWER = """\
Look at what the driver says first: `dmesg | grep -i xid`. **Xid 79** means that the card fell off the bus, \
mostly power or heat; after it only a restart of the machine helps. Without any Xid, see whether the container \
was started anew without `--gpus all`."""
MISSED = "and when do I take a sorted list instead?"
MISSED_ANSWER = """\
When you also need what a heap does not keep in order: the largest, the middle, or everything between two values. \
Adding to a sorted list costs `O(n)`, which is fast enough for some thousand items.
"""


SCHEDULED = "What should everybody know about heaps today?"
REPORT = "A heap is read in `O(1)`; adding to it costs `O(log n)`."
TALK = (
    ("ben", "The old rack is too loud for the office. Can we move it to the cellar?"),
    ("olga", "There is power for two machines, not for four."),
    ("ben", "Then the two big ones go down on Friday, and the small ones stay."),
    ("olga", "Fine. Who measures the temperature down there?"),
)
SUMMARY = """\
Ben wants the loud rack out of the office [1]. In the cellar there is power for two machines, says Olga [2].

**Decided:** the two big machines move on Friday, the small ones stay [3][4].

**Open:** who measures the temperature in the cellar [4].
"""


def tokens(text: str) -> list[str]:
    """``text`` in pieces as a model would send them."""
    return [text[start : start + 4] for start in range(0, len(text), 4)]


async def take(
    browser: Browser,
    stage: Stage,
    picture: Path,
    size: ViewportSize,
    *,
    dark: bool = True,
    sharp: float = 1.5,
    channel: str = "general",
    after: str = "O(log n)",
) -> None:
    """One picture of what Ada sees in a channel, once a message there has the words ``after``."""
    window = await browser.new_context(
        viewport=size, color_scheme="dark" if dark else "light", device_scale_factor=sharp
    )
    try:
        page = await window.new_page()
        await open_as(page, stage.discord, "ada", channel)
        await expect(page.locator(".message", has_text=after).first).to_be_visible()
        if size is WIDE:
            await page.get_by_role("button", name="Show the sandbox panel").click()
            await expect(page.locator(".node").first).to_be_visible()
        await page.evaluate("document.fonts.ready.then(() => true)")
        await page.screenshot(path=picture, animations="disabled")
    finally:
        await window.close()


async def take_all(folder: Path, *, speed: float = 60) -> None:
    """Ask in the sandbox, at ``speed`` tokens per second, and take all pictures into ``folder``."""
    with tempfile.TemporaryDirectory() as state:
        async with (
            staged(
                Path(state),
                discord=DiscordDouble(latency=0.06, privileged_intents=["message_content"]),
                parallax=ParallaxDouble(tokens_per_second=speed),
                MESSAGE_CONTENT_INTENT="true",
            ) as stage,
            chromium() as browser,
        ):
            ada, ben = stage.discord.person("ada"), stage.discord.person("ben")
            general = stage.discord.channel("general")
            await (await ben.slash(general, "status")).response()
            stage.parallax.script(tokens(ANSWER))
            await until_over(stage, await ask(ada, general, QUESTION))
            await take(browser, stage, folder / "answer.png", DESKTOP)
            await take(browser, stage, folder / "answer-light.png", DESKTOP, dark=False)
            await take(browser, stage, folder / "answer-phone.png", PHONE, sharp=2)
            await take(browser, stage, folder / "sandbox.png", WIDE, sharp=1.25)
            await _ask_by_schedule(stage)
            await take(browser, stage, folder / "schedules.png", DESKTOP)
            await take_summary(browser, stage, folder / "summary.png")
            await take_missed(browser, stage, folder / "missed.png")
            await take_help(browser, folder / "help-channel.png")
            await take_brought_along(browser, folder / "user-install.png")


async def _ask_by_schedule(stage: Stage) -> None:
    """Ada makes a schedule, has it asked and looks at her list."""
    ada, general = stage.discord.person("ada"), stage.discord.channel("general")
    stage.parallax.script(tokens(REPORT))
    made = {"when": "every weekday 09:00", "question": SCHEDULED, "timezone": "Europe/Berlin"}
    await (await ada.slash(general, "schedule create", **made)).response()
    (one,) = await ada.autocomplete(general, "schedule run", "which", which="")
    await (await ada.slash(general, "schedule run", which=str(one["value"]))).response()
    await stage.discord.wait_until(lambda: any("⏰" in str(m.components) for m in stage.discord.messages(general)))
    asked = next(m for m in stage.discord.messages(general) if "⏰" in str(m.components))
    await until_over(stage, asked)
    await (await ada.slash(general, "schedule list")).response()


async def take_summary(browser: Browser, stage: Stage, picture: Path) -> None:
    """A picture of what people say, and of its summary, which only Ada sees."""
    general = stage.discord.channel("general")
    said = [await stage.discord.person(name).say(general, text) for name, text in TALK]
    stage.parallax.script(tokens(SUMMARY))
    invocation = await stage.discord.person("ada").slash(general, "summarize", since=str(said[0].id))
    await until_over(stage, await invocation.done_loading())
    await take(browser, stage, picture, DESKTOP, after="Decided")


async def take_missed(browser: Browser, stage: Stage, picture: Path) -> None:
    """A picture of a question that was asked while the bot was stopped."""
    general = stage.discord.channel("general")
    assert await stage.bot.terminate() == 0, stage.bot.log
    question = await stage.discord.person("ben").say(general, f"<@{stage.discord.world.bot.id}> {MISSED}")
    stage.parallax.script(tokens(MISSED_ANSWER))
    await started_again(stage)

    def replied() -> bool:
        return any(message.referenced is question for message in of_the_bot(stage, general))

    await stage.discord.wait_until(replied, PATIENCE)
    await until_over(stage, of_the_bot(stage, general)[-1])
    await take(browser, stage, picture, LOW)


async def take_help(browser: Browser, picture: Path) -> None:
    """A picture of a post in a forum, which was answered without a mention."""
    discord = DiscordDouble(latency=0.06, privileged_intents=["message_content"])
    role = Role(discord.world.ids.next(), "helpers", color=0x57F287, position=1, mentionable=True)
    for guild in discord.world.guilds.values():
        guild.roles[role.id] = role
    with tempfile.TemporaryDirectory() as state:
        async with staged(Path(state), discord=discord, MESSAGE_CONTENT_INTENT="true") as stage:
            ada, grace = stage.discord.person("ada"), stage.discord.person("grace")
            rules = await grace.post("help", "How to ask here", "One post for each question, please.")
            view = await (await grace.slash(rules, "settings")).response()
            await (await grace.click(view, custom_id="settings-scope", values=[str(rules.parent_id)])).acked()
            dialogue = await (await grace.click(view, "Help channel")).acked()
            answers = {"answer_posts": ["everybody"], "first_line": HELP_LINE, "helper_roles": [str(role.id)]}
            await (await grace.submit(dialogue, answers)).acked()
            stage.parallax.script(tokens(HELP_ANSWER))
            post = await ada.post("help", *HELP_POST, ["question"])
            await stage.discord.wait_until(lambda: of_the_bot(stage, post), PATIENCE)
            await until_over(stage, of_the_bot(stage, post)[0])
            await take(browser, stage, picture, LOW, channel=post.name, after=HELP_LINE)


async def take_brought_along(browser: Browser, picture: Path) -> None:
    """A picture of an answer in a server that does not have the bot."""
    discord = DiscordDouble(latency=0.06)
    world, ada = discord.world, discord.person("ada")
    other = next(guild for guild in world.guilds.values() if guild.name == "Other team")
    world.add_user(ada.user, [other])
    world.user_installs.add(ada.id)
    with tempfile.TemporaryDirectory() as state:
        asker = str(ada.id)
        async with staged(Path(state), discord=discord, USER_INSTALL="true", ALLOWED_USERS=asker) as stage:
            world.remove_member(other, world.bot)
            stage.parallax.script(tokens(REPORT))
            answer = await ask(ada, discord.channel("lobby"), "How fast is a heap?")
            await until_over(stage, answer)
            await take(browser, stage, picture, LOW, channel="lobby", after="O(log n)")


def main() -> int:
    """Make the pictures anew; returns the exit code."""
    if CHROMIUM is None:
        sys.stderr.write("Chromium is needed for pictures: install it (Debian: apt-get install chromium)\n")
        return 1
    IMAGES.mkdir(parents=True, exist_ok=True)
    asyncio.run(take_all(IMAGES))
    return 0


if __name__ == "__main__":
    sys.exit(main())
