"""The confirmation before a switch of the model, and the message that follows it."""

from __future__ import annotations

import asyncio
import re
import secrets
from dataclasses import replace
from typing import Any, Self

import discord
import structlog
from discord import ui

from bot.discord_io.client import ParallaxBot, Services
from bot.discord_io.command_tree import NOBODY, report
from bot.domain.cluster.model_switch import Switch, SwitchState
from bot.errors import BotError, UserError
from bot.i18n.catalogue import say
from bot.presentation.page import escape_inline
from bot.presentation.status import Accent
from bot.services.operations.model_switch import Plan
from cogs.ui.base import BaseLayout, BaseModal, RateChecked, text_layout
from cogs.ui.convert import require_operator

log = structlog.get_logger(__name__)

Press = discord.Interaction[Any]

CONFIRM_WITHIN = 300.0


class ConfirmSwitch(BaseLayout):
    """Asks before the model is set. When something runs, the model's name has to be typed."""

    def __init__(
        self, services: Services, plan: Plan, *, text: str, typed: bool, locale: str, owner_id: int
    ) -> None:
        super().__init__(owner_id=owner_id, timeout=CONFIRM_WITHIN)
        self._services = services
        self._plan = plan
        self._typed = typed
        self._locale = locale
        self._decided = False
        self.shown: Press | None = None
        yes: ui.Button[ConfirmSwitch] = ui.Button(
            label=say(locale, "init.switch_button" if typed else "init.yes"), style=discord.ButtonStyle.danger
        )
        no: ui.Button[ConfirmSwitch] = ui.Button(label=say(locale, "init.no"), style=discord.ButtonStyle.secondary)
        yes.callback = self._confirm  # type: ignore[method-assign]  # how discord.py binds made buttons
        no.callback = self._dismiss  # type: ignore[method-assign]
        self.add_item(ui.Container(ui.TextDisplay(text[:3800]), accent_colour=Accent.WAITING.value))
        self.add_item(ui.ActionRow(yes, no))

    async def authorise(self, interaction: Press) -> None:
        """Operators only."""
        require_operator(self._services, interaction)

    async def _confirm(self, interaction: Press) -> None:
        if self._typed and not self._decided:
            await interaction.response.send_modal(_TypeName(self, self._plan.model, self._locale))
            return
        await self.begin(interaction)

    async def begin(self, interaction: Press) -> None:
        """Confirmed: start, and follow it in this message. However often that is pressed, it is one switch."""
        # The view is not stopped: a second press still has to be acknowledged.
        await interaction.response.defer()
        self._decided = True
        switch = await self._services.operations.switching.begin(self._plan, by=interaction.user.id)
        await follow_switch(self._services, interaction, switch, wanted=self._plan)

    async def _dismiss(self, interaction: Press) -> None:
        if self._decided:
            await interaction.response.defer()
            return
        self._decided = True
        layout = text_layout(say(self._locale, "init.cancelled"))
        await interaction.response.edit_message(view=layout, allowed_mentions=NOBODY)

    async def on_timeout(self) -> None:
        """Nobody decided: take the buttons away, which nothing answers any more."""
        if self._decided or self.shown is None:
            return
        self._decided = True
        layout = text_layout(say(self._locale, "init.expired"))
        try:
            await self.shown.edit_original_response(view=layout, allowed_mentions=NOBODY)
        except discord.HTTPException as error:
            log.info("init.expiry_not_shown", code=error.code)


class _TypeName(BaseModal):
    """Asks for the model's name: nothing that interrupts others happens by a slip."""

    def __init__(self, confirm: ConfirmSwitch, model: str, locale: str) -> None:
        super().__init__(title=say(locale, "init.type_title"))
        self._confirm = confirm
        self._model = model
        self._name: ui.TextInput[_TypeName] = ui.TextInput(max_length=200, placeholder=model[:100])
        self.add_item(ui.Label(text=say(locale, "init.type_label"), component=self._name))

    async def authorise(self, interaction: Press) -> None:
        """As the confirmation it belongs to."""
        await self._confirm.authorise(interaction)

    async def on_submit(self, interaction: Press, /) -> None:
        """Begin when it is the name."""
        if self._name.value.strip() != self._model:
            raise UserError("another name was typed", key="error.name_differs", model=self._model)
        await self._confirm.begin(interaction)


async def follow_switch(
    services: Services, interaction: Press, switch: Switch, *, wanted: Plan | None = None
) -> None:
    """Show a switch in the interaction's message, which was acknowledged, and keep it current.

    ``wanted`` is what the person had confirmed: when the switch is another one, the message says so.
    """
    notice = ""
    if wanted is not None and wanted.plan_id != switch.switch_id:
        notice = say(
            interaction.locale.value,
            "switch.not_started",
            model=escape_inline(wanted.model),
            by=f"<@{switch.by}>",
            other=escape_inline(switch.model),
        )
    following = _Following(services, interaction, switch, notice)
    await following.show()
    services.operations.background.follow(following.run(), name=f"switch-{switch.switch_id}")


class _Following:
    """One message that follows one switch."""

    def __init__(self, services: Services, interaction: Press, switch: Switch, notice: str) -> None:
        self._services = services
        self._interaction = interaction
        self._notice = notice
        self._switch_id = switch.switch_id
        self._locale = interaction.locale.value
        self._shown: object = None
        self._over = False

    async def show(self) -> None:
        """Bring the message up to date when it looks different."""
        switching = self._services.operations.switching
        switch = await switching.get(self._switch_id)
        if switch is None:
            return
        self._over = switch.state is not SwitchState.OPEN
        card = await switching.card(switch, self._locale)
        if self._notice:
            card = replace(card, sections=(f"▲ {self._notice}", *card.sections))
        if card != self._shown:
            self._shown = card
            view = self._services.operations.card_layout(card, "switch")
            await self._interaction.edit_original_response(view=view, allowed_mentions=NOBODY)

    async def run(self) -> None:
        """Until the switch is over, or the interaction is spent."""
        wake = asyncio.Event()
        unsubscribe = self._services.operations.switching.subscribe(wake.set)
        try:
            while not self._over and not self._interaction.is_expired():
                # A running switch is looked at every second; what changed meanwhile is shown together.
                await wake.wait()
                wake.clear()
                await self.show()
        except (discord.HTTPException, BotError) as error:
            log.info("switch.not_shown", error=type(error).__name__)
        finally:
            unsubscribe()


class SwitchControl(
    RateChecked, ui.DynamicItem[ui.Button[Any]], template=r"switch:(?P<action>cancel|back):(?P<switch>[0-9a-f]{8})"
):
    """A press under a switch's message. What fails is reported here: the library would only log it."""

    withdrawals = frozenset({"cancel"})

    def __init__(self, button: ui.Button[Any], action: str, switch_id: str) -> None:
        super().__init__(button)
        self._action = action
        self._switch_id = switch_id

    @classmethod
    async def from_custom_id(cls, _interaction: Press, item: ui.Item[Any], match: re.Match[str], /) -> Self:
        """The pressed button, from its id."""
        assert isinstance(item, ui.Button)  # noqa: S101  # the template is of buttons
        return cls(item, match["action"], match["switch"])

    async def callback(self, interaction: Press) -> None:
        """Do it, or say privately why not."""
        client = interaction.client
        assert isinstance(client, ParallaxBot)  # noqa: S101  # registered by our own cog
        try:
            await self._act(client.services, interaction)
        except Exception as error:  # noqa: BLE001  # the library would only log it: the person is told here
            await report(interaction, error)

    async def _act(self, services: Services, interaction: Press) -> None:
        require_operator(services, interaction)
        switching, by = services.operations.switching, interaction.user.id
        if self._action == "back":
            switch = await switching.get(self._switch_id)
            if switch is None or switch.previous_model is None:
                raise UserError("nothing to go back to", key="error.switch_over")
            await interaction.response.send_modal(
                _TypeBack(services, self._switch_id, switch.previous_model, interaction.locale.value)
            )
            return
        await interaction.response.defer()
        ended = await switching.cancel(self._switch_id, by=by)
        if ended is not None:
            await follow_switch(services, interaction, ended)


class _TypeBack(BaseModal):
    """The way back interrupts as the way there did: it is confirmed alike."""

    def __init__(self, services: Services, switch_id: str, model: str, locale: str) -> None:
        super().__init__(title=say(locale, "init.type_title"))
        self._services = services
        self._switch_id = switch_id
        self._model = model
        self._plan_id = secrets.token_hex(4)
        self._name: ui.TextInput[_TypeBack] = ui.TextInput(max_length=200, placeholder=model[:100])
        self.add_item(ui.Label(text=say(locale, "init.type_label"), component=self._name))

    async def authorise(self, interaction: Press) -> None:
        """Operators only."""
        require_operator(self._services, interaction)

    async def on_submit(self, interaction: Press, /) -> None:
        """Go back when it is the name."""
        if self._name.value.strip() != self._model:
            raise UserError("another name was typed", key="error.name_differs", model=self._model)
        await interaction.response.defer()
        switching = self._services.operations.switching
        switch = await switching.back(self._switch_id, by=interaction.user.id, plan_id=self._plan_id)
        if switch is not None:
            wanted = Plan(self._plan_id, self._model, switch.nodes, switch.local_network)
            await follow_switch(self._services, interaction, switch, wanted=wanted)
