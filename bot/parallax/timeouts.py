"""Time limits of the client."""

from __future__ import annotations

from dataclasses import dataclass

from bot.parallax import bounds


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Limits in seconds, each > 0.

    ``connect``
        until the TCP connection is established.
    ``first_byte``
        until the response's headers, and once more until the first event after them. The scheduler holds a
        request back for up to 96 s before it answers 429 (recording 40), and between headers and first token
        a node computes the whole prompt: a shorter limit turns long waits into errors.
    ``idle``
        between two events of an answer. Comments (keep-alives) do not count: they prove that a proxy lives,
        not that a node does.
    ``control``
        for a whole call that is not a chat, for the silence between two status reports, and for what may
        follow the end of an answer (the usage chunk, ``[DONE]``).
    ``whole``
        from the headers to the end of an answer. An answer that takes longer ends there, with what it has.
    """

    connect: float = 5.0
    first_byte: float = 130.0
    idle: float = 60.0
    control: float = 10.0
    whole: float = bounds.ANSWER_SECONDS

    def __post_init__(self) -> None:
        """Refuse limits that could never be kept: raises ValueError."""
        if min(self.connect, self.first_byte, self.idle, self.control, self.whole) <= 0:
            raise ValueError("every time-out must be greater than 0 seconds")
