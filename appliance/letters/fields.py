"""What a template may ask for: the closed list of placeholders, their names and where each comes from."""

from collections.abc import Mapping
from dataclasses import dataclass

TICKET, BOX, ASKED = "ticket", "box", "asked"


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One `{{name}}`: names for people, and whether ticket, box or clerk says what stands there."""

    zh: str
    en: str
    source: str = TICKET
    limit: int = 4000
    lines: bool = False
    citizen: bool = False
    """Tells who the citizen is: left out of a confidential case's letter to anybody outside the centre."""


PLACEHOLDERS: Mapping[str, Placeholder] = {
    "ticket_no": Placeholder("工单编号", "Ticket number"),
    "title": Placeholder("标题", "Title"),
    "content": Placeholder("反映内容", "Content", lines=True),
    "kind": Placeholder("诉求类别", "Kind"),
    "source": Placeholder("来源", "Source"),
    "urgency": Placeholder("紧急程度", "Urgency"),
    "category": Placeholder("行业分类", "Category"),
    "area": Placeholder("区域", "Area"),
    "address": Placeholder("地址", "Address"),
    "citizen": Placeholder("市民姓名", "Citizen", citizen=True),
    "phone": Placeholder("联系电话", "Phone", citizen=True),
    "confidential": Placeholder("是否保密", "Confidential"),
    "state": Placeholder("当前状态", "State"),
    "unit": Placeholder("责任单位", "Unit"),
    "result": Placeholder("办理结果", "Result", lines=True),
    "answer": Placeholder("答复内容", "Answer", lines=True),
    "rating": Placeholder("满意度", "Rating"),
    "closing": Placeholder("办结方式", "Closed as"),
    "reason": Placeholder("最近一步的原因", "Reason of the last step", lines=True),
    "received": Placeholder("登记时间", "Registered"),
    "received_day": Placeholder("登记日期", "Day of registration"),
    "accepted": Placeholder("受理时间", "Accepted"),
    "dispatched": Placeholder("派单时间", "Dispatched"),
    "signed": Placeholder("签收时间", "Signed for"),
    "answered": Placeholder("答复时间", "Answered"),
    "closed": Placeholder("办结时间", "Closed"),
    "case_due": Placeholder("办结期限", "Due date of the case"),
    "unit_due": Placeholder("承办期限", "Due date of the unit"),
    "received_by": Placeholder("受理人", "Registered by"),
    "centre": Placeholder("热线中心名称", "Name of the centre", BOX),
    "hotline": Placeholder("热线号码", "Hotline number", BOX),
    "letter_no": Placeholder("发文字号", "Number of the letter", BOX),
    "today": Placeholder("成文日期", "Date of the letter", BOX),
    "now": Placeholder("打印时间", "Time of printing", BOX),
    "clerk": Placeholder("经办人", "Clerk", BOX),
    "to": Placeholder("收文单位", "To", ASKED, 200),
    "opinion": Placeholder("意见", "Opinion", ASKED, lines=True),
    "requirement": Placeholder("办理要求", "What is to be done", ASKED, lines=True),
    "deadline": Placeholder("要求办结日期", "To be done by", ASKED, 60),
    "contact": Placeholder("联系人及电话", "Contact", ASKED, 120),
    "basis": Placeholder("依据", "Legal basis", ASKED, lines=True),
    "remedy": Placeholder("救济途径", "Ways of appeal", ASKED, lines=True),
    "grounds": Placeholder("理由", "Grounds", ASKED, lines=True),
    "respondent": Placeholder("被投诉方", "The other party", ASKED, 200),
    "mediator": Placeholder("调解人", "Mediator", ASKED, 120),
    "place": Placeholder("地点", "Place", ASKED, 200),
    "process": Placeholder("过程记录", "Record of what was said", ASKED, lines=True),
    "agreement": Placeholder("结果", "Outcome", ASKED, lines=True),
    "handed": Placeholder("移交材料", "What is handed over", ASKED, lines=True),
    "extended_to": Placeholder("申请延至", "Asked until", ASKED, 60),
    "copies": Placeholder("抄送单位", "Copies to", ASKED, 400),
}
