"""DOCX files, made of the XML of their parts."""

from __future__ import annotations

import io
import zipfile

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
STRICT_WORD = "http://purl.oclc.org/ooxml/wordprocessingml/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006"
_NAMESPACES = (
    f'xmlns:r="{_OFFICE}/relationships" xmlns:m="{_OFFICE}/math" xmlns:v="urn:schemas-microsoft-com:vml" '
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
    'xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape"'
)
_ROOTS = {"footnotes": "footnotes", "endnotes": "endnotes", "comments": "comments"}


def run(text: str, properties: str = "") -> str:
    """A run of text."""
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def paragraph(*content: str, properties: str = "") -> str:
    """A paragraph; content that is not XML becomes a run."""
    inner = "".join(part if part.startswith("<") else run(part) for part in content)
    return f"<w:p><w:pPr>{properties}</w:pPr>{inner}</w:p>"


def cell(*content: str, properties: str = "") -> str:
    """A table's cell; content that is not XML becomes a paragraph."""
    inner = "".join(part if part.startswith("<") else paragraph(part) for part in content)
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{inner}</w:tc>"


def row(*cells: str, properties: str = "") -> str:
    """A table's row; a cell that is not XML becomes one of a paragraph."""
    inner = "".join(part if part.startswith("<") else cell(part) for part in cells)
    return f"<w:tr><w:trPr>{properties}</w:trPr>{inner}</w:tr>"


def table(*rows: str) -> str:
    """A table."""
    return f"<w:tbl><w:tblPr/><w:tblGrid/>{''.join(rows)}</w:tbl>"


def control(content: str) -> str:
    """A content control around ``content``."""
    return f'<w:sdt><w:sdtPr><w:alias w:val="not shown"/></w:sdtPr><w:sdtContent>{content}</w:sdtContent></w:sdt>'


def docx(*body: str, word: str = WORD, before: str = "", **parts: str) -> bytes:
    """A DOCX of these blocks. ``parts``: the content of ``header1``, ``footer1``, ``footnotes``, ``endnotes`` or
    ``comments``; ``word`` is the namespace; ``before`` stands in front of the document's element."""
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("_rels/.rels", _relations({"word/document.xml": "officeDocument"}))
        kinds = {f"{name}.xml": name.rstrip("1") for name in parts}
        archive.writestr("word/_rels/document.xml.rels", _relations(kinds))
        archive.writestr(
            "word/document.xml", before + _root("document", f"<w:body>{''.join(body)}</w:body>", word)
        )
        for name, content in parts.items():
            root = _ROOTS.get(name) or {"header1": "hdr", "footer1": "ftr"}[name]
            archive.writestr(f"word/{name}.xml", _root(root, content, word))
    return output.getvalue()


def _root(name: str, content: str, word: str) -> str:
    return f'<w:{name} xmlns:w="{word}" {_NAMESPACES}>{content}</w:{name}>'


def _relations(kinds: dict[str, str]) -> str:
    entries = "".join(
        f'<Relationship Id="r{number}" Type="{_OFFICE}/relationships/{kind}" Target="{target}"/>'
        for number, (target, kind) in enumerate(kinds.items())
    )
    namespace = "http://schemas.openxmlformats.org/package/2006/relationships"
    return f'<Relationships xmlns="{namespace}">{entries}</Relationships>'
