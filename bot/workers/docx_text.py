"""The visible text of a DOCX file in reading order.

A DOCX is a ZIP archive of XML parts (ECMA-376, part 1, sections 11 and 17; part 2 for the package). Elements are
recognised by their local names, because the two editions of the standard have different namespaces. The text is
that of paragraphs, tables, content controls, tracked insertions, text boxes, formulas, headers, footers, notes and
comments. Deletions, hidden text and field codes are left out.
"""

from __future__ import annotations

import io
import posixpath
import zipfile
from collections.abc import Iterator
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element

UNPACKED_BYTES = 100_000_000
"""The most that all parts may have together; the archive's directory says it before anything is unpacked."""

# Elements that show what is inside them: content controls, insertions, links, smart tags, fields and the like.
_TRANSPARENT = frozenset(
    ["bdo", "customXml", "dir", "fldSimple", "hyperlink", "ins", "moveTo", "sdt", "sdtContent", "smartTag"]
)
_UNSEEN = frozenset(
    [
        "pPr",
        "rPr",
        "sdtPr",
        "sdtEndPr",
        "del",
        "moveFrom",
        "delText",
        "instrText",
        "delInstrText",
        "docPr",
        "cNvPr",
        "rt",
    ]
)
_BREAKS = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "\u2011"}
_MARKS = {"footnoteReference": "[^{}]", "endnoteReference": "[^e{}]", "commentReference": "[comment {}]"}


class NotADocument(Exception):
    """The bytes are an archive of something else."""


class TooLarge(Exception):
    """The parts have more than :data:`UNPACKED_BYTES`."""


def docx_text(data: bytes) -> str:
    """The text of a DOCX: headers, body, notes, comments, footers, a line for each paragraph and each table row.

    The cells of a row are separated by tabs. Raises :class:`NotADocument`, :class:`TooLarge`, and the errors of
    :mod:`zipfile` and :mod:`xml.etree.ElementTree` for a damaged file.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > UNPACKED_BYTES:
            raise TooLarge
        return _Package(archive).text()


class _Package:
    """The parts of a document and their relations."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._names = set(archive.namelist())
        main = next((target for kind, target in self._relations("") if kind == "officeDocument"), "")
        self._main = main or "word/document.xml"
        if self._main not in self._names or _local(self._parsed(self._main)) != "document":
            raise NotADocument

    def text(self) -> str:
        """All visible text, part after part."""
        parts = list(self._relations(self._main))
        blocks: list[str] = []
        for kind in ("header", "main", "footnotes", "endnotes", "comments", "footer"):
            names = [self._main] if kind == "main" else [target for one, target in parts if one == kind]
            # The headers of several sections often have the same text.
            texts = dict.fromkeys(text for name in names for text in self._texts(kind, name) if text)
            blocks += texts
        return "\n".join(blocks)

    def _texts(self, kind: str, name: str) -> Iterator[str]:
        if name not in self._names:
            return
        root = self._parsed(name)
        if kind not in {"footnotes", "endnotes", "comments"}:
            body = _child(root, "body")
            yield "\n".join(_blocks(root if body is None else body))
            return
        for note in root:
            # The separators between text and notes are notes with a type.
            if _attribute(note, "type") in {"separator", "continuationSeparator", "continuationNotice"}:
                continue
            text = "\n".join(_blocks(note))
            number = _attribute(note, "id") or ""
            if not text:
                continue
            if kind == "comments":
                yield f"[comment {number} by {_attribute(note, 'author') or 'unknown'}]: {text}"
            else:
                yield f"[^{'e' if kind == 'endnotes' else ''}{number}]: {text}"

    def _relations(self, part: str) -> Iterator[tuple[str, str]]:
        """The kinds and names of the parts that ``part`` refers to ("" for the package itself)."""
        folder, name = posixpath.split(part)
        path = posixpath.join(folder, "_rels", f"{name}.rels")
        if path not in self._names:
            return
        for relation in self._parsed(path):
            if relation.get("TargetMode") != "External":
                target = posixpath.normpath(posixpath.join("/", folder, relation.get("Target", "")))
                yield relation.get("Type", "").rpartition("/")[2], target.lstrip("/")

    def _parsed(self, name: str) -> Element:
        content = self._archive.read(name)
        # Packages contain no DTD (ECMA-376, part 2, section 8); without one there are no entities to expand.
        if b"<!DOCTYPE" in content.replace(b"\0", b""):
            raise ET.ParseError("a document type declaration")
        return ET.fromstring(content)  # noqa: S314  # no DTD, and this is a process with limits


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _attribute(element: Element | None, local: str) -> str | None:
    if element is None:
        return None
    return next((value for name, value in element.items() if name.rpartition("}")[2] == local), None)


def _child(element: Element | None, *path: str) -> Element | None:
    for local in path:
        if element is None:
            return None
        element = next((child for child in element if _local(child) == local), None)
    return element


def _is_on(properties: Element | None, local: str) -> bool:
    """Whether a switch such as ``w:vanish`` is set: it may be there with the value "false"."""
    switch = _child(properties, local)
    return switch is not None and _attribute(switch, "val") not in {"0", "false", "off"}


def _shown(element: Element) -> Iterator[Element]:
    """The children that are shown, those of transparent elements included."""
    for child in element:
        local = _local(child)
        if local == "AlternateContent":
            # The same content for several versions of Word: the first one that is there.
            chosen = _child(child, "Choice")
            yield from _shown(chosen if chosen is not None else next(iter(child), child))
        elif local in _TRANSPARENT:
            yield from _shown(child)
        else:
            yield child


def _blocks(parent: Element) -> list[str]:
    """The paragraphs and table rows in ``parent``, one string each; empty ones are left out."""
    found: list[str] = []
    begun = ""
    for child in _shown(parent):
        local = _local(child)
        if local == "tbl":
            found += _rows(child)
        elif local == "p":
            boxes: list[str] = []
            text = begun + "".join(_inline(child, boxes))
            # Of a paragraph whose mark was deleted the rest stands in the next one.
            begun = text if _child(child, "pPr", "rPr", "del") is not None else ""
            found += ([] if begun else [text.strip()]) + boxes
    return [text for text in [*found, begun.strip()] if text]


def _rows(table: Element) -> Iterator[str]:
    for row in _shown(table):
        if _local(row) != "tr" or _child(row, "trPr", "del") is not None:
            continue
        properties = _child(row, "trPr")
        cells = [""] * _count(_child(properties, "gridBefore"), 0)
        for cell in _shown(row):
            if _local(cell) == "tc":
                cells += _cell(cell)
        if any(cells):
            yield "\t".join(cells)


def _cell(cell: Element) -> list[str]:
    """The text of a cell, and an empty one for each further column that it spans."""
    properties = _child(cell, "tcPr")
    merge = _child(properties, "vMerge")
    hidden = (merge is not None and _attribute(merge, "val") != "restart") or _child(
        properties, "cellDel"
    ) is not None
    # A row is one line: what is below each other in a cell stands side by side.
    text = "" if hidden else " / ".join(" ".join(block.split()) for block in _blocks(cell))
    return [text, *[""] * (_count(_child(properties, "gridSpan"), 1) - 1)]


def _count(element: Element | None, default: int) -> int:
    value = _attribute(element, "val") or ""
    # Word allows 63 columns.
    return min(int(value), 63) if value.isdecimal() else default


def _inline(parent: Element, boxes: list[str]) -> Iterator[str]:
    """The text of a paragraph's content; the blocks of text boxes in it are appended to ``boxes``."""
    for child in _shown(parent):
        local = _local(child)
        if local == "t":
            yield child.text or ""
        elif local in _BREAKS:
            yield _BREAKS[local]
        elif local in _MARKS:
            yield _MARKS[local].format(_attribute(child, "id") or "")
        elif local == "txbxContent":
            boxes += _blocks(child)
        elif local == "r":
            if not _is_on(_child(child, "rPr"), "vanish"):
                yield from _inline(child, boxes)
        elif local not in _UNSEEN:
            yield from _inline(child, boxes)
