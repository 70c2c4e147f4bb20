"""The assembly: what the bot is made of, and which part is given which."""
