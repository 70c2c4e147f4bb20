"""What a chart shows, as data: it is drawn by a process of its own, to which it is passed as JSON."""

from __future__ import annotations

from typing import Literal, TypedDict

from bot.i18n.catalogue import say


class Text(TypedDict):
    """Words of a chart, and what stands for them on a machine whose fonts do not have the letters."""

    text: str
    plain: str


class LinePanel(TypedDict):
    """One line over time; None where nothing was measured. ``step``: the value holds until the next one."""

    title: Text
    values: list[float | None]
    step: bool


class LineChart(TypedDict):
    """Panels above each other over the same moments (epoch seconds), of which there is at least one. ``none`` is
    said in a panel that has no value at all."""

    kind: Literal["lines"]
    locale: str
    title: Text
    none: Text
    times: list[float]
    panels: list[LinePanel]


class Series(TypedDict):
    """A value for each label; the name is for the legend."""

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
    """A sentence of the catalogue: in the reader's language, or else in English."""
    return {"text": say(locale, key, **params), "plain": say(None, key, **params)}


def verbatim(text: str) -> Text:
    """Words that have no translation, such as a person's name."""
    return {"text": text, "plain": text}
