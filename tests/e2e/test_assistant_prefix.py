"""PARALLAX_ASSISTANT_PREFIX: a cluster whose nodes go on with an answer that was begun."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.doctor import examine
from bot.settings import Settings
from sandbox.discord_api import DiscordDouble
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.reading import PATIENCE, ask, body, footer, new_room, until_over

QUESTION = "What is a pipeline? [[n=90]]"


async def until_half_said(stage: Stage, request: int) -> None:
    """Wait until the cluster has sent half the answer to this request (from 0)."""
    requests = stage.parallax.requests
    await stage.parallax.wait_until(lambda: len(requests) > request and requests[request].tokens >= 45, PATIENCE)


async def test_broken_and_stopped_answers_become_the_same_as_whole_ones(tmp_path: Path) -> None:
    """Not a word is lost, repeated or asked for again."""
    async with staged(
        tmp_path,
        discord=DiscordDouble(latency=0.0),
        parallax=ParallaxDouble(tokens_per_second=60, lag=False),
        PARALLAX_ASSISTANT_PREFIX="true",
    ) as stage:
        ada = stage.discord.person("ada")
        whole = await ask(ada, new_room(stage), QUESTION)
        await until_over(stage, whole)

        broken = await ask(ada, new_room(stage), QUESTION)
        await until_half_said(stage, 1)
        stage.parallax.break_streams()
        await until_over(stage, broken)
        assert body(broken) == body(whole)
        assert "90 tokens" in footer(broken)

        stopped = await ask(ada, new_room(stage), QUESTION)
        await until_half_said(stage, 3)
        await ada.click(stopped, label="Stop")
        await until_over(stage, stopped)
        assert body(stopped) != body(whole)
        await ada.click(stopped, label="Continue")
        await stage.discord.wait_until(lambda: body(stopped) == body(whole) and "first token" in footer(stopped))
        prompts = [[turn["role"] for turn in request.messages] for request in stage.parallax.requests]
        assert prompts == [
            ["system", "user"],
            ["system", "user"],
            ["system", "user", "assistant"],
            ["system", "user"],
            ["system", "user", "assistant"],
        ]


@pytest.mark.parametrize(
    ("rest", "wanted", "finding"),
    [
        (" five,", False, (True, "PARALLAX_ASSISTANT_PREFIX=true makes use of it")),
        (" five,", True, (True, "the nodes go on with an answer that broke off")),
        ("one, two,", False, (True, "the nodes start again when an answer broke off")),
        ("one, two,", True, (False, "set PARALLAX_ASSISTANT_PREFIX=false")),
    ],
)
async def test_the_doctor_finds_out(tmp_path: Path, rest: str, wanted: bool, finding: tuple[bool, str]) -> None:
    """By a few words that every model knows how to go on with."""
    async with DiscordDouble(latency=0.0) as discord, ParallaxDouble(lag=False) as parallax:
        parallax.script([rest])
        found = await examine(_settings(tmp_path, discord, parallax, wanted=wanted))
    answers = next(item for item in found if item.what == "answers")
    assert (answers.good, answers.sentence.endswith(finding[1])) == (finding[0], True)


async def test_the_doctor_asks_no_cluster_that_is_not_ready(tmp_path: Path) -> None:
    """It would wait for nothing."""
    async with DiscordDouble(latency=0.0) as discord, ParallaxDouble(model=None) as parallax:
        found = await examine(_settings(tmp_path, discord, parallax, wanted=False))
    about = {item.what: item for item in found}
    assert about["scheduler"].good
    assert about["scheduler"].detail.startswith("no model yet, waiting, 0 of 0 nodes ready; ")
    assert "answers" not in about


def _settings(folder: Path, discord: DiscordDouble, parallax: ParallaxDouble, *, wanted: bool) -> Settings:
    return Settings(
        discord_token=discord.token,
        discord_api_url=discord.api_url,
        parallax_url=parallax.url,
        database_url=f"sqlite+aiosqlite:///{folder / 'bot.db'}",
        parallax_assistant_prefix=wanted,
        _env_file=None,
    )
