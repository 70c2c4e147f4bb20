"""The people's HTTP and websocket API: what the web page and scripts use to be a person.

Errors are ``{"error": "sentence"}`` with a 4xx status. Snowflakes are strings.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from aiohttp import BodyPartReader, WSMsgType, web

from sandbox.discord_api import payloads, views
from sandbox.discord_api.acts import Acts
from sandbox.discord_api.client_rules import RefusedError
from sandbox.discord_api.control import Control
from sandbox.discord_api.gateway import Gateway
from sandbox.discord_api.interactions import Interactions
from sandbox.discord_api.live_requests import error, json_body, same_origin
from sandbox.discord_api.model import Attachment, Channel, Message, User
from sandbox.discord_api.wire import JSON, ApiError
from sandbox.discord_api.world import World, WorldEvent

_WEB = Path(__file__).parent / "web"
_POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self'; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_MAX_QUEUE = 10_000


class _Viewer(NamedTuple):
    user: User
    queue: asyncio.Queue[str | None]


class Live:
    """Serves the page, the live connections and people's acts."""

    def __init__(self, world: World, acts: Acts, hub: Interactions, gateway: Gateway, control: Control) -> None:
        self._world = world
        self._acts = acts
        self._hub = hub
        self._gateway = gateway
        self._control = control
        self._viewers: set[_Viewer] = set()
        self.acted = asyncio.Event()
        self.opened = asyncio.Event()
        world.listen(self._on_event)

    def add_routes(self, app: web.Application) -> None:
        """Register everything below ``/``, ``/web`` and ``/_sandbox``."""
        app.router.add_get("/", self._page)
        app.router.add_get("/web/{path:.+}", self._static)
        app.router.add_get("/attachments/{id}/{name}", self._file)
        app.router.add_get("/_sandbox/people", self._people)
        app.router.add_get("/_sandbox/live", self._live)
        app.router.add_post("/_sandbox/people/{user}/{act}", self._act)

    async def close(self) -> None:
        """End the live connections."""
        for viewer in list(self._viewers):
            self._dismiss(viewer)

    # -- pages and files -----------------------------------------------------------------------------------

    async def _page(self, request: web.Request) -> web.StreamResponse:
        # Discord's gateway is at its host's root, where libraries go for a new session without asking again.
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._gateway.handle(request)
        self.opened.set()
        return await self._serve("index.html")

    async def _static(self, request: web.Request) -> web.StreamResponse:
        return await self._serve(request.match_info["path"])

    async def _serve(self, name: str) -> web.StreamResponse:
        path = (_WEB / name).resolve()
        if not path.is_relative_to(_WEB.resolve()) or not path.is_file():
            return error(404, "There is no such file.")
        headers = {
            "Content-Security-Policy": _POLICY,
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-cache",
        }
        return web.FileResponse(path, headers=headers)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        identity = request.match_info["id"]
        found = self._world.files.get(int(identity)) if identity.isdecimal() else None
        if found is None:
            return error(404, "There is no such file.")
        headers = {
            "Content-Type": found.content_type or "application/octet-stream",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox; default-src 'none'",
        }
        return web.Response(body=found.content, headers=headers)

    # -- seeing --------------------------------------------------------------------------------------------

    async def _people(self, _request: web.Request) -> web.Response:
        return web.json_response({"people": views.people(self._world)})

    async def _live(self, request: web.Request) -> web.StreamResponse:
        if not same_origin(request):
            return error(403, "Another site's page may not listen here.")
        identity = request.query.get("user", "")
        user = self._world.users.get(int(identity)) if identity.isdecimal() else None
        if user is None or user.bot:
            return error(404, "There is no such person.")
        socket = web.WebSocketResponse(timeout=1.0, heartbeat=30.0)
        await socket.prepare(request)
        viewer = _Viewer(user, asyncio.Queue(_MAX_QUEUE))
        snapshot = views.snapshot(self._world, user, self._gateway.presence(), self._control.latency)
        viewer.queue.put_nowait(json.dumps({"t": "snapshot", "d": snapshot}))
        self._viewers.add(viewer)
        writer = asyncio.create_task(_write(socket, viewer.queue), name="live writer")
        try:
            async for message in socket:
                if message.type is WSMsgType.ERROR:
                    break
        finally:
            self._viewers.discard(viewer)
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
        return socket

    def _on_event(self, event: WorldEvent) -> None:
        for viewer in list(self._viewers):
            told = views.increment(self._world, viewer.user, event)
            if told is None:
                continue
            if viewer.queue.full():  # a page that stopped reading gets a fresh snapshot when it returns
                self._dismiss(viewer)
                continue
            viewer.queue.put_nowait(json.dumps(told))

    def _dismiss(self, viewer: _Viewer) -> None:
        self._viewers.discard(viewer)
        while not viewer.queue.empty():
            viewer.queue.get_nowait()
        viewer.queue.put_nowait(None)

    # -- acting --------------------------------------------------------------------------------------------

    async def _act(self, request: web.Request) -> web.Response:
        if not same_origin(request):
            return error(403, "Another site's page may not act here.")
        identity, act = request.match_info["user"], request.match_info["act"]
        user = self._world.users.get(int(identity)) if identity.isdecimal() else None
        handler = self._handlers().get(act)
        if user is None or user.bot:
            return error(404, "There is no such person.")
        if handler is None:
            return error(404, f"People cannot “{act}”.")
        self.acted.set()
        try:
            if act == "upload":
                return web.json_response(await self._upload(request))
            body = await json_body(request)
            await asyncio.sleep(self._control.latency / 2)
            return web.json_response(await handler(user, body))
        except RefusedError as refused:
            return error(400, str(refused))
        except ApiError as failed:
            return error(400, failed.message)
        except KeyError as missing:
            return error(400, f"The field {missing} is missing.")
        except (ValueError, TypeError, AttributeError) as failed:
            return error(400, f"The request makes no sense: {failed}.")

    def _handlers(self) -> dict[str, Callable[[User, JSON], Awaitable[JSON]]]:
        return {
            "slash": self._slash,
            "autocomplete": self._autocomplete,
            "menu": self._menu,
            "click": self._click,
            "modal": self._modal,
            "message": self._say,
            "edit": self._edit,
            "delete": self._delete,
            "react": self._react,
            "thread": self._thread,
            "post": self._post,
            "tag": self._tag,
            "dm": self._dm,
            "language": self._language,
            "upload": self._dm,
        }

    async def _slash(self, user: User, body: JSON) -> JSON:
        options = body.get("options") or {}
        return _started(self._acts.slash(user, self._channel(body), str(body["command"]), options).id)

    async def _autocomplete(self, user: User, body: JSON) -> JSON:
        values = body.get("options") or {}
        typed, focused = str(body["command"]), str(body["focused"])
        interaction = self._acts.autocomplete(user, self._channel(body), typed, focused, values)
        while interaction.state == "pending":
            await self._world.next_change.wait()
        return {"choices": interaction.choices}

    async def _menu(self, user: User, body: JSON) -> JSON:
        channel = self._channel(body)
        target: Message | User
        if "user_id" in body:
            target = self._world.user(int(body["user_id"]))
        else:
            target = self._world.message(channel.id, int(body["message_id"]))
        return _started(self._acts.menu(user, channel, str(body["command"]), target).id)

    async def _click(self, user: User, body: JSON) -> JSON:
        values = [str(value) for value in body.get("values") or []]
        return _started(self._acts.click(user, self._message(body), str(body["custom_id"]), values).id)

    async def _modal(self, user: User, body: JSON) -> JSON:
        shown = self._hub.get(int(body["interaction_id"]))
        if shown is None:
            raise RefusedError("There is no such dialogue open.")
        return _started(self._acts.submit(user, shown, str(body["custom_id"]), body.get("values") or {}).id)

    async def _say(self, user: User, body: JSON) -> JSON:
        channel = self._channel(body)
        reply_to = body.get("reply_to")
        target = self._world.message(channel.id, int(reply_to)) if reply_to else None
        files = [self._uploaded(file_id) for file_id in body.get("attachments") or []]
        message = self._acts.say(user, channel, str(body.get("content") or ""), target, files)
        return self._world.message_payload(message)

    async def _edit(self, user: User, body: JSON) -> JSON:
        message = self._acts.edit(user, self._message(body), str(body["content"]))
        return self._world.message_payload(message)

    async def _delete(self, user: User, body: JSON) -> JSON:
        self._acts.delete(user, self._message(body))
        return {}

    async def _react(self, user: User, body: JSON) -> JSON:
        message = self._message(body)
        emoji = str(body["emoji"])
        self._acts.react(user, message, emoji, add=user.id not in message.reactions.get(emoji, []))
        return self._world.message_payload(message)

    async def _thread(self, user: User, body: JSON) -> JSON:
        return payloads.channel(self._acts.start_thread(user, self._message(body), str(body["name"])))

    async def _post(self, user: User, body: JSON) -> JSON:
        files = [self._uploaded(file_id) for file_id in body.get("attachments") or []]
        tags = [str(tag) for tag in body.get("tags") or []]
        title, content = str(body["title"]), str(body.get("content") or "")
        return payloads.channel(self._acts.post(user, self._channel(body), title, content, tags, files))

    async def _tag(self, user: User, body: JSON) -> JSON:
        return payloads.channel(self._acts.tag(user, self._channel(body), [str(tag) for tag in body["tags"]]))

    async def _dm(self, user: User, _body: JSON) -> JSON:
        return payloads.channel(self._world.dm(user))

    async def _language(self, user: User, body: JSON) -> JSON:
        self._acts.speak(user, str(body["locale"]))
        return {}

    async def _upload(self, request: web.Request) -> JSON:
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            if isinstance(part, BodyPartReader) and part.filename:
                content = bytes(await part.read(decode=False))
                kind = part.headers.get("Content-Type")
                file = self._world.add_file(part.filename, content, kind)
                return {"attachment": payloads.attachment(file)}
        raise RefusedError("There is no file in the request.")

    # -- finding -------------------------------------------------------------------------------------------

    def _channel(self, body: JSON) -> Channel:
        return self._world.channel(int(body["channel_id"]))

    def _message(self, body: JSON) -> Message:
        return self._world.message(int(body["channel_id"]), int(body["message_id"]))

    def _uploaded(self, file_id: object) -> Attachment:
        file = self._world.files.get(int(str(file_id)))
        if file is None:
            raise RefusedError("There is no such upload.")
        return file


async def _write(socket: web.WebSocketResponse, queue: asyncio.Queue[str | None]) -> None:
    while (frame := await queue.get()) is not None:
        try:
            await socket.send_str(frame)
        except ConnectionError:
            return
    await socket.close(code=1001)


def _started(interaction_id: int) -> JSON:
    return {"interaction_id": str(interaction_id)}
