"""Turning a request's body into a message's content, under Discord's rules.

Sources: docs.discord.com, developers/resources/message ("Create Message", "Edit Message", "Message Flags",
"Embed Limits"), developers/components/reference ("Components V2").
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.discord_api import component_rules, mentions
from sandbox.discord_api.component_tree import FILE, MEDIA_GALLERY, THUMBNAIL, complete, number, walk
from sandbox.discord_api.model import Attachment, Message, MessageFlag
from sandbox.discord_api.wire import JSON, form_error, refuse, too_long
from sandbox.discord_api.world import World

MAX_CONTENT = 2000
MAX_FILE_BYTES = 10 * 1024 * 1024
_LEGACY = "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"
_EMBED_TEXTS = {"title": 256, "description": 4096}
_SETTABLE_ON_CREATE = (
    MessageFlag.SUPPRESS_EMBEDS | MessageFlag.SUPPRESS_NOTIFICATIONS | MessageFlag.IS_COMPONENTS_V2
)
_SETTABLE_ON_EDIT = MessageFlag.SUPPRESS_EMBEDS | MessageFlag.IS_COMPONENTS_V2


@dataclass(frozen=True, slots=True)
class Upload:
    """One ``files[n]`` part of a multipart request."""

    index: int
    filename: str
    content: bytes
    content_type: str | None


@dataclass(frozen=True, slots=True)
class Form:
    """A request's JSON and its files."""

    body: JSON = field(default_factory=dict)
    files: tuple[Upload, ...] = ()


def fill(world: World, message: Message, form: Form) -> None:
    """Give a *new* message its content. Raises 50006, 50035 or 40005; the message is then unusable."""
    _apply(world, message, form, _SETTABLE_ON_CREATE)


def revise(world: World, message: Message, form: Form) -> None:
    """Apply an edit to an existing message; whatever the error, the message is as before.

    Mentions are parsed anew for display; nobody is notified, and ``IS_COMPONENTS_V2`` never goes away.
    """
    before = _content_of(message)
    try:
        _apply(world, message, form, _SETTABLE_ON_EDIT)
    except Exception:
        _restore(message, before)
        raise


def _apply(world: World, message: Message, form: Form, settable: int) -> None:
    body = form.body
    allowed = body.get("allowed_mentions")
    mentions.validate(allowed)
    _flags(message, body.get("flags"), settable)
    v2 = bool(message.flags & MessageFlag.IS_COMPONENTS_V2)
    if v2:
        _no_legacy_fields(body)
    if "content" in body:
        message.content = _content(body["content"])
    if "embeds" in body:
        message.embeds = _embeds(body["embeds"] or [])
    _attach(world, message, form)
    if "components" in body:
        components: list[JSON] = body["components"] or []
        component_rules.validate(components, v2=v2)
        _resolve_media(world, components, message.attachments)
        number(components)
        complete(components)
        message.components = components
    _not_empty(message, v2=v2)
    message.mentions = mentions.parse(world, message, allowed)


Content = tuple[str, list[JSON], list[JSON], list[Attachment], int, object]


def _content_of(m: Message) -> Content:
    return (m.content, m.embeds, m.components, m.attachments, m.flags, m.mentions)


def _restore(m: Message, content: Content) -> None:
    m.content, m.embeds, m.components, m.attachments, m.flags, _ = content


def _flags(message: Message, flags: int | None, settable: int) -> None:
    if flags is None:
        return
    if not isinstance(flags, int):
        raise form_error("flags", "NUMBER_TYPE_COERCE", f'Value "{flags}" is not int.')
    sticky = message.flags & MessageFlag.IS_COMPONENTS_V2
    message.flags = int((message.flags & ~settable) | (flags & settable) | sticky)


def _no_legacy_fields(body: JSON) -> None:
    for name in ("content", "embeds", "poll", "sticker_ids"):
        if body.get(name):
            raise form_error(
                name, _LEGACY, f"The '{name}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2"
            )


def _not_empty(message: Message, *, v2: bool) -> None:
    if v2:
        for name in ("content", "embeds"):
            if getattr(message, name):
                raise form_error(
                    name,
                    _LEGACY,
                    f"The '{name}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2",
                )
        if not message.components:
            raise refuse(50006)
    elif not (
        message.content.strip() or message.embeds or message.components or message.attachments or message.poll
    ):
        raise refuse(50006)


def _content(value: object) -> str:
    text = "" if value is None else str(value)
    if len(text) > MAX_CONTENT:
        raise too_long("content", MAX_CONTENT)
    return text.strip()


def _embeds(embeds: list[JSON]) -> list[JSON]:
    if len(embeds) > 10:
        raise form_error("embeds", "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length.")
    total = sum(_embed_size(embed, f"embeds.{index}") for index, embed in enumerate(embeds))
    if total > 6000:
        raise form_error("embeds", "MAX_EMBED_SIZE_EXCEEDED", "Embed size exceeds maximum size of 6000")
    return [_embed(embed) for embed in embeds]


def _embed(embed: JSON) -> JSON:
    """As Discord gives it back: always rich, without what is null, and each field with its ``inline``."""
    kept = {key: value for key, value in embed.items() if value is not None}
    if kept.get("fields"):
        kept["fields"] = [{**item, "inline": bool(item.get("inline"))} for item in kept["fields"]]
    return {**kept, "type": "rich"}


def _embed_size(embed: JSON, path: str) -> int:
    parts = [(f"{path}.{key}", embed.get(key), limit) for key, limit in _EMBED_TEXTS.items()]
    parts.append((f"{path}.footer.text", (embed.get("footer") or {}).get("text"), 2048))
    parts.append((f"{path}.author.name", (embed.get("author") or {}).get("name"), 256))
    fields = embed.get("fields") or []
    if len(fields) > 25:
        raise form_error(f"{path}.fields", "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")
    for index, item in enumerate(fields):
        for key, limit in (("name", 256), ("value", 1024)):
            if item.get(key) is None:
                raise form_error(f"{path}.fields.{index}.{key}", "BASE_TYPE_REQUIRED", "This field is required")
            parts.append((f"{path}.fields.{index}.{key}", item[key], limit))
    size = 0
    for where, text, limit in parts:
        if text is not None and len(str(text)) > limit:
            raise too_long(where, limit)
        size += len(str(text or ""))
    return size


def _attach(world: World, message: Message, form: Form) -> None:
    for upload in form.files:
        if len(upload.content) > MAX_FILE_BYTES:
            raise refuse(40005)
    described = {str(a.get("id")): a for a in form.body.get("attachments") or []}
    kept = message.attachments
    if "attachments" in form.body:
        kept = [a for a in message.attachments if str(a.id) in described]
    added = [
        world.add_file(
            str(described.get(str(upload.index), {}).get("filename") or upload.filename),
            upload.content,
            upload.content_type,
            described.get(str(upload.index), {}).get("description"),
        )
        for upload in form.files
    ]
    if len(kept) + len(added) > 10:
        raise form_error("attachments", "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length.")
    message.attachments = [*kept, *added]


def _resolve_media(world: World, components: list[JSON], attachments: list[Attachment]) -> None:
    by_name = {attachment.filename: attachment for attachment in attachments}
    for component in walk(components):
        for media in _media_of(component):
            name = str(media.get("url", "")).removeprefix("attachment://")
            media |= {"id": str(world.ids.next()), "proxy_url": media.get("url")}
            if not str(media.get("url", "")).startswith("attachment://"):
                continue
            if name not in by_name:
                raise form_error(
                    "components",
                    "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND",
                    f"The referenced attachment was not found: {name}",
                )
            found = by_name[name]
            media |= {"url": found.url, "proxy_url": found.url, "attachment_id": str(found.id)}
            if component["type"] == FILE:
                component |= {"name": found.filename, "size": len(found.content)}


def _media_of(component: JSON) -> list[JSON]:
    kind = component.get("type")
    if kind == FILE:
        return [component["file"]]
    if kind == THUMBNAIL:
        return [component["media"]]
    if kind == MEDIA_GALLERY:
        return [item["media"] for item in component["items"]]
    return []
