"""Inline Markdown: parsed, and rewritten in Discord's form."""
