"""The life of an interaction: from the person's action to the end of its token.

Source: docs.discord.com, developers/interactions/receiving-and-responding: a first response within 3 seconds,
a token of 15 minutes, one first response, ephemerality fixed by it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from sandbox.discord_api import commands, component_rules, message_rules, messages
from sandbox.discord_api.answered import Answered
from sandbox.discord_api.interaction_payloads import create_payload, metadata
from sandbox.discord_api.message_rules import Form
from sandbox.discord_api.model import Channel, Message, MessageFlag, User
from sandbox.discord_api.wire import JSON, form_error, refuse
from sandbox.discord_api.world import World, WorldEvent

ACK_SECONDS = 3.0
CARRIED_FOLLOW_UPS = 5
"""Follow-ups per interaction where the app is installed by its user only (receiving-and-responding)."""
TOKEN_SECONDS = 900.0
COMMAND, COMPONENT, AUTOCOMPLETE, MODAL_SUBMIT = 2, 3, 4, 5
MESSAGE, DEFER, DEFER_UPDATE, UPDATE, CHOICES, MODAL = 4, 5, 6, 7, 8, 9
_ALLOWED = {
    COMMAND: (MESSAGE, DEFER, MODAL),
    COMPONENT: (MESSAGE, DEFER, DEFER_UPDATE, UPDATE, MODAL),
    AUTOCOMPLETE: (CHOICES,),
    MODAL_SUBMIT: (MESSAGE, DEFER, DEFER_UPDATE, UPDATE),
}
_COMMAND_RESPONSE, _REPLY, _MENU_RESPONSE = 20, 19, 23
NO_ANSWER = "The application did not respond"

State = Literal["pending", "acked", "failed"]


@dataclass(slots=True, eq=False)
class Interaction:
    """One action of a person, and what came of it."""

    id: int
    token: str
    type: int
    user: User
    channel: Channel
    data: JSON
    name: str
    created: float
    source: Message | None = None
    trigger: Interaction | None = None
    state: State = "pending"
    response: int | None = None
    original: Message | None = None
    followups: list[Message] = field(default_factory=list)
    modal: JSON | None = None
    choices: list[JSON] = field(default_factory=list)
    error: str | None = None
    revoked: bool = False
    acked_at: float | None = None


class Interactions:
    """Every interaction of the world. Methods raise :class:`ApiError` as the API would."""

    def __init__(self, world: World, calls: Answered) -> None:
        self._world = world
        self._calls = calls
        self._by_id: dict[int, Interaction] = {}
        self._by_token: dict[str, Interaction] = {}
        self._expected: deque[Interaction] = deque()
        """Those whose three seconds are counted, the oldest first."""
        self._timer: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Stop waiting for acknowledgements."""
        if self._timer is not None:
            self._timer.cancel()
            await asyncio.gather(self._timer, return_exceptions=True)

    def get(self, interaction_id: int) -> Interaction | None:
        """The interaction with this id."""
        return self._by_id.get(interaction_id)

    def by_token(self, token: str) -> Interaction | None:
        """The interaction a token belongs to, whether the token still lives or not."""
        return self._by_token.get(token)

    @property
    def pending(self) -> list[Interaction]:
        """Those that wait for their first response, the oldest first."""
        return [interaction for interaction in self._expected if interaction.state == "pending"]

    def expire_tokens(self) -> None:
        """Every token given so far is dead from now on, as after 15 minutes."""
        for interaction in self._by_id.values():
            interaction.revoked = True

    def start(
        self,
        kind: int,
        user: User,
        channel: Channel,
        data: JSON,
        name: str,
        *,
        source: Message | None = None,
        trigger: Interaction | None = None,
    ) -> Interaction:
        """A person acted: send INTERACTION_CREATE, once the bot has the answer to the call that showed what was
        pressed or filled in (:class:`Answered`), and begin to count the three seconds."""
        token, now = secrets.token_urlsafe(96), self._world.clock.now()
        interaction = Interaction(
            self._world.ids.next(), token, kind, user, channel, data, name, now, source, trigger
        )
        self._by_id[interaction.id] = interaction
        self._by_token[interaction.token] = interaction
        shown = trigger.id if trigger is not None else source.id if source is not None else None
        self._calls.then(shown, lambda: self._send(interaction))
        return interaction

    def _send(self, interaction: Interaction) -> None:
        interaction.created = self._world.clock.now()
        self._expected.append(interaction)
        if self._timer is None or self._timer.done():
            self._timer = asyncio.create_task(self._expect_answers(), name="interactions' three seconds")
        self._show(interaction)
        payload = create_payload(self._world, interaction)
        where = interaction.channel
        self._world.emit(WorldEvent("INTERACTION_CREATE", payload, where.guild_id, where.id))

    async def _expect_answers(self) -> None:
        while self._expected:
            interaction = self._expected[0]
            if interaction.state == "pending":
                await self._world.clock.wait_until(interaction.created + ACK_SECONDS)
            self._expected.popleft()
            if interaction.state == "pending":
                interaction.state = "failed"
                interaction.error = NO_ANSWER
                self._show(interaction)

    def _show(self, interaction: Interaction) -> None:
        if interaction.type == AUTOCOMPLETE:  # suggestions come or do not come; a client shows no state
            self._world.touch()
            return
        data: JSON = {
            "id": str(interaction.id),
            "state": interaction.state,
            "type": interaction.type,
            "channel_id": str(interaction.channel.id),
            "command": interaction.name,
        }
        if interaction.original is not None:
            data["message_id"] = str(interaction.original.id)
        if interaction.error is not None:
            data["error"] = interaction.error
        self._world.emit(
            WorldEvent("interaction", data, interaction.channel.guild_id, user_id=interaction.user.id)
        )

    # -- the first response --------------------------------------------------------------------------------

    def respond(self, interaction_id: int, token: str, form: Form) -> JSON:
        """``POST /interactions/{id}/{token}/callback``; returns the body of ``with_response``."""
        interaction = self._by_id.get(interaction_id)
        if interaction is None or interaction.token != token:
            raise refuse(10062)
        if interaction.state == "acked":
            raise refuse(40060)
        late = self._world.clock.now() > interaction.created + ACK_SECONDS
        if late or interaction.revoked or interaction.state == "failed":
            raise refuse(10062)
        kind = form.body.get("type")
        self._check_kind(interaction, kind)
        data: JSON = form.body.get("data") or {}
        self._first_response(interaction, int(kind or 0), Form(data, form.files))
        interaction.state = "acked"
        interaction.response = kind
        interaction.acked_at = self._world.clock.monotonic()
        self._show(interaction)
        return self._result(interaction)

    def _check_kind(self, interaction: Interaction, kind: object) -> None:
        allowed = _ALLOWED[interaction.type]
        sourceless = interaction.source is None and kind in (DEFER_UPDATE, UPDATE)
        if kind not in allowed or sourceless:
            raise form_error("type", "BASE_TYPE_CHOICES", f"Value must be one of {allowed}.")

    def _first_response(self, interaction: Interaction, kind: int, form: Form) -> None:
        if kind in (MESSAGE, DEFER):
            interaction.original = self._respond_with_message(interaction, form, deferred=kind == DEFER)
        elif kind == DEFER_UPDATE:
            interaction.original = interaction.source
        elif kind == UPDATE and interaction.source is not None:
            if interaction.source.deleted:
                raise refuse(10008)
            interaction.original = interaction.source
            self._edit(interaction.source, form)
        elif kind == CHOICES:
            interaction.choices = _choices(form.body.get("choices") or [])
        elif kind == MODAL:
            component_rules.validate_modal(form.body)
            interaction.modal = form.body
            shown = {"interaction_id": str(interaction.id), **form.body}
            self._world.emit(WorldEvent("modal", shown, user_id=interaction.user.id))

    def _respond_with_message(self, interaction: Interaction, form: Form, *, deferred: bool) -> Message:
        message = self._blank(interaction, form.body)
        if interaction.type == COMMAND:
            is_slash = interaction.data.get("type", 1) == 1
            message.type = _COMMAND_RESPONSE if is_slash else _MENU_RESPONSE
        elif interaction.source is not None:
            _reply_to(message, interaction.source)
        if deferred:
            message.flags |= MessageFlag.LOADING
        else:
            message_rules.fill(self._world, message, form)
        messages.publish(self._world, message)
        return message

    def _blank(self, interaction: Interaction, body: JSON) -> Message:
        channel = self._world.channel(interaction.channel.id)  # 10003 once it was deleted
        message = messages.blank(self._world, self._world.bot, channel)
        message.interaction_id = interaction.id
        message.interaction_metadata = metadata(self._world, interaction)
        if int(body.get("flags") or 0) & MessageFlag.EPHEMERAL:
            message.flags |= MessageFlag.EPHEMERAL
            message.ephemeral_for = interaction.user.id
        return message

    def _result(self, interaction: Interaction) -> JSON:
        about: JSON = {"id": str(interaction.id), "type": interaction.type}
        resource: JSON = {"type": interaction.response}
        message = interaction.original
        if message is not None and interaction.response != DEFER_UPDATE:
            about |= {
                "response_message_id": str(message.id),
                "response_message_loading": message.loading,
                "response_message_ephemeral": message.ephemeral,
            }
            resource["message"] = self._world.message_payload(message)
        return {"interaction": about, "resource": resource}

    # -- the webhook of the token --------------------------------------------------------------------------

    def webhook(self, application_id: int, token: str) -> Interaction:
        """The interaction of a living token: 50027 for a dead one, 10015 before the first response."""
        if application_id != self._world.bot.id:
            raise refuse(10015)
        interaction = self._by_token.get(token)
        if interaction is None or interaction.revoked:
            raise refuse(50027)
        if self._world.clock.now() > interaction.created + TOKEN_SECONDS:
            raise refuse(50027)
        if interaction.state != "acked" or interaction.type == AUTOCOMPLETE:
            raise refuse(10015)
        return interaction

    def message_of(self, interaction: Interaction, reference: str) -> Message:
        """``@original`` or an id; raises 10008 for what this token did not make or what was deleted."""
        if reference == "@original":
            message = interaction.original
        else:
            own = [*interaction.followups, *([interaction.original] if interaction.original else [])]
            message = next((m for m in own if str(m.id) == reference), None)
        if message is None or message.deleted:
            raise refuse(10008)
        return message

    def edit(self, message: Message, form: Form) -> Message:
        """Edit a message of a token; the first edit of a deferred response takes its LOADING flag away."""
        return self._edit(message, form)

    def _edit(self, message: Message, form: Form) -> Message:
        message_rules.revise(self._world, message, form)
        if message.flags & MessageFlag.LOADING:
            message.flags &= ~MessageFlag.LOADING
        else:
            message.edited_at = self._world.clock.now()
        self._world.message_changed(message)
        return message

    def follow_up(self, interaction: Interaction, form: Form) -> Message:
        """Post a follow-up; the first one after a deferral becomes the deferred response itself."""
        original = interaction.original
        if original is not None and original.loading and not original.deleted:
            message_rules.revise(self._world, original, form)
            original.flags &= ~MessageFlag.LOADING
            self._world.message_changed(original)
            return original
        if len(interaction.followups) >= CARRIED_FOLLOW_UPS and not self._world.guild_installed(
            interaction.channel.guild_id
        ):
            raise refuse(40094)
        message = self._blank(interaction, form.body)
        if original is not None and message.interaction_metadata is not None:
            message.interaction_metadata["original_response_message_id"] = str(original.id)
            _reply_to(message, original)
        message_rules.fill(self._world, message, form)
        messages.publish(self._world, message)
        interaction.followups.append(message)
        return message

    def delete(self, message: Message) -> None:
        """Delete a message of a token, an ephemeral one too."""
        self._world.delete_message(message)


def _reply_to(message: Message, target: Message) -> None:
    message.type = _REPLY
    message.reference = messages.reference_to(target)
    message.referenced = target


def _choices(choices: list[JSON]) -> list[JSON]:
    if len(choices) > 25:
        raise form_error("data.choices", "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")
    for index, choice in enumerate(choices):
        commands.validate_choice(choice, f"data.choices.{index}")
    return choices
