"""Background tasks: spawned, kept going, and told of changes."""
