"""Checks of everything the bot depends on: for ``doctor``, and for operators while the bot runs."""

from bot.doctor.examination import EXIT_CODES, QUIET_CHECKS, as_data, examine

__all__ = ["EXIT_CODES", "QUIET_CHECKS", "as_data", "examine"]
