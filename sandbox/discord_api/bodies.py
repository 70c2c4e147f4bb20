"""Reading the body of a request: JSON, a form, or several parts.

Source: docs.discord.com, developers/reference, "HTTP API" and "Uploading Files".
"""

from __future__ import annotations

import re
from typing import TypeAlias
from urllib.parse import parse_qsl

from aiohttp import BodyPartReader, web

from sandbox import json_text
from sandbox.discord_api.message_rules import Form, Upload
from sandbox.discord_api.wire import JSON, ApiError, refuse

Body: TypeAlias = Form | list[JSON] | ApiError
_FILE_PART = re.compile(r"^files?\[?(\d{0,2})\]?$")


async def read(request: web.Request) -> Body:
    """The body; one that cannot be read is an error, which is answered only after the route's other checks."""
    try:
        if request.content_type.startswith("multipart/"):
            return await _multipart(request)
        raw = await request.read()
        if request.content_type == "application/x-www-form-urlencoded":
            return _form(dict(parse_qsl(raw.decode(), keep_blank_values=True)), ())
        body = json_text.loads(raw) if raw else {}
    except (ValueError, web.HTTPRequestEntityTooLarge):
        return refuse(50109)
    if isinstance(body, list):
        return body
    return Form(body) if isinstance(body, dict) else refuse(50109)


async def _multipart(request: web.Request) -> Form | ApiError:
    fields: dict[str, str] = {}
    files: list[Upload] = []
    reader = await request.multipart()
    while (part := await reader.next()) is not None:
        if not isinstance(part, BodyPartReader):
            continue
        content = bytes(await part.read(decode=False))
        found = _FILE_PART.match(part.name or "")
        if found is not None and part.filename:
            index = int(found.group(1) or len(files))
            files.append(Upload(index, part.filename, content, part.headers.get("Content-Type")))
        elif part.name is not None:
            fields[part.name] = content.decode()
    return _form(fields, tuple(files))


def _form(fields: dict[str, str], files: tuple[Upload, ...]) -> Form | ApiError:
    """The fields of a form; one of them, ``payload_json``, may hold the rest as JSON."""
    body = json_text.loads(fields.pop("payload_json", "{}"))
    return Form({**fields, **body}, files) if isinstance(body, dict) else refuse(50109)
