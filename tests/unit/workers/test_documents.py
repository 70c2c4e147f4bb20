"""The program that reads a document: its text, or the exit code that says why there is none."""

from __future__ import annotations

import io

import pytest

from bot.workers import documents
from bot.workers.documents import ENCRYPTED, NO_TEXT, NOT_TEXT, TOO_LONG, UNREADABLE
from tests.fakes.docx_files import docx, paragraph
from tests.fakes.pdf_files import encrypted, pdf

LETTER = pdf("Quarterly figures")
MINUTES = docx(paragraph("Minutes"))


class _Reading:
    """Runs the program with an input of the test's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, output: pytest.CaptureFixture[bytes]) -> None:
        self._monkeypatch = monkeypatch
        self._output = output

    def text(self, kind: str, data: bytes, *, pages: int = 10, characters: int = 1000) -> str:
        """What the program writes. Raises SystemExit."""
        self._monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
        documents.main(kind, pages, characters)
        return self._output.readouterr().out.decode()

    def code(self, kind: str, data: bytes, *, pages: int = 10, characters: int = 1000) -> object:
        """The code with which it ends without a text; nothing is written."""
        with pytest.raises(SystemExit) as ended:
            self.text(kind, data, pages=pages, characters=characters)
        assert self._output.readouterr().out == b""
        return ended.value.code


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> _Reading:
    """The program with an input of the test's."""
    return _Reading(monkeypatch, capsysbinary)


def test_the_text_is_written_page_by_page(reading: _Reading) -> None:
    """Also of a PDF that everybody may read, although it is encrypted."""
    assert reading.text("pdf", LETTER) == "[page 1]\nQuarterly figures"
    assert reading.text("pdf", encrypted(LETTER, "AES-256", user_password="")) == "[page 1]\nQuarterly figures"
    assert reading.text("docx", MINUTES) == "Minutes"


def test_each_reason_for_no_text_has_its_code(reading: _Reading) -> None:
    """The bot tells people by the code what to do about their file."""
    assert reading.code("pdf", encrypted(LETTER, "AES-256", user_password="secret")) == ENCRYPTED
    assert reading.code("pdf", LETTER, pages=0) == TOO_LONG
    assert reading.code("pdf", LETTER, characters=len("[page 1]\nQuarterly figures") - 1) == TOO_LONG
    assert reading.code("pdf", pdf("")) == NO_TEXT
    assert reading.code("pdf", b"%PDF-1.4 and nothing else") == UNREADABLE
    assert reading.code("docx", docx(paragraph(" "))) == NO_TEXT
    assert reading.code("docx", b"PK\3\4 and nothing else") == UNREADABLE
    assert (
        reading.code("docx", docx(paragraph("x")).replace(b"word/document.xml", b"word/another1.xml")) == NOT_TEXT
    )


def test_a_document_whose_parts_are_too_large_is_not_unpacked(
    reading: _Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The archive's directory says how large they are."""
    monkeypatch.setattr("bot.workers.docx_text.UNPACKED_BYTES", 100)
    assert reading.code("docx", MINUTES) == TOO_LONG


def test_a_text_that_fits_exactly_is_written(reading: _Reading) -> None:
    """The limits of pages and characters are the most that is taken."""
    assert reading.text("pdf", LETTER, pages=1, characters=len("[page 1]\nQuarterly figures"))
