"""Copies of the database that are whole: made while the bot runs, checked, and put back."""
