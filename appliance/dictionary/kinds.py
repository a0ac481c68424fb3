"""The kinds of entries: one row, and a thing has its page, history, import and export."""

import re
from collections.abc import Callable, Iterable, Mapping

from appliance.calendar.hours import bands, closing_s
from appliance.calendar.kinds import DAYS, YEARS
from appliance.dictionary.kind import Authority, Choices, Column, Kind, Wish, named, pick_list
from appliance.dictionary.parameters import PARAMETERS, columns_of
from appliance.dictionary.rights_table import RIGHT
from appliance.dictionary.sites import SITE
from appliance.dictionary.staff import GROUP, PERSON
from appliance.dictionary.values import SPAN
from appliance.dictionary.views import VIEW
from appliance.letters.kind import KIND as TEMPLATE
from appliance.refused import Refused
from appliance.tickets.fields import CAUSES, CLOSINGS, LEVELS, REFUSALS, SOURCES, TAGS, URGENCIES, WHYS
from appliance.tickets.fields import KINDS as TICKET_KINDS
from appliance.tickets.script_table import SCRIPTS, TEXTS

SUBJECTS: Choices = {
    "units": ("单位与通讯录", "Units and address book"),
    "categories": ("分类与区域", "Categories and areas"),
    "lists": ("选项列表", "Pick-lists"),
    "people": ("人员与权限", "People and rights"),
    "parameters": ("参数", "Parameters"),
    "letters": ("公文", "Letters"),
}
"""The headings of the settings, in order."""

UNIT_KINDS: Choices = {
    "bureau": ("委办局", "Bureau"),
    "district": ("区县", "District"),
    "street": ("街道乡镇", "Street or township"),
    "enterprise": ("公共服务企业", "Public service company"),
    "third": ("三级单位", "Third level"),
    "centre": ("热线中心", "Hotline centre"),
    "outside": ("外部平台", "Outside platform"),
}
DISSATISFACTIONS: Choices = {
    **WHYS,
    "not_contacted": ("承办单位未联系", "The unit never called"),
    "untrue": ("答复与事实不符", "The answer is not true"),
}
RETURNS: Choices = {
    "not_ours": ("不属于本单位职责", "Not this unit's duty"),
    "wrong_area": ("不在管辖区域", "Outside the unit's area"),
    "unclear": ("内容或地址不清", "Text or address unclear"),
    "several": ("需多部门联办", "Several units are needed"),
    "duplicate": ("重复派单", "Dispatched twice"),
}
PAUSES: Choices = {**CAUSES, "funds": ("资金计划", "Funds")}
MARKS: Choices = {
    **TAGS,
    "repeat": ("重复反映", "Repeated"),
    "danger": ("急险信息", "Danger"),
}


_LIMIT = Column(
    "limit",
    "办理时限",
    "Limit",
    limit=8,
    note_zh="如 15wd（工作日）、24h、7d、30min；空为默认",
    note_en="Like 15wd (working days), 24h, 7d, 30min; empty: as usual",
)

WEB_ADDRESS = re.compile(r"https?://[0-9A-Za-z.:\[\]-]{1,120}(/[0-9A-Za-z._~/-]{0,60})?")


def _list(
    name: str, zh: str, en: str, shipped: Choices, *more: Column, authority: Authority = "central"
) -> Kind:
    columns = (*named(), Column("note", "说明", "Note", limit=200), *more)
    return Kind(
        name, zh, en, "lists", columns, shipped=pick_list(shipped), check=_checked, authority=authority
    )


def _parameter(wish: Wish) -> None:
    name, value = wish.after.key, wish.after.text("value")
    readers: Mapping[str, Callable[[str], object]] = {"work_bands": bands, "closing_hour": closing_s}
    if name in readers:
        try:
            readers[name](value)
        except ValueError:
            raise Refused(
                "bad_hours", "Write hours like 08:30-12:00 14:00-18:00, one band behind the other."
            ) from None

    if name == "rating_address" and value and not WEB_ADDRESS.fullmatch(value):
        raise Refused("bad_address", "Write an address like https://12345.city.example, or leave it empty.")


def _checked(wish: Wish) -> None:
    limit = wish.after.text("limit")
    if limit and not SPAN.fullmatch(limit):
        raise Refused("bad_limit", "Write the limit like 15wd, 24h, 7d or 30min.")


_UNIT = Kind(
    "unit",
    "责任单位",
    "Units",
    "units",
    (
        *named(),
        Column("short", "简称", "Short name", limit=20),
        Column("parent", "上级", "Parent", "entry", limit=32, refers="unit"),
        Column("kind", "单位类型", "Kind of unit", "choice", choices=UNIT_KINDS, default="bureau"),
        Column(
            "site",
            "办理站点",
            "Site",
            "site",
            note_zh="为其办理工单的站点编号",
            note_en="The site that works for it",
        ),
        Column("phone", "电话", "Phone", limit=32),
        Column("duty_phone", "值班电话", "Duty phone", limit=32),
        Column("address", "地址", "Address", limit=200),
        Column("leader", "负责人", "Leader"),
        Column("duty", "值班时间", "Duty times", limit=200),
        Column("closing", "当日截止时间", "Closing hour", "time"),
        Column("duties", "职责", "Duties", "lines", limit=2000),
        Column(
            "successor",
            "承接单位",
            "Successor",
            "entry",
            limit=32,
            refers="unit",
            note_zh="撤销后由谁承接",
            note_en="Who takes over when it is dissolved",
        ),
    ),
    tree=True,
    authority="shared",
)
_CONTACT = Kind(
    "contact",
    "联系人",
    "Contacts",
    "units",
    (
        *named(),
        Column("unit", "单位", "Unit", "entry", limit=32, refers="unit"),
        Column("post", "职务", "Post"),
        Column("phone", "电话", "Phone", limit=32, required=True),
        Column("mobile", "手机", "Mobile", limit=32),
        Column("duty", "值班", "On duty", limit=200),
        Column("leader", "领导", "Is a leader", "flag"),
        Column("note", "说明", "Note", limit=200),
    ),
    editors=frozenset({"AD", "TL", "DP"}),
    authority="shared",
)
_CATEGORY = Kind(
    "category",
    "行业分类",
    "Categories",
    "categories",
    (
        *named(),
        Column("parent", "上级", "Parent", "entry", limit=32, refers="category"),
        Column("unit", "默认单位", "Default unit", "entry", limit=32, refers="unit"),
        Column(
            "limits",
            "时限",
            "Limits",
            "limits",
            limit=32,
            refers="ticket_kind",
            note_zh="按受理类型，如 complaint=15wd; repair=24h",
            note_en="By kind of ticket, like complaint=15wd; repair=24h",
        ),
        Column("urgency", "默认紧急程度", "Usual urgency", "entry", limit=32, refers="urgency"),
        Column("keywords", "关键词", "Keywords", "words", limit=30),
        Column("extra", "附加字段", "Extra fields", "entries", limit=32, refers="extra_field"),
        Column("verify", "需先核实", "Verify first", "flag"),
        Column("note", "说明", "Note", limit=500),
    ),
    tree=True,
    authority="shared",
)
_EXTRA = Kind(
    "extra_field",
    "附加字段",
    "Extra fields",
    "categories",
    (
        *named(),
        Column(
            "type",
            "类型",
            "Type",
            "choice",
            required=True,
            default="text",
            choices={
                "text": ("文字", "Text"),
                "number": ("数字", "Number"),
                "date": ("日期", "Date"),
                "flag": ("是否", "Yes or no"),
                "choice": ("选项", "Choice"),
            },
        ),
        Column("limit", "最长", "Most characters", "int", default=60, least=1, most=400),
        Column("options", "可选值", "Options", "words", limit=40),
        Column("required", "必填", "Required", "flag"),
        Column("note", "说明", "Note", limit=200),
    ),
    authority="shared",
)
_AREA = Kind(
    "area",
    "区域",
    "Areas",
    "categories",
    (
        *named(),
        Column("parent", "上级", "Parent", "entry", limit=32, refers="area"),
        Column("unit", "属地单位", "Unit in charge", "entry", limit=32, refers="unit"),
        Column("rural", "郊区", "Outside town", "flag"),
        Column("aliases", "别名", "Other names", "words", limit=30),
    ),
    tree=True,
    authority="shared",
)
_PARAMETER = Kind(
    "parameter",
    "参数",
    "Parameters",
    "parameters",
    (Column("value", "值", "Value"),),
    ordered=False,
    shipped={name: {"value": row.default} for name, row in PARAMETERS.items()},
    closed=True,
    columns_of=columns_of,
    check=_parameter,
    hidden=True,
)


def _table(kinds: Iterable[Kind]) -> Mapping[str, Kind]:
    return {kind.name: kind for kind in kinds}


_RULE = Kind(
    "dispatch_rule",
    "派单规则",
    "Dispatch rules",
    "units",
    (
        *named(),
        Column("category", "行业分类", "Categories", "entries", limit=32, refers="category",
               note_zh="含其下级", note_en="With all below them"),
        Column("area", "区域", "Areas", "entries", limit=32, refers="area"),
        Column("kind", "受理类型", "Kinds of tickets", "entries", limit=32, refers="ticket_kind"),
        Column("source", "来源", "Sources", "entries", limit=32, refers="source"),
        Column("urgency", "紧急程度", "Urgencies", "entries", limit=32, refers="urgency"),
        Column("since", "起始时刻", "From", "time"),
        Column("until", "结束时刻", "Until", "time"),
        Column("days", "日期", "Days", "choice",
               choices={"work": ("工作日", "Working days"), "rest": ("休息日", "Rest days")}),
        Column("unit", "主办单位", "Lead unit", "entry", limit=32, refers="unit", required=True),
        Column("assisting", "协办单位", "Assisting units", "entries", limit=32, refers="unit"),
        Column("automatic", "自动派单", "Dispatch by itself", "flag",
               note_zh="受理后立即派单，无需人工", note_en="As soon as the ticket is accepted"),
        Column("off", "停用", "Switched off", "flag"),
    ),
    editors=frozenset({"AD", "DP"}),
    authority="own",
)  # fmt: skip
_SCRIPT = Kind(
    "script",
    "应答话术",
    "Scripts",
    "categories",
    (
        *named(),
        Column("kind", "受理类型", "Kind of ticket", "entry", limit=32, refers="ticket_kind"),
        Column("category", "分类代码开头", "Beginning of the category's code", limit=32),
        Column("text", "话术", "What to ask", "lines", limit=1000, required=True),
        Column("text_en", "话术（英文）", "What to ask, in English", "lines", limit=1000),
    ),
    editors=frozenset({"AD", "TL"}),
    shipped=SCRIPTS,
    authority="own",
)
_QUICK_TEXT = Kind(
    "quick_text",
    "常用文本",
    "Texts to begin with",
    "categories",
    (
        *named(),
        Column("category", "分类代码开头", "Beginning of the category's code", limit=32, required=True),
        Column("kind", "受理类型", "Kind of ticket", "entry", limit=32, refers="ticket_kind"),
        Column("content", "内容", "Content", "lines", limit=2000, required=True),
    ),
    editors=frozenset({"AD", "TL"}),
    shipped=TEXTS,
    authority="own",
)
KINDS: Mapping[str, Kind] = _table(
    (
        _RULE,
        _SCRIPT,
        _QUICK_TEXT,
        _UNIT,
        _CONTACT,
        _CATEGORY,
        _EXTRA,
        _AREA,
        _list("ticket_kind", "受理类型", "Kinds of tickets", TICKET_KINDS, _LIMIT),
        _list("source", "来源渠道", "Sources", SOURCES),
        _list(
            "urgency",
            "紧急程度",
            "Urgencies",
            URGENCIES,
            Column("natural", "按自然时间计时", "Counts natural hours", "flag"),
            _LIMIT,
        ),
        _list("closing", "办结方式", "Closing reasons", CLOSINGS),
        _list("refusal", "不予受理理由", "Reasons to refuse", REFUSALS),
        _list("dissatisfaction", "不满意原因", "Reasons for dissatisfaction", DISSATISFACTIONS),
        _list("return_reason", "退回原因", "Reasons to return", RETURNS),
        _list("pause_reason", "挂账原因", "Reasons to suspend", PAUSES),
        _list("level", "督办级别", "Levels of supervision", LEVELS),
        _list(
            "tag",
            "标签",
            "Tags",
            MARKS,
            Column(
                "colour",
                "颜色",
                "Colour",
                "choice",
                choices={
                    "grey": ("灰", "Grey"),
                    "blue": ("蓝", "Blue"),
                    "green": ("绿", "Green"),
                    "amber": ("黄", "Amber"),
                    "red": ("红", "Red"),
                },
                default="grey",
            ),
            authority="shared",
        ),
        SITE,
        PERSON,
        GROUP,
        RIGHT,
        _PARAMETER,
        TEMPLATE,
        VIEW,
        DAYS,
        YEARS,
    )
)
"""Every kind by its name; references point to kinds of this table."""
