"""Bounds for everything that a program sends, each with its reason and with what happens beyond it."""

from __future__ import annotations

BODY = 1024 * 1024
"""Bytes of a request's body: 250,000 tokens of text, longer than most contexts. Beyond: 413."""

LINE, FIELD = 8 * 1024, 8 * 1024
"""Bytes of the request's line, and of one header. Beyond: 400."""

HEADERS = 100
"""Headers of a request; those of SDKs have about 20. Beyond: 400."""

MESSAGES = 2_000
"""Messages of a chat. Beyond: 400."""

TOOLS = 128
"""Tools of a request, as OpenAI's own limit. Beyond: 400."""

NAME = 200
"""Characters of a model's name, as of the scheduler's. Beyond: 400."""

UNREAD_SECONDS = 30.0
"""Seconds for which a program may leave its answer unread while there is more of it, and holds a pipeline.
Beyond: its connection is closed."""

WHOLE = 8_000_000
"""Characters of JSON of an answer that is not streamed: it is kept in memory. Beyond: it ends with ``length``."""

KEEP_ALIVE = 75.0
"""Seconds that a connection without a request stays open."""
