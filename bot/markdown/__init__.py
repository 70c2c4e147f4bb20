"""Conversion of an answer's Markdown, while it streams in, to pages that fit Discord. Pure."""
