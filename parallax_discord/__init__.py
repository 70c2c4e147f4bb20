"""The command ``parallax-discord``: it stands above the bot and the sandbox, which do not know each other."""
