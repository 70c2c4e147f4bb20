"""Answers as Discord pages, and the pace at which edits may leave. Pure: no I/O, time comes in as an argument."""

from bot.rendering.brake import Level
from bot.rendering.call_budget import CallBudget
from bot.rendering.document import AnswerDocument, Overflow, render
from bot.rendering.pacing import Bucket, BucketState, FairTurns, Urgency
from bot.rendering.page import (
    Control,
    File,
    Page,
    PageSource,
    compact_duration,
    escape_inline,
    quote_question,
)

__all__ = [
    "AnswerDocument",
    "Bucket",
    "BucketState",
    "CallBudget",
    "Control",
    "FairTurns",
    "File",
    "Level",
    "Overflow",
    "Page",
    "PageSource",
    "Urgency",
    "compact_duration",
    "escape_inline",
    "quote_question",
    "render",
]
