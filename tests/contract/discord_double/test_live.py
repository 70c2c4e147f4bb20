"""The people's HTTP and websocket API, as the web page uses it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import discord
import pytest
from discord import ui

from sandbox.discord_api import DiscordDouble

Frame = dict[str, Any]


class Page:
    """A person's browser."""

    def __init__(self, double: DiscordDouble, session: aiohttp.ClientSession, name: str) -> None:
        self._base = double.page_url + "_sandbox"
        self._session = session
        self._user = double.person(name).id
        self.frames: list[Frame] = []
        self.socket: aiohttp.ClientWebSocketResponse | None = None

    async def open(self) -> Frame:
        """Open the live connection; returns the snapshot."""
        self.socket = await self._session.ws_connect(f"{self._base}/live?user={self._user}")
        return await self.next("snapshot")

    async def next(self, kind: str) -> Frame:
        """The next frame of a kind; the ones before it stay in ``frames``."""
        assert self.socket is not None
        async with asyncio.timeout(5):
            while True:
                frame: Frame = await self.socket.receive_json()
                self.frames.append(frame)
                if frame["t"] == kind:
                    data: Frame = frame["d"]
                    return data

    async def act(self, what: str, status: int = 200, **body: Any) -> Frame:
        """Do something; returns the answer."""
        url = f"{self._base}/people/{self._user}/{what}"
        async with self._session.post(url, json=body) as answer:
            assert answer.status == status, await answer.text()
            found: Frame = await answer.json()
            return found

    async def upload(self, name: str, content: bytes) -> Frame:
        """Upload a file; returns the attachment."""
        form = aiohttp.FormData()
        form.add_field("file", content, filename=name, content_type="text/plain")
        async with self._session.post(f"{self._base}/people/{self._user}/upload", data=form) as answer:
            found: Frame = (await answer.json())["attachment"]
            return found


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """A browser's connections."""
    async with aiohttp.ClientSession() as opened:
        yield opened


async def test_the_snapshot_shows_what_the_person_may_see(
    double: DiscordDouble, bot: Any, session: aiohttp.ClientSession
) -> None:
    """#ops is hidden from members; a stranger sees only their own guild."""
    await double.person("ada").say("general", "hello")
    snapshot = await Page(double, session, "ben").open()
    (guild,) = snapshot["guilds"]
    assert snapshot["me"]["username"] == "ben"
    assert [c["name"] for c in guild["channels"]] == ["Text channels", "general", "random", "help"]
    general = str(double.channel("general").id)
    assert [m["content"] for m in snapshot["messages"][general]] == ["hello"]
    assert snapshot["bot"]["online"] is True
    assert {c["name"] for c in snapshot["commands"]} == {"ask", "pick", "manage", "Ask about this"}
    stranger = await Page(double, session, "stranger").open()
    assert [g["name"] for g in stranger["guilds"]] == ["Other team"]
    operator = await Page(double, session, "operator").open()
    assert "ops" in {c["name"] for c in operator["guilds"][0]["channels"]}


async def test_a_command_and_its_answer_are_seen_by_everyone_there(
    double: DiscordDouble, bot: Any, session: aiohttp.ClientSession
) -> None:
    """interaction pending → message_create → acked; a private answer only reaches its person."""

    async def reply(interaction: discord.Interaction[Any]) -> None:
        secret = interaction.extras["prompt"] == "secret"
        await interaction.response.send_message(interaction.extras["prompt"], ephemeral=secret)

    bot.reply = reply
    ada, ben = Page(double, session, "ada"), Page(double, session, "ben")
    await ada.open()
    await ben.open()
    general = str(double.channel("general").id)
    for prompt in ("secret", "open"):
        started = await ada.act("slash", channel_id=general, command="ask", options={"prompt": prompt})
        pending = await ada.next("interaction")
        assert (pending["id"], pending["state"]) == (started["interaction_id"], "pending")
        message = await ada.next("message_create")
        acked = await ada.next("interaction")
        assert (acked["state"], acked["message_id"]) == ("acked", message["id"])
    assert (await ben.next("message_create"))["content"] == "open"
    assert [frame["t"] for frame in ben.frames] == ["snapshot", "message_create"]


async def test_presses_and_modals(double: DiscordDouble, bot: Any, session: aiohttp.ClientSession) -> None:
    """click → modal (to that person only) → submit → message_update."""

    class Name(ui.Modal, title="Name"):
        name: ui.TextInput[Any] = ui.TextInput(label="Name", custom_id="name")

        async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
            await interaction.response.edit_message(content=f"hello {self.name.value}", view=None)

    async def reply(interaction: discord.Interaction[Any]) -> None:
        view = ui.View(timeout=None)
        view.add_item(ui.Button(label="Name", custom_id="ask-name"))
        await interaction.response.send_message("who?", view=view)

    async def pressed(interaction: discord.Interaction[Any]) -> None:
        await interaction.response.send_modal(Name())

    async def nothing(_: discord.Interaction[Any]) -> None:
        return

    bot.reply, bot.pressed, bot.submitted = reply, pressed, nothing
    ada = Page(double, session, "ada")
    await ada.open()
    general = str(double.channel("general").id)
    await ada.act("slash", channel_id=general, command="ask", options={"prompt": "x"})
    message = await ada.next("message_create")
    await ada.act("click", channel_id=general, message_id=message["id"], custom_id="ask-name")
    modal = await ada.next("modal")
    answer = {"interaction_id": modal["interaction_id"], "custom_id": modal["custom_id"]}
    refused = await ada.act("modal", 400, **answer, values={"nothing": "?"})
    assert "no field" in refused["error"]
    await ada.act("modal", **answer, values={"name": "Ada"})
    assert (await ada.next("message_update"))["content"] == "hello Ada"


async def test_messages_files_and_menus(double: DiscordDouble, bot: Any, session: aiohttp.ClientSession) -> None:
    """Upload, write, edit, reply, react, delete, and the message menu."""
    ada = Page(double, session, "ada")
    await ada.open()
    general = str(double.channel("general").id)
    file = await ada.upload("notes.txt", b"remember")
    message = await ada.act("message", channel_id=general, content="see", attachments=[file["id"]])
    assert [a["filename"] for a in message["attachments"]] == ["notes.txt"]
    async with session.get(file["url"]) as answer:
        assert await answer.read() == b"remember"
    here = {"channel_id": general, "message_id": message["id"]}
    assert (await ada.act("edit", **here, content="look"))["edited_timestamp"]
    reply = await ada.act("message", channel_id=general, content="yes", reply_to=message["id"])
    assert reply["referenced_message"]["content"] == "look"
    assert (await ada.act("react", **here, emoji="👍"))["reactions"][0]["count"] == 1
    await ada.act("menu", **here, command="Ask about this")
    await ada.act("delete", **here)
    assert (await ada.next("message_delete"))["id"] == message["id"]
    dm = await ada.act("dm")
    assert dm["type"] == 1


async def test_autocomplete_over_http(double: DiscordDouble, bot: Any, session: aiohttp.ClientSession) -> None:
    """The answer waits for the bot's choices."""
    bot.chosen = [discord.app_commands.Choice(name="qwen", value="q")]
    ada = Page(double, session, "ada")
    found = await ada.act(
        "autocomplete",
        channel_id=str(double.channel("general").id),
        command="pick",
        focused="model",
        options={"model": "q"},
    )
    assert found == {"choices": [{"name": "qwen", "value": "q"}]}


async def test_refusals_are_sentences(double: DiscordDouble, bot: Any, session: aiohttp.ClientSession) -> None:
    """4xx with ``{"error": "sentence"}``; another site's page may do nothing."""
    ada = Page(double, session, "ada")
    general = str(double.channel("general").id)
    assert "no command" in (await ada.act("slash", 400, channel_id=general, command="nope"))["error"]
    assert "missing" in (await ada.act("slash", 400))["error"]
    assert "cannot" in (await ada.act("fly", 404))["error"]
    url = f"{double.page_url}_sandbox/people/{double.person('ada').id}/dm"
    async with session.post(url, json={}, headers={"Origin": "https://elsewhere.example"}) as answer:
        assert answer.status == 403
    async with session.get(f"{double.page_url}web/../model.py") as answer:
        assert answer.status == 404
    async with session.get(f"{double.page_url}web/%2e%2e/model.py") as answer:
        assert answer.status == 404


async def test_the_page_is_served_with_a_strict_policy(
    double: DiscordDouble, session: aiohttp.ClientSession
) -> None:
    """Nothing but the page's own files may run or load."""
    async with session.get(double.page_url) as answer:
        assert answer.status == 200
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]


async def test_the_control_panel(double: DiscordDouble, bot: Any, session: aiohttp.ClientSession) -> None:
    """Latency, outage, limits, gateway; trace and limits can be read."""
    base = f"{double.page_url}_sandbox"
    async with session.post(f"{base}/discord", json={"latency": 0.2, "limits": False}) as answer:
        assert (await answer.json())["latency"] == 0.2
    assert (double.latency, double.limits.enabled) == (0.2, False)
    double.latency = 0.01
    async with session.post(f"{base}/discord", json={"latency": -1}) as answer:
        assert answer.status == 400
    async with session.get(f"{base}/trace") as answer:
        requests = await answer.json()
    assert [r["path"] for r in requests][:2] == ["/users/@me", "/oauth2/applications/@me"]
    async with session.get(f"{base}/limits") as answer:
        report = await answer.json()
    assert (report["rejections"], report["latency"], report["enabled"]) == ([], 0.01, False)
    async with session.post(f"{base}/discord", json={"drop_gateway": True, "expire_tokens": True}) as answer:
        assert answer.status == 200
    await double.wait_until(lambda: bot.resumed)


async def test_the_app_is_installed_to_a_person_and_leaves_a_server(
    double: DiscordDouble, bot: Any, session: aiohttp.ClientSession
) -> None:
    """Then the client offers what that person brings along. The bot hears of both: it left, it is in again."""
    base, ada = f"{double.page_url}_sandbox/discord", double.person("ada")
    team = str(double.channel("general").guild_id)
    heard = [asyncio.ensure_future(bot.wait_for(name, timeout=10)) for name in ("guild_remove", "guild_join")]
    for command in double.world.commands:
        command.payload["integration_types"] = [0, 1]
    for on in (False, True):
        change = {"server_install": {"id": team, "on": False}, "person_install": {"id": str(ada.id), "on": on}}
        async with session.post(base, json=change) as answer:
            installed = (await answer.json())["installed"]
        assert team not in installed["servers"]
        assert installed["people"] == [str(ada.id)] * on
        assert ("ask" in ada.commands("general")) is on
    assert str((await heard[0]).id) == team
    async with session.post(base, json={"server_install": {"id": team, "on": True}}) as answer:
        assert team in (await answer.json())["installed"]["servers"]
    assert str((await heard[1]).id) == team
    wrong = (("person_install", {"id": "1", "on": True}), ("server_install", {"id": "1"}), ("server_install", 1))
    for switch, value in wrong:
        async with session.post(base, json={switch: value}) as answer:
            assert answer.status == 400


async def test_a_person_changes_the_language_of_their_client(
    double: DiscordDouble, bot: Any, session: aiohttp.ClientSession
) -> None:
    """Every page is told; the bot hears it with their next interaction; there are Discord's locales only."""
    spoken: list[str] = []

    async def reply(interaction: discord.Interaction[Any]) -> None:
        spoken.append(interaction.locale.value)
        await interaction.response.send_message("hello")

    bot.reply = reply
    ada, ben = Page(double, session, "ada"), Page(double, session, "ben")
    assert (await ada.open())["me"]["locale"] == "en-US"
    await ben.open()
    await ada.act("language", locale="es-419")
    for page in (ada, ben):
        people = (await page.next("people"))["people"]
        assert {one["username"]: one["locale"] for one in people if one["username"] in ("ada", "ben")} == {
            "ada": "es-419",
            "ben": "en-US",
        }
    general = str(double.channel("general").id)
    await ada.act("slash", channel_id=general, command="ask", options={"prompt": "hola"})
    await ada.next("message_create")
    assert spoken == ["es-419"]
    refused = await ada.act("language", 400, locale="tlh")
    assert "tlh" in refused["error"]
