"""Receipts, positions, numbers and durations as each language writes them."""

from __future__ import annotations

import pytest

from bot.clock import SystemClock
from bot.i18n.catalogue import available_locales, number, say
from bot.presentation.answer import AnswerView, Receipt
from bot.presentation.page import compact_duration
from tests.unit.i18n.test_locales import TYPICAL


@pytest.mark.parametrize("locale", available_locales())
def test_a_full_receipt_is_small(locale: str) -> None:
    """All of its parts at once."""
    view = AnswerView(question="Why?", asker="Ada", locale=locale, clock=SystemClock(), max_pages=1)
    view.finish(
        Receipt(
            model=str(TYPICAL["model"]),
            tokens=4096,
            tokens_per_second=41.4,
            ttft=12.3,
            waited=3599.0,
            outcome="length",
            version=(3, 4),
            params=(("limit", 4096),),
        )
    )
    assert len(view.footer()) <= 250


@pytest.mark.parametrize(
    ("locale", "footer"),
    [
        ("en-US", "-# Qwen3-8B · 12,812 tokens · 41 tok/s · first token 0.3 s · waited 2 min 5 s"),
        ("de", "-# Qwen3-8B · 12.812 Tokens · 41 tok/s · erstes Token nach 0,3 s · 2 min 5 s gewartet"),
        ("es-ES", "-# Qwen3-8B · 12.812 tokens · 41 tok/s · primer token en 0,3 s · 2 min 5 s de espera"),
        ("es-419", "-# Qwen3-8B · 12,812 tokens · 41 tok/s · primer token en 0.3 s · 2 min 5 s de espera"),
        ("ja", "-# Qwen3-8B · 12,812 トークン · 41 tok/s · 最初のトークンまで 0.3 秒 · 待ち時間 2 分 5 秒"),
        ("zh-CN", "-# Qwen3-8B · 12,812 个 token · 41 tok/s · 首个 token 用时 0.3 秒 · 等待 2 分 5 秒"),
    ],
)
def test_a_receipt_reads_as_its_reader_writes(locale: str, footer: str) -> None:
    """Words, numbers and durations."""
    view = AnswerView(question="Why?", asker="Ada", locale=locale, clock=SystemClock(), max_pages=1)
    view.finish(Receipt(model="Qwen/Qwen3-8B", tokens=12_812, tokens_per_second=41.0, ttft=0.31, waited=125.0))
    assert view.footer() == footer


@pytest.mark.parametrize(
    ("locale", "positions"),
    [
        ("en-US", [f"{position} in the queue" for position in ("next", "2nd", "3rd", "11th", "22nd", "113th")]),
        (
            "de",
            [f"{nth} in der Warteschlange" for nth in ("als Nächstes", "2.", "3.", "11.", "22.", "113.")],
        ),
        ("es-ES", [f"{position} en la cola" for position in ("siguiente", "2.º", "3.º", "11.º", "22.º", "113.º")]),
        ("ja", [f"順番待ち: {position}" for position in ("次", *(f"{n} 番目" for n in (2, 3, 11, 22, 113)))]),
        (
            "zh-CN",
            [f"排队中：{position}" for position in ("下一个", *(f"第 {n} 位" for n in (2, 3, 11, 22, 113)))],
        ),
    ],
)
def test_positions_are_said_in_each_languages_way(locale: str, positions: list[str]) -> None:
    """Ordinals differ most."""
    view = AnswerView(question="Why?", asker="Ada", locale=locale, clock=SystemClock(), max_pages=1)
    said: list[str] = []
    for position in (1, 2, 3, 11, 22, 113):
        view.show_position(position, None)
        said.append(view.footer().removeprefix("-# Ada · "))
    assert said == positions


@pytest.mark.parametrize(
    ("locale", "written"),
    [
        (None, ["0", "999", "1,024", "1,234,567", "0.3", "23.5", "1,536.5", "-1,024"]),
        ("fr", ["0", "999", "1,024", "1,234,567", "0.3", "23.5", "1,536.5", "-1,024"]),
        ("de", ["0", "999", "1.024", "1.234.567", "0,3", "23,5", "1.536,5", "-1.024"]),
        ("es-ES", ["0", "999", "1024", "1.234.567", "0,3", "23,5", "1536,5", "-1024"]),
        ("es-419", ["0", "999", "1024", "1,234,567", "0.3", "23.5", "1536.5", "-1024"]),
        ("ja", ["0", "999", "1,024", "1,234,567", "0.3", "23.5", "1,536.5", "-1,024"]),
    ],
)
def test_numbers_are_written_the_locales_way(locale: str | None, written: list[str]) -> None:
    """Thousands and decimals; a language without sentences of its own reads English, numbers too."""
    assert [number(locale, n) for n in (0, 999, 1024, 1234567, 0.3, 23.5, 1536.5, -1024)] == written


def test_only_numbers_are_written_so() -> None:
    """What is text already stays as it is, and yes and no are no numbers."""
    assert say("de", "models.memory", gb=1536.0) == "1.536 GB"
    assert say("de", "models.memory", gb="1,536.0") == "1,536.0 GB"
    assert say("de", "models.memory", gb=True) == "True GB"


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("en-GB", ["0.3 s", "12 s", "1 min", "2 min 5 s", "1 h", "1 h 4 min"]),
        ("de", ["0,3 s", "12 s", "1 min", "2 min 5 s", "1 h", "1 h 4 min"]),
        ("es-419", ["0.3 s", "12 s", "1 min", "2 min 5 s", "1 h", "1 h 4 min"]),
        ("ja", ["0.3 秒", "12 秒", "1 分", "2 分 5 秒", "1 時間", "1 時間 4 分"]),
        ("zh-CN", ["0.3 秒", "12 秒", "1 分钟", "2 分 5 秒", "1 小时", "1 小时 4 分钟"]),
    ],
)
def test_durations_are_said_in_each_languages_way(locale: str, said: list[str]) -> None:
    """Each in its units."""
    assert [compact_duration(seconds, locale) for seconds in (0.32, 12.4, 60, 125, 3600, 3840)] == said
