"""Building a question's window from a long conversation in a large database, and how good the estimate gets.

Bounds (docs of issue "Conversations a team can live in"): a window from 100,000 turns among 1,000,000 is built in
5 ms (median), and takes no longer than from the same conversation in a small table; after 20 answers the estimate
is within 5 % of the scheduler's count, on each of the sandbox's tokenizers.
"""

from __future__ import annotations

import random
import sqlite3
import statistics
import tempfile
import time
from contextlib import closing
from pathlib import Path

from benchmarks.verdict import Bound, Result
from bot.domain.conversation.store import Turn
from bot.domain.conversation.tokens import TokenEstimator
from bot.domain.conversation.window import build_window
from bot.storage.database import Database
from bot.storage.migrate import upgrade_sync
from sandbox.parallax.tokenizer import TOKENIZERS, TokenizerName

MEASURED = 200
LONG = 100_000
MEDIAN_MS = 5.0
FLAT = 2.0
"""Times the small table's median that the large one's may be: noise of a shared machine included."""
ANSWERS = 20
ERROR = 0.05
BUDGET = 6000
PROMPT = "You are a helpful assistant in a team's Discord channel."
WORDS = (
    *("shard", "table", "without", "downtime", "logical", "replication", "lag", "vacuum", "index", "plan"),
    *("query", "cache", "node", "model", "a", "is", "the", "of", "it", "and", "which", "because"),
)


def filled(folder: Path, *, turns: int) -> str:
    """A database with ``turns`` turns; conversation 1 has 100,000 of them (or all), mixed with the others."""
    url = f"sqlite+aiosqlite:///{folder / f'{turns}.db'}"
    upgrade_sync(url)
    rng = random.Random(7)
    others = max(1, turns // LONG)
    with closing(sqlite3.connect(folder / f"{turns}.db")) as connection, connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.executemany(
            "INSERT INTO conversations (id, channel_id, private_to) VALUES (?, ?, 0)",
            [(number, number) for number in range(1, others + 1)],
        )
        texts = [" ".join(rng.choices(WORDS, k=60)) for _ in range(100)]
        connection.executemany(
            "INSERT INTO turns (conversation_id, root_id, request_id, asker_id, asker_name, question, material,"
            " answer, finish, completion_tokens, created_at) VALUES (?, ?, ?, 1, 'Ada', ?, '', ?, 'stop', 60, 1)",
            (
                (
                    number % others + 1,
                    f"{number:016x}",
                    f"{number:016x}",
                    texts[number % 97][:80],
                    texts[number % 89],
                )
                for number in range(turns)
            ),
        )
    return url


async def median_ms(url: str) -> float:
    """The median time to read the turns and choose the window."""
    estimate = TokenEstimator().for_model(None)
    spent: list[float] = []
    async with Database.open(url) as database:
        for _ in range(MEASURED):
            began = time.perf_counter()
            turns = await database.conversations.recent_turns(1, limit=200)
            window = build_window(
                turns, "And now?", asker="Ada", system_prompt=PROMPT, budget=BUDGET, estimate=estimate
            )
            spent.append((time.perf_counter() - began) * 1000)
            assert window.tokens <= BUDGET  # noqa: S101  # a benchmark of something that works
    return statistics.median(spent)


def error_after(answers: int, tokenizer: TokenizerName) -> float:
    """The worst relative error of the next ten estimates in a conversation that had ``answers`` calibrations."""
    rng, estimator = random.Random(11), TokenEstimator()
    turns: list[Turn] = []
    errors: list[float] = []
    for number in range(answers + 10):
        question = " ".join(rng.choices(WORDS, k=rng.randint(5, 60)))
        calibrated = estimator.for_model(None)
        window = build_window(
            turns, question, asker="Ada", system_prompt=PROMPT, budget=BUDGET, estimate=calibrated
        )
        reported = TOKENIZERS[tokenizer].prompt_tokens(message.content for message in window.messages)
        if number >= answers:
            errors.append(abs(window.tokens - reported) / reported)
        estimator.observe("m", window.tokens, reported, ratio=calibrated.ratio)
        answer = " ".join(rng.choices(WORDS, k=rng.randint(20, 200)))
        turns.insert(0, Turn(number, f"{number}", 1, "Ada", question, answer, "stop", None, None, 0.0))
    return max(errors)


async def run() -> list[Result]:
    """Measure both."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small = await median_ms(filled(folder, turns=LONG))
        large = await median_ms(filled(folder, turns=10 * LONG))
    figures = {"median_ms": large, "small_table_median_ms": small, "large_to_small": large / small}
    window = Result(
        "window from 100,000 turns in 1,000,000",
        figures,
        (Bound("median_ms", MEDIAN_MS), Bound("large_to_small", FLAT)),
    )
    errors = {str(tokenizer): error_after(ANSWERS, tokenizer) for tokenizer in TokenizerName}
    bounds = tuple(Bound(tokenizer, ERROR) for tokenizer in errors)
    return [window, Result(f"relative error of the estimate after {ANSWERS} answers", errors, bounds)]
