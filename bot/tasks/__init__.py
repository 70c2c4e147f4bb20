"""Background tasks, their supervision, and listeners to changes."""
