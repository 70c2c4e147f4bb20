"""Profiles: options for questions, set per server, category, channel and thread; inner scopes inherit them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

PERSONA_LIMIT = 4000
"""Characters: what a modal's text field takes (Discord docs, components/reference, "Text Input")."""

FIRST_LINE_LIMIT = 200
"""Characters of the line above an answer in a help channel."""

TAG_LIMIT = 20
"""Characters of a forum tag's name (Discord docs, resources/channel, "Forum Tag Structure")."""

Chosen = str | bool | int | float | list[int]
"""The types that a field of a profile may have."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Something that a profile can be set for. ``kind`` is thread, channel, category, server or direct."""

    kind: str
    scope_id: int
    name: str


@dataclass(frozen=True, slots=True)
class ScopeChain:
    """The scopes of a channel where somebody asks, nearest first; at least one."""

    scopes: tuple[Scope, ...]

    @property
    def ids(self) -> tuple[int, ...]:
        """The ids of the scopes, nearest first."""
        return tuple(scope.scope_id for scope in self.scopes)

    def name(self, *kinds: str) -> str:
        """The name of the nearest scope of one of these kinds, or an empty text."""
        return next((scope.name for scope in self.scopes if scope.kind in kinds), "")


@dataclass(frozen=True, slots=True)
class Profile:
    """All options of a scope, with inherited values and defaults filled in.

    Limits in tokens, retention in days; ``retention_days`` 0 keeps for good. Empty ``allowed_roles`` and
    ``allowed_users``: everybody may ask; empty ``channels``: everywhere. ``cluster`` is the name of the only
    cluster that may answer, empty for any. ``blocked_users`` of all scopes add up: a channel cannot lift a ban of
    its server. ``answer_posts``: the channel is a help channel, whose posts are answered without a mention, with
    ``answer_operators`` those of operators too, at most ``posts_a_day`` in a day of UTC; ``first_line`` is shown
    above the first answer; people call the roles ``helper_roles`` (one of them; empty: nobody can be called);
    ``solved_tag`` is the forum tag that ends automatic answers, empty for one that is named like "solved".
    ``origins`` names the scope that each field comes from; a field that is missing there has its
    default.
    """

    persona: str
    context_tokens: int
    answer_tokens: int
    think: bool | None = None
    temperature: float | None = None
    top_k: int | None = None
    allowed_roles: frozenset[int] = frozenset()
    allowed_users: frozenset[int] = frozenset()
    blocked_users: frozenset[int] = frozenset()
    channels: frozenset[int] = frozenset()
    private: bool = False
    threads: bool = False
    retention_days: int = 0
    cluster: str = ""
    answer_posts: bool = False
    answer_operators: bool = True
    posts_a_day: int = 50
    first_line: str = ""
    helper_roles: frozenset[int] = frozenset()
    solved_tag: str = ""
    origins: Mapping[str, int] = field(default_factory=dict)
    version: str | None = field(default=None, compare=False)
    """Of all profiles, when this one was read (:class:`ChosenScopes`); None: it was read just now."""


@dataclass(frozen=True, slots=True)
class ChosenScopes:
    """The scopes in which something was chosen, and a text that is another one after every change of a choice."""

    version: str
    scope_ids: frozenset[int]


FIELDS = tuple(one.name for one in fields(Profile) if one.name not in {"origins", "version"})

_SETS = frozenset({"allowed_roles", "allowed_users", "blocked_users", "channels", "helper_roles"})
_TEXTS = {"persona": PERSONA_LIMIT, "cluster": 20, "first_line": FIRST_LINE_LIMIT, "solved_tag": TAG_LIMIT}
_RANGES: Mapping[str, tuple[float, float]] = {
    "context_tokens": (256, 1_000_000),
    "answer_tokens": (1, 1_000_000),
    "temperature": (0, 2),
    "top_k": (1, 1_000),
    "retention_days": (0, 3_650),
    "posts_a_day": (1, 10_000),
}


def limits_of(name: str, defaults: Profile) -> tuple[float, float] | None:
    """The lowest and highest value of a numeric field; None for any other field.

    No scope may spend more tokens than the operators' settings allow: these are the ``defaults``.
    """
    low_high = _RANGES.get(name)
    if low_high is None:
        return None
    if name in {"context_tokens", "answer_tokens"}:
        return low_high[0], float(getattr(defaults, name))
    return low_high


def inherited(defaults: Profile, chosen: Sequence[tuple[int, Mapping[str, object]]]) -> Profile:
    """The profile in effect: ``chosen`` are the choices per scope id, nearest first; the nearest wins.

    Values that a field cannot have (from an older or newer schema) are ignored.
    """
    values: dict[str, object] = {}
    origins: dict[str, int] = {}
    blocked: frozenset[int] = frozenset()
    for scope_id, choices in chosen:
        for name in FIELDS:
            value = _read(name, choices.get(name), defaults)
            if value is None:
                continue
            if name == "blocked_users" and isinstance(value, frozenset):
                blocked |= value
            if name not in values:
                values[name], origins[name] = value, scope_id
    if "blocked_users" in values:
        values["blocked_users"] = blocked
    return replace(defaults, **values, origins=origins)  # type: ignore[arg-type]  # each value was checked by _read


def _read(name: str, value: object, defaults: Profile) -> object:
    if name in _SETS:
        return frozenset(one for one in value if isinstance(one, int)) if isinstance(value, list) else None
    if name in _TEXTS:
        return value[: _TEXTS[name]] if isinstance(value, str) else None
    limits = limits_of(name, defaults)
    if limits is None:
        return value if isinstance(value, bool) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    bounded = min(max(value, limits[0]), limits[1])
    return float(bounded) if name == "temperature" else int(bounded)


def addressed(persona: str, *, date: str, server: str, channel: str, user: str) -> str:
    """The system prompt with ``{date}``, ``{server}``, ``{channel}`` and ``{user}`` filled in; other braces stay.

    Names are untrusted text: each is reduced to one short line.
    """
    filled = persona
    for name, value in (("date", date), ("server", server), ("channel", channel), ("user", user)):
        filled = filled.replace(f"{{{name}}}", " ".join(value.replace("{", "(").split())[:100])
    return filled
