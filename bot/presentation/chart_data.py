"""The content of a chart as data; a process of its own draws it and gets it as JSON."""

from __future__ import annotations

from typing import Literal, TypedDict

from bot.i18n.catalogue import say


class Text(TypedDict):
    """Text of a chart, and its replacement for a machine whose fonts do not have the letters."""

    text: str
    plain: str


class LinePanel(TypedDict):
    """One curve over time; None where nothing was measured. ``step``: a value holds until the next one."""

    title: Text
    values: list[float | None]
    step: bool


class LineChart(TypedDict):
    """Panels above each other over the same times (epoch seconds); at least one time. ``none`` is the text of a
    panel that has no value at all."""

    kind: Literal["lines"]
    locale: str
    title: Text
    none: Text
    times: list[float]
    panels: list[LinePanel]


class Series(TypedDict):
    """A value for each label, and a name for the legend."""

    name: Text
    values: list[float]


class BarPanel(TypedDict):
    """Series drawn as bars on top of each other."""

    title: Text
    series: list[Series]


class BarChart(TypedDict):
    """Panels above each other over the same ``labels`` (days)."""

    kind: Literal["bars"]
    locale: str
    title: Text
    labels: list[str]
    panels: list[BarPanel]


Chart = LineChart | BarChart


def label(locale: str, key: str, **params: int) -> Text:
    """A sentence of the catalogue in the reader's language, with the English one as its replacement."""
    return {"text": say(locale, key, **params), "plain": say(None, key, **params)}


def verbatim(text: str) -> Text:
    """Text that has no translation, such as a person's name."""
    return {"text": text, "plain": text}
