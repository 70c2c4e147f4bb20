"""Who may use the bot besides the people in Discord: keys for programs."""
