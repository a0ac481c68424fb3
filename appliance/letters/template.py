"""A template: text an administrator may edit, with `{{placeholders}}`, and how it becomes a document.

The template is read first and filled afterwards: whatever a fact says is text, never markup.
Lines of the body: `| label | value |` rows of a table, `# ` a heading, `> ` to the right, `= ` in
the middle, `- ` small print; any other line is a paragraph.
"""

import re
from collections.abc import Mapping

import msgspec

from appliance.letters.document import FORMS, Block, Document, Grid, Paragraph, plain
from appliance.letters.fields import ASKED, PLACEHOLDERS
from appliance.refused import Refused

SEALS = ("", "centre", "unit")
PRINTERS = ("AG", "TL", "DP", "U2", "UL", "U3", "IN", "CB", "SV", "LD", "AD")
"""Codes of the roles a template may be printed by."""
AUDIENCES = ("centre", "unit", "citizen", "outside")
LIMITS: Mapping[str, int] = {
    "name": 40,
    "name_en": 60,
    "organ": 80,
    "series": 10,
    "title": 200,
    "recipient": 200,
    "body": 10_000,
    "signer": 120,
    "copies": 400,
    "roles": 60,
}
"""How many characters each text of a template may have."""
TITLES: Mapping[str, str] = {
    "name": "Name",
    "name_en": "English name",
    "organ": "Head",
    "series": "Characters in the number",
    "title": "Title",
    "recipient": "To",
    "body": "Text",
    "signer": "Signed by",
    "copies": "Copies to",
    "roles": "Who may print it",
}
FILLED = ("organ", "title", "recipient", "body", "signer", "copies")
"""The texts in which placeholders stand."""
CELLS_MOST = 8
_MARK = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_STYLES = {"# ": "heading", "> ": "right", "= ": "centre", "- ": "small"}


class Template(msgspec.Struct, frozen=True):
    """What a kind of letter says, and who may print it."""

    key: str
    name: str
    """What people call it, in Chinese."""
    name_en: str
    form: str
    title: str
    body: str
    roles: str
    """Codes of the roles that may print it, with blanks between."""
    organ: str = ""
    series: str = ""
    """The characters of its number behind the centre's own: 函 in 云热线函〔2026〕12号."""
    numbered: bool = False
    """Issued with a number and kept in the register; otherwise printed as the facts now are."""
    recipient: str = ""
    signer: str = ""
    sealed: str = ""
    audience: str = "centre"
    """Who reads it."""
    copies: str = ""


def asked(template: Template) -> list[str]:
    """Return the placeholders the clerk must write, in the order of the sheet."""
    names = (name for part in FILLED for name in _MARK.findall(str(getattr(template, part))))
    return [n for n in dict.fromkeys(names) if n in PLACEHOLDERS and PLACEHOLDERS[n].source == ASKED]


def needed(template: Template) -> list[str]:
    """Return what may not be left empty: what stands within a sentence, not alone in a line or cell."""
    within = [str(getattr(template, part)) for part in FILLED if part not in ("body", "copies")]
    for line in template.body.splitlines():
        within += _cells(line) if line.startswith("|") else [line]
    names = {name for text in within if _MARK.sub("", text).strip() for name in _MARK.findall(text)}
    return [name for name in asked(template) if name in names]


def check(template: Template) -> None:
    """Raise Refused when it could not be printed; the sentence says what to change."""
    for part, limit in LIMITS.items():
        length = len(str(getattr(template, part)))
        if length > limit:
            raise Refused(
                "too_long",
                "%(field)s has %(length)s characters; shorten it to %(limit)s.",
                field=TITLES[part],
                length=length,
                limit=limit,
            )
    if not template.name.strip() or not template.title.strip() or not template.body.strip():
        raise Refused("missing", "A template needs a name, a title and a text.")
    if template.numbered and not template.series.strip():
        raise Refused("missing", "Write the characters that stand in the number, for example 函.")
    _chosen(template)
    for part in FILLED:
        _placeholders(str(getattr(template, part)))
    for row in (line for line in template.body.splitlines() if line.startswith("|")):
        if len(_cells(row)) > CELLS_MOST:
            raise Refused("too_long", "A row of a table has at most %(most)s cells.", most=CELLS_MOST)


def fill(template: Template, facts: Mapping[str, str], seal: str, made_s: float) -> Document:
    """Make the document; a paragraph or row in which nothing stands any more is left out."""
    title, organ, signer = (
        _filled(text, facts).strip() for text in (template.title, template.organ, template.signer)
    )
    recipient, copies = (_filled(text, facts).strip() for text in (template.recipient, template.copies))
    return Document(
        form=template.form,
        title=title,
        blocks=tuple(_blocks(template.body, facts)),
        organ=organ,
        number=facts.get("letter_no", "") if template.numbered else "",
        recipient=recipient,
        signer=signer,
        date=facts.get("today", "") if signer else "",
        seal=seal if template.sealed else "",
        sealed=bool(template.sealed),
        copies=copies,
        made_s=float(int(made_s)),
    )


def _chosen(template: Template) -> None:
    given = template.roles.split()
    wrong = [role for role in given if role not in PRINTERS]
    if wrong or not given:
        raise Refused("bad_choice", "Write the codes of the roles that may print it, for example AG DP.")
    choices = ((template.form, FORMS), (template.sealed, SEALS), (template.audience, AUDIENCES))
    if any(value not in allowed for value, allowed in choices):
        raise Refused("bad_choice", "Choose form, seal and reader from the lists.")
    if template.sealed == "unit" and "{{centre}}" in template.signer:
        raise Refused("wrong_signer", "The seal is the unit's: let {{unit}} sign, not {{centre}}.")


def _placeholders(text: str) -> None:
    for name in _MARK.findall(text):
        if name not in PLACEHOLDERS:
            raise Refused(
                "unknown_field",
                "There is no placeholder {{%(name)s}}; take one from the list beside the text.",
                name=name[:40],
            )
    rest = _MARK.sub("", text)
    if "{{" in rest or "}}" in rest:
        raise Refused("unknown_field", "A placeholder is written {{name}}; one of the brackets is missing.")


def _filled(text: str, facts: Mapping[str, str]) -> str:
    return plain(_MARK.sub(lambda found: facts.get(found.group(1), ""), text))


def _blocks(body: str, facts: Mapping[str, str]) -> list[Block]:
    blocks: list[Block] = []
    rows: list[tuple[str, ...]] = []
    for line in body.splitlines():
        if line.startswith("|"):
            rows.append(tuple(_filled(cell, facts).strip() for cell in _cells(line)))
            continue
        if rows:
            blocks.append(Grid(tuple(rows)))
            rows = []
        style = _STYLES.get(line[:2], "body")
        text = _filled(line[2:] if style != "body" else line, facts)
        blocks += [Paragraph(part.strip(), style) for part in text.split("\n") if part.strip()]
    return [*blocks, Grid(tuple(rows))] if rows else blocks


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|")]
