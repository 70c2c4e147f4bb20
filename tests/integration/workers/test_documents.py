"""PDF and DOCX files and old encodings, read by the child processes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.errors import AttachmentRejected
from bot.workers.documents import document_text
from bot.workers.fair_semaphore import FairSemaphore
from bot.workers.subprocesses import Subprocesses, Worker
from bot.workers.text_encoding import Decoded, guessed_text
from tests.fakes.docx_files import docx, paragraph
from tests.fakes.pdf_files import encrypted, pdf


@pytest.fixture
async def worker(tmp_path: Path) -> AsyncIterator[Worker]:
    """The right to run children."""
    async with Subprocesses(FairSemaphore(1), tmp_path).turn(1) as worker:
        yield worker


async def read(worker: Worker, kind: str, data: bytes) -> str:
    """The text of a document."""
    return await document_text(worker, kind, data, name="file", pages=10, characters=10_000)


@pytest.mark.parametrize("algorithm", ["AES-256", "AES-256-R5", "AES-128", "RC4-128"])
async def test_f3_a_pdf_that_everybody_may_read_is_read(worker: Worker, algorithm: str) -> None:
    """Its user password is empty: only printing and the like are restricted."""
    data = encrypted(pdf("Quarterly figures"), algorithm, user_password="")
    assert "Quarterly figures" in await read(worker, "pdf", data)


@pytest.mark.parametrize("algorithm", ["AES-256", "RC4-128"])
async def test_f3_a_pdf_with_a_password_is_refused_as_such(worker: Worker, algorithm: str) -> None:
    """Not as one that is damaged."""
    with pytest.raises(AttachmentRejected) as refused:
        await read(worker, "pdf", encrypted(pdf("Secret"), algorithm, user_password="secret"))
    assert refused.value.key == "error.attachment_encrypted"


async def test_f2_a_docx_is_read_in_the_child(worker: Worker) -> None:
    assert await read(worker, "docx", docx(paragraph("Minutes"))) == "Minutes"


@pytest.mark.parametrize(
    ("content", "key"), [(b"", "error.attachment_no_text"), (None, "error.attachment_not_text")]
)
async def test_f2_another_archive_is_said_to_be_no_text(worker: Worker, content: bytes | None, key: str) -> None:
    """An empty document has no text; a ZIP file of something else is not a document."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("a.bin", b"x")
    with pytest.raises(AttachmentRejected) as refused:
        await read(worker, "docx", archive.getvalue() if content is None else docx())
    assert refused.value.key == key


async def test_f4_an_old_encoding_is_decoded_in_the_child(worker: Worker) -> None:
    """The encoding comes back by the name that people know."""
    text = "これは日本語のテキストです。\n二行目。"
    assert await guessed_text(worker, text.encode("cp932"), name="n") == Decoded(text, "Shift JIS")


async def test_f4_what_is_not_text_is_refused(worker: Worker) -> None:
    with pytest.raises(AttachmentRejected) as refused:
        await guessed_text(worker, b"\0\1\2\3" * 100, name="n")
    assert refused.value.key == "error.attachment_not_text"
