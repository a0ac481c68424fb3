"""Which fields a form has, by source, kind and category; what the agent says, and texts to begin with.

All tables: an administrator's own rows come before these. A category's rows hold for its branch too,
since codes begin with the code of their parent.
"""

# ruff: noqa: E501 (the tables read best one row a line)
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from appliance.refused import Refused
from appliance.tickets.fields import FIELDS, Choices, checked
from appliance.tickets.ticket import REGISTERED_FIELDS

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
    "pole": Extra("灯杆编号", "Number of the lamp post", "text", 40),
    "meter": Extra("户号", "Customer or meter number", "text", 40),
    "plate": Extra("车牌号", "Number plate", "text", 20),
    "route": Extra("线路", "Route", "text", 40),
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
    Form(("pole",), categories=("01",)),
    Form(("meter",), categories=("02", "03", "04")),
    Form(("route", "plate"), categories=("09",)),
)
SOURCE_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "media": ("outlet", "link"),
    "inspector": ("grid",),
    "hub": (),
}
"""Registered fields a form shows for one source only."""
SOURCE_NEEDS: Final[Mapping[str, tuple[str, ...]]] = {"media": ("outlet",), "inspector": ("grid",)}

SCRIPTS: Final[tuple[tuple[str, str, str, str], ...]] = (
    ("emergency", "", "请先确认有无人员伤亡和明火，问清准确地点，留住可回拨的号码，立即派单并通知班长。",
     "First ask whether people are hurt and whether anything burns, then the exact place and a number that can be called back; dispatch at once and tell the shift leader."),
    ("report", "", "请问您要举报的对象和事实是什么？有无证据？您的信息可以保密，是否需要？",
     "Whom and what do you report? Is there evidence? Your name can be kept confidential: do you want that?"),
    ("complaint", "", "请问涉及的单位、时间、地点和您的诉求是什么？之前是否向该单位反映过？",
     "Which company, when, where, and what do you ask for? Have you told them before?"),
    ("consult", "", "请问您要咨询的事项是什么？涉及哪个区县？如当场不能答复，我们会回电给您。",
     "What would you like to know, and in which district? What cannot be answered now we call you back about."),
    ("application", "", "请问申请单位全称、联系人和申请事项是什么？材料可稍后提交。",
     "What is the applicant's full name, who is the contact, and what is applied for? Papers may follow."),
    ("", "01", "请问是哪条路、靠近几号？单灯还是整段不亮？灯杆上有编号吗？",
     "Which road, near which number? One lamp or a whole stretch? Is there a number on the post?"),
    ("", "03", "如闻到燃气味：请勿开关电器和点火，开窗，到室外再打电话。请问地址和楼层？",
     "If you smell gas: no switches, no flames, open the windows, call from outside. Which address and floor?"),
    ("", "04", "请问室温多少、从哪天开始、是整栋还是自家？户号是多少？",
     "How warm is it, since when, the whole house or your flat only? What is the customer number?"),
    ("", "", "请问事情发生的地点、时间和经过？希望如何解决？请确认您的称呼和联系电话。",
     "Where, when and what happened? What do you ask for? Please confirm your name and number."),
)  # fmt: skip
"""Kind, beginning of the category, and what to ask in both languages; the first that fits both is said."""

TEMPLATES: Final[tuple[tuple[str, str, str, str], ...]] = (
    ("01", "路灯不亮", "【路名】【门牌】附近【几】盏路灯不亮，自【时间】开始，影响夜间出行。", "repair"),
    ("02", "停水", "【地点】自【时间】起停水，涉及【几户/整栋】，请尽快恢复供水。", "repair"),
    ("03", "燃气异味", "【地点】闻到燃气气味，已【开窗/撤离】，请立即到场检查。", "emergency"),
    ("04", "室温不达标", "【小区】【楼号】室温【几】度，自【时间】开始，户号【户号】。", "repair"),
    ("05", "路面破损", "【路名】【位置】路面破损约【面积】，影响通行。", "repair"),
    ("06", "井盖缺失", "【路名】【位置】井盖缺失/损坏，存在安全隐患，请立即处置。", "emergency"),
    ("07", "垃圾未清运", "【地点】垃圾自【时间】未清运，请尽快处理。", "complaint"),
)
"""Beginning of the category, title, content with places to fill in, and the kind it usually is."""


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


def script_of(kind: str, category: str) -> tuple[str, str]:
    """What the agent asks; the first row that fits."""
    for of_kind, of_category, zh, en in SCRIPTS:
        if of_kind in ("", kind) and category.startswith(of_category):
            return zh, en
    return "", ""


def templates_of(category: str) -> list[tuple[str, str, str]]:
    """Texts to begin with: title, content, kind."""
    rows = [(title, content, kind) for code, title, content, kind in TEMPLATES if category.startswith(code)]
    return rows if category else []


def registered(
    fields: Mapping[str, object], words: Callable[[str], Choices | None] | None = None
) -> dict[str, Any]:
    """Return registered fields as they are kept; raises Refused with a sentence that says what to do."""
    for name in fields:
        if name not in REGISTERED_FIELDS:
            raise Refused("unknown_field", "The field %(field)s does not exist.", field=name[:60])
    clean: dict[str, Any] = {name: checked(name, value, words) for name, value in fields.items()}
    if "extra" in clean:
        clean["extra"] = {name: _extra(name, text) for name, text in clean["extra"].items()}
    return clean


def missing(source: str, fields: Mapping[str, Any]) -> str:
    """The English name of what the form still needs besides kind, title and content; empty: nothing."""
    for name in SOURCE_NEEDS.get(source, ()):
        if not fields.get(name):
            return FIELDS[name].en
    extra = fields.get("extra") or {}
    needed = extras_of(str(fields.get("kind", "")), str(fields.get("category", "")))
    return next((EXTRAS[name].en for name, must in needed.items() if must and not extra.get(name)), "")


def _extra(name: str, text: str) -> str:
    field = EXTRAS.get(name)
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
