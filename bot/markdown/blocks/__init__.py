"""Blocks of Markdown, read line by line."""
