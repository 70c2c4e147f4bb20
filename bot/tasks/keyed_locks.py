"""Locks by key: what concerns the same person or question goes one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from weakref import WeakValueDictionary


class KeyedLocks:
    """One lock for each key, for as long as somebody holds it or waits for it. For one event loop."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()

    def of(self, key: Hashable) -> asyncio.Lock:
        """The lock of this key; those who wait for it come in in the order in which they came."""
        return self._locks.setdefault(key, asyncio.Lock())
