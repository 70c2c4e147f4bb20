"""A scheduler behind a proxy that wants a login, which stands in PARALLAX_URL: it is sent, and told nobody."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from sandbox.discord_api import DiscordDouble
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import BotProcess, Stage, bot_environment
from tests.e2e.reading import PATIENCE, ask, new_room, of_the_bot, until_over, until_shows

LOGIN = "ada-of-the-proxy:hush%2Fhush"
BASIC = base64.b64encode(b"ada-of-the-proxy:hush/hush").decode()
SECRETS = ("hush", "ada-of-the-proxy", BASIC)


def everything(stage: Stage) -> str:
    """What anybody saw, in every form it ever had, and what was logged."""
    world = stage.discord.world
    messages = [message for channel in world.channels for message in world.messages_in(channel)]
    shown = [world.message_payload(message) for message in messages]
    return json.dumps(shown) + "".join(repr(message.history) for message in messages) + stage.bot.log


async def test_the_login_is_nowhere(tmp_path: Path) -> None:
    """Not under /status nor on a board, not in an answer, in no log at DEBUG, and not when nothing answers any
    more. There is no button to the web page: its address for people was not set."""
    async with (
        DiscordDouble(latency=0.0) as discord,
        ParallaxDouble(tokens_per_second=200, lag=False) as parallax,
    ):
        address = parallax.url.replace("http://", f"http://{LOGIN}@")
        settings = {"LOG_LEVEL": "DEBUG", "ADMIN_USER_IDS": str(discord.person("olga").id)}
        bot = BotProcess(bot_environment(discord, address, tmp_path, settings), tmp_path / "bot.log")
        stage = Stage(discord, parallax, bot)
        await bot.start()
        try:
            await bot.ready(discord)
            room = new_room(stage)
            ada, olga = discord.person("ada"), discord.person("olga")
            parallax.script(["Here ", "it ", "is."])
            await until_over(stage, await ask(ada, room, "Do you work?"))
            card = await (await ada.slash(room, "status")).response()
            await (await olga.slash(room, "cluster board")).done_loading()
            board = of_the_bot(stage, room)[-1]
            assert list(card.buttons) == ["Live", "Chart", "Join a node"]
            assert "Open web page" not in board.buttons

            await parallax.unreachable()
            await until_shows(stage, await ask(ada, room, "And now?"), "does not answer")
            models = await (await ada.slash(room, "models")).done_loading()
            await discord.wait_until(lambda: models.text != "", PATIENCE)
            assert await bot.terminate() == 0
        finally:
            await bot.kill()

        told = everything(stage)
        assert "And now?" in told
        assert "interaction.refused" in bot.log
        assert [secret for secret in SECRETS if secret in told] == []
