"""What is kept of the cluster: names of nodes, a switch under way, the line under the bot's name."""

from __future__ import annotations

import re
from pathlib import Path

from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Channel, Message
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.reading import PATIENCE, ask, new_room, of_the_bot, restarted, until_over, until_shows
from tests.e2e.switching import begun, inits, start_workers, stop_workers


def quick() -> ParallaxDouble:
    """A ready cluster."""
    return ParallaxDouble(tokens_per_second=200, lag=False)


async def until_presence(stage: Stage, text: str, status: str) -> None:
    """Wait for the line under the bot's name."""
    wanted = {"online": True, "status": status, "text": text}
    await stage.discord.wait_until(lambda: stage.discord.gateway.presence() == wanted, PATIENCE)


async def told(stage: Stage, room: Channel, words: str) -> Message:
    """The one message with these words, when it is there."""

    def found() -> list[Message]:
        return [one for one in of_the_bot(stage, room) if words in one.content]

    await stage.discord.wait_until(found, PATIENCE)
    (message,) = found()
    return message


async def test_the_presence_shows_model_and_line(tmp_path: Path) -> None:
    """Under the bot's name, for everybody, without asking."""
    async with staged(tmp_path, discord=DiscordDouble(latency=0.0), parallax=quick()) as stage:
        await until_presence(stage, "Qwen3-8B · 0 in the queue", "online")


async def test_the_presence_survives_a_session_that_cannot_be_resumed(tmp_path: Path) -> None:
    """Discord forgot the session: the new one begins without a line, and gets it although nothing has changed."""
    async with staged(tmp_path, discord=DiscordDouble(latency=0.0), parallax=quick()) as stage:
        await until_presence(stage, "Qwen3-8B · 0 in the queue", "online")
        await stage.discord.gateway.drop(forget=True)
        await stage.discord.wait_until(lambda: stage.discord.gateway.identifies == 2, PATIENCE)
        await until_presence(stage, "Qwen3-8B · 0 in the queue", "online")


async def test_a_nodes_speed_is_shown_where_it_can_be_told(tmp_path: Path) -> None:
    """What answered alone did answer; a node that joined later has not, and takes nothing away from the first."""
    async with staged(
        tmp_path,
        discord=DiscordDouble(latency=0.0),
        parallax=ParallaxDouble(nodes=1, tokens_per_second=50, lag=False),
    ) as stage:
        ada, room = stage.discord.person("ada"), new_room(stage)
        stage.parallax.script([f"word{number} " for number in range(50)])
        await until_over(stage, await ask(ada, room, "How fast?"))
        card = await (await ada.slash(room, "status")).response()
        assert re.search(r"GB · ready · \d+ tok/s", card.text)
        stage.parallax.add_node("barn", "NVIDIA GeForce RTX 3060", 12.0)
        await (await ada.click(card, "Live")).acked()
        await until_shows(stage, card, "RTX 3060 · 12 GB · ready")
        assert len(re.findall(r"ready · \d+ tok/s", card.text)) == 1
        assert not re.search(r"RTX 3060 · 12 GB · ready · \d", card.text)


async def test_live_can_be_pressed_again_after_a_restart(tmp_path: Path) -> None:
    """The card stays as it was when the bot ended: nobody has to ask for another one."""
    async with staged(tmp_path, discord=DiscordDouble(latency=0.0), parallax=quick()) as stage:
        ada, room = stage.discord.person("ada"), new_room(stage)
        card = await (await ada.slash(room, "status")).response()
        await (await ada.click(card, "Live")).acked()
        await restarted(stage)
        stage.parallax.add_node("barn", "NVIDIA GeForce RTX 3060", 12.0)
        await stage.parallax.wait_until(lambda: "barn" in stage.parallax.nodes, PATIENCE)
        assert "RTX 3060" not in card.text
        await (await ada.click(card, "Live")).acked()
        await until_shows(stage, card, "RTX 3060")
        # Pressed twice, it is still one card that is kept, without a word of the first.
        await (await ada.click(card, "Live")).acked()
        stage.parallax.remove_node("barn")
        await stage.discord.wait_until(lambda: "RTX 3060" not in card.text, PATIENCE)


async def test_a_node_keeps_its_name_under_another_peer_id(tmp_path: Path) -> None:
    """Found again by its GPU; its owner is pinged by an alert only where that was asked for."""
    async with staged(tmp_path, discord=DiscordDouble(latency=0.0), parallax=quick()) as stage:
        olga, ada = stage.discord.person("olga"), stage.discord.person("ada")
        quiet, loud = new_room(stage), new_room(stage)
        choices = await olga.autocomplete(quiet, "cluster name", "node", node="3090")
        (node,) = [str(choice["value"]) for choice in choices]
        await (await olga.slash(quiet, "cluster name", node=node, name="attic-box", owner=ada)).response()
        await (await olga.slash(quiet, "cluster alerts")).response()
        await (await olga.slash(loud, "cluster alerts", ping_owners=True)).response()

        stage.parallax.remove_node("attic")
        for channel, pinged in ((quiet, []), (loud, [ada.id])):
            alert = await told(stage, channel, "attic-box")
            assert ada.mention in alert.content
            assert alert.mentions.users == pinged

        stage.parallax.add_node("reinstalled", "NVIDIA GeForce RTX 3090", 24.0)
        assert "attic-box" in (await told(stage, quiet, "is back")).content
        card = await (await ada.slash(quiet, "status")).response()
        assert "**attic-box** · NVIDIA GeForce RTX 3090 · 24 GB · ready" in card.text


async def test_a_switch_goes_on_after_a_restart(tmp_path: Path) -> None:
    """The bot ends between the steps; the next one takes the switch up, and sends its init once."""
    async with staged(tmp_path, discord=DiscordDouble(latency=0.0), parallax=quick()) as stage:
        olga, room = stage.discord.person("olga"), new_room(stage)
        message = await begun(stage, olga, room, "Qwen/Qwen3-4B")
        await until_shows(stage, message, "stop all workers now")
        await restarted(stage)
        again = await (await olga.slash(room, "cluster switch")).done_loading()
        await start_workers(stage, again, await stop_workers(stage, again))
        await until_shows(stage, again, "Qwen/Qwen3-4B is usable")
        assert inits(stage) == 1
        assert stage.parallax.model == "Qwen/Qwen3-4B"
