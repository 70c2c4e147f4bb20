"""What a bot loads that ``discord-sandbox run`` starts. These files are not imported by the sandbox."""
