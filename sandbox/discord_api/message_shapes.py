"""What bodies about messages look like: their fields and types. Lengths and sums are the rules' business.

Sources: docs.discord.com, developers/resources/message, developers/components/reference,
developers/interactions/receiving-and-responding, developers/resources/poll.
"""

from __future__ import annotations

from sandbox.discord_api.shapes import (
    Choice,
    Flag,
    Id,
    Integer,
    Listed,
    Moment,
    Named,
    Number,
    Record,
    Shape,
    Text,
)

TEXT = Text(null=True)
COLOR = Integer(low=0, high=0xFFFFFF, null=True)
EMOJI = Record(fields={"id": Id(null=True), "name": TEXT, "animated": Flag(null=True)}, null=True)
_MEDIA = {"url": Text(required=True, low=1, high=2048)}

_COMPONENT: dict[str, Shape] = {
    "type": Integer(required=True),
    "id": Integer(low=0, high=2**31 - 1, null=True),
    "custom_id": TEXT,
    "label": TEXT,
    "style": Integer(null=True),
    "content": TEXT,
    "placeholder": TEXT,
    "description": TEXT,
    "value": Text(null=True, loose=True),
    "url": TEXT,
    "sku_id": Id(null=True),
    "disabled": Flag(null=True),
    "required": Flag(null=True),
    "spoiler": Flag(null=True),
    "divider": Flag(null=True),
    "default": Flag(null=True),
    "spacing": Integer(null=True, low=1, high=2),
    "accent_color": COLOR,
    "emoji": EMOJI,
    "min_values": Integer(null=True, low=0, high=25),
    "max_values": Integer(null=True, low=0, high=25),
    "min_length": Integer(null=True, low=0, high=4000),
    "max_length": Integer(null=True, low=1, high=4000),
    "channel_types": Listed(of=Integer(), null=True),
    "default_values": Listed(of=Record(fields={"id": Id(required=True), "type": Text(required=True)}), null=True),
    "media": Record(fields=_MEDIA, null=True),
    "file": Record(fields=_MEDIA, null=True),
    "items": Listed(
        of=Record(
            fields={
                "media": Record(fields=_MEDIA, required=True),
                "description": Text(null=True, high=1024),
                "spoiler": Flag(null=True),
            }
        ),
        null=True,
    ),
    "options": Listed(
        of=Record(
            fields={
                "label": TEXT,
                "value": Text(null=True, loose=True),
                "description": TEXT,
                "emoji": EMOJI,
                "default": Flag(null=True),
            }
        ),
        null=True,
    ),
}
_NESTED = Record(fields=_COMPONENT, null=True)
_COMPONENT |= {
    "components": Listed(of=Record(fields=_COMPONENT), null=True),
    "component": _NESTED,
    "accessory": _NESTED,
}
COMPONENTS = Listed(of=Record(fields=_COMPONENT), null=True)

_LINK = Text(null=True, high=2048)
_EMBED = {
    "title": TEXT,
    "description": TEXT,
    "url": _LINK,
    "color": COLOR,
    "timestamp": Text(null=True, high=64),
    "footer": Record(fields={"text": TEXT, "icon_url": _LINK}, null=True),
    "author": Record(fields={"name": TEXT, "url": _LINK, "icon_url": _LINK}, null=True),
    "image": Record(fields={"url": _LINK}, null=True),
    "thumbnail": Record(fields={"url": _LINK}, null=True),
    "fields": Listed(
        of=Record(
            fields={
                "name": Text(required=True, loose=True),
                "value": Text(required=True, loose=True),
                "inline": Flag(null=True),
            }
        ),
        null=True,
    ),
}
_POLL_TEXT = {"text": Text(null=True, high=300), "emoji": EMOJI}
POLL = Record(
    fields={
        "question": Record(fields={"text": Text(required=True, low=1, high=300)}, required=True),
        "answers": Listed(
            of=Record(fields={"poll_media": Record(fields=_POLL_TEXT, required=True)}),
            low=1,
            high=10,
            required=True,
        ),
        "duration": Integer(low=1, high=768, null=True),
        "allow_multiselect": Flag(null=True),
        "layout_type": Choice(among=(1,), null=True),
    },
    null=True,
)
MESSAGE = {
    "content": Text(null=True, loose=True),
    "nonce": Shape(null=True),
    "enforce_nonce": Flag(null=True),
    "tts": Flag(null=True),
    "flags": Integer(null=True, low=0),
    "embeds": Listed(of=Record(fields=_EMBED), null=True),
    "allowed_mentions": Record(
        fields={
            "parse": Listed(of=Text(), null=True),
            "users": Listed(of=Id(), null=True),
            "roles": Listed(of=Id(), null=True),
            "replied_user": Flag(null=True),
        },
        null=True,
    ),
    "message_reference": Record(
        fields={
            "type": Choice(among=(0, 1), null=True),
            "message_id": Id(required=True),
            "channel_id": Id(null=True),
            "guild_id": Id(null=True),
            "fail_if_not_exists": Flag(null=True),
        },
        null=True,
    ),
    "components": COMPONENTS,
    "sticker_ids": Listed(of=Id(), high=3, null=True),
    "attachments": Listed(
        of=Record(fields={"id": Id(required=True), "filename": TEXT, "description": Text(null=True, high=1024)}),
        null=True,
    ),
    "poll": POLL,
    "thread_name": Text(null=True, high=100),
    "username": Text(null=True, high=80),
    "avatar_url": _LINK,
}
CHOICES = Listed(
    of=Record(
        fields={
            "name": Text(required=True),
            "value": Shape(required=True),
            "name_localizations": Named(of=Text(null=True), null=True),
        }
    ),
    null=True,
)
CALLBACK = {
    "type": Integer(required=True),
    "data": Record(
        fields={**MESSAGE, "choices": CHOICES, "custom_id": TEXT, "title": Text(null=True, loose=True)}, null=True
    ),
}
_OPTION: dict[str, Shape] = {
    "type": Integer(required=True),
    "name": TEXT,
    "description": TEXT,
    "required": Flag(null=True),
    "autocomplete": Flag(null=True),
    "choices": CHOICES,
    "name_localizations": Named(of=Text(null=True), null=True),
    "description_localizations": Named(of=Text(null=True), null=True),
    "min_length": Integer(null=True),
    "max_length": Integer(null=True),
    "min_value": Number(null=True),
    "max_value": Number(null=True),
    "channel_types": Listed(of=Integer(), null=True),
}
_OPTION |= {"options": Listed(of=Record(fields=_OPTION), null=True)}
COMMAND = {
    "type": Choice(among=(1, 2, 3)),
    "name": TEXT,
    "description": TEXT,
    "name_localizations": Named(of=Text(null=True), null=True),
    "description_localizations": Named(of=Text(null=True), null=True),
    "options": Listed(of=Record(fields=_OPTION), null=True),
    "default_member_permissions": Integer(null=True, low=0, high=2**64),
    "dm_permission": Flag(null=True),
    "nsfw": Flag(null=True),
    "contexts": Listed(of=Choice(among=(0, 1, 2)), null=True),
    "integration_types": Listed(of=Choice(among=(0, 1)), null=True),
}
THREAD = {
    "name": TEXT,
    "type": Choice(among=(10, 11, 12), null=True),
    "auto_archive_duration": Integer(null=True),
    "rate_limit_per_user": Integer(low=0, high=21600, null=True),
    "invitable": Flag(null=True),
    "applied_tags": Listed(of=Id(), null=True),
    "message": Record(fields=MESSAGE),
}
WHEN = Moment(null=True)
