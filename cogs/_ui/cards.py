"""Cards as Components V2 containers."""

from __future__ import annotations

from discord import ui

from bot.rendering.cluster_card import Card


def container(card: Card) -> ui.Container[ui.LayoutView]:
    """A card as a container: sections apart, the edge coloured by state."""
    box: ui.Container[ui.LayoutView] = ui.Container(accent_colour=card.accent.value)
    for index, section in enumerate(card.sections):
        if index == 2:
            box.add_item(ui.Separator())
        box.add_item(ui.TextDisplay(section))
    return box
