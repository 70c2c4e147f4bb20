"""CPU per token while a 100,000-character answer streams, by tenths: it must not grow with the answer."""

import asyncio
import gc
import random
import statistics
import time

from benchmarks.verdict import Bound, Result
from bot.markdown.document import AnswerDocument

CHARACTERS = 100_000
TOKEN = 4  # characters, about what a token of English is
TOKENS_PER_EDIT = 12
TENTHS = 10
ROUNDS = 3

_PARTS = (
    "Start with **logical replication**: the old table stays the source of truth while `backfill` copies rows in "
    "batches. Each batch is small, so locks are short; see [the manual](https://example.com/copy).\n\n",
    "1. Create the new table.\n2. Add a trigger that writes *both*.\n   - keep it simple\n   - measure it\n"
    "3. Switch.\n\n",
    "```python\nfor batch in batches(rows, 500):\n    with connection.transaction():\n        copy()\n```\n\n",
    "| step | rows | seconds |\n|------|-----:|--------:|\n| copy | 999 | 12.5 |\n| verify | 1000 | 3.1 |\n\n",
    "The cost is $O(n \\log n)$, which is fine. 表を分割するには、まず複製を作ります。\n\n",
    "## What can go wrong\n\n> A long transaction keeps old rows alive.\n> Watch it.\n\n",
)


def answer(characters: int = CHARACTERS) -> str:
    """A mixed answer of that length, the same at every run."""
    dice = random.Random(4)
    parts: list[str] = []
    while sum(map(len, parts)) < characters:
        parts.extend(dice.sample(_PARTS, len(_PARTS)))
    return "".join(parts)[:characters]


def tenths(text: str) -> list[float]:
    """Microseconds of CPU per token in each tenth of the answer, an edit rendered every twelve tokens."""
    tokens = [text[at : at + TOKEN] for at in range(0, len(text), TOKEN)]
    document = AnswerDocument(limit=3800, max_pages=1000)
    size = len(tokens) // TENTHS
    spent = []
    for tenth in range(TENTHS):
        began = time.process_time()
        for number, token in enumerate(tokens[tenth * size : (tenth + 1) * size]):
            document.feed(token)
            if number % TOKENS_PER_EDIT == 0:
                document.pages()
        spent.append((time.process_time() - began) / size * 1e6)
    return spent


async def run() -> list[Result]:
    """Measure, medians over a few rounds; about a second."""
    text = answer()
    gc.collect()
    gc.freeze()
    tenths(text[: len(text) // TENTHS])  # warm: regular expressions compiled, caches filled
    rounds = [tenths(text) for _ in range(ROUNDS)]
    gc.unfreeze()
    by_tenth = [statistics.median(values) for values in zip(*rounds, strict=True)]
    figures = {
        "first_tenth_us": round(by_tenth[0], 2),
        "last_tenth_us": round(by_tenth[-1], 2),
        "mean_us": round(statistics.mean(by_tenth), 2),
        "last_over_first": round(by_tenth[-1] / by_tenth[0], 3),
    }
    return [Result("rendering.cpu_per_token", figures, (Bound("last_over_first", 1.2),))]


if __name__ == "__main__":
    print([result.as_json() for result in asyncio.run(run())])
