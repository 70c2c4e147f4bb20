"""The text of PDF and DOCX files, read in a process of its own with limits on memory and time.

``python -m bot.delivery.documents pdf|docx PAGES CHARACTERS`` reads a file and writes its text. Exit codes:
3 too many pages, 4 no text in it, 5 encrypted; anything else is a file that cannot be read.
"""

from __future__ import annotations

import io
import sys
import zipfile

TOO_LONG, NO_TEXT, ENCRYPTED, UNREADABLE = 3, 4, 5, 6
MEMORY_BYTES = 1_000_000_000
CPU_SECONDS = 20
# A DOCX is a ZIP file: what it unpacks to is known before it is unpacked.
UNPACKED_BYTES = 100_000_000


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


def _limited() -> None:
    try:
        import resource
    except ImportError:  # not on Windows; the time limit of the parent process remains
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))


def main(kind: str, pages: int, characters: int) -> None:
    """Read a file from the input and write its text to the output."""
    _limited()
    data = sys.stdin.buffer.read()
    try:
        text = pdf_text(data, pages) if kind == "pdf" else docx_text(data)
    except Exception:  # noqa: BLE001  # whatever these libraries raise on a broken file, it is unreadable
        raise SystemExit(UNREADABLE) from None
    if not text.strip():
        raise SystemExit(NO_TEXT)
    if len(text) > characters:
        raise SystemExit(TOO_LONG)
    sys.stdout.buffer.write(text.encode("utf-8", "replace"))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
