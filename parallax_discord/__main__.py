"""``parallax-discord``, or ``python -m parallax_discord``: the bot's commands, and those of the sandbox."""

from __future__ import annotations

from bot.__main__ import leave_out_docstrings


def main() -> None:
    """The entry point of the installed command."""
    # Before anything is imported that would have to be imported again.
    leave_out_docstrings()

    from parallax_discord.commands import app

    app()


if __name__ == "__main__":
    main()
