"""What agents ask, and texts to begin with, as they are shipped; people change them in the settings."""

# ruff: noqa: E501 (the tables read best one row a line)
from collections.abc import Mapping
from typing import Final

_SCRIPTS: Final[tuple[tuple[str, str, str, str], ...]] = (
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

_TEXTS: Final[tuple[tuple[str, str, str, str], ...]] = (
    ("01", "路灯不亮", "【路名】【门牌】附近【几】盏路灯不亮，自【时间】开始，影响夜间出行。", "repair"),
    ("02", "停水", "【地点】自【时间】起停水，涉及【几户/整栋】，请尽快恢复供水。", "repair"),
    ("03", "燃气异味", "【地点】闻到燃气气味，已【开窗/撤离】，请立即到场检查。", "emergency"),
    ("04", "室温不达标", "【小区】【楼号】室温【几】度，自【时间】开始，户号【户号】。", "repair"),
    ("05", "路面破损", "【路名】【位置】路面破损约【面积】，影响通行。", "repair"),
    ("06", "井盖缺失", "【路名】【位置】井盖缺失/损坏，存在安全隐患，请立即处置。", "emergency"),
    ("07", "垃圾未清运", "【地点】垃圾自【时间】未清运，请尽快处理。", "complaint"),
)

SCRIPTS: Final[Mapping[str, Mapping[str, str]]] = {
    f"{kind or 'any'}{category}": {
        "name": " ".join(filter(None, (kind, category))) or "general",
        "kind": kind,
        "category": category,
        "text": zh,
        "text_en": en,
    }
    for kind, category, zh, en in _SCRIPTS
}
TEXTS: Final[Mapping[str, Mapping[str, str]]] = {
    f"text{category}": {"name": title, "category": category, "kind": kind, "content": content}
    for category, title, content, kind in _TEXTS
}
"""Entries by key, as the dictionary ships them."""
