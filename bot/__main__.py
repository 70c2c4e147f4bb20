"""``python -m bot``."""

import os
import sys


def leave_out_docstrings() -> None:
    """Replace this process by one without the docstrings of all libraries, which saves 7 MB
    (docs/decisions/0015-storage-on-the-async-engine.md). Does nothing when ``PYTHONOPTIMIZE`` is set."""
    if sys.argv[1:] == ["run"] and os.name == "posix" and "PYTHONOPTIMIZE" not in os.environ:
        os.environ["PYTHONOPTIMIZE"] = "2"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606  # the interpreter itself


if __name__ == "__main__":
    # Before anything is imported that would have to be imported again.
    leave_out_docstrings()

    from bot.cli import main

    main()
