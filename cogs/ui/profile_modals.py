"""The dialogues of ``/settings``. An option whose field is left empty is inherited again."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import discord
from discord import ui

from bot.domain.conversation.profile import PERSONA_LIMIT, Chosen, Profile, limits_of
from bot.errors import UserError
from bot.i18n.catalogue import say
from cogs.ui.base import BaseModal, Press

Changes = Mapping[str, Chosen | None]

NUMBERS = ("temperature", "top_k", "answer_tokens", "context_tokens", "retention_days")
SWITCHES = ("think", "private", "threads")
IdSelect = ui.RoleSelect[Any] | ui.UserSelect[Any] | ui.ChannelSelect[Any]
_KINDS = discord.SelectDefaultValueType
LISTS: dict[str, tuple[Callable[..., IdSelect], discord.SelectDefaultValueType]] = {
    "allowed_roles": (ui.RoleSelect[Any], _KINDS.role),
    "allowed_users": (ui.UserSelect[Any], _KINDS.user),
    "blocked_users": (ui.UserSelect[Any], _KINDS.user),
    "channels": (ui.ChannelSelect[Any], _KINDS.channel),
}
_MOST = 25
_INHERIT, _ON, _OFF, _ONLY = "inherit", "on", "off", "only"


@dataclass(frozen=True, slots=True)
class Edit:
    """What a dialogue changes: the ``chosen`` options of one scope.

    ``authorise`` raises :class:`NotAllowed` for anybody who may not change them; ``apply`` changes them and
    answers the interaction.
    """

    chosen: Mapping[str, object]
    locale: str
    authorise: Callable[[Press], Awaitable[None]]
    apply: Callable[[Press, Changes], Awaitable[None]]


class ProfileModal(BaseModal):
    """The base of the dialogues: applies the changes."""

    def __init__(self, key: str, edit: Edit) -> None:
        super().__init__(title=say(edit.locale, f"settings.{key}")[:45])
        self.locale = edit.locale
        self._edit = edit

    @abstractmethod
    def changes(self) -> Changes:
        """The values of the fields. Raises :class:`UserError` for one that is out of range."""

    def labelled(self, name: str, component: ui.Item[Any], *, description: str | None = None) -> None:
        """Add a field with its name."""
        text = say(self.locale, f"settings.field.{name}")[:45]
        self.add_item(ui.Label(text=text, component=component, description=description))

    async def authorise(self, interaction: Press) -> None:
        """Raise :class:`NotAllowed` for anybody who may not change the settings."""
        await self._edit.authorise(interaction)

    async def on_submit(self, interaction: Press, /) -> None:
        """Apply the changes."""
        await self._edit.apply(interaction, self.changes())


class PersonaModal(ProfileModal):
    """The system prompt."""

    def __init__(self, edit: Edit) -> None:
        super().__init__("persona", edit)
        self._text: ui.TextInput[Any] = ui.TextInput(
            style=discord.TextStyle.paragraph,
            custom_id="persona",
            default=str(edit.chosen.get("persona") or ""),
            max_length=PERSONA_LIMIT,
            required=False,
        )
        self.labelled("persona", self._text, description="{date} {server} {channel} {user}")

    def changes(self) -> Changes:
        """The text, or inherited."""
        return {"persona": self._text.value.strip() or None}


class NumbersModal(ProfileModal):
    """The options that are numbers."""

    def __init__(self, edit: Edit, *, defaults: Profile) -> None:
        super().__init__("numbers", edit)
        self._defaults = defaults
        self._inputs: dict[str, ui.TextInput[Any]] = {}
        for name in NUMBERS:
            value = edit.chosen.get(name)
            field: ui.TextInput[Any] = ui.TextInput(
                custom_id=name, default="" if value is None else f"{value}", max_length=10, required=False
            )
            self._inputs[name] = field
            low, high = limits_of(name, defaults) or (0, 0)
            self.labelled(name, field, description=f"{low:g}–{high:.10g}")

    def changes(self) -> Changes:
        """The numbers, each within its range, or inherited."""
        return {name: self._number(name, field.value.strip()) for name, field in self._inputs.items()}

    def _number(self, name: str, text: str) -> Chosen | None:
        if not text:
            return None
        low, high = limits_of(name, self._defaults) or (0, 0)
        try:
            value = float(text.replace(",", "."))
        except ValueError:
            value = -1.0
        if not low <= value <= high or (name != "temperature" and value != int(value)):
            field = say(self.locale, f"settings.field.{name}")
            raise UserError(f"{name} out of range", key="error.setting_range", field=field, low=low, high=high)
        return value if name == "temperature" else int(value)


class SwitchesModal(ProfileModal):
    """The options that are on or off, and where there are several clusters, which one answers."""

    def __init__(self, edit: Edit, *, clusters: Sequence[str] = ()) -> None:
        """``clusters`` are their names; empty when there is only one."""
        super().__init__("switches", edit)
        self._selects: dict[str, ui.Select[Any]] = {}
        for name in SWITCHES:
            now = (_ON if edit.chosen[name] else _OFF) if name in edit.chosen else _INHERIT
            options = [
                discord.SelectOption(
                    label=say(edit.locale, f"settings.{value}"), value=value, default=value == now
                )
                for value in (_INHERIT, _ON, _OFF)
            ]
            select: ui.Select[Any] = ui.Select(custom_id=name, options=options, required=True)
            self._selects[name] = select
            self.labelled(name, select)
        self._cluster = _cluster_select(edit, clusters) if clusters else None
        if self._cluster is not None:
            self.labelled("cluster", self._cluster)

    def changes(self) -> Changes:
        """On, off, a cluster, any, or inherited."""
        meaning = {_ON: True, _OFF: False}
        changes: dict[str, Chosen | None] = {
            name: meaning.get(next(iter(select.values), "")) for name, select in self._selects.items()
        }
        if self._cluster is not None:
            kind, _, name = next(iter(self._cluster.values), _INHERIT).partition(":")
            changes["cluster"] = None if kind == _INHERIT else name
        return changes


def _cluster_select(edit: Edit, clusters: Sequence[str]) -> ui.Select[Any]:
    """Inherited, any cluster, or one of them. A name that is not known any more counts as any."""
    chosen = edit.chosen.get("cluster")
    now = _INHERIT if chosen is None else f"{_ONLY}:{chosen if chosen in clusters else ''}"
    labels = {
        _INHERIT: say(edit.locale, "settings.inherit"),
        f"{_ONLY}:": say(edit.locale, "settings.any_cluster"),
        **{f"{_ONLY}:{name}": name for name in clusters},
    }
    options = [
        discord.SelectOption(label=label, value=value, default=value == now) for value, label in labels.items()
    ]
    return ui.Select(custom_id="cluster", options=options, required=True)


class PeopleModal(ProfileModal):
    """Who may ask, and where."""

    def __init__(self, edit: Edit) -> None:
        super().__init__("people", edit)
        self._selects: dict[str, IdSelect] = {}
        for name, (select_of, kind) in LISTS.items():
            ids = edit.chosen.get(name)
            kept = ids[:_MOST] if isinstance(ids, list) else ()
            shown = [discord.SelectDefaultValue(id=one, type=kind) for one in kept]
            select = select_of(
                custom_id=name, min_values=0, max_values=_MOST, required=False, default_values=shown
            )
            self._selects[name] = select
            self.labelled(name, select)

    def changes(self) -> Changes:
        """The ids that were chosen, or inherited."""
        return {name: [one.id for one in select.values] or None for name, select in self._selects.items()}
