"""Discord's side of a rate limit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class WindowServer:
    """Counts requests in fixed windows that open with the first request it sees. Seconds."""

    limit: int
    window: float
    ends: float = float("-inf")
    used: int = 0
    refused: int = 0

    def answer(self, at: float) -> tuple[bool, int, float]:
        """Count a request; returns whether it is taken, how many more would be taken, and when the window ends."""
        if at >= self.ends:
            self.ends, self.used = at + self.window, 0
        if self.used >= self.limit:
            self.refused += 1
            return False, 0, self.ends - at
        self.used += 1
        return True, self.limit - self.used, self.ends - at
