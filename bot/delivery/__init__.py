"""Showing pages in Discord: routes, rate limits, one edit in flight, the newest state only."""
