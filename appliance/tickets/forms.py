"""Which fields a form has, by source, kind and category; what the agent says, and texts to begin with.

All tables: an administrator's own rows come before these. A category's rows hold for its branch too,
since codes begin with the code of their parent.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from appliance.refused import Refused
from appliance.tickets.bodies import REGISTERED_FIELDS
from appliance.tickets.fields import FIELDS, Choices, checked

MONEY = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,2})?")


@dataclass(frozen=True, slots=True)
class Extra:
    """A field only some forms have."""

    zh: str
    en: str
    type: str = "text"
    """text, lines, date, number, money, choice, flag."""
    limit: int = 120
    choices: Choices | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """The further fields of matters of some kinds and categories; empty: of all."""

    fields: tuple[str, ...]
    kinds: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    """Beginnings of codes."""
    needed: tuple[str, ...] = ()


APPLICATIONS: Choices = {
    "inspection": ("产品质量检查", "Product inspection"),
    "funds": ("科技经费", "Funds for research"),
    "appraisal": ("成果鉴定", "Appraisal of results"),
    "promotion": ("推广应用", "Spreading a technology"),
    "other": ("其他", "Other"),
}
DANGERS: Choices = {
    "none": ("无", "None"),
    "property": ("财产危险", "To property"),
    "people": ("人身危险", "To people"),
    "injured": ("已有人员伤亡", "People are hurt"),
}
EXTRAS: Final[Mapping[str, Extra]] = {
    "enterprise": Extra("涉及企业", "Company concerned"),
    "product": Extra("产品或服务", "Product or service"),
    "batch": Extra("生产批号", "Batch"),
    "produced": Extra("生产日期", "Made on", "date", 10),
    "bought": Extra("购买日期", "Bought on", "date", 10),
    "amount": Extra("涉及金额（元）", "Amount (yuan)", "money", 16),
    "respondent": Extra("被举报人或单位", "Who is reported"),
    "evidence": Extra("证据材料", "Evidence", "lines", 1000),
    "people": Extra("涉及人数", "People concerned", "number", 8),
    "danger": Extra("危险情况", "Danger", "choice", 16, DANGERS),
    "praised": Extra("表扬对象", "Who is praised"),
    "applicant": Extra("申请单位", "Applicant"),
    "application": Extra("申请事项", "Application for", "choice", 16, APPLICATIONS),
    "project": Extra("项目名称", "Project", "text", 200),
    "funds": Extra("申请金额（元）", "Sum applied for (yuan)", "money", 16),
}
FORMS: Final[tuple[Form, ...]] = (
    Form(
        ("applicant", "application", "project", "funds"),
        ("application",),
        needed=("applicant", "application"),
    ),
    Form(("enterprise", "product", "batch", "produced", "bought", "amount"), ("complaint",)),
    Form(("respondent", "enterprise", "product", "evidence"), ("report",), needed=("respondent",)),
    Form(("danger", "people"), ("emergency",)),
    Form(("praised",), ("praise", "thanks")),
)
SOURCE_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "media": ("outlet", "link"),
    "inspector": ("grid",),
    "hub": (),
}
"""Registered fields a form shows for one source only."""
SOURCE_NEEDS: Final[Mapping[str, tuple[str, ...]]] = {"media": ("outlet",), "inspector": ("grid",)}


def forms_of(kind: str, category: str, forms: Sequence[Form] = FORMS) -> list[Form]:
    """The rows that hold for a matter."""
    return [
        form
        for form in forms
        if (not form.kinds or kind in form.kinds)
        and (not form.categories or any(category.startswith(code) for code in form.categories))
    ]


def extras_of(kind: str, category: str, forms: Sequence[Form] = FORMS) -> dict[str, bool]:
    """The further fields of a matter, in the order of the form, and whether they are needed."""
    found: dict[str, bool] = {}
    for form in forms_of(kind, category, forms):
        for name in form.fields:
            found[name] = found.get(name, False) or name in form.needed
    return found


def registered(
    fields: Mapping[str, object],
    words: Callable[[str], Choices | None] | None = None,
    extras: Mapping[str, Extra] = EXTRAS,
) -> dict[str, Any]:
    """Return registered fields as they are kept; raises Refused with a sentence that says what to do."""
    for name in fields:
        if name not in REGISTERED_FIELDS:
            raise Refused("unknown_field", "The field %(field)s does not exist.", field=name[:60])
    clean: dict[str, Any] = {name: checked(name, value, words) for name, value in fields.items()}
    if "extra" in clean:
        clean["extra"] = {name: _extra(name, text, extras) for name, text in clean["extra"].items()}
    return clean


def missing(
    source: str,
    fields: Mapping[str, Any],
    forms: Sequence[Form] = FORMS,
    extras: Mapping[str, Extra] = EXTRAS,
) -> str:
    """The English name of what the form still needs besides kind, title and content; empty: nothing."""
    for name in SOURCE_NEEDS.get(source, ()):
        if not fields.get(name):
            return FIELDS[name].en
    extra = fields.get("extra") or {}
    needed = extras_of(str(fields.get("kind", "")), str(fields.get("category", "")), forms)
    return next((extras[name].en for name, must in needed.items() if must and not extra.get(name)), "")


def _extra(name: str, text: str, extras: Mapping[str, Extra]) -> str:
    field = extras.get(name)
    if field is None:
        raise Refused("unknown_field", "The field %(field)s does not exist.", field=name)
    text = text if field.type == "lines" else " ".join(text.split())
    if len(text) > field.limit:
        raise Refused(
            "too_long",
            "%(field)s has %(length)s characters; shorten it to %(limit)s.",
            field=field.en,
            length=len(text),
            limit=field.limit,
        )
    if not text:
        return ""
    match field.type:
        case "date":
            return _day(field, text)
        case "number" if not (text.isascii() and text.isdigit()):
            raise Refused("bad_number", "%(field)s: write a number in figures.", field=field.en)
        case "money" if not MONEY.fullmatch(text):
            raise Refused("bad_number", "%(field)s: write a number in figures.", field=field.en)
        case "choice" if text not in (field.choices or {}):
            raise Refused("bad_choice", "Choose %(field)s from the list.", field=field.en)
    return text


def _day(field: Extra, text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise Refused(
            "bad_date",
            "%(field)s: %(text)s is no day of the calendar; write it like 2027-03-31.",
            field=field.en,
            text=text,
        ) from None
