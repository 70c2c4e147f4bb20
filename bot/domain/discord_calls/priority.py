"""What a call to Discord is for; the most urgent goes first."""

from enum import IntEnum, auto


class CallPriority(IntEnum):
    """What a call to Discord is for; the most urgent first.

    What operators need; an answer's last state, its first words; a call that shows no answer; streamed text, and a
    place in the line.
    """

    OPERATORS = auto()
    LAST = auto()
    FIRST = auto()
    OTHER = auto()
    TEXT = auto()
    PLACE = auto()
