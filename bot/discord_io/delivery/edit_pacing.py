"""When an answer may be edited next: one rate-limit bucket as its headers describe it.

Discord counts requests in fixed windows that open with the first request the server sees (5 in 2 s on an
interaction token, 5 in 5 s on a channel: discord-api-docs issues 2701 and 2761). A client learns of a window
only when the answer arrives, so it knows an upper bound of the window's end, never the end itself. Waiting
for that bound avoids 429.

A request of which no answer is known may have been counted, at the latest when its connection broke, and so in a
window that ends a window's length after that. Its slot stays used until then, or until an answer to a request that
was sent afterwards tells how many are left. Times are seconds of the caller's monotonic clock."""

from collections import deque

_ROUNDING = 0.005  # s; the headers give milliseconds, and a clock may be a little fast
_ABOUT_TO_RESET = 0.03  # s before a reset in which the reserve may be used
_RECHECK = 0.02  # s until the next check while only an outstanding answer can give more information
_LOST_AFTER = 15.0  # s; an answer this late will not come (discord.py abandons a request before that)
_WIDER = 1.6
_WIDEST = 6.0  # × the even spacing; covers the hidden 3 in 6 s for messages older than an hour
_NARROWER = 0.8
_CALM = 10.0  # s without a refusal before the spacing narrows by one step


class Bucket:
    """One rate-limit bucket, as far as its headers show it.

    Every `sent` is followed by exactly one of `observed`, `rejected`, `lost` or `returned`; answers may come in
    any order. `next_edit` and `next_final` return a time: send if it is not in the future, else wait until then
    (or until an answer arrives) and call them again. Not thread-safe.
    """

    def __init__(self, *, limit: int, window: float) -> None:
        """Assume `limit` requests per `window` seconds until the first headers arrive."""
        if limit < 1 or window <= 0:
            raise ValueError("a bucket needs a limit of at least 1 and a window above 0 s")
        self._limit = limit
        self._window = window
        self._remaining = limit
        self._resets_at: float | None = None  # None: no window is open as far as we know
        self._confirmed = False  # an answer has shown when the open window ends
        self._mixed = False  # requests of the previous window were still under way when this one opened
        self._previous_reset = float("-inf")
        self._blocked_until = float("-inf")
        self._last_sent = float("-inf")
        self._lag = 0.0  # s the known end of a window is later than window length after our first request
        self._under_way: deque[float] = deque()
        self._lost: deque[float] = deque()
        self._stretch = 1.0
        self._stretch_changed = float("-inf")

    def free(self, now: float) -> int:
        """The slots of the window that are left, without those of requests in flight; at least 0."""
        self._advance(now)
        return max(0, self._free)

    def sent(self, now: float) -> None:
        """Count a request that is sent now."""
        self._advance(now)
        if self._resets_at is None:
            self._resets_at = now + self._window + self._lag
            self._confirmed = False
            self._mixed = bool(self._under_way)
        self._under_way.append(now)
        self._last_sent = now

    def assume_used(self, until: float) -> None:
        """Count every slot as used until this time: an earlier process may have used them. No-op when a request of
        this process has opened a window, because its answer tells what is left."""
        if self._resets_at is None and not self._under_way:
            self._remaining, self._resets_at, self._confirmed = 0, until, True

    def observed(self, now: float, *, limit: int, remaining: int, reset_after: float) -> None:
        """Take in the headers of an answer, a refusal's too, that arrived now (`reset_after` in seconds)."""
        self._advance(now)
        sent_at = self._arrived()
        resets_at = now + reset_after + _ROUNDING
        if limit >= 1 and limit != self._limit:
            self._remaining += limit - self._limit
            self._limit = limit
        if remaining == limit - 1 and reset_after > 0:
            self._window = reset_after
        # A late answer may still describe the window before; half a window distinguishes the two.
        if resets_at >= self._previous_reset + self._window / 2:
            late = sent_at is None or now - sent_at >= self._window / 2
            self._learn(resets_at, remaining, late=late)
            while sent_at is not None and self._lost and self._lost[0] <= sent_at:
                self._lost.popleft()
        self._relax(now)

    def rejected(self, now: float, *, retry_after: float) -> None:
        """Note a refusal (429, or code 30046) that does not tell how many slots are left; else as `block`."""
        self._arrived()
        self.block(now, retry_after=retry_after)

    def block(self, now: float, *, retry_after: float) -> None:
        """Send nothing for `retry_after` seconds, and edit more rarely afterwards: a request was refused."""
        self._blocked_until = max(self._blocked_until, now + retry_after + _ROUNDING)
        self._stretch = min(_WIDEST, self._stretch * _WIDER)
        self._stretch_changed = max(self._blocked_until, now)

    def lost(self, now: float) -> None:
        """Note a request of which no headers came (the connection broke, or a gateway before Discord failed): the
        server may have counted it or not."""
        self._advance(now)
        if self._arrived() is not None:
            self._lost.append(now)

    def returned(self) -> None:
        """Take back the latest `sent`: its request did not leave."""
        if self._under_way:
            self._under_way.pop()
        if not (self._under_way or self._confirmed or self._lost):
            # That request would have opened the window.
            self._resets_at = None

    def next_edit(self, now: float, *, reserve: int) -> float:
        """The earliest time at which a streaming edit may leave: evenly spread, with `reserve` slots kept back.

        The reserve may be used only in the last 30 ms before the window resets.
        """
        self._advance(now)
        reserve = max(0, min(reserve, self._limit - 1))
        even = self._last_sent + self._stretch * self._window / self._limit
        earliest = max(even, self._blocked_until)
        slots = self._free - reserve
        if self._resets_at is None:
            return max(now if slots > 0 else self._when_free(now), earliest)
        end = self._resets_at - (_ABOUT_TO_RESET if reserve else 0.0)
        if slots > 0:
            spread = self._last_sent + (end - self._last_sent) / (slots + 1)
            return max(now, earliest, min(spread, self._resets_at))
        if self._free > 0:
            return max(now, earliest, end)
        return max(self._when_free(now), earliest)

    def next_first(self, now: float, *, reserve: int) -> float:
        """The earliest time at which an answer's first words may leave: as soon as there is a slot outside the
        reserve, even directly after the edit of a footer."""
        self._advance(now)
        if self._free > max(0, min(reserve, self._limit - 1)):
            return max(now, self._blocked_until)
        return self.next_edit(now, reserve=reserve)

    def next_final(self, now: float) -> float:
        """The earliest time at which a final edit (or a button's answer) may leave; it may use the reserve."""
        self._advance(now)
        if self._free > 0:
            return max(now, self._blocked_until)
        return max(self._when_free(now), self._blocked_until)

    @property
    def _free(self) -> int:
        return self._remaining - len(self._under_way) - len(self._lost)

    def _when_free(self, now: float) -> float:
        """When a further slot may be free; to be asked again then."""
        frees = [
            at for at in (self._resets_at, self._lost[0] + self._window if self._lost else None) if at is not None
        ]
        return min((at for at in frees if at > now), default=now + _RECHECK)

    def _advance(self, now: float) -> None:
        """Close the window if it is over. An end that no answer confirmed is not trusted while answers are due."""
        while self._under_way and now - self._under_way[0] > _LOST_AFTER:
            self._under_way.popleft()
        while self._lost and self._lost[0] + self._window <= now:
            self._lost.popleft()
        if self._resets_at is None or now < self._resets_at:
            return
        if self._confirmed or not self._under_way:
            self._previous_reset = self._resets_at
            self._resets_at = None
            self._remaining = self._limit

    def _arrived(self) -> float | None:
        return self._under_way.popleft() if self._under_way else None

    def _learn(self, resets_at: float, remaining: int, *, late: bool) -> None:
        """Take in headers of the open window: every bound is an upper one, so the lowest is the best.

        If older requests were in flight when the window opened, a low bound may belong to the old window. Since
        the known end is later than the true one, a request may already have opened the next window. `late`
        answers cannot show that: they took so long that a much later bound may still be of the same window.
        """
        known = self._resets_at
        if known is not None and self._confirmed and resets_at > known + self._window / 2 and not late:
            self._previous_reset, self._resets_at, self._remaining = known, resets_at, remaining
            self._mixed = bool(self._under_way)
            return
        self._remaining = min(self._remaining, remaining)
        if known is None:
            # Opened by a request that is not ours, or that was under way when we closed the last one.
            self._resets_at = resets_at
            self._mixed = bool(self._under_way)
        elif self._mixed:
            self._resets_at = max(known, resets_at)
        elif self._confirmed:
            self._resets_at = min(known, resets_at)
        else:
            if resets_at > known + self._window / 2 and not late:
                self._previous_reset = known  # answers that belong to the window before may still come
            opened = known - self._window - self._lag
            self._lag += 0.3 * (max(0.0, min(resets_at - opened - self._window, self._window)) - self._lag)
            self._resets_at = resets_at
        self._confirmed = True

    def _relax(self, now: float) -> None:
        if self._stretch > 1.0 and now - self._stretch_changed >= _CALM:
            self._stretch = max(1.0, self._stretch * _NARROWER)
            self._stretch_changed = now
