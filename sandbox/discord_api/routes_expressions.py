"""REST: stickers and soundboard sounds, of which this world has none.

Source: docs.discord.com, developers/resources/{sticker,soundboard}.
"""

from __future__ import annotations

from sandbox.discord_api.routing import Call, Reply, Router

router = Router()


@router.on("GET", "/soundboard-default-sounds")
def default_sounds(_: Call) -> Reply:
    """The sounds that every guild has; py-cord asks for them at each start."""
    return Reply([])
