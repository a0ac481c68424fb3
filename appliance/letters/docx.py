"""A document as DOCX, for those who must go on writing: Office Open XML by hand, nothing but zip and text."""

import io
import zipfile
from collections.abc import Iterable, Iterator
from xml.sax.saxutils import escape

from appliance.letters.document import Document, Grid, Paragraph
from appliance.letters.docx_parts import HEAD, MEDIA, SEAL_MM, fixed, seal_drawing, sheet_end
from appliance.letters.pdf import MARKS

FANG, SONG, HEI = "仿宋", "宋体", "黑体"
INSET, TWIPS_MM = 640, 56.7
"""How far signature and date stand from the right edge, in twentieths of a point; so many to a millimetre."""
RED, AUTO = "D7000F", "auto"
BODY, PITCH = 32, 579
"""Size of a letter's text in half points, and the distance of its lines in twentieths: 22 to a page."""
AT = (1980, 1, 1, 0, 0, 0)
WIDE = {"slip": 9638, "official": 8844, "letter": 8844}
"""Width of the type area in twentieths of a point."""


def docx(document: Document, seal: bytes = b"", mark: str = "") -> bytes:
    """Return the DOCX; the same document gives the same bytes."""
    body = "".join(_sheet(document, bool(seal), MARKS[mark]))
    files = {
        **fixed(bool(seal)),
        "word/document.xml": f"{HEAD}<w:body>{body}{sheet_end(document.form)}</w:body></w:document>",
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for name, text in files.items():
            target.writestr(zipfile.ZipInfo(name, AT), text, zipfile.ZIP_DEFLATED)
        if seal:
            target.writestr(zipfile.ZipInfo(MEDIA, AT), seal)
    return out.getvalue()


def _sheet(document: Document, seal: bool, mark: str) -> Iterator[str]:
    slip = document.form == "slip"
    if mark:
        yield _words(mark, align="center", size=72, color="E8A0A0", font=HEI)
    if document.organ and not slip:
        size = 76 if document.form == "official" else 60
        fitting = min(size, max(28, 2 * 440 // max(len(document.organ), 1)))
        yield _words(document.organ, align="center", size=fitting, color=RED, bold=True, font=SONG, rule=True)
        yield _words(document.number, align="center" if document.form == "official" else "right", size=32)
    yield _words(document.title, align="center", size=36 if slip else 44, bold=True, font=SONG, space=240)
    size = 21 if slip else BODY
    if document.recipient:
        yield _words(document.recipient, size=size)
    for block in document.blocks:
        yield _table(block, WIDE[document.form]) if isinstance(block, Grid) else _paragraph(block, size, slip)
    if document.signer:
        yield _words("", size=size)
        drawing = seal_drawing(*_seal_place(document)) if seal else ""
        placed = "" if seal or not document.sealed else "（盖章）"
        yield _words(document.signer + placed, align="right", size=size, inset=INSET, extra=drawing)
        yield _words(document.date, align="right", size=size, inset=INSET)
    if document.copies:
        yield _words(f"抄送：{document.copies}", size=18 if slip else 28, rule=True)


def _seal_place(document: Document) -> tuple[float, float]:
    """The seal's upper left corner from the type area's edge and the signature's top, in millimetres."""
    wide_mm, char_mm, line_mm = (170.0, 3.7, 5.5) if document.form == "slip" else (156.0, 5.64, 10.2)
    middle_mm = wide_mm - INSET / TWIPS_MM - char_mm * max(len(document.signer), len(document.date) - 2) / 2
    return middle_mm - SEAL_MM / 2, line_mm - SEAL_MM / 2


def _paragraph(block: Paragraph, size: int, slip: bool) -> str:
    align = {"right": "right", "centre": "center"}.get(block.style, "left")
    small = block.style == "small"
    return _words(
        block.text,
        align=align,
        size=(18 if slip else 28) if small else size,
        font=HEI if block.style == "heading" else FANG,
        indent=block.style in ("body", "heading"),
    )


def _words(
    text: str,
    align: str = "left",
    size: int = 32,
    font: str = FANG,
    bold: bool = False,
    color: str = "",
    rule: bool = False,
    indent: bool = False,
    space: int = 0,
    inset: int = 0,
    extra: str = "",
) -> str:
    """One paragraph; `size` in half points, as the format counts."""
    pitch = f' w:line="{PITCH}" w:lineRule="exact"' if size == BODY else ""
    look = [f'<w:spacing w:after="{space}"{pitch}/>']
    if indent or inset:
        first = f' w:firstLineChars="200" w:firstLine="{20 * size}"' if indent else ""
        look.append(f'<w:ind w:right="{inset}"{first}/>')
    edge = f'<w:bottom w:val="single" w:sz="12" w:space="6" w:color="{color or AUTO}"/>'
    border = f"<w:pBdr>{edge}</w:pBdr>" if rule else ""
    return (
        f'<w:p><w:pPr>{border}{"".join(look)}<w:jc w:val="{align}"/></w:pPr>'
        f"{_run(text, size, font, bold, color)}{extra}</w:p>"
    )


def _run(text: str, size: int, font: str, bold: bool = False, color: str = "") -> str:
    tint = f'<w:color w:val="{color}"/>' if color else ""
    look = (
        f'<w:rFonts w:ascii="Times New Roman" w:hAnsi="Times New Roman" w:eastAsia="{font}"/>'
        f"{'<w:b/>' if bold else ''}{tint}"
        f'<w:sz w:val="{size}"/><w:szCs w:val="{size}"/>'
    )
    lines = "<w:br/>".join(f'<w:t xml:space="preserve">{escape(line)}</w:t>' for line in text.split("\n"))
    return f"<w:r><w:rPr>{look}</w:rPr>{lines}</w:r>"


def _table(grid: Grid, wide: int) -> str:
    most = max(len(row) for row in grid.rows)
    shares = [(2 if nth % 2 == 0 else 4) if grid.labels else 1 for nth in range(most)]
    widths = [wide * share // sum(shares) for share in shares]
    columns = "".join(f'<w:gridCol w:w="{width}"/>' for width in widths)
    rows = "".join(_row(grid, at, row, widths) for at, row in enumerate(grid.rows))
    edges = ("top", "left", "bottom", "right", "insideH", "insideV")
    lines = "".join(f'<w:{edge} w:val="single" w:sz="4" w:space="0" w:color="000000"/>' for edge in edges)
    return (
        f'<w:tbl><w:tblPr><w:tblW w:w="{sum(widths)}" w:type="dxa"/><w:tblBorders>{lines}</w:tblBorders>'
        f'<w:tblLayout w:type="fixed"/></w:tblPr><w:tblGrid>{columns}</w:tblGrid>{rows}</w:tbl>'
        + _words("", size=12)
    )


def _row(grid: Grid, at: int, row: tuple[str, ...], widths: list[int]) -> str:
    return "<w:tr>" + "".join(_cells(grid, at, row, widths)) + "</w:tr>"


def _cells(grid: Grid, at: int, row: tuple[str, ...], widths: list[int]) -> Iterable[str]:
    for nth, cell in enumerate(row):
        last = nth == len(row) - 1
        span = len(widths) - nth if last else 1
        label = (nth % 2 == 0 and len(row) > 1) if grid.labels else at == 0
        shade = '<w:shd w:val="clear" w:color="auto" w:fill="F3F3F3"/>' if label else ""
        yield (
            f'<w:tc><w:tcPr><w:tcW w:w="{sum(widths[nth : nth + span])}" w:type="dxa"/>'
            f'<w:gridSpan w:val="{span}"/>{shade}<w:vAlign w:val="center"/></w:tcPr>'
            f"{_words(cell, 'center' if label else 'left', 21, HEI if label else FANG)}</w:tc>"
        )
