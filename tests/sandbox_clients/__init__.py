"""Clients of other libraries that log in at the sandbox, unmodified: ``make sandbox-clients``."""
