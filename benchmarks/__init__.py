"""Measurements: each module prints JSON when run with ``python -m``."""
