"""Adapter to Discord: the client, the command tree, components, messages and attachments."""
