"""Pages as Components V2 layouts: text, files, footer and buttons, from the acknowledgement to the last edit.

A page is built as the JSON that Discord takes (docs, components/reference), without the library's view objects: an
answer is edited several times a second, and building a view cost as much as sending it. The ids of the buttons
are answered by the ``DynamicItem``s that the cogs register, also after a restart, so the library has nothing to
keep for dispatch.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast

import discord
from discord import ui

from bot.i18n.catalogue import say
from bot.markdown.files import File
from bot.presentation.page import Control, Page, control_id

Component = dict[str, Any]
"""A component as Discord's JSON."""

_ROW, _BUTTON, _TEXT, _FILE = (
    kind.value
    for kind in (
        discord.ComponentType.action_row,
        discord.ComponentType.button,
        discord.ComponentType.text_display,
        discord.ComponentType.file,
    )
)
_BUTTONS_IN_A_ROW = 5
KEPT_ROWS = 1024
_STYLES = {Control.CONTINUE: discord.ButtonStyle.primary.value}
_GLYPHS = {Control.LIKE: "👍", Control.DISLIKE: "👎", Control.PREVIOUS: "◀", Control.NEXT: "▶"}
# Screen readers read the name of an emoji, which explains a thumb but not an arrow.
_GLYPH_ALONE = {Control.LIKE, Control.DISLIKE}


class _Finished:
    """All that ``handle_message_parameters`` uses of a view (discord.py 2.7, ``http.py``)."""

    def __init__(self, components: Sequence[Component]) -> None:
        self._components = list(components)

    def to_components(self) -> list[Component]:
        return self._components

    def has_components_v2(self) -> bool:
        return True


def as_view(components: Sequence[Component]) -> ui.LayoutView:
    """Finished components as a view for ``handle_message_parameters`` alone: a real one is many objects."""
    return cast("ui.LayoutView", _Finished(components))


class PageLayout(ui.LayoutView):
    """A layout made of finished components, for the library's calls that take a view.

    It is stopped at once, because the library keeps every other view for dispatch (``ViewStore``).
    """

    def __init__(self, components: Sequence[Component]) -> None:
        super().__init__(timeout=None)
        self._finished = list(components)
        self.stop()

    def to_components(self) -> list[Component]:
        """The components as they were given."""
        return self._finished

    def has_components_v2(self) -> bool:
        """Always true: the message consists of components alone."""
        return True


def page_mark(request_id: str, index: int) -> int:
    """The component id of an answer's page ``index`` (0-127), by which a later process recognises the message.

    Discord keeps the ids it is given, shows them to nobody, and returns them with the message; 32 bits,
    signed (docs, components/reference, "Anatomy of a Component").
    """
    return ((zlib.crc32(request_id.encode()) & 0xFFFFFF) << 7) + index + 1


def page_components(page: Page, request_id: str, locale: str, index: int = 0) -> list[Component]:
    """The components of an answer's page ``index``, as the library's classes would write them."""
    mark = page_mark(request_id, index)
    components: list[Component] = []
    if page.body:
        components.append({"type": _TEXT, "content": page.body, "id": mark})
    components.extend(
        {"type": _FILE, "file": {"url": f"attachment://{attached.name}"}, "spoiler": False}
        for attached in page.files
    )
    if page.footer:
        footer: Component = {"type": _TEXT, "content": page.footer}
        components.append(footer if page.body else footer | {"id": mark})
    if page.controls:
        components.extend(_rows(page.controls, request_id, locale))
    return components


def build_layout(page: Page, request_id: str, locale: str, index: int = 0) -> PageLayout:
    """The layout of an answer's page ``index``, for calls of the library that take a view."""
    return PageLayout(page_components(page, request_id, locale, index))


def to_files(files: tuple[File, ...]) -> list[discord.File]:
    """The uploads for the files of a page."""
    return [discord.File(io.BytesIO(item.data), filename=item.name) for item in files]


@lru_cache(KEPT_ROWS)  # an answer shows the same ones at every edit
def _rows(controls: tuple[Control, ...], request_id: str, locale: str) -> tuple[Component, ...]:
    buttons = [_button(control, request_id, locale) for control in controls]
    return tuple(
        {"type": _ROW, "components": buttons[start : start + _BUTTONS_IN_A_ROW]}
        for start in range(0, len(buttons), _BUTTONS_IN_A_ROW)
    )


def _button(control: Control, request_id: str, locale: str) -> Component:
    button: Component = {
        "type": _BUTTON,
        "style": _STYLES.get(control, discord.ButtonStyle.secondary.value),
        "disabled": False,
    }
    if control not in _GLYPH_ALONE:
        button["label"] = say(locale, f"control.{control.value}")
    button["custom_id"] = control_id(control, request_id)
    if (glyph := _GLYPHS.get(control)) is not None:
        button["emoji"] = {"id": None, "name": glyph}
    return button
