"""Sheets as PDF and DOCX: all that was said stands on them, in a font they bring along."""

import io
import re
import shutil
import struct
import subprocess
import zipfile
import zlib
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

from appliance.letters.document import Document, Grid, Paragraph, plain, words_of
from appliance.letters.docx import docx
from appliance.letters.fields import PLACEHOLDERS
from appliance.letters.pdf import NoFont, pdf
from appliance.letters.seals import checked
from appliance.letters.shipped import ORDER, shipped
from appliance.letters.template import fill
from tests.seal_image import seal_png
from tests.test_house_rules import loaded_by

NAMED = {name: f"{place.zh}之值" for name, place in PLACEHOLDERS.items()}
W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
PAGE = re.compile(r"^\s*(?:\d+\s*/\s*\d+|—\s*\d+\s*—)\s*$", re.M)
HOSTILE = (
    '<b>粗</b> #set page() $x^2$ @ref \\ `code` *星* _线_ // 注 /* 注 */ [x](y) ]]> &amp; "引号" \u202e倒',
    "=cmd|' /C calc'!A1",
    "很" * 4000,
    "a" * 4000,
    "。" * 400,
    "\x00\x07\x1b[31m控制",
    "第一行\r\n第二行\u2028第三行",
)


def text_of(data: bytes) -> str:
    """What a reader copies out of a PDF, without blanks, line ends and page numbers."""
    run = subprocess.run(["pdftotext", "-", "-"], input=data, capture_output=True, check=True)
    return squeezed(PAGE.sub("", run.stdout.decode()))


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


def pages_of(data: bytes) -> int:
    run = subprocess.run(["pdfinfo", "-"], input=data, capture_output=True, check=True)
    found = re.search(rb"Pages:\s+(\d+)", run.stdout)
    assert found
    return int(found.group(1))


def words_in(data: bytes) -> str:
    """What a DOCX says."""
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        assert package.testzip() is None
        for name in package.namelist():
            if name.endswith((".xml", ".rels")):
                ElementTree.fromstring(package.read(name))
        body = ElementTree.fromstring(package.read("word/document.xml"))
    return squeezed("".join(part.text or "" for part in body.iter(f"{W}t")))


@pytest.mark.parametrize("key", ORDER)
@pytest.mark.parametrize("facts", [{}, NAMED], ids=["least", "most"])
def test_every_template_is_printed_with_all_it_says(key: str, facts: dict[str, str]) -> None:
    document = fill(shipped()[key], facts, "", 1_795_000_000.0)
    printed, written = text_of(pdf(document)), words_in(docx(document))
    for words in words_of(document):
        if words != document.organ or document.form != "slip":
            assert squeezed(words) in printed
            assert squeezed(words) in written


def test_chinese_is_embedded_so_that_it_is_seen_everywhere() -> None:
    data = pdf(fill(shipped()["reply"], NAMED, "", 0.0))
    run = subprocess.run(["pdffonts", "-"], input=data, capture_output=True, check=True)
    fonts = run.stdout.decode().splitlines()[2:]
    assert fonts
    assert all(" yes yes yes " in line for line in fonts), fonts


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_shown_as_it_was_written(hostile: str) -> None:
    text = plain(hostile)
    blocks = (Paragraph(text), Grid((("甲", text),)), Paragraph(text, "heading"))
    document = Document("slip", text[:100], blocks)
    printed, said = text_of(pdf(document)), squeezed(text)
    assert Counter(printed) >= Counter(said * 3)
    assert len(said) > 1000 or printed.count(said) >= 3, "over pages the label stands in between"
    assert words_in(docx(document)).count(squeezed(text)) >= 3


def test_a_word_without_blanks_stays_on_the_sheet(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.pdf"
    sheet.write_bytes(pdf(Document("letter", "标题", (Paragraph("x" * 900), Grid((("甲", "y" * 900),))))))
    boxes = subprocess.run(["pdftotext", "-bbox", str(sheet), "-"], capture_output=True, check=True).stdout
    right = [float(x) for x in re.findall(rb'xMax="([\d.]+)"', boxes)]
    assert max(right) < 595 - 50


def test_a_long_story_flows_over_pages() -> None:
    rows = (
        ("时间", "步骤", "人员", "内容"),
        *((f"2026-01-01 00:{n:02d}", "备注", "1001", f"第{n}条") for n in range(300)),
    )
    data = pdf(Document("slip", "全程", (Grid(rows, labels=False), Paragraph("很长的内容。" * 3000))))
    assert pages_of(data) > 10
    assert all(f"第{n}条" in text_of(data) for n in (0, 150, 299))


def test_the_same_document_gives_the_same_bytes() -> None:
    document = fill(shipped()["official"], NAMED, "", 1_795_000_000.0)
    assert pdf(document) == pdf(document)
    assert docx(document) == docx(document)


def test_a_seal_is_an_image_of_the_sheet_and_its_place_is_kept_without_one() -> None:
    document = fill(shipped()["official"], NAMED, "f" * 64, 0.0)
    seal = checked(seal_png())
    with_seal, without = pdf(document, seal), pdf(document)
    images = subprocess.run(["pdfimages", "-list", "-"], input=with_seal, capture_output=True, check=True)
    assert b"smask" in images.stdout, "it lets the text shine through"
    assert "盖章" in text_of(without)
    assert "盖章" not in text_of(with_seal)
    with zipfile.ZipFile(io.BytesIO(docx(document, seal))) as package:
        assert package.read("word/media/seal.png") == seal
    with zipfile.ZipFile(io.BytesIO(docx(document))) as package:
        assert "word/media/seal.png" not in package.namelist()
        assert "seal.png" not in package.read("word/_rels/document.xml.rels").decode()


def test_a_preview_and_a_void_letter_say_so_across_the_sheet() -> None:
    document = fill(shipped()["reply"], NAMED, "", 0.0)
    assert "预览" in text_of(pdf(document, mark="preview"))
    assert "作废" in text_of(pdf(document, mark="void"))
    assert "作废" in words_in(docx(document, mark="void"))


def test_without_a_chinese_font_nothing_is_printed_full_of_boxes(tmp_path: Path) -> None:
    with pytest.raises(NoFont):
        pdf(fill(shipped()["reply"], NAMED, "", 0.0), system=[tmp_path])


def test_the_pages_do_not_load_the_typesetter() -> None:
    assert "typst" not in loaded_by("web.application")


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed; it is not needed")
def test_an_office_program_opens_the_docx(tmp_path: Path) -> None:
    source = tmp_path / "letter.docx"
    source.write_bytes(docx(fill(shipped()["supervision"], NAMED, "f" * 64, 0.0), checked(seal_png())))
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    subprocess.run(
        ["soffice", profile, "--headless", "--convert-to", "pdf", "--outdir", str(tmp_path), str(source)],
        capture_output=True,
        check=True,
        timeout=120,
    )
    assert "督办意见" in text_of((tmp_path / "letter.pdf").read_bytes())


def test_the_smallest_seal_is_still_a_png() -> None:
    data = checked(seal_png(120))
    assert struct.unpack(">II", data[16:24]) == (120, 120)
    assert zlib.crc32(data[12:29]) == int.from_bytes(data[29:33], "big")
