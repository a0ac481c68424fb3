"""A letter as it is frozen: blocks of plain text, which PDF, DOCX and the page only draw."""

import hashlib
import unicodedata

import msgspec

FORMS = ("official", "letter", "slip")
"""How the sheet is laid out: red head over a number in the middle, letterhead between red rules, a form."""
TEXT_MOST = 20_000
"""Characters of one paragraph or cell; whoever fills a template has smaller limits."""


class Paragraph(msgspec.Struct, frozen=True, tag="p"):
    """Words that flow; nothing in them is markup."""

    text: str
    style: str = "body"


class Grid(msgspec.Struct, frozen=True, tag="g"):
    """A table. With `labels` the first, third … cell names the one behind it; else the first row does."""

    rows: tuple[tuple[str, ...], ...]
    labels: bool = True


Block = Paragraph | Grid


class Document(msgspec.Struct, frozen=True):
    """Everything that stands on the sheet; two of the same bytes print the same."""

    form: str
    title: str
    blocks: tuple[Block, ...]
    organ: str = ""
    """The red head: whose letter it is."""
    number: str = ""
    recipient: str = ""
    signer: str = ""
    date: str = ""
    seal: str = ""
    """SHA-256 of the seal's image; empty when there is none."""
    sealed: bool = False
    """A place for the seal is kept, even where there is no image."""
    copies: str = ""
    """Who gets a copy (抄送)."""
    made_s: float = 0.0
    """When it was made, in whole Unix seconds: the date inside the file."""


def frozen(document: Document) -> bytes:
    """Return the bytes that are kept and fingerprinted."""
    return msgspec.json.encode(document)


def thawed(data: bytes) -> Document:
    """Read a frozen document; raises ValueError when it is none."""
    return msgspec.json.decode(data, type=Document)


def fingerprint(document: Document) -> str:
    """Return the SHA-256 by which its content is known."""
    return hashlib.sha256(frozen(document)).hexdigest()


def plain(text: str, most: int = TEXT_MOST) -> str:
    """Keep what can be printed: no control, direction or joining characters; every blank is a blank."""
    kept = []
    for char in text.replace("\r\n", "\n").replace("\r", "\n")[:most]:
        kind = unicodedata.category(char)
        if char == "\n":
            kept.append(char)
        elif kind in ("Zl", "Zp"):
            kept.append("\n")
        elif char == "\t" or (kind == "Zs" and char != "\u3000"):
            kept.append(" ")
        elif kind not in ("Cc", "Cf", "Cs", "Cn", "Co"):
            kept.append(char)
    return "".join(kept)


def words_of(document: Document) -> list[str]:
    """Return every text on the sheet, in reading order."""
    found = [document.organ, document.number, document.title, document.recipient]
    for block in document.blocks:
        found += (
            [block.text] if isinstance(block, Paragraph) else [cell for row in block.rows for cell in row]
        )
    return [text for text in (*found, document.signer, document.date, document.copies) if text]
