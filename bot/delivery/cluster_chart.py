"""The cluster's last day as a picture, drawn by a child process."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bot.catalogue import say
from bot.cluster.records import Sample
from bot.errors import DeliveryError
from bot.rendering.cluster_card import chart_title

DRAWN_WITHIN = 20.0
# A phone's screen is narrower than this many points.
POINTS = 360
# Latin, Greek and Cyrillic; no Chinese, no Japanese.
LETTERS = 0x0530


class ChartPainter:
    """Draws charts. A process for each: nothing of it stays in the bot's memory, nothing of it holds the loop."""

    async def paint(self, samples: Sequence[Sample], locale: str) -> bytes:
        """The samples, of which there is at least one, as a PNG.

        Raises :class:`DeliveryError` when it cannot be drawn."""
        chart = await asyncio.to_thread(_chart, samples, locale)
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot.delivery.chart_drawing",
            env={
                **os.environ,
                "PYTHONPATH": _search_path(),
                "MPLCONFIGDIR": str(_cache()),
                "PYTHONWARNINGS": "",
                # Threads for matrices there are none of take longer to start than the picture to draw.
                "OPENBLAS_NUM_THREADS": "1",
            },
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(DRAWN_WITHIN):
                png, errors = await child.communicate(chart)
        except TimeoutError as exc:
            raise DeliveryError("the chart took too long", key="error.chart") from exc
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        if child.returncode or not png:
            lines = errors.decode(errors="replace").strip().splitlines()
            raise DeliveryError(f"no chart: {lines[-1] if lines else child.returncode}", key="error.chart")
        return png


def _drawable(text: str) -> bool:
    """Whether the font that matplotlib brings along has these letters."""
    return all(ord(letter) < LETTERS for letter in text)


def _label(key: str, locale: str) -> str:
    """A label in the reader's language, where it can be drawn."""
    text = say(locale, key)
    return text if _drawable(text) else say(None, key)


def _chart(samples: Sequence[Sample], locale: str) -> bytes:
    title = chart_title(samples, locale)
    shown = thinned(samples, POINTS)
    panels: list[dict[str, object]] = [
        {
            "title": _label("chart.speed", locale),
            "values": [one.tokens_per_second for one in shown],
            "step": False,
        },
        {"title": _label("chart.ttft", locale), "values": [one.ttft for one in shown], "step": False},
        {"title": _label("chart.queue", locale), "values": [one.waiting for one in shown], "step": True},
        {"title": _label("chart.nodes", locale), "values": [one.nodes_ready for one in shown], "step": True},
    ]
    return json.dumps(
        {
            "title": title if _drawable(title) else chart_title(samples, None),
            "none": _label("chart.none", locale),
            "times": [one.at for one in shown],
            "panels": panels,
        }
    ).encode()


def thinned(samples: Sequence[Sample], most: int) -> list[Sample]:
    """At most ``most`` samples over the same time: neighbours are put together, peaks of the line are kept."""
    size = -(-len(samples) // most) if samples else 1
    return [_together(samples[start : start + size]) for start in range(0, len(samples), size)]


def _together(samples: Sequence[Sample]) -> Sample:
    return Sample(
        at=samples[0].at,
        span=sum(one.span for one in samples),
        waiting=max(one.waiting for one in samples),
        running=max(one.running for one in samples),
        nodes_ready=min(one.nodes_ready for one in samples),
        nodes_listed=min(one.nodes_listed for one in samples),
        answers=sum(one.answers for one in samples),
        ttft=_mean([one.ttft for one in samples]),
        tokens_per_second=_mean([one.tokens_per_second for one in samples]),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _cache() -> Path:
    # matplotlib looks at every font of the machine once and keeps what it found here; without a place that stays
    # it would look again for each chart.
    folder = Path(tempfile.gettempdir()) / f"parallax-discord-matplotlib-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _search_path() -> str:
    root, inherited = str(Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH")
    return root if not inherited else os.pathsep.join((root, inherited))
