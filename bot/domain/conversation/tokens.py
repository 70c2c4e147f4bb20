"""Estimates of how many tokens a text has, without the model's tokenizer."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

MESSAGE_TOKENS = 4
"""Tokens a chat template puts around each message (``<|im_start|>user\\n`` … ``<|im_end|>\\n``)."""

_CHARACTERS_PER_TOKEN = 4.0
_OTHER_SCRIPT_CHARACTERS_PER_TOKEN = 2.2
_WIDE_TOKENS_PER_CHARACTER = 0.8

_WIDE = re.compile(
    "[\u1100-\u11ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"
)
"""Chinese, Japanese and Korean: close to a token per character."""
_OTHER = re.compile("[\u0370-\u10ff\u1200-\u1dff\u2190-\u2bff\U0001f000-\U0001faff]")
"""Scripts and symbols with fewer characters per token than Latin: Greek to Georgian, Ethiopic to Mongolian,
emoji."""

_DECAY = 0.9
_PRIOR_TOKENS = 30.0
_LOWEST, _HIGHEST = 0.2, 5.0


def uncalibrated(text: str) -> float:
    """Tokens of ``text`` by its scripts alone, for a tokenizer of 4 Latin characters per token."""
    if text.isascii():
        return len(text) / _CHARACTERS_PER_TOKEN
    wide, other = len(_WIDE.findall(text)), len(_OTHER.findall(text))
    return (
        wide * _WIDE_TOKENS_PER_CHARACTER
        + other / _OTHER_SCRIPT_CHARACTERS_PER_TOKEN
        + (len(text) - wide - other) / _CHARACTERS_PER_TOKEN
    )


@dataclass(frozen=True, slots=True)
class Calibrated:
    """The estimator for one model at one moment. Calling it gives the tokens of a text, ≥ 0."""

    ratio: float

    def __call__(self, text: str) -> int:
        """Tokens of ``text``, rounded up; 0 only for the empty text."""
        return math.ceil(self.ratio * uncalibrated(text))


@dataclass(slots=True)
class _Observed:
    reported: float = _PRIOR_TOKENS
    uncalibrated: float = _PRIOR_TOKENS

    @property
    def ratio(self) -> float:
        return min(_HIGHEST, max(_LOWEST, self.reported / self.uncalibrated))


class TokenEstimator:
    """Estimates tokens, and learns each model's tokenizer from what the cluster reports.

    Per model it keeps the ratio of reported to uncalibrated tokens, weighted by their number and by age:
    within 5 % after 20 answers when the tokenizer has a stable length of token. For one event loop.
    """

    def __init__(self, general: TokenEstimator | None = None) -> None:
        """``general`` learns the same as this one, which is for one of several clusters."""
        self._general = general
        self._observed: dict[str, _Observed] = {}
        self._latest = ""

    def for_model(self, model: str | None) -> Calibrated:
        """The estimator for ``model`` as of now, uncalibrated for one never observed.

        None stands for the model observed last: a cluster runs one model at a time.
        """
        observed = self._observed.get(model or self._latest)
        return Calibrated(observed.ratio if observed is not None else 1.0)

    def observe(self, model: str, estimated: int, reported: int, *, ratio: float) -> None:
        """Learn that a prompt estimated at ``estimated`` tokens had ``reported``; both ≤ 0 are ignored.

        ``ratio`` is that of the :class:`Calibrated` that made the estimate: others may have been observed since.
        """
        if estimated <= 0 or reported <= 0:
            return
        if self._general is not None:
            self._general.observe(model, estimated, reported, ratio=ratio)
        self._latest = model
        observed = self._observed.setdefault(model, _Observed())
        observed.reported = _DECAY * observed.reported + reported
        observed.uncalibrated = _DECAY * observed.uncalibrated + estimated / ratio
