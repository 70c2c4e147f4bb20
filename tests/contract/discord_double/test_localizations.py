"""Localized names and descriptions of commands: what Discord refuses, and with which error.

Sources: docs.discord.com, developers/reference ("Locales"), developers/interactions/application-commands
("Application Command Naming", "Localization"); for the places of the errors, kordlib/kord#594 and
discord/discord-api-docs#7712.
"""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.localizations import LOCALES
from sandbox.discord_api.wire import JSON

INVALID = "APPLICATION_COMMAND_INVALID_NAME"


def command(name: str = "ask", **fields: Any) -> JSON:
    """A slash command."""
    return {"name": name, "type": 1, "description": "Ask", **fields}


def option(name: str = "prompt", **fields: Any) -> JSON:
    """A text option."""
    return {"name": name, "type": 3, "description": "Your question", **fields}


def names(**localized: str) -> JSON:
    """Localizations of a name; ``es_ES`` stands for ``es-ES``."""
    return {"name_localizations": {locale.replace("_", "-"): name for locale, name in localized.items()}}


async def register(double: DiscordDouble, *commands: JSON) -> tuple[int, JSON]:
    """Overwrite the global commands; status and what was answered."""
    url = f"{double.api_url}/applications/{double.application_id}/commands"
    headers = {"Authorization": f"Bot {double.token}"}
    async with aiohttp.ClientSession(headers=headers) as session, session.put(url, json=commands) as answer:
        body = await answer.json()
        return answer.status, body if isinstance(body, dict) else {"commands": body}


def complaint(body: JSON) -> tuple[str, str]:
    """Where the error of a form is, and its code."""
    assert body["code"] == 50035
    place: list[str] = []
    node = body["errors"]
    while "_errors" not in node:
        ((key, node),) = node.items()
        place.append(key)
    return ".".join(place), node["_errors"][0]["code"]


@pytest.mark.parametrize(
    "name", ["frage", "vergiss-mich", "anhang_2", "l'avis", "質問", "クラスター", "提问", "प्रश्न", "คำถาม", "дом"]
)
async def test_names_of_every_script_are_taken(double: DiscordDouble, name: str) -> None:
    """And told again as they were registered."""
    status, body = await register(double, command(**names(de=name), options=[option(**names(ja=name))]))
    assert status == 200
    (made,) = body["commands"]
    assert made["name"] == "ask"
    assert made["name_localizations"] == {"de": name}
    assert made["options"][0]["name_localizations"] == {"ja": name}


@pytest.mark.parametrize("name", ["Frage", "eine frage", "frage!", "", "f" * 33, "frage\n", "Äpfel"])
async def test_names_follow_the_rule_of_names(double: DiscordDouble, name: str) -> None:
    """Letters, digits, ``-_'``, at most 32 of them, lower case where there is one. A command's complaint names no
    locale, an option's does."""
    _, body = await register(double, command(**names(de=name)))
    assert complaint(body) == ("0.name_localizations", INVALID)
    _, body = await register(double, command(options=[option(**names(de=name))]))
    assert complaint(body) == ("0.options.0.name_localizations.de", INVALID)
    assert double.world.commands == []


@pytest.mark.parametrize("field", ["name", "description"])
async def test_only_discords_locales_are_taken(double: DiscordDouble, field: str) -> None:
    """There is no plain ``es``, ``en`` or ``pt_BR``."""
    for locale in ("es", "en", "pt_BR", "zh"):
        _, body = await register(double, command() | {f"{field}_localizations": {locale: "frage"}})
        assert complaint(body) == (f"0.{field}_localizations.{locale}", "BASE_TYPE_CHOICES")
    status, _ = await register(double, command() | {f"{field}_localizations": dict.fromkeys(LOCALES, "frage")})
    assert status == 200


async def test_descriptions_and_choices_have_their_lengths(double: DiscordDouble) -> None:
    """1 to 100 characters; entries of menus have 32, and may be written as people like."""
    _, body = await register(double, command(description_localizations={"de": "x" * 101}))
    assert complaint(body) == ("0.description_localizations.de", "BASE_TYPE_BAD_LENGTH")
    choice = {"name": "Fast", "value": "fast", **names(de="x" * 101)}
    _, body = await register(double, command(options=[option(choices=[choice])]))
    assert complaint(body) == ("0.options.0.choices.0.name_localizations.de", "BASE_TYPE_BAD_LENGTH")
    menu = {"name": "Ask about this", "type": 3}
    _, body = await register(double, {**menu, **names(de="x" * 33)})
    assert complaint(body) == ("0.name_localizations.de", "BASE_TYPE_BAD_LENGTH")
    status, _ = await register(double, {**menu, **names(de="Dazu fragen")}, command(**names(de="frage")))
    assert status == 200


async def test_no_two_of_one_list_share_a_name(double: DiscordDouble) -> None:
    """Commands, sub-commands or options, in any one language; one without a localization has its default name."""
    ask, queue = command(**names(de="frage")), command("queue", **names(de="frage", ja="質問"))
    _, body = await register(double, ask, queue)
    assert complaint(body) == ("1", "APPLICATION_COMMANDS_DUPLICATE_NAME")
    _, body = await register(double, command("frage"), ask)
    assert complaint(body) == ("1", "APPLICATION_COMMANDS_DUPLICATE_NAME")
    pair = [option(**names(de="text")), option("file", **names(de="text"))]
    _, body = await register(double, command(options=pair))
    assert complaint(body) == ("0.options.1", "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS")
    subs = [{"name": name, "type": 1, "description": "x", **names(es_ES="ver")} for name in ("show", "see")]
    _, body = await register(double, command(options=subs))
    assert complaint(body) == ("0.options.1", "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS")
    status, _ = await register(double, ask, command("queue", **names(ja="frage")), {"name": "frage", "type": 3})
    assert status == 200


async def test_one_command_may_not_take_anothers_name(double: DiscordDouble, bot: Any) -> None:
    """Created or changed alone, too; its own it keeps."""
    app, url = double.application_id, f"{double.api_url}/applications/{double.application_id}/commands"
    made = await bot.http.upsert_global_command(app, command("queue", **names(de="schlange")))
    again = await bot.http.edit_global_command(app, int(made["id"]), {"description": "Again"})
    assert again["name_localizations"] == {"de": "schlange"}
    headers = {"Authorization": f"Bot {double.token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.post(url, json=command("line", **names(de="schlange"))) as answer:
            assert complaint(await answer.json()) == ("name", "APPLICATION_COMMANDS_DUPLICATE_NAME")
        async with session.patch(f"{url}/{made['id']}", json=names(de="ask")) as answer:
            assert complaint(await answer.json()) == ("name", "APPLICATION_COMMANDS_DUPLICATE_NAME")


async def test_the_bot_is_sent_the_default_names(double: DiscordDouble, bot: Any) -> None:
    """Whatever the person who used the command reads, with the language of their client beside them."""
    seen: list[JSON] = []
    jana = double.new_person("Jana", locale="de")
    localized = command(**names(de="frage"), options=[option(**names(de="text"), required=True)])
    await bot.http.bulk_upsert_global_commands(double.application_id, [localized])

    async def reply(interaction: Any) -> None:
        seen.append({"locale": interaction.locale.value, "data": interaction.data})
        await interaction.response.send_message("Ja.")

    bot.reply = reply
    await (await jana.slash("general", "ask", prompt="Warum?")).response()
    (one,) = seen
    assert one["locale"] == "de"
    assert one["data"]["name"] == "ask"
    assert [each["name"] for each in one["data"]["options"]] == ["prompt"]
