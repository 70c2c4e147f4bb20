"""``python -m bot``."""

import os
import sys


def _leave_out_docstrings() -> None:
    """Begin anew, as the same process, without the docstrings of all libraries: 7 MB that a bot which runs for
    weeks never reads (docs/decisions/0015-storage-on-the-async-engine.md). ``PYTHONOPTIMIZE`` set to anything
    keeps it as it is."""
    if sys.argv[1:] == ["run"] and os.name == "posix" and "PYTHONOPTIMIZE" not in os.environ:
        os.environ["PYTHONOPTIMIZE"] = "2"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606  # the interpreter itself


if __name__ == "__main__":
    # Before anything is imported that would have to be imported again.
    _leave_out_docstrings()

    from bot.cli import main

    main()
