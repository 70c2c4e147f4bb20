"""Pages as Components V2 layouts: text, files, footer and buttons, from the acknowledgement to the last edit.

The ids of the buttons are answered by the ``DynamicItem``s that the cogs register, also after a restart.
"""

from __future__ import annotations

import io
import zlib

import discord
from discord import ui

from bot.i18n.catalogue import say
from bot.markdown.files import File
from bot.presentation.page import Control, Page, control_id

_STYLES = {
    Control.STOP: discord.ButtonStyle.secondary,
    Control.CANCEL: discord.ButtonStyle.secondary,
    Control.CONTINUE: discord.ButtonStyle.primary,
}
_GLYPHS = {Control.LIKE: "👍", Control.DISLIKE: "👎", Control.PREVIOUS: "◀", Control.NEXT: "▶"}
# Screen readers read the name of an emoji, which explains a thumb but not an arrow.
_GLYPH_ALONE = {Control.LIKE, Control.DISLIKE}


def _button(control: Control, request_id: str, locale: str) -> ui.Button[ui.LayoutView]:
    return ui.Button(
        custom_id=control_id(control, request_id),
        label=None if control in _GLYPH_ALONE else say(locale, f"control.{control.value}"),
        emoji=_GLYPHS.get(control),
        style=_STYLES.get(control, discord.ButtonStyle.secondary),
    )


def page_mark(request_id: str, index: int) -> int:
    """The component id of an answer's page ``index`` (0-127), by which a later process recognises the message.

    Discord keeps the ids it is given, shows them to nobody, and returns them with the message; 32 bits,
    signed (docs, components/reference, "Anatomy of a Component").
    """
    return ((zlib.crc32(request_id.encode()) & 0xFFFFFF) << 7) + index + 1


def build_layout(page: Page, request_id: str, locale: str, index: int = 0) -> ui.LayoutView:
    """The layout of an answer's page ``index``.

    The view is stopped at once: it only holds components, so the library must not keep it for dispatch.
    """
    view = ui.LayoutView(timeout=None)
    if page.body:
        view.add_item(ui.TextDisplay(page.body, id=page_mark(request_id, index)))
    for attached in page.files:
        view.add_item(ui.File(f"attachment://{attached.name}"))
    if page.footer:
        mark = None if page.body else page_mark(request_id, index)
        view.add_item(ui.TextDisplay(page.footer, id=mark))
    buttons = [_button(control, request_id, locale) for control in page.controls]
    for start in range(0, len(buttons), 5):
        view.add_item(ui.ActionRow(*buttons[start : start + 5]))
    view.stop()
    return view


def to_files(files: tuple[File, ...]) -> list[discord.File]:
    """The uploads for the files of a page."""
    return [discord.File(io.BytesIO(item.data), filename=item.name) for item in files]
