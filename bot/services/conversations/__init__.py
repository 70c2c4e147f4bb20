"""What a channel remembers, and its summaries."""
