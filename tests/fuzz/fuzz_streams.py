"""Fuzzing of everything that is read from a scheduler, guided by coverage: part of ``make fuzz``.

``python -m tests.fuzz.fuzz_streams [options of libFuzzer] [folders of a corpus]``
"""

from __future__ import annotations

import importlib
import sys


def main() -> None:
    """Run until libFuzzer's limits; a crash ends the process with its input in a file."""
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["bot.parallax"]):
        streams = importlib.import_module("tests.fuzz.streams")
    atheris.Setup(sys.argv, streams.run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
