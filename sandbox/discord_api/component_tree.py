"""Walking a message's component tree.

Component types: docs.discord.com, developers/components/reference.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sandbox.discord_api.wire import JSON

ACTION_ROW, BUTTON, STRING_SELECT, TEXT_INPUT = 1, 2, 3, 4
SELECTS = (3, 5, 6, 7, 8)
SECTION, TEXT_DISPLAY, THUMBNAIL, MEDIA_GALLERY, FILE, SEPARATOR = 9, 10, 11, 12, 13, 14
CONTAINER, LABEL, FILE_UPLOAD = 17, 18, 19


class Button(NamedTuple):
    """A button as a person sees it; a link has no ``custom_id``."""

    label: str
    custom_id: str | None
    disabled: bool
    style: int


def walk(components: list[JSON]) -> Iterator[JSON]:
    """Every component, parents before children, in reading order."""
    for component in components:
        yield component
        yield from walk(component.get("components") or [])
        for key in ("accessory", "component"):
            if component.get(key):
                yield from walk([component[key]])


def texts_of(components: list[JSON]) -> list[str]:
    """The contents of all TextDisplays."""
    return [str(c.get("content", "")) for c in walk(components) if c.get("type") == TEXT_DISPLAY]


def buttons_of(components: list[JSON]) -> dict[str, Button]:
    """The buttons by label."""
    found: dict[str, Button] = {}
    for c in walk(components):
        if c.get("type") == BUTTON:
            label = str(c.get("label") or (c.get("emoji") or {}).get("name") or "")
            found[label] = Button(label, c.get("custom_id"), bool(c.get("disabled")), int(c.get("style", 2)))
    return found


def with_custom_id(components: list[JSON], custom_id: str) -> JSON | None:
    """The component that has this ``custom_id``."""
    return next((c for c in walk(components) if c.get("custom_id") == custom_id), None)


def number(components: list[JSON]) -> None:
    """Give each component without an ``id`` the next free one, as Discord does on every save."""
    every = list(walk(components))
    taken = {c["id"] for c in every if c.get("id")}
    following = 1
    for c in every:
        if not c.get("id"):
            while following in taken:
                following += 1
            c["id"] = following
            taken.add(following)


_DEFAULTS: dict[int, JSON] = {
    **{kind: {"min_values": 1, "max_values": 1, "disabled": False} for kind in SELECTS},
    BUTTON: {"disabled": False},
    SEPARATOR: {"spacing": 1, "divider": True},
    CONTAINER: {"accent_color": None, "spoiler": False},
    THUMBNAIL: {"description": None, "spoiler": False},
    FILE: {"spoiler": False},
}


def complete(components: list[JSON]) -> None:
    """Give each component what it was sent without, as Discord's answers have it."""
    for c in walk(components):
        for name, value in _DEFAULTS.get(c.get("type", 0), {}).items():
            if c.get(name) is None:
                c[name] = value
        for item in c.get("items") or []:
            item["description"], item["spoiler"] = item.get("description"), bool(item.get("spoiler"))
