"""Help channels: their posts are answered without a mention, each in a thread of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

SOLVED = frozenset(
    {
        *("solved", "resolved", "answered", "done", "closed"),
        *("gelöst", "erledigt", "beantwortet", "geschlossen"),
        *("resuelto", "solucionado", "respondido", "cerrado"),
        *("解決", "解決済み", "解決済", "回答済み"),
        *("已解决", "已解決", "已回答", "已关闭"),
    }
)
"""Names of forum tags that say that nothing is left to answer, in the languages of the bot."""

_ORNAMENT = "✅✔☑️🟢 []()"


def is_solved(tags: Iterable[str], wanted: str) -> bool:
    """Whether one of a post's ``tags`` ends automatic answers: the one named ``wanted``, or with an empty
    ``wanted`` one of :data:`SOLVED`. Case, spaces and check marks around a name do not matter."""
    ending = {_plain(wanted)} if wanted else SOLVED
    return any(_plain(tag) in ending for tag in tags)


def _plain(name: str) -> str:
    return name.strip(_ORNAMENT).casefold()


@dataclass(frozen=True, slots=True)
class HelpThread:
    """A post that is answered by itself. ``opened_at`` in epoch seconds; ``taken_over``: a person of the helper
    role has written in it."""

    thread_id: int
    channel_id: int
    opened_by: int
    opened_at: float
    taken_over: bool = False


@dataclass(frozen=True, slots=True)
class HelpCall:
    """Who called the helpers into a thread, and when, in epoch seconds."""

    thread_id: int
    called_by: int
    called_at: float


@dataclass(frozen=True, slots=True)
class KeptHelp:
    """What is stored of a person in help channels. ``opted_out_at`` None: their posts are answered."""

    threads: Sequence[HelpThread] = ()
    calls: Sequence[HelpCall] = ()
    opted_out_at: float | None = None


class HelpThreadStore(Protocol):
    """What is stored of help channels. Every change is one transaction; raises only :class:`StorageError`."""

    async def channels(self) -> frozenset[int]:
        """The channels for which "answer every post" was chosen."""
        ...

    async def open(self, thread: HelpThread, *, day: int, most: int) -> bool:
        """Note a post of the day ``day`` (of UTC, numbered from the epoch), unless the channel has ``most`` of
        that day; one that is noted already stays so. Returns whether it is noted."""
        ...

    async def get(self, thread_id: int) -> HelpThread | None:
        """The post behind a thread, or None."""
        ...

    async def take_over(self, thread_id: int) -> None:
        """Note that a person of the helper role has written there."""
        ...

    async def call(self, call: HelpCall) -> HelpCall:
        """Note a call for a person; returns the first one in that thread, which may be this one."""
        ...

    async def withdraw_call(self, call: HelpCall) -> None:
        """Remove a call that reached nobody."""
        ...

    async def is_opted_out(self, user_id: int) -> bool:
        """Whether this person's posts are answered only when they address the bot."""
        ...

    async def opt_out(self, user_id: int, *, at: float | None) -> None:
        """Store that choice of a person's, made ``at`` epoch seconds; None takes it back."""
        ...

    async def kept_of(self, user_id: int) -> KeptHelp:
        """All that is stored of a person here."""
        ...

    async def expire(self, *, before: float) -> int:
        """Remove posts and calls from before ``before``, in epoch seconds; returns how many posts."""
        ...
