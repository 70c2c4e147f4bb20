"""Checks of everything the bot depends on: for ``doctor``, and for operators while the bot runs."""

from bot.doctor.examination import EXIT_CODES, as_data, examine

__all__ = ["EXIT_CODES", "as_data", "examine"]
