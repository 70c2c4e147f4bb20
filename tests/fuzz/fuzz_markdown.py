"""Fuzzing of the renderer with coverage: `python -m tests.fuzz.fuzz_markdown tests/fuzz/corpus/markdown`.

Needs requirements/fuzz.txt; the arguments are those of libFuzzer. The tests read the corpus: keep its finds there.
"""

import sys
from importlib import import_module

from tests.fuzz.markdown_invariants import check_code, check_pages, check_work

_LIMITS = (100, 333, 1900)


def check(data: bytes) -> None:
    """Check one input: the last byte chooses the limit of a page and the size of the pieces, the rest is text."""
    choice = data[-1] if data else 0
    text = data[:-1].decode("utf-8", "replace")[:4000]
    limit = _LIMITS[choice % len(_LIMITS)]
    check_pages(text, [1 + choice // 8], limit)
    check_work(text)
    if "\x1b" not in text:
        check_code("".join(letter for letter in text if letter == "\n" or letter.isprintable()), limit)


def main() -> None:
    """Run until something is found, or as long as the arguments say."""
    atheris = import_module("atheris")  # not in the environment of the tests
    atheris.instrument_all()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
