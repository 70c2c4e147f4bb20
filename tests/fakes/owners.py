"""Which other processes live, as a test wants it."""

from __future__ import annotations


def nobody(owner: str) -> bool:
    """All others are gone."""
    return False


def everybody(owner: str) -> bool:
    """All others live, though they may hang."""
    return True
