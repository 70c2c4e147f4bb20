"""Inline Markdown: parsed, and written anew as Discord draws it."""
