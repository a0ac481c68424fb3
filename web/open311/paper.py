"""How Open311 writes: the same answer as JSON or as XML, errors too."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

import msgspec
from flask import Response

FORMATS: Mapping[str, str] = {"json": "application/json", "xml": "text/xml"}
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
Item = Mapping[str, Any]


class Fault(Exception):
    """A refusal as the standard has it: the HTTP status, and a sentence."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(description)
        self.code = code
        self.description = description


def written(form: str, what: Item | Sequence[Item], root: str, item: str = "", status: int = 200) -> Response:
    """Write an answer; `root` and `item` are the names XML gives a list and what is in it."""
    if form == "xml":
        top = ElementTree.Element(root)
        _fill(top, what, item)
        body = ElementTree.tostring(top, "utf-8", xml_declaration=True)
    else:
        body = msgspec.json.encode(what)
    return Response(body, status, content_type=f"{FORMATS[form]}; charset=utf-8")


def fault(form: str, error: Fault) -> Response:
    """Write a refusal: a list of one error."""
    told = [{"code": error.code, "description": error.description}]
    return written(form, told, "errors", "error", error.code)


def _fill(top: ElementTree.Element, what: Any, item: str) -> None:
    if isinstance(what, Mapping):
        for name, value in what.items():
            below = ElementTree.SubElement(top, name)
            _fill(below, value, name.removesuffix("s"))
    elif isinstance(what, list | tuple):
        for value in what:
            _fill(ElementTree.SubElement(top, item), value, item)
    elif what is not None:
        text = str(what).lower() if isinstance(what, bool) else str(what)
        top.text = _NOT_XML.sub("", text)
