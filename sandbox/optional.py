"""The cluster, which needs more than the sandbox of Discord alone: pydantic, which reads its control requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.parallax import ParallaxDouble

NEEDED = "the cluster needs pydantic: pip install 'discord-sandbox[parallax]'"


def cluster(host: str = "127.0.0.1", port: int = 0) -> ParallaxDouble | None:
    """A cluster that is not yet opened, or None where pydantic is not installed."""
    try:
        from sandbox.parallax import ParallaxDouble
    except ModuleNotFoundError as error:
        if error.name != "pydantic":
            raise
        return None
    return ParallaxDouble(host=host, port=port)
