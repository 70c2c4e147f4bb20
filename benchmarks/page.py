"""How smoothly the sandbox's page draws: 100 messages and an answer at 40 tok/s, from the browser's own trace.

Chromium's trace has an event for each animation frame that the page's main thread finished. Frames are only made
while something asks for them, so the page runs an empty animation meanwhile, as a spinner would.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from statistics import fmean

from playwright.async_api import expect

from benchmarks.latency import answer
from benchmarks.measure import percentile
from benchmarks.verdict import Bound, Result
from sandbox.discord_api import DiscordDouble
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import staged
from tests.e2e.browser import chromium, open_as

MESSAGES = 100
TOKENS = 400
SPEED = 40
LEAST_FRAMES = 30
_CATEGORIES = ["devtools.timeline", "disabled-by-default-devtools.timeline"]
_ANIMATE = """
() => {
  const loop = () => { globalThis.benchmark = requestAnimationFrame(loop); };
  loop();
}
"""


async def run() -> list[Result]:
    """Measure; about 20 seconds."""
    with tempfile.TemporaryDirectory() as folder:
        async with (
            staged(
                Path(folder),
                discord=DiscordDouble(latency=0.06),
                parallax=ParallaxDouble(tokens_per_second=SPEED, lag=False),
                LOG_LEVEL="WARNING",
            ) as stage,
            chromium() as browser,
        ):
            for number in range(MESSAGES):
                said = f"Message {number}: **bold**, `code` and a [link](https://example.com/{number})"
                await stage.discord.person("ben").say("general", said)
            page = await browser.new_page(viewport={"width": 1280, "height": 800})
            await open_as(page, stage.discord, "ada")
            await expect(page.get_by_text(f"Message {MESSAGES - 1}:")).to_be_visible()
            await browser.start_tracing(page=page, categories=_CATEGORIES)
            await page.evaluate(_ANIMATE)
            await answer(stage, "ada", "general", TOKENS, tag="[page]")
            frames = _frames(await browser.stop_tracing())
    gaps = [later - earlier for earlier, later in pairwise(frames)]
    # Bounds are upper ones: a frame may take 1/30 s on average, and the 95th percentile twice that.
    return [
        Result(
            "page.frames",
            {
                "per_second": round(1 / fmean(gaps), 1),
                "mean_ms": round(fmean(gaps) * 1000, 1),
                "p95_ms": round(percentile(gaps, 0.95) * 1000, 1),
                "longest_ms": round(max(gaps) * 1000, 1),
            },
            (Bound("mean_ms", 1000 / LEAST_FRAMES), Bound("p95_ms", 2000 / LEAST_FRAMES)),
        )
    ]


def _frames(trace: bytes) -> Sequence[float]:
    """The instants (seconds) at which the page's animation callbacks ran, oldest first."""
    events = json.loads(trace)["traceEvents"]
    return sorted({event["ts"] / 1e6 for event in events if event["name"] == "FireAnimationFrame"})
