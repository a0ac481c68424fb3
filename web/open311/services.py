"""Services: the leaves of the category tree; their attributes are the further fields of the form."""

from collections.abc import Mapping
from typing import Any, Final

from appliance.dictionary.dictionary import Dictionary
from appliance.tickets.fields import KINDS, YES_NO, Choices
from appliance.tickets.forms import EXTRAS, Extra, extras_of
from web import shown
from web.context import box
from web.dictionary import categories
from web.open311.paper import Fault

KIND: Final = "kind"
USUAL_KIND: Final = "help"
DATATYPES: Final[Mapping[str, str]] = {
    "text": "string",
    "lines": "text",
    "date": "datetime",
    "number": "number",
    "money": "number",
    "choice": "singlevaluelist",
    "flag": "singlevaluelist",
}


def services() -> list[dict[str, Any]]:
    """Tell every service."""
    words = Dictionary(box().store).by_key("category")
    return [
        _service(leaf, words[leaf["code"]].words("keywords") if leaf["code"] in words else ())
        for leaf in categories()
    ]


def names() -> dict[str, str]:
    """Service codes with their names."""
    return {leaf["code"]: str(leaf["path"]).rpartition(" / ")[2] for leaf in categories()}


def known(code: str) -> dict[str, Any]:
    """Return a service by its code; raises Fault."""
    if not code:
        raise Fault(400, "service_code was not provided")
    found = next((leaf for leaf in categories() if leaf["code"] == code), None)
    if found is None:
        raise Fault(404, "service_code provided was not found")
    return found


def definition(code: str) -> dict[str, Any]:
    """Tell what may be written about a matter of a service."""
    known(code)
    kind = {
        "variable": True,
        "code": KIND,
        "datatype": "singlevaluelist",
        "required": False,
        "datatype_description": None,
        "order": 1,
        "description": shown.field_title(KIND),
        "values": _values(KINDS),
    }
    extras = [
        _attribute(name, EXTRAS[name], needed, order)
        for order, (name, needed) in enumerate(extras_of("", code).items(), 2)
    ]
    return {"service_code": code, "attributes": [kind, *extras]}


def attributes(code: str, given: Mapping[str, list[str]]) -> tuple[str, dict[str, str]]:
    """Return kind and further fields of what was sent as attribute[CODE]; raises Fault."""
    there = {attribute["code"]: attribute for attribute in definition(code)["attributes"]}
    for name, values in given.items():
        if name not in there:
            raise Fault(400, f"attribute {name[:40]} is not among those of this service")
        keys = [value["key"] for value in there[name]["values"]]
        if len(values) > 1 or (keys and values[0] and values[0] not in keys):
            raise Fault(400, f"attribute {name}: choose one of its values")
    for name, attribute in there.items():
        if attribute["required"] and not given.get(name, [""])[0]:
            raise Fault(400, f"attribute {name} was not provided")
    plain = {name: values[0] for name, values in given.items() if values[0]}
    return plain.pop(KIND, USUAL_KIND), plain


def _service(leaf: Mapping[str, Any], keywords: Any) -> dict[str, Any]:
    group, _, name = str(leaf["path"]).rpartition(" / ")
    return {
        "service_code": leaf["code"],
        "service_name": name,
        "description": leaf["path"],
        "metadata": True,
        "type": "realtime",
        "keywords": ",".join(keywords),
        "group": group,
    }


def _attribute(name: str, extra: Extra, needed: bool, order: int) -> dict[str, Any]:
    choices = YES_NO if extra.type == "flag" else extra.choices
    return {
        "variable": True,
        "code": name,
        "datatype": DATATYPES.get(extra.type, "string"),
        "required": needed,
        "datatype_description": None,
        "order": order,
        "description": shown.pick((extra.zh, extra.en)),
        "values": _values(choices) if choices else [],
    }


def _values(choices: Choices) -> list[dict[str, str]]:
    return [{"key": word, "name": shown.pick(names)} for word, names in choices.items()]
