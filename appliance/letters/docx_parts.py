"""The fixed parts of a DOCX: what every such file must hold, and the place of the seal."""

from collections.abc import Mapping

_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_FORMATS = "http://schemas.openxmlformats.org"
_MAIN = f"{_FORMATS}/wordprocessingml/2006/main"
_OFFICE = f"{_FORMATS}/officeDocument/2006/relationships"
_PACKAGE = f"{_FORMATS}/package/2006"
_DRAWING = f"{_FORMATS}/drawingml/2006"
_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml"
MEDIA = "word/media/seal.png"
HEAD = (
    f'{_XML}<w:document xmlns:w="{_MAIN}" xmlns:r="{_OFFICE}" xmlns:wp="{_DRAWING}/wordprocessingDrawing"'
    f' xmlns:a="{_DRAWING}/main" xmlns:pic="{_DRAWING}/picture">'
)
_FIXED: Mapping[str, str] = {
    "[Content_Types].xml": (
        f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        '<Default Extension="png" ContentType="image/png"/>'
        f'<Override PartName="/word/document.xml" ContentType="{_WORD}.document.main+xml"/>'
        f'<Override PartName="/word/footer1.xml" ContentType="{_WORD}.footer+xml"/></Types>'
    ),
    "_rels/.rels": (
        f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1"'
        f' Type="{_OFFICE}/officeDocument" Target="word/document.xml"/></Relationships>'
    ),
    "word/footer1.xml": (
        f'{_XML}<w:ftr xmlns:w="{_MAIN}"><w:p><w:pPr><w:jc w:val="center"/></w:pPr><w:r><w:t>— </w:t></w:r>'
        '<w:fldSimple w:instr=" PAGE "><w:r><w:t>1</w:t></w:r></w:fldSimple>'
        "<w:r><w:t> —</w:t></w:r></w:p></w:ftr>"
    ),
}
_MARGINS = {
    "slip": (1247, 1134, 1247, 1134),
    "official": (2098, 1474, 1984, 1587),
    "letter": (1701, 1474, 1984, 1587),
}
"""Top, right, bottom, left in twentieths of a point: GB/T 9704 for letters."""
SEAL_MM, EMU = 42, 36_000
"""How wide a seal is printed; the unit of drawings, so many to a millimetre."""


def fixed(seal: bool) -> dict[str, str]:
    """Return the parts that do not depend on what is written; an image is only named when it is there."""
    image = f'<Relationship Id="rId2" Type="{_OFFICE}/image" Target="media/seal.png"/>' if seal else ""
    links = (
        f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/footer" Target="footer1.xml"/>{image}</Relationships>'
    )
    return {**_FIXED, "word/_rels/document.xml.rels": links}


def sheet_end(form: str) -> str:
    """Return the properties of the sheet, which stand behind its text."""
    top, right, bottom, left = _MARGINS[form]
    return (
        '<w:sectPr><w:footerReference w:type="default" r:id="rId1"/><w:pgSz w:w="11906" w:h="16838"/>'
        f'<w:pgMar w:top="{top}" w:right="{right}" w:bottom="{bottom}" w:left="{left}"'
        ' w:header="851" w:footer="992" w:gutter="0"/></w:sectPr>'
    )


def seal_drawing(left_mm: float, top_mm: float) -> str:
    """Return the run that floats the seal over signature and date."""
    size = f'cx="{SEAL_MM * EMU}" cy="{SEAL_MM * EMU}"'
    picture = f"{_DRAWING}/picture"
    return (
        '<w:r><w:drawing><wp:anchor distT="0" distB="0" distL="0" distR="0" simplePos="0" relativeHeight="2"'
        ' behindDoc="0" locked="1" layoutInCell="1" allowOverlap="1"><wp:simplePos x="0" y="0"/>'
        f'<wp:positionH relativeFrom="margin">{_off(left_mm)}</wp:positionH>'
        f'<wp:positionV relativeFrom="paragraph">{_off(top_mm)}</wp:positionV>'
        f'<wp:extent {size}/><wp:effectExtent l="0" t="0" r="0" b="0"/><wp:wrapNone/>'
        '<wp:docPr id="1" name="seal"/><wp:cNvGraphicFramePr/>'
        f'<a:graphic><a:graphicData uri="{picture}"><pic:pic>'
        '<pic:nvPicPr><pic:cNvPr id="1" name="seal.png"/><pic:cNvPicPr/></pic:nvPicPr>'
        '<pic:blipFill><a:blip r:embed="rId2"/><a:stretch><a:fillRect/></a:stretch></pic:blipFill>'
        f'<pic:spPr><a:xfrm><a:off x="0" y="0"/><a:ext {size}/></a:xfrm>'
        '<a:prstGeom prst="rect"><a:avLst/></a:prstGeom></pic:spPr></pic:pic></a:graphicData></a:graphic>'
        "</wp:anchor></w:drawing></w:r>"
    )


def _off(length_mm: float) -> str:
    return f"<wp:posOffset>{length_mm * EMU:.0f}</wp:posOffset>"
