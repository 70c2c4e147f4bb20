"""Edits and sends of an answer's messages: the one place that hands discord.py a payload of our own.

``Webhook.edit_message``, ``PartialMessage.edit`` and their like build view objects before a call and a
``Message`` after it, of which an answer needs nothing but, at most, the id. Here the components come as JSON and
only the id is taken from what Discord answers. Everything below stays the library's own: payloads are put together
by ``discord.http.handle_message_parameters`` and leave through ``HTTPClient.edit_message`` and ``send_message`` or
the webhook adapter, with their locks, rate limits and repetitions after 429 and 5xx (discord.py 2.7, ``http.py``
and ``webhook/async_.py``). Every call pings nobody, and raises what the library's own would.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import discord
from discord.http import MultipartParameters, Route, handle_message_parameters
from discord.webhook.async_ import async_context

from bot.discord_io.calls import NOBODY
from bot.discord_io.components import Component, as_view, to_files
from bot.discord_io.interaction_calls import RepeatingAdapter
from bot.markdown.files import File

_MISSING = discord.utils.MISSING
_WITH_COMPONENTS = {"with_components": 1}


class MessageCalls:
    """Calls for messages by the bot's token, or by an interaction's."""

    def __init__(self, client: discord.Client) -> None:
        self._client = client
        self._webhook: discord.Webhook | None = None
        self._edited_last: tuple[tuple[int, str, int | None], Route] | None = None

    async def edit(
        self, channel_id: int, message_id: int, components: Sequence[Component], files: tuple[File, ...] = ()
    ) -> None:
        """Replace a message of the bot by its own token. Raises :class:`discord.HTTPException`."""
        with _edited(components, files) as params:
            await self._client.http.edit_message(channel_id, message_id, params=params)

    async def send(
        self, channel_id: int, components: Sequence[Component], files: tuple[File, ...] = (), *, nonce: str
    ) -> int:
        """Send a message by the bot's own token; returns its id.

        Within a few minutes Discord itself drops a second message with the same ``nonce`` (docs,
        resources/message, ``enforce_nonce``). Raises :class:`discord.HTTPException`.
        """
        with handle_message_parameters(
            None,
            view=as_view(components),
            files=to_files(files),
            allowed_mentions=NOBODY,
            nonce=nonce,
        ) as params:
            sent = await self._client.http.send_message(channel_id, params=params)
        return int(sent["id"])

    async def edit_response(
        self,
        application_id: int,
        token: str,
        message_id: int | None,
        components: Sequence[Component],
        files: tuple[File, ...] = (),
    ) -> None:
        """Replace a response to an interaction (``message_id`` None: the original one) by the interaction's token.
        Raises :class:`discord.HTTPException`."""
        webhook = self.webhook(application_id, token)
        adapter = async_context.get()
        call = adapter.apply if isinstance(adapter, RepeatingAdapter) else adapter.request
        with _edited(components, files) as params:
            await call(
                self._route(application_id, token, message_id),
                webhook.session,
                payload=params.payload,
                multipart=params.multipart,
                proxy=webhook.proxy,
                proxy_auth=webhook.proxy_auth,
                files=params.files,
                params=_WITH_COMPONENTS,
            )

    async def follow_up(
        self,
        application_id: int,
        token: str,
        components: Sequence[Component],
        files: tuple[File, ...] = (),
        *,
        private: bool,
    ) -> int:
        """Send a further message by an interaction's token; returns its id. ``private``: only the person sees it.
        Raises :class:`discord.HTTPException`."""
        webhook = self.webhook(application_id, token)
        with handle_message_parameters(
            view=as_view(components),
            files=to_files(files),
            flags=discord.MessageFlags(ephemeral=True) if private else _MISSING,
            allowed_mentions=NOBODY,
        ) as params:
            sent = await async_context.get().execute_webhook(
                application_id,
                token,
                session=webhook.session,
                proxy=webhook.proxy,
                proxy_auth=webhook.proxy_auth,
                payload=params.payload,
                multipart=params.multipart,
                files=params.files,
                wait=True,
                with_components=True,
            )
        if sent is None:
            raise RuntimeError("Discord sent no message though it was asked to wait for it")
        return int(sent["id"])

    def _route(self, application_id: int, token: str, message_id: int | None) -> Route:
        """Where ``AsyncWebhookAdapter.edit_webhook_message`` would send an edit; most follow another one."""
        last = self._edited_last
        if last is None or last[0] != (application_id, token, message_id):
            route = Route(
                "PATCH",
                "/webhooks/{webhook_id}/{webhook_token}/messages/{message_id}",
                webhook_id=application_id,
                webhook_token=token,
                message_id="@original" if message_id is None else message_id,
            )
            last = self._edited_last = (application_id, token, message_id), route
        return last[1]

    def webhook(self, application_id: int, token: str) -> discord.Webhook:
        """The webhook of an interaction: the same as ``Interaction.followup``, from an id and a token that may
        come from the database."""
        last = self._webhook
        if last is None or (last.id, last.token) != (application_id, token):
            last = self._webhook = discord.Webhook.from_state(
                {"id": application_id, "type": 3, "token": token},
                state=self._client._connection,  # noqa: SLF001  # the library offers no public way with type 3
            )
        return last


def _edited(components: Sequence[Component], files: tuple[File, ...]) -> MultipartParameters:
    """What an edit sends. Files that the message had before are removed."""
    if files:
        return handle_message_parameters(
            view=as_view(components), attachments=to_files(files), allowed_mentions=NOBODY
        )
    return MultipartParameters(payload={**_same_in_every_edit(), "components": components}, multipart=[], files=[])


@cache
def _same_in_every_edit() -> dict[str, Any]:
    """What an edit without files sends besides its components, as the library puts it together."""
    return handle_message_parameters(view=as_view(()), attachments=[], allowed_mentions=NOBODY).payload or {}
