"""The dialogue of ``/settings`` for help channels."""

from __future__ import annotations

from typing import Any

import discord
from discord import ui

from bot.domain.conversation.profile import FIRST_LINE_LIMIT, TAG_LIMIT, Chosen, Profile, limits_of
from bot.errors import UserError
from bot.i18n.catalogue import say
from cogs.ui.profile_modals import Changes, Edit, ProfileModal

_CHOICES: dict[str, tuple[bool, bool]] = {
    "off": (False, True),
    "everybody": (True, True),
    "not_operators": (True, False),
}
"""What each choice means: whether posts are answered, and those of operators too."""


class HelpModal(ProfileModal):
    """Whether and how every post of a channel is answered."""

    def __init__(self, edit: Edit, *, defaults: Profile) -> None:
        super().__init__("help", edit)
        self._limits = limits_of("posts_a_day", defaults) or (1, 1)
        chosen = edit.chosen
        now = (bool(chosen.get("answer_posts")), chosen.get("answer_operators") is not False)
        self._posts: ui.Select[Any] = ui.Select(
            custom_id="answer_posts",
            options=[
                discord.SelectOption(
                    label=say(edit.locale, f"settings.posts.{name}")[:100], value=name, default=meant == now
                )
                for name, meant in _CHOICES.items()
            ],
        )
        self.labelled("answer_posts", self._posts)
        self._line = _line("first_line", chosen.get("first_line"), FIRST_LINE_LIMIT)
        self.labelled("first_line", self._line)
        kept = chosen.get("helper_roles")
        shown = [
            discord.SelectDefaultValue(id=one, type=discord.SelectDefaultValueType.role)
            for one in (kept[:1] if isinstance(kept, list) else ())
        ]
        self._roles: ui.RoleSelect[Any] = ui.RoleSelect(
            custom_id="helper_roles", min_values=0, max_values=1, required=False, default_values=shown
        )
        self.labelled("helper_roles", self._roles)
        self._day = _line("posts_a_day", chosen.get("posts_a_day"), 5)
        self.labelled("posts_a_day", self._day, description="{:g}–{:g}".format(*self._limits))
        self._tag = _line("solved_tag", chosen.get("solved_tag"), TAG_LIMIT)
        self.labelled("solved_tag", self._tag, description=say(edit.locale, "settings.solved_by_name")[:100])

    def changes(self) -> Changes:
        """What was chosen; what is left empty is inherited."""
        posts, operators = _CHOICES.get(next(iter(self._posts.values), "off"), _CHOICES["off"])
        return {
            "answer_posts": posts or None,
            "answer_operators": None if operators else False,
            "first_line": " ".join(self._line.value.split()) or None,
            "helper_roles": [role.id for role in self._roles.values] or None,
            "posts_a_day": self._number(),
            "solved_tag": self._tag.value.strip() or None,
        }

    def _number(self) -> Chosen | None:
        text = self._day.value.strip()
        if not text:
            return None
        low, high = self._limits
        if not text.isdecimal() or not low <= int(text) <= high:
            field = say(self.locale, "settings.field.posts_a_day")
            raise UserError("posts_a_day out of range", key="error.setting_range", field=field, low=low, high=high)
        return int(text)


def _line(name: str, value: object, most: int) -> ui.TextInput[Any]:
    return ui.TextInput(
        custom_id=name, default="" if value is None else str(value)[:most], max_length=most, required=False
    )
