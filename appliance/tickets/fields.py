"""What may be written on a ticket: every field with names, limit and choices, and how input is checked."""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from appliance.refused import Refused
from appliance.tickets.workflow import BAD, GOOD

Choices = Mapping[str, tuple[str, str]]
"""Word in the log: Chinese and English name."""

KINDS: Choices = {
    "consult": ("咨询", "Consultation"),
    "complaint": ("投诉", "Complaint"),
    "report": ("举报", "Report"),
    "help": ("求助", "Request for help"),
    "repair": ("维修", "Repair"),
    "emergency": ("抢修", "Emergency repair"),
    "suggestion": ("建议", "Suggestion"),
    "criticism": ("批评", "Criticism"),
    "opinion": ("意见", "Opinion"),
    "praise": ("表扬", "Praise"),
    "thanks": ("感谢", "Thanks"),
    "service": ("服务", "Service"),
    "application": ("申请", "Application"),
    "other": ("其他", "Other"),
}
SOURCES: Choices = {
    "phone": ("电话", "Phone"),
    "voicemail": ("语音留言", "Voice message"),
    "sms": ("短信", "SMS"),
    "web": ("网站", "Web"),
    "mail": ("电子邮件", "E-mail"),
    "fax": ("传真", "Fax"),
    "letter": ("来信", "Letter"),
    "visit": ("来访", "Visit"),
    "media": ("媒体", "Media"),
    "inspector": ("监督员", "Inspector"),
    "hub": ("上级转办", "Passed down by the hub"),
}
URGENCIES: Choices = {
    "normal": ("一般", "Normal"),
    "urgent": ("紧急", "Urgent"),
    "critical": ("特急", "Critical"),
}
RATINGS: Choices = {
    "very_satisfied": ("非常满意", "Very satisfied"),
    "satisfied": ("满意", "Satisfied"),
    "basically_satisfied": ("基本满意", "Basically satisfied"),
    "dissatisfied": ("不满意", "Dissatisfied"),
    "very_dissatisfied": ("非常不满意", "Very dissatisfied"),
}
CLOSINGS: Choices = {
    "solved": ("已解决", "Solved"),
    "explained": ("已解释", "Explained"),
    "unreachable": ("无法联系", "Could not be reached"),
    "withdrawn": ("撤诉", "Withdrawn"),
    "unfounded": ("查否", "Found untrue"),
    "reasonable": ("认定", "Held to be reasonably handled"),
}
YES_NO: Choices = {"yes": ("是", "Yes"), "no": ("否", "No")}
SOLVED: Choices = {
    "yes": ("已解决", "Solved"),
    "no": ("未解决", "Not solved"),
    "explained": ("已解释", "Explained"),
}
WHYS: Choices = {
    "not_solved": ("问题未解决", "Not solved"),
    "attitude": ("服务态度", "Attitude"),
    "slow": ("办理缓慢", "Too slow"),
    "law": ("不认同政策法规", "Disagrees with the law"),
}
"""Why a citizen is dissatisfied."""
REFUSALS: Choices = {
    "outside_remit": ("不属于本级政府职责", "Outside the remit of this government"),
    "lawsuit": ("已进入或应走诉讼、仲裁、复议途径", "Belongs to court, arbitration or reconsideration"),
    "petition": ("信访事项正在办理或已终结", "A petition in progress or finally decided"),
    "final": ("已三级终结的同一事项", "The same matter was finally decided"),
    "duplicate": ("同一事项正在办理", "The same matter is being handled"),
    "unclear": ("诉求不明且无法补充", "Unclear, and cannot be completed"),
    "secret": ("涉及国家秘密、商业秘密或个人隐私", "State or trade secrets, or privacy"),
    "malicious": ("恶意骚扰或捏造事实", "Harassment or invented facts"),
    "emergency_line": ("应拨打 110、119、120 等紧急电话", "Belongs to 110, 119 or 120"),
}
"""Why a matter is not accepted."""
OUTCOMES: Choices = {
    "no_answer": ("无人接听", "No answer"),
    "busy": ("占线", "Busy"),
    "off": ("关机或停机", "Switched off"),
    "wrong": ("号码有误", "Wrong number"),
    "later": ("约定改时间", "Wants to be called later"),
    "refused": ("不愿评价", "Does not want to rate"),
}
"""What came of an attempt to reach a citizen who did not rate."""
LEVELS: Choices = {
    "general": ("一般督办", "General"),
    "key": ("重点督办", "Key"),
    "listed": ("挂牌督办", "Listed"),
}
"""How strongly a case is supervised."""
CAUSES: Choices = {
    "season": ("季节原因", "Season"),
    "construction": ("施工改造", "Construction"),
    "legal": ("法律程序", "Legal procedure"),
    "third_party": ("第三方原因", "A third party"),
    "other": ("其他原因", "Other"),
}
"""Why a case may be suspended."""
TAGS: Choices = {
    "leader": ("领导关注", "Leader's concern"),
    "media": ("媒体关注", "In the media"),
    "major": ("重大事项", "Major matter"),
    "mass": ("群体诉求", "Many people"),
    "dispute": ("矛盾纠纷", "Dispute"),
}
assert set(RATINGS) == set(GOOD + BAD)


@dataclass(frozen=True, slots=True)
class Field:
    """One input: names for people, limit in characters, and the words allowed if they are few."""

    zh: str
    en: str
    limit: int
    choices: Choices | None = None
    lines: bool = False
    """Several lines may be written."""
    type: str = "text"
    """text, flag, phone, date (a day; kept as its end in Unix seconds), instant (in Unix seconds), days,
    unit, units, ticket, moment (a day, perhaps with a time), position, customer, extra."""
    maintained: str = ""
    """The kind of the dictionary whose entries may stand here; `choices` are those it ships with."""


FIELDS: Mapping[str, Field] = {
    "kind": Field("类别", "Kind", 16, KINDS, maintained="ticket_kind"),
    "title": Field("标题", "Title", 120),
    "content": Field("内容", "Content", 4000, lines=True),
    "category": Field("行业分类", "Category", 32),
    "urgency": Field("紧急程度", "Urgency", 16, URGENCIES, maintained="urgency"),
    "area": Field("区域", "Area", 60),
    "address": Field("地址", "Address", 200),
    "position": Field("坐标", "Position on the map", 40, type="position"),
    "grid": Field("网格编号", "Grid cell", 40),
    "occurred": Field("发生时间", "When it happened", 16, type="moment"),
    "outlet": Field("媒体名称", "Media outlet", 120),
    "link": Field("报道链接", "Link to the report", 400),
    "home": Field("联系地址", "Citizen's own address", 200),
    "identity": Field("证件号码", "Identity number", 40),
    "behalf": Field("代何人反映", "On behalf of", 120),
    "anonymous": Field("匿名", "Anonymous", 8, type="flag"),
    "callback": Field("希望回复", "Wants an answer", 8, type="flag"),
    "key": Field("重点件", "Key matter", 8, type="flag"),
    "customer": Field("客户档案", "Customer", 32, type="customer"),
    "extra": Field("补充信息", "Further details", 1000, type="extra"),
    "citizen": Field("市民姓名", "Citizen", 60),
    "phone": Field("联系电话", "Phone", 32, type="phone"),
    "confidential": Field("保密", "Confidential", 8, type="flag"),
    "unit": Field("责任单位", "Unit", 32, type="unit"),
    "result": Field("办理结果", "Result", 4000, lines=True),
    "answer": Field("答复内容", "Answer", 4000, lines=True),
    "rating": Field("满意度", "Rating", 32, RATINGS),
    "closing": Field("办结方式", "Closing", 32, CLOSINGS, maintained="closing"),
    "reason": Field("原因", "Reason", 1000, lines=True),
    "text": Field("备注", "Note", 4000, lines=True),
    "task": Field("办理要求", "Task", 1000, lines=True),
    "assisting": Field("协办单位", "Assisting units", 400, type="units"),
    "designated": Field("指定办理（不得退回）", "Designated: may not be returned", 8, type="flag"),
    "master": Field("主办工单号", "Number of the main ticket", 40, type="ticket"),
    "outside": Field("移交单位", "Authority outside", 120),
    "basis": Field("法律政策依据", "Legal basis", 400, lines=True),
    "suggested": Field("建议承办单位", "Unit that should have it", 32, type="unit"),
    "unfounded": Field("退回理由不成立，计入单位", "The return was the unit's mistake", 8, type="flag"),
    "planned": Field("计划恢复日期", "To be taken up again on", 20, type="date"),
    "due": Field("限期", "Due on", 20, type="date"),
    "at": Field("催办时间", "Urge at", 20, type="instant"),
    "days": Field("延期工作日数", "Working days more", 4, type="days"),
    "grounds": Field("不予受理理由", "Grounds of refusal", 32, REFUSALS, maintained="refusal"),
    "cause": Field("挂账类别", "Kind of cause", 32, CAUSES, maintained="pause_reason"),
    "why": Field("不满意原因", "Why dissatisfied", 32, WHYS, maintained="dissatisfaction"),
    "compensation": Field("涉及赔偿", "Compensation is asked for", 8, type="flag"),
    "contacted": Field("单位是否联系过", "Was the unit in touch?", 8, YES_NO),
    "solved": Field("问题是否解决", "Was it solved?", 16, SOLVED),
    "optional": Field("非必办", "The case need not wait for it", 8, type="flag"),
    "third": Field("三级单位", "Third level", 32, type="unit"),
    "arrived": Field("到场时间", "Arrived at", 40),
    "outcome": Field("回访结果", "Outcome", 16, OUTCOMES),
    "level": Field("督办级别", "Level", 16, LEVELS, maintained="level"),
    "instruction": Field("批示", "Instruction", 1000, lines=True),
    "report": Field("落实情况", "What was done", 4000, lines=True),
    "reply": Field("回复", "Reply", 4000, lines=True),
    "decision": Field("审批意见", "Decision", 1000, lines=True),
    "opinion": Field("督办意见", "Opinion", 1000, lines=True),
    "tag": Field("标记", "Mark", 16, TAGS, maintained="tag"),
}

Value = str | bool | float | list[str] | dict[str, str]
"""What a field holds once checked."""
MOMENTS = frozenset({"date", "instant"})
"""Types that are kept in Unix seconds."""
DAYS_MAX = 400
UNITS_MAX = 20
UNIT_LIMIT = 32
TIME_MAX_S = 10 * 366 * 86_400.0

_PHONE = re.compile(r"\+?[0-9]{1,31}")
_LOOSE = str.maketrans("", "", " -()()\u3000")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029\ud800-\udfff]")
_TRUE = ("1", "true", "on", "yes")


EXTRAS_MAX = 40
_POSITION = re.compile(r"-?[0-9]{1,6}(?:\.[0-9]{1,8})?,-?[0-9]{1,6}(?:\.[0-9]{1,8})?")
_CUSTOMER = re.compile(r"[0-9a-f]{32}")


def checked(name: str, value: object, words: Callable[[str], Choices | None] | None = None) -> Value:
    """Return a field as it is kept; raises Refused with a sentence that says what to do.

    `words` gives the words a field may have where people maintain them.
    """
    field = FIELDS.get(name)
    if field is None:
        raise Refused("unknown_field", "The field %(field)s does not exist.", field=name)
    if field.type == "extra":
        return _extras(field, value)
    if field.type == "flag":
        return value if isinstance(value, bool) else str(value).lower() in _TRUE
    if field.type == "units":
        return _units(field, value)
    if field.type in MOMENTS and isinstance(value, int | float) and not isinstance(value, bool):
        return _in_time(field, float(value))
    if field.type == "days" and isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise Refused("bad_field", "%(field)s must be text.", field=field.en)
    text = _CONTROL.sub("", value.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if not field.lines:
        text = " ".join(text.split())
    if field.type == "phone":
        return _phone(text)
    if len(text) > field.limit:
        raise Refused(
            "too_long",
            "%(field)s has %(length)s characters; shorten it to %(limit)s.",
            field=field.en,
            length=len(text),
            limit=field.limit,
        )
    choices = (words(name) if words else None) or field.choices
    if text and choices is not None and text not in choices:
        raise Refused("bad_choice", "Choose %(field)s from the list.", field=field.en)
    if text and field.type in _READ:
        return _READ[field.type](field, text)
    return text


def _day(field: Field, text: str) -> float:
    """The end of a day, written YYYY-MM-DD."""
    try:
        day = datetime.strptime(text, "%Y-%m-%d")
    except ValueError:
        raise Refused(
            "bad_date",
            "%(field)s: %(text)s is no day of the calendar; write it like 2027-03-31.",
            field=field.en,
            text=text,
        ) from None
    return _in_time(field, day.replace(hour=23, minute=59, second=59).timestamp())


def _instant(field: Field, text: str) -> float:
    """A time of a day, written YYYY-MM-DDTHH:MM."""
    try:
        at = datetime.strptime(text.replace(" ", "T"), "%Y-%m-%dT%H:%M")
    except ValueError:
        raise Refused(
            "bad_date",
            "%(field)s: %(text)s is no time; write it like 2027-03-31T09:30.",
            field=field.en,
            text=text,
        ) from None
    return _in_time(field, at.timestamp())


def _in_time(field: Field, at_s: float) -> float:
    if not abs(at_s - time.time()) < TIME_MAX_S:
        raise Refused("bad_date", "%(field)s lies too far from today.", field=field.en)
    return at_s


def _days(field: Field, text: str) -> float:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= DAYS_MAX):
        raise Refused(
            "bad_days", "%(field)s: write a whole number from 1 to %(most)s.", field=field.en, most=DAYS_MAX
        )
    return float(int(text))


def _units(field: Field, value: object) -> list[str]:
    codes = value if isinstance(value, list) else str(value).replace(",", " ").split()
    if len(codes) > UNITS_MAX or not all(isinstance(code, str) and len(code) <= UNIT_LIMIT for code in codes):
        raise Refused("too_many", "%(field)s: choose at most %(most)s.", field=field.en, most=UNITS_MAX)
    return list(dict.fromkeys(codes))


def _moment(field: Field, text: str) -> Value:
    """A day, or a day and a time, as forms send it: 2026-12-01 or 2026-12-01T15:30."""
    try:
        return datetime.fromisoformat(text.replace(" ", "T")).isoformat(timespec="minutes")[: len(text)]
    except ValueError:
        raise Refused(
            "bad_date",
            "%(field)s: %(text)s is no day of the calendar; write it like 2027-03-31.",
            field=field.en,
            text=text,
        ) from None


def _position(field: Field, text: str) -> Value:
    plain = text.replace(" ", "").replace("，", ",")
    if not _POSITION.fullmatch(plain):
        raise Refused(
            "bad_position",
            "%(field)s: write two numbers with a comma between, like 120.15,30.28.",
            field=field.en,
        )
    return plain


def _customer(field: Field, text: str) -> Value:
    if not _CUSTOMER.fullmatch(text):
        raise Refused("bad_choice", "Choose %(field)s from the list.", field=field.en)
    return text


_READ: Mapping[str, Callable[[Field, str], Value]] = {
    "date": _day,
    "days": _days,
    "instant": _instant,
    "moment": _moment,
    "position": _position,
    "customer": _customer,
}


def _extras(field: Field, value: object) -> dict[str, str]:
    """Further fields by their names; which there are, and what they may hold, is in forms.py."""
    if not isinstance(value, Mapping) or len(value) > EXTRAS_MAX:
        raise Refused("bad_field", "%(field)s must be text.", field=field.en)
    clean = {}
    for name, text in value.items():
        if (
            not isinstance(name, str)
            or not isinstance(text, str)
            or len(name) > 40
            or len(text) > field.limit
        ):
            raise Refused("bad_field", "%(field)s must be text.", field=field.en)
        clean[name] = _CONTROL.sub("", text.replace("\r\n", "\n")).strip()
    return clean


def _phone(text: str) -> str:
    plain = "".join(str(int(char)) if char.isdecimal() else char for char in text.translate(_LOOSE))
    if plain and not _PHONE.fullmatch(plain):
        raise Refused(
            "bad_phone", "Write the phone number with digits only, at most 32, with + in front if need be."
        )
    return plain


def phone_as_kept(text: str) -> str:
    """Return a caller's number as tickets keep it, cut and stripped of what is no digit; never refuses."""
    plain = "".join(char for char in text if char in "+0123456789")[: FIELDS["phone"].limit]
    return plain if _PHONE.fullmatch(plain) else "".join(char for char in plain if char.isdigit())
