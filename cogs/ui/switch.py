"""The confirmation before a model switch, and the message that shows its progress."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

import discord
import structlog
from discord import ui

from bot.discord_io.calls import translated
from bot.discord_io.client import Services
from bot.discord_io.command_tree import text_layout
from bot.domain.cluster.switch_steps import Switch, SwitchState
from bot.errors import BotError, DeliveryError, UserError
from bot.i18n.catalogue import say
from bot.presentation.page import escape_inline
from bot.presentation.status import Accent
from bot.services.operations.model_switch import ModelSwitcher, Plan
from cogs.ui.base import (
    BaseLayout,
    BaseModal,
    DurableButton,
    Press,
    acknowledge,
    fill_in,
    made_button,
    open_dialogue,
    redraw,
    with_notice,
)
from cogs.ui.convert import require_operator

log = structlog.get_logger(__name__)

CONFIRM_WITHIN = 300.0


class ConfirmSwitch(BaseLayout):
    """Asks before the model is set. If a model is set already, the new one's name has to be typed (``typed``)."""

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
        yes = say(locale, "init.switch_button" if typed else "init.yes")
        confirm = made_button(yes, self._confirm, style=discord.ButtonStyle.danger)
        dismiss = made_button(say(locale, "init.no"), self._dismiss)
        self.add_item(ui.Container(ui.TextDisplay(text[:3800]), accent_colour=Accent.WAITING.value))
        self.add_item(ui.ActionRow(confirm, dismiss))

    async def authorise(self, interaction: Press) -> None:
        """Operators only."""
        require_operator(self._services, interaction)

    async def _confirm(self, interaction: Press) -> None:
        if self._typed and not self._decided:
            modal = NameModal(self._services, self._plan.model, self._begin, self._locale)
            await open_dialogue(interaction, modal)
            return
        await self._begin(interaction)

    async def _begin(self, interaction: Press) -> None:
        """Start the switch and show its progress in this message. Several presses start only one."""
        # The view is not stopped: a second press must still be acknowledged.
        await acknowledge(interaction)
        self._decided = True
        beginning = self._services.operations.switchers.at(self._plan.cluster).begin(
            self._plan, by=interaction.user.id
        )
        switch = await with_notice(interaction, beginning)
        await follow_switch(self._services, interaction, switch, wanted=self._plan)

    async def _dismiss(self, interaction: Press) -> None:
        if self._decided:
            await acknowledge(interaction)
            return
        self._decided = True
        await redraw(interaction, text_layout(say(self._locale, "init.cancelled")))

    async def on_timeout(self) -> None:
        """Remove the buttons, which do not work any more, when nobody decided."""
        if self._decided or self.shown is None:
            return
        self._decided = True
        try:
            with translated():
                await fill_in(self.shown, text_layout(say(self._locale, "init.expired")))
        except DeliveryError as error:
            log.info("init.expiry_not_shown", error=type(error).__name__)


class NameModal(BaseModal):
    """Asks for the model's name, so that nobody interrupts others by accident. Operators only."""

    def __init__(
        self, services: Services, model: str, begin: Callable[[Press], Awaitable[None]], locale: str
    ) -> None:
        """``begin`` is called with the submission if the name is right."""
        super().__init__(title=say(locale, "init.type_title"))
        self._services = services
        self._model = model
        self._begin = begin
        self._name: ui.TextInput[NameModal] = ui.TextInput(max_length=200, placeholder=model[:100])
        self.add_item(ui.Label(text=say(locale, "init.type_label"), component=self._name))

    async def authorise(self, interaction: Press) -> None:
        """Operators only."""
        require_operator(self._services, interaction)

    async def on_submit(self, interaction: Press, /) -> None:
        """Begin if the name is right. Raises :class:`UserError` otherwise."""
        if self._name.value.strip() != self._model:
            raise UserError("another name was typed", key="error.name_differs", model=self._model)
        await self._begin(interaction)


async def follow_switch(
    services: Services, interaction: Press, switch: Switch, *, wanted: Plan | None = None
) -> None:
    """Show a switch in the interaction's message, which is acknowledged already, and keep it current.

    ``wanted`` is the plan that the person confirmed: if ``switch`` is another one, the message says so.
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
    """Keeps one message about one switch current."""

    def __init__(self, services: Services, interaction: Press, switch: Switch, notice: str) -> None:
        self._services = services
        self._interaction = interaction
        self._notice = notice
        self._switch_id = switch.switch_id
        self._switcher = services.operations.switchers.at(switch.cluster)
        self._locale = interaction.locale.value
        self._shown: object = None
        self._over = False

    async def show(self) -> None:
        """Update the message if the card has changed."""
        switching = self._switcher
        switch = await switching.get(self._switch_id)
        if switch is None:
            return
        self._over = switch.state is not SwitchState.OPEN
        card = await switching.card(switch, self._locale)
        if self._notice:
            card = replace(card, sections=(f"▲ {self._notice}", *card.sections))
        if card != self._shown:
            self._shown = card
            with translated():
                await fill_in(self._interaction, self._services.operations.card_layout(card, "switch"))

    async def run(self) -> None:
        """Update until the switch has ended or the interaction has expired."""
        wake = asyncio.Event()
        unsubscribe = self._switcher.subscribe(wake.set)
        try:
            while not self._over and not self._interaction.is_expired():
                await wake.wait()
                wake.clear()
                await self.show()
        except BotError as error:
            log.info("switch.not_shown", error=type(error).__name__)
        finally:
            unsubscribe()


class SwitchControl(DurableButton, template=r"switch:(?P<action>cancel|back):(?P<switch>[0-9a-f]{8})"):
    """The buttons under a switch's message."""

    withdrawals = frozenset({"cancel"})

    async def act(self, services: Services, press: Press) -> None:
        """Cancel the switch, or ask for confirmation of the way back. Operators only."""
        require_operator(services, press)
        switch_id = self.fields["switch"]
        switching = await services.operations.switchers.of(switch_id)
        if self.fields["action"] == "back":
            switch = await switching.get(switch_id) if switching is not None else None
            if switching is None or switch is None or switch.previous_model is None:
                raise UserError("nothing to go back to", key="error.switch_over")
            # The id is chosen here, so that a modal that is submitted twice begins one switch.
            back = partial(_go_back, services, switching, switch_id, secrets.token_hex(4), switch.previous_model)
            await open_dialogue(press, NameModal(services, switch.previous_model, back, press.locale.value))
            return
        await acknowledge(press)
        ended = await with_notice(press, switching.cancel(switch_id, by=press.user.id)) if switching else None
        if ended is not None:
            await follow_switch(services, press, ended)


async def _go_back(
    services: Services, switching: ModelSwitcher, switch_id: str, plan_id: str, model: str, press: Press
) -> None:
    await acknowledge(press)
    going_back = switching.back(switch_id, by=press.user.id, plan_id=plan_id)
    switch = await with_notice(press, going_back)
    if switch is not None:
        wanted = Plan(plan_id, model, switch.nodes, switch.local_network, switch.cluster)
        await follow_switch(services, press, switch, wanted=wanted)
