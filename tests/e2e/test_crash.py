"""``kill -9`` at moments drawn from a seed: nothing is lost, nothing is answered twice.

``python -m benchmarks crash`` does the same with 200 seeds.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.e2e.crash_world import crash_world


@pytest.mark.timeout(120)
@pytest.mark.parametrize("seeds", [(0, 1), (2, 3), (4, 5), (6, 7), (8, 9)], ids=str)
async def test_every_question_is_answered_once(tmp_path: Path, seeds: tuple[int, int]) -> None:
    """In the message that acknowledged it, whole, with one turn in the memory; two bots beside each other."""
    folders = [tmp_path / str(seed) for seed in seeds]
    for folder in folders:
        folder.mkdir()
    accounts = await asyncio.gather(
        *(crash_world([seed], folder) for seed, folder in zip(seeds, folders, strict=True))
    )
    assert [account.complaints for account in accounts] == [[], []]
