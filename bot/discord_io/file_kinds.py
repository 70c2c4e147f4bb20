"""The kind of an attached file: its bytes decide, then its name, then the type that Discord was told."""

from __future__ import annotations

from enum import Enum, auto
from pathlib import PurePath


class Kind(Enum):
    """What a file is read as."""

    TEXT = auto()
    PDF = auto()
    DOCX = auto()
    """Any ZIP archive: the reader finds out whether it is a DOCX."""
    LOCKED = auto()
    """An Office file that is encrypted with a password; of the first bytes alone, an older Office file too."""
    IMAGE = auto()
    BINARY = auto()
    """Not text, and of no kind that is read."""


DOCUMENTS = frozenset({Kind.PDF, Kind.DOCX, Kind.LOCKED})

HEAD_BYTES = 1024
"""The first bytes, which show most kinds."""

_IMAGES = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*", b"\0\0\1\0", b"8BPS")
_ZIP = b"PK\x03\x04"
# Older Office files, and encrypted ones: a compound file (MS-CFB), with the latter's stream (MS-OFFCRYPTO, 2.3.4).
_COMPOUND, _ENCRYPTED = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "EncryptedPackage".encode("utf-16-le")

_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_TEXT_NAMES = frozenset(
    [
        ".adoc",
        ".c",
        ".cc",
        ".cfg",
        ".conf",
        ".cpp",
        ".cs",
        ".css",
        ".csv",
        ".diff",
        ".go",
        ".h",
        ".hpp",
        ".htm",
        ".html",
        ".ini",
        ".java",
        ".js",
        ".json",
        ".jsonl",
        ".jsx",
        ".kt",
        ".log",
        ".lua",
        ".md",
        ".patch",
        ".php",
        ".pl",
        ".properties",
        ".ps1",
        ".py",
        ".r",
        ".rb",
        ".rs",
        ".rst",
        ".scala",
        ".sh",
        ".sql",
        ".srt",
        ".svg",
        ".swift",
        ".tex",
        ".text",
        ".toml",
        ".ts",
        ".tsv",
        ".tsx",
        ".txt",
        ".vtt",
        ".xml",
        ".yaml",
        ".yml",
    ]
)


def kind_of(data: bytes, filename: str, content_type: str | None, *, is_text: bool) -> Kind:
    """The kind of a whole file. ``is_text``: its bytes are text in a known encoding."""
    kind = kind_of_head(data[:HEAD_BYTES])
    if kind is Kind.LOCKED and _ENCRYPTED not in data:
        return Kind.BINARY
    if kind is None and not is_text:
        kind = declared_kind(filename, content_type)
    return kind or Kind.TEXT


def kind_of_head(head: bytes) -> Kind | None:
    """The kind that the first bytes show; None when they do not."""
    if head.lstrip(b"\xef\xbb\xbf \t\r\n\0").startswith(b"%PDF-"):
        return Kind.PDF
    if head.startswith(_ZIP):
        return Kind.DOCX
    if head.startswith(_COMPOUND):
        return Kind.LOCKED
    if head.startswith(_IMAGES) or (head.startswith(b"RIFF") and head[8:12] == b"WEBP"):
        return Kind.IMAGE
    # "ftyp" begins MP4 and its relatives, of which AVIF and HEIC are images (ISO/IEC 14496-12).
    if head[4:8] == b"ftyp":
        return Kind.IMAGE if head[8:12] in {b"avif", b"heic", b"heix", b"mif1"} else Kind.BINARY
    return None


def declared_kind(filename: str, content_type: str | None) -> Kind | None:
    """The kind that the name says, else the type; None when neither does."""
    suffix = PurePath(filename).suffix.lower()
    if suffix in _TEXT_NAMES:
        return Kind.TEXT
    if suffix in {".pdf", ".docx"}:
        return Kind.PDF if suffix == ".pdf" else Kind.DOCX
    media = (content_type or "").partition(";")[0].strip().lower()
    if media in {"application/pdf", _WORD}:
        return Kind.PDF if media == "application/pdf" else Kind.DOCX
    family = media.partition("/")[0]
    if family == "image":
        return Kind.TEXT if media == "image/svg+xml" else Kind.IMAGE
    if family in {"audio", "video", "font"}:
        return Kind.BINARY
    return Kind.TEXT if family == "text" else None
