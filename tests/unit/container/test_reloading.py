"""Settings that take effect while the bot runs."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.container.reloading import RELOADED, CurrentSettings, Reloading
from bot.services.access.operators import Operators, Person
from bot.services.access.quotas import Quotas
from bot.settings import Settings, load_settings
from tests.fakes.clocks import HandClock

ROOT = Path(__file__).resolve().parents[3]
ANA = Person(4, 8, frozenset({9}))


class NoUsage:
    """Nobody has used anything."""

    async def of_user(self, user_id: int, *, since_day: int) -> list[object]:
        return []

    async def of_server(self, guild_id: int, *, since_day: int) -> list[object]:
        return []


class World:
    """A bot's operators and quotas, with the ``.env`` in the working directory."""

    def __init__(self) -> None:
        self.write()
        self.current = CurrentSettings(load_settings())
        self.operators = Operators(user_ids=(), role_ids=(), guild_ids=(8,))
        self.quotas = Quotas(NoUsage(), self.operators, HandClock(), per_user=0, roles={})  # type: ignore[arg-type]  # never read
        self.reloading = Reloading(self.current, self.operators, self.quotas)

    def write(self, *lines: str) -> None:
        Path(".env").write_text("\n".join(("DISCORD_TOKEN=hush-hush", *lines)), encoding="utf-8")


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    root = logging.getLogger()
    before = root.level
    yield World()
    root.setLevel(before)


def test_operators_quotas_and_the_level_change_at_once(world: World) -> None:
    """The log names what changed, and what needs a restart; no value is in it."""
    people = ("ADMIN_USER_IDS=4", "OPERATOR_WEIGHT=3", "QUOTA_TOKENS_PER_DAY=700")
    world.write(*people, "LOG_LEVEL=ERROR", "DM_GUILD_ID=8")
    with capture_logs() as logs:
        world.reloading.reload()
    assert world.operators.is_operator(ANA)
    assert world.operators.weight_of(ANA) == 3
    quota = world.quotas.of(Person(5, 8))
    assert quota is not None
    assert quota.limit == 700
    assert logging.getLogger().level == logging.ERROR
    assert world.current.settings.dm_guild_id == 0
    (told,) = logs
    assert told["event"] == "settings.reloaded"
    assert set(told["changed"]) == {"ADMIN_USER_IDS", "OPERATOR_WEIGHT", "QUOTA_TOKENS_PER_DAY", "LOG_LEVEL"}
    assert told["need_restart"] == ["DM_GUILD_ID"]
    world.write("ADMIN_ROLE_IDS=9")
    world.reloading.reload()
    assert world.operators.is_operator(ANA)
    assert world.operators.weight_of(ANA) == world.current.settings.operator_weight != 3
    assert world.quotas.of(Person(5, 8)) is None


@pytest.mark.parametrize("wrong", ["LOG_LEVEL=LOUD", "QUOTA_TOKENS_PER_DAY=-1", "ADMIN_ROLE_IDS=hush-hush"])
def test_a_wrong_value_changes_nothing(world: World, wrong: str) -> None:
    """Also not the right values beside it; what is wrong is named and not repeated."""
    before = world.current.settings
    world.write("ADMIN_USER_IDS=4", wrong)
    with capture_logs() as logs:
        world.reloading.reload()
    assert not world.operators.is_operator(ANA)
    assert world.current.settings is before
    (told,) = logs
    assert (told["event"], told["log_level"]) == ("settings.refused", "error")
    assert wrong.partition("=")[0] in told["detail"]
    assert "hush" not in str(told)


def test_a_file_that_is_no_text_changes_nothing(world: World) -> None:
    """Nor a missing token."""
    for content in (b"\xff\xfe", b""):
        Path(".env").write_bytes(content)
        with capture_logs() as logs:
            world.reloading.reload()
        assert [entry["event"] for entry in logs] == ["settings.refused"]


def test_the_documents_name_the_same_settings() -> None:
    """In the table of docs/operations.md."""
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    (row,) = re.findall(r"(?m)^\| at once \| (.+) \|$", text)
    assert [name.strip("`").lower() for name in row.split(", ")] == list(RELOADED)
