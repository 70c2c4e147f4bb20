"""Summaries of what people wrote in a channel: which messages, in which parts, and links to them."""
