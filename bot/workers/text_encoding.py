"""Text files that are not UTF-8: what can be decoded at once, and a guess in a child process.

``python -m bot.workers.text_encoding`` reads a file and writes a line with its encoding and the number of replaced
bytes, and then its text. It ends with exit code 7 when the file is not text.
"""

from __future__ import annotations

import codecs
import sys
import unicodedata
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from bot.errors import AttachmentRejected

if TYPE_CHECKING:
    # The program below does not need this, and starts faster without it.
    from bot.workers.subprocesses import Worker

NOT_TEXT = 7
MEMORY_BYTES = 512_000_000
SECONDS = 15.0
# UTF-8 has at most three bytes for what another encoding has one or two for.
GROWTH = 3

REPLACEMENT = "\ufffd"
FEW_BAD = 0.01
"""The share of bad bytes, of the characters beyond ASCII or of all bytes, up to which they are replaced."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NAMES = {
    "cp1252": "Windows-1252",
    "cp1250": "Windows-1250",
    "cp1251": "Windows-1251",
    "cp1253": "Windows-1253",
    "koi8_r": "KOI8-R",
    "cp932": "Shift JIS",
    "euc_jp": "EUC-JP",
    "gb18030": "GBK",
    "big5": "Big5",
    "cp949": "EUC-KR",
    "utf_16_le": "UTF-16",
    "utf_16_be": "UTF-16",
}
"""The encodings that are tried: Python's names, and those that people know."""
_FREQUENT = {
    "cp932": frozenset((*range(0x81, 0x84), *range(0x88, 0x98))),
    "gb18030": frozenset((0xA1, 0xA3, *range(0xB0, 0xD8))),
    "euc_jp": frozenset((0xA1, *range(0xA3, 0xA6), *range(0xB0, 0xD0))),
    "cp949": frozenset((0xA1, *range(0xB0, 0xC9))),
    "big5": frozenset((0xA1, *range(0xA4, 0xC7))),
}
"""First bytes of the letters that each standard calls frequent (level 1 of JIS X 0208, GB 2312 and Big5, Hangul of
KS X 1001), of kana and of punctuation."""
_JAPANESE = frozenset({"cp932", "euc_jp"})
_ENOUGH = 8
"""Letters from which on their frequency says something."""
_WESTERN = frozenset(
    "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿŒœŸ€‚„…‘’“”–—•™«»§©®°±´·º¿¡£ªµ½×²\u00a0"
)

# Bytes that are no character of Windows-1252, or one that hardly any text has: ÿ and þ.
_ODD = frozenset(b"\x81\x8d\x8f\x90\x9d\xfe\xff")
_CONTROLS = frozenset("\t\n\v\f\r\b\x1b")
_SAMPLE = 20_000


@dataclass(frozen=True, slots=True)
class Decoded:
    """The text of a file. ``encoding`` is empty for UTF-8; ``replaced`` bytes became U+FFFD."""

    text: str
    encoding: str = ""
    replaced: int = 0


def decoded_at_once(data: bytes) -> Decoded | None:
    """Decode UTF-8, also with a few bad bytes, and text with a byte order mark; None for anything else."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            text = data.decode(encoding, "replace")
            return Decoded(text, replaced=text.count(REPLACEMENT))
    if b"\0" in data:
        return None
    text = data.decode("utf-8", "replace")
    replaced = text.count(REPLACEMENT) - data.count(REPLACEMENT.encode())
    if replaced:
        beyond_ascii = data.translate(None, bytes(range(0x80)))
        valid = len(text) - (len(data) - len(beyond_ascii)) - replaced
        # Without any valid character beyond ASCII this is rather an older encoding, unless no letter is meant.
        if not valid and not _ODD.issuperset(beyond_ascii):
            return None
        if replaced > max(1, FEW_BAD * (valid or len(data))):
            return None
    return Decoded(text, replaced=replaced)


async def guessed_text(worker: Worker, data: bytes, *, name: str) -> Decoded:
    """Decode text whose encoding has to be guessed, in a child process.

    Raises :class:`AttachmentRejected`, whose sentence contains ``name``, when it is no text.
    """
    from bot.workers.subprocesses import ChildFailed, Limits

    limits = Limits(MEMORY_BYTES, SECONDS, GROWTH * len(data) + 100)
    try:
        output = await worker.run("bot.workers.text_encoding", data=data, limits=limits)
    except ChildFailed as error:
        key = "error.attachment_slow_reading" if error.status is None else "error.attachment_not_text"
        raise AttachmentRejected(str(error), key=key, name=name) from error
    said, _, text = output.decode().partition("\n")
    encoding, replaced = said.split()
    return Decoded(text, _NAMES.get(encoding, ""), int(replaced))


def guess(data: bytes) -> tuple[str, Decoded] | None:
    """Python's name of the most likely encoding, and the text; None when the bytes are not text."""
    encoding = _utf16(data)
    if encoding is None and b"\0" in data:
        return None
    encoding = encoding or _western(data) or _east_asian(data) or _detected(data)
    if encoding is not None:
        text = data.decode(encoding)
        return (encoding, Decoded(text)) if _is_readable(text) else None
    return _damaged(data)


def _utf16(data: bytes) -> str | None:
    """The byte order of UTF-16 without a mark, when its text has enough of what nearly every text has: spaces,
    line breaks and Latin letters, or Japanese letters and East Asian punctuation."""
    found = {}
    for encoding in ("utf_16_le", "utf_16_be"):
        try:
            text = data[: 2 * _SAMPLE].decode(encoding)
        except UnicodeDecodeError:
            continue
        usual = sum(ord(one) < 0x100 or 0x3000 <= ord(one) < 0x3100 or ord(one) >= 0xFF00 for one in text)
        if _is_readable(text) and usual >= 0.05 * len(text):
            found[encoding] = usual
    return max(found, key=found.__getitem__, default=None)


def _western(data: bytes) -> str | None:
    """Windows-1252, when all characters beyond ASCII are usual in Western European texts and hardly any stand side
    by side: in encodings with two bytes for a letter most do."""
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        return None
    places = [at for at, character in enumerate(text) if character > "\x7f"]
    # Inside a word, ¿ is a Polish letter of Windows-1250.
    if any(text[at] not in _WESTERN or (text[at] == "¿" and text[at - 1 : at].isalpha()) for at in places):
        return None
    beside = sum(later - earlier == 1 for earlier, later in pairwise(places))
    return "cp1252" if beside <= 0.4 * len(places) else None


def _east_asian(data: bytes) -> str | None:
    """The encoding with two bytes for a letter in which nearly all letters are frequent ones."""
    shares: dict[str, float] = {}
    letters = 0
    for encoding, frequent in _FREQUENT.items():
        try:
            text = data.decode(encoding)[:_SAMPLE]
        except UnicodeDecodeError:
            continue
        wide = [character for character in text if character > "\x7f"]
        kana = sum("\u3040" <= character <= "\u30ff" for character in wide)
        if encoding in _JAPANESE and len(wide) >= _ENOUGH and kana < 0.1 * len(wide):
            continue
        letters = max(letters, len(wide))
        shares[encoding] = sum(one.encode(encoding)[0] in frequent for one in wide) / max(1, len(wide))
    # With few letters several encodings fit: then those that are met most often come first. With many, the one
    # with the fewest frequent letters says most.
    order = sorted(shares, key=lambda one: len(_FREQUENT[one])) if letters >= _ENOUGH else list(shares)
    best = max(order, key=shares.__getitem__, default=None)
    return best if best is not None and shares[best] >= 0.9 else None


def _detected(data: bytes) -> str | None:
    from charset_normalizer import from_bytes

    known = [name for name in _NAMES if not name.startswith("utf")]
    best = from_bytes(data, cp_isolation=known, enable_fallback=False).best()
    return None if best is None else best.encoding


def _damaged(data: bytes) -> tuple[str, Decoded] | None:
    """Text with a few bytes that are wrong in every encoding, in the one where the fewest are."""
    texts = {encoding: data.decode(encoding, "replace") for encoding in ("utf_8", *_FREQUENT)}
    encoding = min(texts, key=lambda one: texts[one].count(REPLACEMENT))
    text, replaced = texts[encoding], texts[encoding].count(REPLACEMENT)
    if replaced > max(1, FEW_BAD * len(text)) or not _is_readable(text):
        return None
    return encoding, Decoded(text, replaced=replaced)


def _is_readable(text: str) -> bool:
    """Whether a text has no control characters, and nothing that Unicode has not assigned."""
    return all(
        character in _CONTROLS or unicodedata.category(character) not in {"Cc", "Cn", "Co", "Cs"}
        for character in text[:_SAMPLE]
    )


def main() -> None:
    """Read a file from the input and write its encoding and its text to the output."""
    found = guess(sys.stdin.buffer.read())
    if found is None:
        raise SystemExit(NOT_TEXT)
    encoding, decoded = found
    sys.stdout.buffer.write(f"{encoding} {decoded.replaced}\n{decoded.text}".encode("utf-8", "replace"))


if __name__ == "__main__":
    main()
