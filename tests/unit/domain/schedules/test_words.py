"""What people mean by "every weekday 09:00", in five languages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.schedules.rules import Calendar, Every, Rule, read, stored
from bot.domain.schedules.words import read_when

WORKDAYS = (0, 1, 2, 3, 4)
NINE = (540,)

UNDERSTOOD: dict[str, Rule] = {
    "every weekday 09:00": Calendar(NINE, weekdays=WORKDAYS),
    "every day at 18:30": Calendar((1110,)),
    "Daily at 6:30 pm": Calendar((1110,)),
    "every day at 9": Calendar(NINE),
    "every day 9:00 and 17:00": Calendar((540, 1020)),
    "every day at noon": Calendar((720,)),
    "every day 12 am": Calendar((0,)),
    "every monday 8:00": Calendar((480,), weekdays=(0,)),
    "mondays and thursdays, 9am": Calendar(NINE, weekdays=(0, 3)),
    "mon-fri 9:00": Calendar(NINE, weekdays=WORKDAYS),
    "friday to sunday 9:00": Calendar(NINE, weekdays=(4, 5, 6)),
    "weekly on sunday 9:00": Calendar(NINE, weekdays=(6,)),
    "every 2 hours": Every(7200),
    "every hour": Every(3600),
    "every 30 minutes": Every(1800),
    "2h": Every(7200),
    "on the 1st 09:00": Calendar(NINE, days=(1,)),
    "on the 1 09:00": Calendar(NINE, days=(1,)),
    "monthly on the 1st and the 15th at 9:00": Calendar(NINE, days=(1, 15)),
    "every month on day 3 at 9:00": Calendar(NINE, days=(3,)),
    "0 9 * * 1-5": Calendar(NINE, weekdays=WORKDAYS),
    "*/30 9-10 1,15 jan *": Calendar((540, 570, 600, 630), days=(1, 15), months=(1,)),
    "0 0 * * 7": Calendar((0,), weekdays=(6,)),
    "jeden Werktag 9:00": Calendar(NINE, weekdays=WORKDAYS),
    "täglich um 9 Uhr": Calendar(NINE),
    "jeden Tag um 18.30 Uhr": Calendar((1110,)),
    "montags und donnerstags 9:00": Calendar(NINE, weekdays=(0, 3)),
    "montag bis freitag um 9:00 Uhr": Calendar(NINE, weekdays=WORKDAYS),
    "alle 2 Stunden": Every(7200),
    "am 1. um 9:00": Calendar(NINE, days=(1,)),
    "cada día a las 18:30": Calendar((1110,)),
    "todos los días laborables a las 9:00": Calendar(NINE, weekdays=WORKDAYS),
    "de lunes a viernes a las 9": Calendar(NINE, weekdays=WORKDAYS),
    "cada 2 horas": Every(7200),
    "el día 1 a las 9:00": Calendar(NINE, days=(1,)),
    "毎日 9時": Calendar(NINE),
    "平日の9:00": Calendar(NINE, weekdays=WORKDAYS),
    "毎週月曜日 午後6時半": Calendar((1110,), weekdays=(0,)),
    "2時間ごと": Every(7200),
    "30分ごと": Every(1800),
    "毎月1日 9時": Calendar(NINE, days=(1,)),
    "每天9点": Calendar(NINE),
    "每天下午6点30分": Calendar((1110,)),
    "工作日 09:00": Calendar(NINE, weekdays=WORKDAYS),
    "每周一 9:00": Calendar(NINE, weekdays=(0,)),
    "每2小时": Every(7200),
    "每月1号9点": Calendar(NINE, days=(1,)),
}

NOT_UNDERSTOOD = (
    "",
    "sometimes",
    "every day",
    "monday",
    "9:00",
    "every day 25:00",
    "every day 9:60",
    "every first monday 9:00",
    "every 2 days 9:00",
    "every 2 weeks monday 9:00",
    "every week 9:00",
    "every month 9:00",
    "on the 32nd 9:00",
    "on the 1st monday 9:00",
    "every 0 hours",
    "every 2 hours 9:00",
    "every 2 hours 30 minutes",
    "every day 13 pm",
    "mon to 9:00",
    "0 9 * *",
    "60 9 * * *",
    "0 9 5-2 * *",
    "0 */0 * * *",
    "0 9 * foo *",
)


PIECES = ("every", "day", "mon", "1st", "9:00", "2", "h", "-", "to", "at", "*/5", "*", "pm", "日", "毎", "9時")


@pytest.mark.parametrize("text", UNDERSTOOD)
def test_it_is_understood(text: str) -> None:
    assert read_when(text) == UNDERSTOOD[text]


@pytest.mark.parametrize("text", NOT_UNDERSTOOD)
def test_nothing_is_guessed(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # its text is for nobody
        read_when(text)


@given(st.text(max_size=150))
def test_any_text_is_understood_or_refused(text: str) -> None:
    try:
        rule = read_when(text)
    except ValueError:
        return
    assert rule.shortest > 0


@given(st.lists(st.sampled_from(PIECES), max_size=8))
def test_any_words_are_understood_or_refused(words: list[str]) -> None:
    try:
        rule = read_when(" ".join(words))
    except ValueError:
        return
    assert read(stored(rule)) == rule
