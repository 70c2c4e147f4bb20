"""What decides how a file is read: its bytes, then its name, then its type."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.discord_io.file_kinds import Kind, declared_kind, kind_of

COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
UNCLEAR = b"\x93\xfa\x96\x7b"
"""Bytes that are neither UTF-8 nor the beginning of a known format."""


@pytest.mark.parametrize(
    ("name", "content_type", "data", "kind"),
    [
        ("main.ts", "video/mp2t", b"const a = 1;", Kind.TEXT),
        ("main.ts", "video/mp2t", UNCLEAR, Kind.TEXT),
        ("logo.svg", "image/svg+xml", b"<svg/>", Kind.TEXT),
        ("logo", "image/svg+xml", UNCLEAR, Kind.TEXT),
        ("report", None, b"%PDF-1.7 ...", Kind.PDF),
        ("report.txt", "text/plain", b"\n%PDF-1.7 ...", Kind.PDF),
        ("report", "application/octet-stream", b"PK\x03\x04...", Kind.DOCX),
        ("notes.docx", None, b"plain text", Kind.TEXT),
        ("notes.png", "image/png", b"plain text", Kind.TEXT),
        ("notes.txt", "text/plain", b"\x89PNG\r\n\x1a\n", Kind.IMAGE),
        ("photo", None, b"\0\0\0\x18ftypheic", Kind.IMAGE),
        ("clip.txt", "text/plain", b"\0\0\0\x18ftypisom", Kind.BINARY),
        ("song", "audio/mpeg", UNCLEAR, Kind.BINARY),
        ("broken.pdf", "text/plain", UNCLEAR, Kind.PDF),
        ("broken", "application/pdf", UNCLEAR, Kind.PDF),
        ("old.doc", "application/msword", COMPOUND, Kind.BINARY),
        ("locked.docx", None, COMPOUND + "EncryptedPackage".encode("utf-16-le"), Kind.LOCKED),
        ("data", None, UNCLEAR, Kind.TEXT),
    ],
)
def test_f1_the_bytes_decide_then_the_name_then_the_type(
    name: str, content_type: str | None, data: bytes, kind: Kind
) -> None:
    """Text in an unknown encoding has bytes that decide nothing."""
    is_text = data.isascii() and b"\0" not in data
    assert kind_of(data, name, content_type, is_text=is_text) is kind


@given(name=st.text(max_size=20), content_type=st.none() | st.text(max_size=30), data=st.binary(max_size=60))
def test_f1_every_file_has_a_kind(name: str, content_type: str | None, data: bytes) -> None:
    """Names and types are any text."""
    assert kind_of(data, name, content_type, is_text=False) in Kind
    assert declared_kind(name, content_type) in {None, *Kind}
