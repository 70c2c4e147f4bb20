"""Adapter to the scheduler: converts HTTP, SSE and NDJSON to the domain's types."""
