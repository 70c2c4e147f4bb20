"""Everybody reads their own language, in the same channel and from the same bot."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from bot.i18n.catalogue import sentences
from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Channel, CommandPermission
from sandbox.discord_api.people import Person
from sandbox.discord_api.wire import JSON
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.programs import API
from tests.e2e.reading import answer, ask, footer, restarted, until_over, until_shows

pytestmark = pytest.mark.asyncio(loop_scope="module")

LANGUAGES = {"de": "de", "es-ES": "es", "es-419": "es", "ja": "ja", "zh-CN": "zh", "zh-TW": "zh"}
"""Discord's locales that the bot has sentences for, and the catalogue's name of each."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A bot with all commands that there are: those for keys need the API."""
    async with staged(
        tmp_path_factory.mktemp("bot"),
        discord=DiscordDouble(latency=0.0),
        parallax=ParallaxDouble(tokens_per_second=200, lag=False),
        SHUTDOWN_GRACE="2",
        **API,
    ) as running:
        yield running


@pytest.fixture(scope="module")
def jana(stage: Stage) -> Person:
    """A member whose Discord is German."""
    return stage.discord.new_person("Jana", locale="de")


@pytest.fixture(scope="module")
def yuki(stage: Stage) -> Person:
    """A member whose Discord is Japanese."""
    return stage.discord.new_person("Yuki", locale="ja")


async def test_an_answer_is_signed_in_the_askers_language(stage: Stage, room: Channel, jana: Person) -> None:
    """The small print and the buttons; the answer is the model's."""
    stage.parallax.script(["Neun ", "Knoten."])
    message = await ask(jana, room, "Wie viele?")
    await stage.discord.wait_until(lambda: "Neu generieren" in message.buttons)

    assert answer(message, "Wie viele?") == "Neun Knoten."
    assert re.fullmatch(
        r"-# Qwen3-8B · \d+ Tokens · \d+ tok/s · erstes Token nach \d+(,\d)? s", footer(message)
    ), footer(message)
    assert {"Neu generieren", "Als Datei"} <= message.buttons.keys()


async def test_a_kept_question_says_why_in_the_askers_language(
    stage: Stage, room: Channel, jana: Person, yuki: Person, olga: Person
) -> None:
    """Side by side in one channel; withdrawn, too."""
    paused = await (await olga.slash(room, "cluster pause", reason="Umzug")).response()
    assert paused.text.startswith("The queue is paused: Umzug.")
    german, japanese = await ask(jana, room, "Kommt noch"), await ask(yuki, room, "まだですか")
    await until_shows(stage, german, "bleibt erhalten: die Warteschlange ist angehalten: Umzug")
    await until_shows(stage, japanese, "保留中: 順番待ちが一時停止されています: Umzug")

    await (await jana.click(german, "Abbrechen")).acked()
    await until_shows(stage, german, f"abgebrochen von {jana.mention}")
    await (await yuki.click(japanese, "キャンセル")).acked()
    await until_shows(stage, japanese, f"{yuki.mention} がキャンセル")
    await (await olga.slash(room, "cluster resume")).response()


async def test_a_refusal_is_in_the_language_of_who_is_refused(
    stage: Stage, room: Channel, jana: Person, ben: Person
) -> None:
    """Not of the bot, the server or the person who asked."""
    team = stage.discord.world.guilds[room.guild_id or 0]
    team.command_permissions.append(CommandPermission("cluster", jana.id, is_user=True, allowed=True))
    refused = await (await jana.slash(room, "cluster pause", reason="Nur so")).response()
    assert refused.text == "Das darf nur das Betriebsteam des Clusters."
    assert refused.ephemeral_for == jana.id

    asked = await jana.slash(room, "ask", prompt="Fasse zusammen", attachment=("viel.txt", b"wort " * 8_000))
    await stage.discord.wait_until(lambda: bool(asked.followups))
    (long,) = asked.followups
    assert re.fullmatch(r"Nicht gesendet: Die Frage hat \d+\.\d{3} Tokens, das Limit ist 6\.000\. .*", long.text)

    stage.parallax.script(["Ja."])
    message = await ask(jana, room, "Nur meine?")
    await stage.discord.wait_until(lambda: "Neu generieren" in message.buttons)
    pressed = await (await ben.click(message, "Neu generieren")).response()
    assert pressed.text == "Only the person who asked, or an operator, can do that."


async def test_cards_are_in_the_language_of_who_looks(
    stage: Stage, room: Channel, jana: Person, yuki: Person
) -> None:
    """State, load and buttons."""
    german = await (await jana.slash(room, "status")).response()
    assert "**Qwen/Qwen3-8B** · einsatzbereit" in german.text
    assert "Knoten hinzufügen" in german.buttons
    japanese = await (await yuki.slash(room, "queue")).response()
    assert "待機中または実行中の質問はありません。" in japanese.text


def entries(command: JSON, path: str = "command") -> Iterator[tuple[str, str, JSON]]:
    """A registered command and everything below it that has a name: the catalogue's keys of its name and its
    description."""
    here = f"{path}.{command['name']}"
    yield f"{here}.typed", f"{here}.description", command
    for option in command.get("options") or []:
        if option["type"] in {1, 2}:
            yield from entries(option, here)
        else:
            yield f"{here}.option_typed.{option['name']}", f"{here}.option.{option['name']}", option


async def test_commands_present_themselves_in_every_language(stage: Stage) -> None:
    """In the catalogue's words, English included, and nothing in the catalogue is of a command that is gone."""
    registered = [command.payload for command in stage.discord.world.commands]
    found = [entry for payload in registered if payload["type"] == 1 for entry in entries(payload)]

    for name, description, entry in found:
        for key, what in ((name, "name"), (description, "description")):
            assert entry[what] == sentences("en")[key]
            expected = {locale: sentences(language)[key] for locale, language in LANGUAGES.items()}
            assert entry[f"{what}_localizations"] == expected, key
    known = {key for name, description, _ in found for key in (name, description)}
    assert known == {key for key in sentences("en") if key.startswith("command.")}


async def test_entries_of_menus_are_translated(stage: Stage) -> None:
    """They have a name and nothing else."""
    registered = [command.payload for command in stage.discord.world.commands]
    menus = {f"menu.{m['name'].lower().replace(' ', '_')}": m for m in registered if m["type"] != 1}

    for key, entry in menus.items():
        assert entry["name"] == sentences("en")[key]
        expected = {locale: sentences(language)[key] for locale, language in LANGUAGES.items()}
        assert entry["name_localizations"] == expected
    assert menus.keys() == {key for key in sentences("en") if key.startswith("menu.")}


async def test_unchanged_translations_are_not_registered_again(stage: Stage, room: Channel, ada: Person) -> None:
    """A start with the same sentences writes nothing: Discord counts creates."""
    before = {command.id: command.version for command in stage.discord.world.commands}
    await restarted(stage)
    assert {command.id: command.version for command in stage.discord.world.commands} == before
    stage.parallax.script(["Yes."])
    await until_over(stage, await ask(ada, room, "Still there?"))
