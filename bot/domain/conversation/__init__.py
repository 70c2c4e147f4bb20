"""Pure conversation policy: turns, the context window, token estimates; the port to its store."""
