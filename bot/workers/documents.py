"""Text of PDF and DOCX files, read in a process of its own with limits on memory and time.

``python -m bot.workers.documents pdf|docx PAGES CHARACTERS`` reads a file and writes its text. Exit codes:
3 too many pages, 4 no text in it, 5 encrypted; any other code means that the file cannot be read.
"""

from __future__ import annotations

import io
import sys
import zipfile
from typing import TYPE_CHECKING

from bot.errors import AttachmentRejected

if TYPE_CHECKING:
    # The program below does not need this, and starts faster without it.
    from bot.workers.subprocesses import Worker

TOO_LONG, NO_TEXT, ENCRYPTED, UNREADABLE = 3, 4, 5, 6
_KEYS = {
    None: "error.attachment_slow_reading",
    TOO_LONG: "error.attachment_too_long",
    NO_TEXT: "error.attachment_no_text",
    ENCRYPTED: "error.attachment_encrypted",
}
MEMORY_BYTES = 512_000_000
SECONDS = 30.0
BYTES_PER_CHARACTER = 4
# A DOCX is a ZIP file: its unpacked size is known before it is unpacked.
UNPACKED_BYTES = 100_000_000


async def document_text(worker: Worker, kind: str, data: bytes, *, name: str, pages: int, characters: int) -> str:
    """The text of a document (``pdf`` or ``docx``) with at most this many pages and characters of text.

    Raises :class:`AttachmentRejected`, whose sentence contains ``name``.
    """
    from bot.workers.subprocesses import ChildFailed, Limits

    limits = Limits(MEMORY_BYTES, SECONDS, characters * BYTES_PER_CHARACTER)
    arguments = (kind, str(pages), str(characters))
    try:
        text = await worker.run("bot.workers.documents", *arguments, data=data, limits=limits)
    except ChildFailed as error:
        key = _KEYS.get(error.status, "error.attachment_unreadable")
        raise AttachmentRejected(str(error), key=key, name=name, pages=pages) from error
    return text.decode()


def pdf_text(data: bytes, pages: int) -> str:
    """The text of a PDF, page after page. Raises :class:`SystemExit` with one of the codes."""
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(data))
    if reader.is_encrypted and not reader.decrypt(""):
        raise SystemExit(ENCRYPTED)
    if len(reader.pages) > pages:
        raise SystemExit(TOO_LONG)
    texts = (page.extract_text().strip() for page in reader.pages)
    return "\n\n".join(f"[page {number}]\n{text}" for number, text in enumerate(texts, start=1) if text)


def docx_text(data: bytes) -> str:
    """Paragraphs and tables of a DOCX in their order. Raises :class:`SystemExit` with one of the codes."""
    from docx import Document
    from docx.table import Table

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > UNPACKED_BYTES:
            raise SystemExit(TOO_LONG)
    parts: list[str] = []
    for block in Document(io.BytesIO(data)).iter_inner_content():
        if isinstance(block, Table):
            parts += ["\t".join(cell.text.strip() for cell in row.cells) for row in block.rows]
        elif block.text.strip():
            parts.append(block.text.strip())
    return "\n".join(parts)


def main(kind: str, pages: int, characters: int) -> None:
    """Read a file from the input and write its text to the output."""
    data = sys.stdin.buffer.read()
    try:
        text = pdf_text(data, pages) if kind == "pdf" else docx_text(data)
    except Exception:  # noqa: BLE001  # any error of these libraries means that the file is unreadable
        raise SystemExit(UNREADABLE) from None
    if not text.strip():
        raise SystemExit(NO_TEXT)
    if len(text) > characters:
        raise SystemExit(TOO_LONG)
    sys.stdout.buffer.write(text.encode("utf-8", "replace"))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
