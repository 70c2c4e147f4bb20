"""Adapter to the scheduler: HTTP, SSE and NDJSON to the domain's types."""
