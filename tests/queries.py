"""What a PromQL query names, compared with the metrics that the bot has.

This is no parser: it finds the names of metrics and labels, which is what becomes wrong when code changes. Where
promtool is installed, the tests let it parse every query.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

OF_THE_SCRAPE = frozenset({"job", "instance"})
"""Labels that Prometheus adds to every series."""

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_SELECTOR = re.compile(r"\b((?:parallax|discord|process)_\w+|up)\b(?:\{([^}]*)\})?")
_MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_GROUPING = re.compile(r"\b(?:by|on|ignoring|without)\s*\(([^)]*)\)")


def unknown_names(query: str, series: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """One line for each metric that does not exist, and for each label that none of the metrics of the query
    has."""
    bare = _STRING.sub('""', query)
    grouped = {label.strip() for labels in _GROUPING.findall(bare) for label in labels.split(",")}
    known: set[str] = set(OF_THE_SCRAPE)
    found = _SELECTOR.findall(_GROUPING.sub("", bare))
    for name, matchers in found:
        labels = series.get(name, frozenset())
        known |= labels
        if name != "up" and name not in series:
            yield f"{name} is no metric"
        yield from (
            f"{name} has no label {label}"
            for label in _MATCHER.findall(matchers)
            if label not in labels | OF_THE_SCRAPE
        )
    if not found:
        yield f"names no metric: {query}"
    yield from (f"no metric of {query} has the label {label}" for label in sorted(grouped - known))
