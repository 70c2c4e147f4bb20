"""The buttons of a message that end a question: Stop and Cancel."""

from __future__ import annotations

import re

import discord

from bot.presentation.page import REQUEST_ID, Control

_ENDS_QUESTION = re.compile(rf"answer:(?:{Control.STOP}|{Control.CANCEL}):({REQUEST_ID})")


def questions_to_end(message: discord.Message) -> frozenset[str]:
    """The ids of the questions that a message of an answer offers to cancel or stop. A list of questions, which
    has these buttons beside its lines, is no such message."""
    rows = [row for row in message.components if isinstance(row, discord.ActionRow)]
    ids = [getattr(button, "custom_id", None) or "" for row in rows for button in row.children]
    return frozenset(found[1] for one in ids if (found := _ENDS_QUESTION.fullmatch(one)))
