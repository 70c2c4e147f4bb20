"""Every visible word of a DOCX in reading order, and no other."""

from __future__ import annotations

import io
import zipfile
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.workers.docx_text import NotADocument, docx_text
from tests.fakes.docx_files import STRICT_WORD, WORD, cell, control, docx, paragraph, row, run, table


def inserted(content: str) -> str:
    """A tracked insertion."""
    return f'<w:ins w:id="1" w:author="Ada">{content}</w:ins>'


def deleted(text: str) -> str:
    """A tracked deletion."""
    return f'<w:del w:id="2" w:author="Ada"><w:r><w:delText>{text}</w:delText></w:r></w:del>'


def box(content: str) -> str:
    """A text box, for newer and for older versions of Word."""
    return (
        '<w:r><mc:AlternateContent><mc:Choice Requires="wps"><w:drawing><wps:txbx><w:txbxContent>'
        f"{content}</w:txbxContent></wps:txbx></w:drawing></mc:Choice><mc:Fallback><w:pict><v:textbox><w:txbxContent>"
        f"{content}</w:txbxContent></v:textbox></w:pict></mc:Fallback></mc:AlternateContent></w:r>"
    )


@pytest.mark.parametrize("word", [WORD, STRICT_WORD])
def test_f2_content_controls_are_read(word: str) -> None:
    """Around paragraphs, inside them, around cells and rows, and one in another."""
    text = docx_text(
        docx(
            paragraph("Form"),
            control(paragraph("Name: ", control(run("Ada")), " Lovelace")),
            control(control(paragraph("nested"))),
            table(row("a", control(cell("b")), "c"), control(row("d", cell(control(paragraph("e"))), "f"))),
            word=word,
        )
    )
    assert text.splitlines() == ["Form", "Name: Ada Lovelace", "nested", "a\tb\tc", "d\te\tf"]


def test_f2_tracked_changes_are_read_as_accepted() -> None:
    """Insertions and what was moved here are visible; deletions, what was moved away and deleted rows are not."""
    moved = f"<w:moveTo>{run('moved here')}</w:moveTo><w:moveFrom>{run('moved away')}</w:moveFrom>"
    text = docx_text(
        docx(
            paragraph("The price is ", deleted("40"), inserted(run("42")), " euros"),
            paragraph(moved),
            paragraph("joined ", properties="<w:rPr><w:del/></w:rPr>"),
            paragraph("with the next"),
            inserted(paragraph("new paragraph")),
            table(row("kept"), row("gone", properties="<w:del/>")),
        )
    )
    assert text.splitlines() == [
        "The price is 42 euros", "moved here", "joined with the next", "new paragraph", "kept"
    ]  # fmt: skip


def test_f2_links_smart_tags_fields_and_formulas_are_read() -> None:
    """A field shows its result and not its code; hidden text is not shown."""
    field = '<w:r><w:fldChar w:fldCharType="begin"/><w:instrText>PAGEREF x</w:instrText></w:r>'
    text = docx_text(
        docx(
            paragraph(
                f"<w:hyperlink>{run('a link')}</w:hyperlink>",
                f"<w:smartTag><w:smartTagPr/>{run(' in ')}<w:smartTag>{run('Berlin')}</w:smartTag></w:smartTag>",
                f"<w:fldSimple>{run(' page')}</w:fldSimple>",
                field,
                run(" 7"),
                run("secret", "<w:vanish/>"),
                run(" shown", '<w:vanish w:val="false"/>'),
                "<m:oMath><m:r><m:t> E=mc²</m:t></m:r></m:oMath>",
            ),
            paragraph("<w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t></w:r>"),
        )
    )
    assert text == "a link in Berlin page 7 shown E=mc²\na\tb\nc"


def test_f2_a_text_box_is_read_once_after_its_paragraph() -> None:
    """Also one in a table's cell."""
    text = docx_text(
        docx(
            paragraph("before", box(paragraph("in the box") + table(row("x", "y")))),
            paragraph("after"),
            table(row(cell(paragraph("cell", box(paragraph("boxed")))), "next")),
        )
    )
    assert text.splitlines() == ["before", "in the box", "x\ty", "after", "cell / boxed\tnext"]


def test_f2_notes_comments_headers_and_footers_are_read() -> None:
    """Each with its mark in the text; the separator between text and notes is none."""
    text = docx_text(
        docx(
            paragraph(
                "Claim", '<w:r><w:footnoteReference w:id="2"/></w:r>', '<w:r><w:endnoteReference w:id="2"/></w:r>'
            ),
            paragraph("Doubtful", '<w:r><w:commentReference w:id="0"/></w:r>'),
            header1=paragraph("Confidential"),
            footer1=paragraph("Page 1"),
            footnotes=f'<w:footnote w:id="0" w:type="separator">{paragraph("-")}</w:footnote>'
            f'<w:footnote w:id="2">{paragraph("see below")}</w:footnote>',
            endnotes=f'<w:endnote w:id="2">{paragraph("the source")}</w:endnote>',
            comments=f'<w:comment w:id="0" w:author="Ben">{paragraph("Really?")}</w:comment>',
        )
    )
    assert text.splitlines() == [
        "Confidential",
        "Claim[^2][^e2]",
        "Doubtful[comment 0]",
        "[^2]: see below",
        "[^e2]: the source",
        "[comment 0 by Ben]: Really?",
        "Page 1",
    ]


def test_f2_columns_stay_in_their_places() -> None:
    """Cells that span columns or rows, rows that begin further right, and a table within a cell."""
    wide, below = '<w:gridSpan w:val="2"/>', "<w:vMerge/>"
    text = docx_text(
        docx(
            table(
                row("Region", "2023", "2024"),
                row(cell("all", properties=wide), "7"),
                row(cell("North", properties='<w:vMerge w:val="restart"/>'), "1", "2"),
                row(cell("", properties=below), "3", cell("4", table(row("p", "q")))),
                row("only the last", properties='<w:gridBefore w:val="2"/>'),
            )
        )
    )
    assert text.split("\n") == [
        "Region\t2023\t2024", "all\t\t7", "North\t1\t2", "\t3\t4 / p q", "\t\tonly the last"
    ]  # fmt: skip


@given(st.lists(st.sampled_from(["sdt", "ins", "smartTag", "hyperlink", "del"]), max_size=12))
def test_f2_wrappers_in_any_order_show_their_text_unless_it_is_deleted(wrappers: list[str]) -> None:
    """A word inside of wrappers is read exactly once, or not at all when one of them is a deletion."""
    content = run("word")
    for wrapper in wrappers:
        content = control(content) if wrapper == "sdt" else f"<w:{wrapper}>{content}</w:{wrapper}>"
    assert docx_text(docx(paragraph(content))) == ("" if "del" in wrappers else "word")


def repacked(data: bytes, changed: dict[str, str | None]) -> bytes:
    """The archive with the content of some entries replaced, or (None) without them."""
    output = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(output, "w") as new:
        for name in old.namelist():
            content = changed.get(name, old.read(name).decode())
            if content is not None:
                new.writestr(name, content)
    return output.getvalue()


def test_parts_that_are_missing_or_elsewhere_are_left_out() -> None:
    """A header that was lost, and links to the web, which are relations too."""
    with_header = docx(paragraph("Body"), header1=paragraph("Header"))
    assert docx_text(with_header) == "Header\nBody"
    assert docx_text(repacked(with_header, {"word/header1.xml": None})) == "Body"
    links = (
        '<R><Relationship Type="x/header" Target="https://a.example/header1.xml" TargetMode="External"/>'
        '<Relationship Type="x/header" Target="header1.xml"/></R>'
    )
    assert docx_text(repacked(with_header, {"word/_rels/document.xml.rels": links})) == "Header\nBody"


def test_what_is_empty_takes_no_line() -> None:
    """Rows without text, notes without text, and parts of tables that are neither rows nor cells."""
    text = docx_text(
        docx(
            table(row("a"), row("", ""), "<w:bookmarkStart/>", row("<w:bookmarkStart/>", "b")),
            footnotes=f'<w:footnote w:id="2">{paragraph("")}</w:footnote>'
            f'<w:footnote w:id="3">{paragraph("note")}</w:footnote>',
        )
    )
    assert text.splitlines() == ["a", "b", "[^3]: note"]


def test_content_for_several_versions_of_word_is_read_once() -> None:
    """The newest version's; without one what is there for the others, and nothing where nothing is."""
    fallback = f"<mc:AlternateContent><mc:Fallback>{run('old')}</mc:Fallback></mc:AlternateContent>"
    assert docx_text(docx(paragraph("a ", fallback, "<mc:AlternateContent/>"))) == "a old"


def test_another_archive_is_no_document() -> None:
    """A ZIP file, and a package whose main part is no Word document."""
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w") as archive:
        archive.writestr("readme.txt", "hello")
    for data in (output.getvalue(), _workbook()):
        with pytest.raises(NotADocument):
            docx_text(data)


def _workbook() -> bytes:
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w") as archive:
        kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
        archive.writestr("_rels/.rels", f'<R><Relationship Type="{kind}" Target="xl/workbook.xml"/></R>')
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return output.getvalue()


def test_entities_are_not_expanded() -> None:
    """A document type declaration, which packages must not have, makes the file unreadable."""
    bomb = '<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'
    with pytest.raises(ET.ParseError, match="document type"):
        docx_text(docx(paragraph("x"), before=bomb))
