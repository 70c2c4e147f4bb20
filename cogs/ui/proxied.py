"""Questions whose message a proxy deletes and repeats through a webhook, as PluralKit does."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import NamedTuple

import discord

KEPT = 256
"""Questions and repetitions that are remembered."""
WITHIN = 30.0
"""Seconds between a question and its repetition, at most."""


class Repeated(NamedTuple):
    """A question's own message, which is deleted, and the webhook's message that repeats it."""

    original: discord.Message
    repetition: discord.Message


class ProxiedQuestions:
    """Pairs deleted questions with their repetitions. The deletion may come before the repetition or after it, and
    both before it is known that the message is a question."""

    def __init__(self) -> None:
        self._asked: OrderedDict[int, tuple[discord.Message, str]] = OrderedDict()
        self._deleted: deque[int] = deque(maxlen=KEPT)
        self._repetitions: OrderedDict[int, discord.Message] = OrderedDict()
        self._unpaired: deque[tuple[discord.Message, str]] = deque(maxlen=KEPT)

    def asked(self, message: discord.Message, words: str) -> Repeated | None:
        """Remember a question of a person; the pair when it is deleted and repeated already."""
        asked = _one_line(words)
        self._asked[message.id] = message, asked
        if len(self._asked) > KEPT:
            self._asked.popitem(last=False)
        for candidate in reversed(self._unpaired):
            repetition, said = candidate
            if _repeats(repetition, said, message, asked):
                self._unpaired.remove(candidate)
                return self._found(message, repetition)
        return None

    def repeated(self, message: discord.Message, words: str) -> Repeated | None:
        """Note a webhook's message with these words; the pair when it repeats a question that is deleted
        already."""
        said = _one_line(words)
        for original, asked in reversed(self._asked.values()):
            if _repeats(message, said, original, asked):
                return self._found(original, message)
        if said:
            self._unpaired.append((message, said))
        return None

    def deleted(self, message_id: int) -> Repeated | None:
        """Note that a message was deleted; the pair when it was a question that is repeated already."""
        if message_id not in self._asked:
            self._deleted.append(message_id)
            return None
        repetition = self._repetitions.pop(message_id, None)
        if repetition is not None:
            return self._paired(self._asked[message_id][0], repetition)
        self._deleted.append(message_id)
        return None

    def _found(self, original: discord.Message, repetition: discord.Message) -> Repeated | None:
        if original.id in self._deleted:
            return self._paired(original, repetition)
        self._repetitions[original.id] = repetition
        if len(self._repetitions) > KEPT:
            self._repetitions.popitem(last=False)
        return None

    def _paired(self, original: discord.Message, repetition: discord.Message) -> Repeated:
        del self._asked[original.id]
        return Repeated(original, repetition)


def _repeats(repetition: discord.Message, said: str, original: discord.Message, asked: str) -> bool:
    apart = abs((repetition.created_at - original.created_at).total_seconds())
    # A proxy leaves out the marks that it knows the speaker by.
    return bool(said) and said in asked and original.channel.id == repetition.channel.id and apart <= WITHIN


def _one_line(words: str) -> str:
    return " ".join(words.split())
