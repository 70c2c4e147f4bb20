"""Schedules: questions that are asked again and again, at times that people say in words."""
