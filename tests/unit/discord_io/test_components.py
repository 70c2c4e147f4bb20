"""Pages as components: what is written as data is what the library's own classes would send."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

with warnings.catch_warnings():  # discord.py 2.7 imports audioop, which Python 3.11 calls deprecated
    warnings.simplefilter("ignore", DeprecationWarning)
    import discord
    from discord import ui

from bot.discord_io.components import build_layout, page_components, page_mark
from bot.i18n.catalogue import available_locales, say
from bot.markdown.files import File
from bot.presentation.page import Control, Page, control_id

REQUEST = "0123456789abcdef"
STYLES = {Control.CONTINUE: discord.ButtonStyle.primary}
EMOJIS: Mapping[Control, str] = {
    Control.LIKE: "👍",
    Control.DISLIKE: "👎",
    Control.PREVIOUS: "◀",
    Control.NEXT: "▶",
}

PAGES = st.builds(
    Page,
    body=st.text(max_size=40),
    footer=st.text(max_size=20),
    controls=st.lists(st.sampled_from(Control), max_size=12, unique=True).map(tuple),
    files=st.lists(
        st.builds(File, st.sampled_from(["answer.md", "code-1.py", "answer-rest.md"]), st.binary(max_size=8)),
        max_size=3,
    ).map(tuple),
)


def library_layout(page: Page, locale: str, index: int) -> ui.LayoutView:
    """The same page, built of the library's classes."""
    view = ui.LayoutView(timeout=None)
    if page.body:
        view.add_item(ui.TextDisplay(page.body, id=page_mark(REQUEST, index)))
    for attached in page.files:
        view.add_item(ui.File(f"attachment://{attached.name}"))
    if page.footer:
        view.add_item(ui.TextDisplay(page.footer, id=None if page.body else page_mark(REQUEST, index)))
    buttons: list[ui.Button[ui.LayoutView]] = [
        ui.Button(
            custom_id=control_id(control, REQUEST),
            label=None if control in {Control.LIKE, Control.DISLIKE} else say(locale, f"control.{control.value}"),
            emoji=EMOJIS.get(control),
            style=STYLES.get(control, discord.ButtonStyle.secondary),
        )
        for control in page.controls
    ]
    for start in range(0, len(buttons), 5):
        view.add_item(ui.ActionRow(*buttons[start : start + 5]))
    return view


@given(PAGES, st.sampled_from(available_locales()), st.integers(0, 127))
def test_a_page_is_written_byte_for_byte_as_the_library_writes_it(page: Page, locale: str, index: int) -> None:
    """Every key, in its order."""
    ours = page_components(page, REQUEST, locale, index)
    theirs = library_layout(page, locale, index).to_components()  # type: ignore[no-untyped-call]  # its own
    assert discord.utils._to_json(ours) == discord.utils._to_json(theirs)


async def test_the_library_keeps_no_layout_of_a_page() -> None:
    """Buttons are answered by their ids, so a layout that is kept would be kept for nothing."""
    layout = build_layout(Page("text", "footer", (Control.STOP,)), REQUEST, "en-US")
    # ``Interaction.response.send_message`` keeps what is not finished, other calls what could be dispatched too.
    assert layout.is_finished()
    assert not layout.is_dispatchable()
    assert layout.has_components_v2()
