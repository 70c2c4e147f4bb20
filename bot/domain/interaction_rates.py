"""How fast one person may send commands, messages and presses."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum

from bot.clock import Clock

MOST_PEOPLE = 10_000
"""How many people are remembered; those who came longest ago are forgotten first."""

SAY_EVERY = 10.0
"""Seconds between two notices to a person who is too fast: a sentence for each message would itself be a flood."""

_TOLERANCE = 1e-6
"""Seconds. Sums of floating-point times are not exact: an action this much too early is in time."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """``burst`` at once (at least 1), and then ``per_second`` (more than 0)."""

    burst: int
    per_second: float


COMPLETIONS = RateLimit(20, 5.0)
"""Discord asks for the choices of an option at every letter that is typed."""


class PersonRates:
    """One limit, applied to each person separately. A person who has the whole burst again is forgotten."""

    def __init__(self, limit: RateLimit) -> None:
        self._interval = 1.0 / limit.per_second
        self._slack = self._interval * (limit.burst - 1)
        # For each person, the time at which the next action is due at an even pace (the generic cell rate
        # algorithm, ITU-T I.371); ordered by when people last came.
        self._even: OrderedDict[int, float] = OrderedDict()

    def take(self, user_id: int, now: float) -> bool:
        """Count one action at ``now`` (seconds, never going back); False, and not counted, when it is too fast."""
        self._forget(now)
        even = max(self._even.get(user_id, now), now)
        if even - now > self._slack + _TOLERANCE:
            return False
        self._even[user_id] = even + self._interval
        self._even.move_to_end(user_id)
        return True

    def _forget(self, now: float) -> None:
        while self._even:
            user_id, even = next(iter(self._even.items()))
            if even > now and len(self._even) < MOST_PEOPLE:
                return
            del self._even[user_id]


class Sent(Enum):
    """A kind of action. A withdrawal (Stop, Cancel) takes work away and is never too fast."""

    COMMAND = "command"
    MESSAGE = "message"
    PRESS = "press"
    COMPLETION = "completion"
    WITHDRAWAL = "withdrawal"


class InteractionRates:
    """The limits of a person: commands and messages together, presses, and choices that are looked up."""

    def __init__(self, commands: RateLimit, clock: Clock) -> None:
        """``commands`` limits commands and messages; presses may come twice as fast."""
        asked = PersonRates(commands)
        self._rates = {
            Sent.COMMAND: asked,
            Sent.MESSAGE: asked,
            Sent.PRESS: PersonRates(RateLimit(commands.burst * 2, commands.per_second * 2)),
            Sent.COMPLETION: PersonRates(COMPLETIONS),
        }
        self._notices = PersonRates(RateLimit(1, 1 / SAY_EVERY))
        self._clock = clock

    def take(self, user_id: int, sent: Sent) -> bool:
        """Count this action; False, and not counted, when it is too fast."""
        rates = self._rates.get(sent)
        return rates is None or rates.take(user_id, self._clock.monotonic())

    def should_tell(self, user_id: int) -> bool:
        """Whether to tell this person that they are too fast: True at most once in :data:`SAY_EVERY`."""
        return self._notices.take(user_id, self._clock.monotonic())
