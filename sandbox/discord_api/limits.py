"""Discord's rate limits: fixed windows that begin with the first request, and the headers that tell of them.

Sources: docs.discord.com, developers/topics/rate-limits (headers, global limit, exempt interaction endpoints,
invalid requests); the numbers per route are those Discord reports today (discord-api-docs issues 2701, 2761,
8073, 367, 4043). Numbers of routes without a known value are this double's own and generous.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict, deque
from dataclasses import dataclass
from functools import cache
from typing import Literal, NamedTuple

from sandbox.clock import Clock
from sandbox.discord_api.wire import JSON, refuse

Scope = Literal["user", "global", "shared"]


@dataclass(frozen=True, slots=True)
class Rule:
    """``limit`` requests in ``window`` seconds. Rules with the same ``bucket`` share the bucket hash that
    clients see; each ``counter`` is counted on its own."""

    bucket: str
    counter: str
    limit: int
    window: float
    exempt_from_global: bool = False


POST_MESSAGE = Rule("channel-messages", "POST channel message", 5, 5.0)
PATCH_MESSAGE = Rule("channel-messages", "PATCH channel message", 5, 5.0)
DELETE_MESSAGE = Rule("channel-message-delete", "DELETE channel message", 5, 1.0)
WEBHOOK = Rule("interaction-webhook", "interaction webhook", 5, 2.0, exempt_from_global=True)
CALLBACK = Rule("interaction-callback", "interaction callback", 1000, 1.0, exempt_from_global=True)
OLD_EDIT = Rule("channel-messages", "PATCH message older than 1 h", 3, 6.0)
HIDDEN_WEBHOOK = Rule("interaction-webhook", "webhooks of a channel (hidden)", 30, 60.0)
GLOBAL = Rule("global", "global", 50, 1.0)
REACTION = Rule("channel-reactions", "reactions", 4, 1.0)
TYPING = Rule("channel-typing", "typing", 5, 5.0)
OTHER = Rule("other", "other", 50, 5.0)

INVALID_LIMIT, INVALID_WINDOW = 10_000, 600.0


class Rejection(NamedTuple):
    """A 429 that was given: real monotonic seconds, what was asked, and which limit refused it."""

    at: float
    method: str
    path: str
    counter: str
    key: str
    scope: Scope
    retry_after: float


class Bucket(NamedTuple):
    """One open window of a limit: how much of it is used, and the real seconds until it opens anew."""

    counter: str
    key: str
    limit: int
    used: int
    resets_in: float


@dataclass(slots=True)
class _Window:
    started: float
    used: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to tell the client: headers for every answer, and a body when the request is refused."""

    headers: dict[str, str]
    refusal: JSON | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """A request as the limiter sees it; ``key`` is the major parameter (channel, token…)."""

    method: str
    path: str
    rule: Rule
    key: str
    old_message: bool = False
    webhook_channel: str | None = None


class Limits:
    """All counters of one double. Times are real monotonic seconds."""

    def __init__(self, clock: Clock, *, enabled: bool = True) -> None:
        self._clock = clock
        self.enabled = enabled
        self.hidden_webhook_limit = False
        self.rejections: list[Rejection] = []
        self.traces: dict[tuple[str, str], list[float]] = defaultdict(list)
        self.invalid: deque[float] = deque()
        self.invalid_total = 0
        self._windows: dict[tuple[str, str], _Window] = {}
        self._sizes: dict[tuple[str, str], int] = {}
        self._ends: dict[tuple[str, str], float] = {}

    @property
    def banned(self) -> bool:
        """Whether 10,000 invalid requests within ten minutes have closed the door."""
        self._forget_invalid()
        return self.enabled and len(self.invalid) >= INVALID_LIMIT

    def buckets(self) -> list[Bucket]:
        """Every window that is open now and was used, the fullest first."""
        now = self._clock.monotonic()
        found = [
            Bucket(counter, key, self._sizes[counter, key], window.used, self._ends[counter, key] - now)
            for (counter, key), window in self._windows.items()
            if window.used and self._ends[counter, key] > now
        ]
        return sorted(found, key=lambda bucket: bucket.used / bucket.limit, reverse=True)

    def count_invalid(self, status: int, scope: str | None) -> None:
        """Count an answer of 401, 403 or 429 (a shared 429 does not count)."""
        if status in (401, 403, 429) and scope != "shared":
            self.invalid.append(self._clock.monotonic())
            self.invalid_total += 1
            self._forget_invalid()

    def check(self, ask: Ask) -> Verdict:
        """Count a request, or refuse it: a refused one uses up nothing.

        First responses to interactions have no headers of a bucket, and nothing has while limits are off.
        """
        now = self._clock.monotonic()
        if self.enabled:
            for rule, key, scope in self._rules(ask):
                window = self._window(rule, key, now)
                if window.used >= rule.limit:
                    return self._refuse(ask, rule, key, scope, window, now)
            for rule, key, _ in self._rules(ask):
                self._window(rule, key, now).used += 1
        self.traces[ask.rule.counter, ask.key].append(now)
        silent = not self.enabled or ask.rule is CALLBACK
        return Verdict({} if silent else self._headers(ask.rule, ask.key, now))

    def _rules(self, ask: Ask) -> list[tuple[Rule, str, Scope]]:
        rules: list[tuple[Rule, str, Scope]] = [(ask.rule, ask.key, "user")]
        if ask.old_message:
            rules.append((OLD_EDIT, ask.key, "user"))
        if self.hidden_webhook_limit and ask.webhook_channel is not None:
            rules.append((HIDDEN_WEBHOOK, ask.webhook_channel, "shared"))
        if not ask.rule.exempt_from_global:
            rules.append((GLOBAL, "", "global"))
        return rules

    def _window(self, rule: Rule, key: str, now: float) -> _Window:
        window = self._windows.get((rule.counter, key))
        if window is None or now >= window.started + rule.window:
            window = self._windows[rule.counter, key] = _Window(now)
            self._sizes[rule.counter, key] = rule.limit
            self._ends[rule.counter, key] = now + rule.window
        return window

    def _headers(self, rule: Rule, key: str, now: float) -> dict[str, str]:
        window = self._windows.get((rule.counter, key)) or _Window(now)
        reset_after = max(0.0, window.started + rule.window - now)
        return {
            "X-RateLimit-Limit": str(rule.limit),
            "X-RateLimit-Remaining": str(max(0, rule.limit - max(1, window.used))),
            "X-RateLimit-Reset": f"{self._clock.now() + reset_after:.3f}",
            "X-RateLimit-Reset-After": f"{reset_after:.3f}",
            "X-RateLimit-Bucket": _hash_of(rule.bucket),
        }

    def _refuse(self, ask: Ask, rule: Rule, key: str, scope: Scope, window: _Window, now: float) -> Verdict:
        retry_after = round(max(0.001, window.started + rule.window - now), 3)
        self.rejections.append(Rejection(now, ask.method, ask.path, rule.counter, key, scope, retry_after))
        headers = self._headers(ask.rule, ask.key, now) | {
            "Retry-After": str(int(retry_after) + 1),
            "Via": "1.1 google",
            "X-RateLimit-Scope": scope,
        }
        if scope == "global":
            headers["X-RateLimit-Global"] = "true"
        if rule is ask.rule:
            headers["X-RateLimit-Remaining"] = "0"
        body: JSON = {
            "message": "You are being rate limited.",
            "retry_after": retry_after,
            "global": scope == "global",
        }
        if rule is OLD_EDIT:
            body |= {"message": refuse(30046).message, "code": 30046}
        return Verdict(headers, body)

    def _forget_invalid(self) -> None:
        horizon = self._clock.monotonic() - INVALID_WINDOW
        while self.invalid and self.invalid[0] <= horizon:
            self.invalid.popleft()


@cache
def _hash_of(bucket: str) -> str:
    return hashlib.sha256(bucket.encode()).hexdigest()[:32]
