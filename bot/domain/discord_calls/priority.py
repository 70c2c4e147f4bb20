"""The priority of a call to Discord."""

from enum import IntEnum, auto


class CallPriority(IntEnum):
    """The purpose of a call to Discord; the most urgent first.

    ``OPERATORS``: what operators need. ``LAST``: the last state of an answer. ``FIRST``: its first words.
    ``OTHER``: a call that shows no answer. ``TEXT``: streamed text. ``POSITION``: a position in the queue.
    ``READING``: what was written while the bot was away.
    """

    OPERATORS = auto()
    LAST = auto()
    FIRST = auto()
    OTHER = auto()
    TEXT = auto()
    POSITION = auto()
    READING = auto()
