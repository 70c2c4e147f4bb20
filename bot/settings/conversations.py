"""Settings: what the model is told, what it may read and write, and how long it is kept."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings

from bot.settings.types import Quotas


class ConversationSettings(BaseSettings):
    """What the model is told, what it may read and write, and how long it is kept."""

    system_prompt: str = Field(
        "You are a helpful assistant in a team's Discord channel. Answer in Markdown, in the language of the "
        "question. Messages begin with the name of the person who wrote them.",
        description="What the model is told before every conversation.",
    )
    context_max_tokens: int = Field(6000, ge=256, description="Tokens of question and earlier turns sent along.")
    context_summary: bool = Field(
        False, description="When idle, the cluster summarises earlier turns that no longer fit CONTEXT_MAX_TOKENS."
    )
    answer_max_tokens: int = Field(2048, ge=1, description="The longest answer the cluster may write, in tokens.")
    answer_max_messages: int = Field(5, ge=1, le=20, description="Messages one answer may fill.")
    attachment_max_bytes: int = Field(200_000, ge=1, description="The largest text attachment read, in bytes.")
    document_max_bytes: int = Field(8_000_000, ge=1, description="The largest PDF or DOCX file read, in bytes.")
    document_max_pages: int = Field(100, ge=1, description="The longest PDF read, in pages.")
    message_content_intent: bool = Field(
        False, description="Read messages without a mention; needs MESSAGE CONTENT on the Bot page of Discord."
    )
    proxied_messages: bool = Field(
        default=False,
        description="Whether a webhook's message that repeats a deleted question takes its place (PluralKit)",
    )
    retention_days: int = Field(
        90,
        ge=0,
        le=3650,
        description="Days until questions and answers are deleted; 0: never. /settings can differ.",
    )
    quota_tokens_per_day: int = Field(
        0, ge=0, description="Tokens one person may use in a day (UTC); 0: no limit."
    )
    quota_roles: Quotas = Field(
        {}, description="More for roles: role id=tokens a day (0: no limit), comma-separated."
    )
