"""Limits of calls to Discord: the budget of a second, the brake on refusals, priorities."""
