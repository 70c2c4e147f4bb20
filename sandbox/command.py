"""``discord-sandbox``: the sandbox as ``python -m sandbox`` runs it, or with ``run`` a bot in it."""

from __future__ import annotations

import sys

from sandbox import __main__, launching


def main() -> int:
    """The entry point of the installed command; returns the exit code."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["run"]:
        return launching.main(arguments[1:])
    return __main__.main(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
