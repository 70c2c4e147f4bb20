"""The confirmation before a switch of the model, and the message that follows it."""

from __future__ import annotations

import asyncio
import secrets
from abc import abstractmethod
from dataclasses import replace

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
from bot.services.operations.model_switch import Plan
from cogs.ui.base import BaseLayout, BaseModal, DurableButton, Press, fill_in, made_button, redraw
from cogs.ui.convert import require_operator

log = structlog.get_logger(__name__)

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
            await interaction.response.send_modal(_TypeName(self._services, self, self._plan.model, self._locale))
            return
        await self.begin(interaction)

    async def begin(self, interaction: Press) -> None:
        """Confirmed: start, and follow it in this message. However often that is pressed, it is one switch."""
        # The view is not stopped: a second press still has to be acknowledged.
        await interaction.response.defer()
        self._decided = True
        switch = await self._services.operations.model_switcher.begin(self._plan, by=interaction.user.id)
        await follow_switch(self._services, interaction, switch, wanted=self._plan)

    async def _dismiss(self, interaction: Press) -> None:
        if self._decided:
            await interaction.response.defer()
            return
        self._decided = True
        await redraw(interaction, text_layout(say(self._locale, "init.cancelled")))

    async def on_timeout(self) -> None:
        """Nobody decided: take the buttons away, which nothing answers any more."""
        if self._decided or self.shown is None:
            return
        self._decided = True
        try:
            with translated():
                await fill_in(self.shown, text_layout(say(self._locale, "init.expired")))
        except DeliveryError as error:
            log.info("init.expiry_not_shown", error=type(error).__name__)


class NameModal(BaseModal):
    """Asks for the model's name: nothing that interrupts others happens by a slip. Operators only."""

    def __init__(self, services: Services, model: str, locale: str) -> None:
        super().__init__(title=say(locale, "init.type_title"))
        self._services = services
        self._model = model
        self._name: ui.TextInput[NameModal] = ui.TextInput(max_length=200, placeholder=model[:100])
        self.add_item(ui.Label(text=say(locale, "init.type_label"), component=self._name))

    @abstractmethod
    async def begin(self, interaction: Press) -> None:
        """The name was typed: begin."""

    async def authorise(self, interaction: Press) -> None:
        """Operators only."""
        require_operator(self._services, interaction)

    async def on_submit(self, interaction: Press, /) -> None:
        """Begin when it is the name."""
        if self._name.value.strip() != self._model:
            raise UserError("another name was typed", key="error.name_differs", model=self._model)
        await self.begin(interaction)


class _TypeName(NameModal):
    """The way there."""

    def __init__(self, services: Services, confirm: ConfirmSwitch, model: str, locale: str) -> None:
        super().__init__(services, model, locale)
        self._confirm = confirm

    async def begin(self, interaction: Press) -> None:
        """As the press of the button that takes no name."""
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
        switching = self._services.operations.model_switcher
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
        """Until the switch is over, or the interaction is spent."""
        wake = asyncio.Event()
        unsubscribe = self._services.operations.model_switcher.subscribe(wake.set)
        try:
            while not self._over and not self._interaction.is_expired():
                # A running switch is looked at every second; what changed meanwhile is shown together.
                await wake.wait()
                wake.clear()
                await self.show()
        except BotError as error:
            log.info("switch.not_shown", error=type(error).__name__)
        finally:
            unsubscribe()


class SwitchControl(DurableButton, template=r"switch:(?P<action>cancel|back):(?P<switch>[0-9a-f]{8})"):
    """A press under a switch's message."""

    withdrawals = frozenset({"cancel"})

    async def act(self, services: Services, press: Press) -> None:
        """Cancel it, or ask for the way back to be confirmed. Operators only."""
        require_operator(services, press)
        switching, switch_id = services.operations.model_switcher, self.fields["switch"]
        if self.fields["action"] == "back":
            switch = await switching.get(switch_id)
            if switch is None or switch.previous_model is None:
                raise UserError("nothing to go back to", key="error.switch_over")
            await press.response.send_modal(
                _TypeBack(services, switch_id, switch.previous_model, press.locale.value)
            )
            return
        await press.response.defer()
        ended = await switching.cancel(switch_id, by=press.user.id)
        if ended is not None:
            await follow_switch(services, press, ended)


class _TypeBack(NameModal):
    """The way back interrupts as the way there did: it is confirmed alike."""

    def __init__(self, services: Services, switch_id: str, model: str, locale: str) -> None:
        super().__init__(services, model, locale)
        self._switch_id = switch_id
        self._plan_id = secrets.token_hex(4)

    async def begin(self, interaction: Press) -> None:
        """Go back, and follow that."""
        await interaction.response.defer()
        switching = self._services.operations.model_switcher
        switch = await switching.back(self._switch_id, by=interaction.user.id, plan_id=self._plan_id)
        if switch is not None:
            wanted = Plan(self._plan_id, self._model, switch.nodes, switch.local_network)
            await follow_switch(self._services, interaction, switch, wanted=wanted)
