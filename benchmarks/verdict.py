"""Figures with the bounds they are held to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bound:
    """``figure`` may be at most this."""

    figure: str
    most: float


@dataclass(frozen=True, slots=True)
class Result:
    """One measurement: its figures and what they must not exceed."""

    name: str
    figures: Mapping[str, float]
    bounds: tuple[Bound, ...] = ()

    @property
    def good(self) -> bool:
        """Whether every bound holds."""
        return all(self.figures[bound.figure] <= bound.most for bound in self.bounds)

    def as_json(self) -> dict[str, object]:
        """For machines."""
        return {
            "name": self.name,
            "figures": dict(self.figures),
            "bounds": {bound.figure: bound.most for bound in self.bounds},
            "good": self.good,
        }
