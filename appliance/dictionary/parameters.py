"""Parameters: single values that steer the box, in force at the next event after they are set.

A further parameter is one more row; its page, history, import and export come by themselves.
"""

# ruff: noqa: E501 (a table reads best one row a line)
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from appliance.dictionary.kind import Choices, Column, Type, Value
from appliance.refused import Refused

SUBJECTS: Choices = {
    "intake": ("受理", "Intake"),
    "dispatch": ("派单与签收", "Dispatch and signing"),
    "limits": ("时限与预警", "Limits and warnings"),
    "return_visit": ("回访与二次派单", "Return visits and second rounds"),
    "review": ("复查复核", "Review and recheck"),
    "overlays": ("督办、延期与挂账", "Supervision, extension and suspension"),
    "people": ("人员与安全", "People and safety"),
    "letters": ("公文", "Letters"),
}
"""The headings of the page of parameters, in order."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One value with names, bounds and default."""

    name: str
    subject: str
    zh: str
    en: str
    type: Type
    default: Value
    least: float | None = None
    most: float | None = None
    choices: Choices | None = None
    local: bool = False
    """Each box has its own, whatever the centre says."""

    @property
    def column(self) -> Column:
        """The parameter as the one column of its entry."""
        return Column(
            "value",
            self.zh,
            self.en,
            self.type,
            limit=200,
            choices=self.choices,
            required=self.type != "flag" and self.default != "",
            default=self.default,
            least=self.least,
            most=self.most,
        )


# fmt: off
_ROWS = (
    Parameter("intake_media_min", "intake", "短信等即时渠道受理时限（分钟）", "Intake of SMS and other instant media (minutes)", "int", 3, 1, 1440),
    Parameter("intake_mailbox_h", "intake", "邮箱与网站受理时限（小时）", "Intake of mail and web (hours)", "int", 24, 1, 240),
    Parameter("intake_letter_wd", "intake", "来信受理时限（工作日）", "Intake of letters (working days)", "int", 1, 1, 30),
    Parameter("info_wait_wd", "intake", "待补充等待期限（工作日）", "Wait for missing information (working days)", "int", 5, 1, 30),
    Parameter("info_times", "intake", "最多要求补充次数", "How often information may be asked for", "int", 2, 1, 9 ),
    Parameter("verify_town_h", "intake", "城区核实时限（小时）", "Verification in town (hours)", "int", 1, 1, 72 ),
    Parameter("verify_rural_h", "intake", "郊区核实时限（小时）", "Verification outside town (hours)", "int", 2, 1, 72),
    Parameter("unmerge_wd", "intake", "并案可撤回期限（工作日）", "A merge can be undone for (working days)", "int", 5, 1, 60),
    Parameter("dispatch_urgent_min", "dispatch", "紧急件派单时限（分钟）", "Dispatch of urgent tickets (minutes)", "int", 10, 1, 1440),
    Parameter("dispatch_min", "dispatch", "一般件派单时限（分钟）", "Dispatch of other tickets (minutes)", "int", 30, 1, 1440),
    Parameter("sign_wd", "dispatch", "签收时限（工作日）", "Signing by the unit (working days)", "int", 1, 1, 30 ),
    Parameter("return_wd", "dispatch", "申请退回期限（工作日）", "A return may be asked for within (working days)", "int", 1, 1, 30),
    Parameter("return_times", "dispatch", "每次派单最多退回次数", "Returns of one assignment", "int", 1, 0, 9 ),
    Parameter("sub_order_ahead_wd", "dispatch", "协办时限早于案件时限（工作日）", "Sub-orders are due before the case by (working days)", "int", 1, 0, 30),
    Parameter("yellow_percent", "limits", "黄灯：剩余时限占比（%）", "Yellow when this share of the limit is left (%)", "int", 20, 1, 90),
    Parameter("yellow_least_wd", "limits", "黄灯：至少剩余（工作日）", "Yellow at least when this is left (working days)", "int", 1, 0, 30),
    Parameter("sms_unit", "dispatch", "派单、催办短信通知单位", "Tell units of dispatches and urging by SMS", "flag", True, local=True),
    Parameter("sms_accepted", "intake", "受理后短信告知市民", "Tell citizens by SMS that their matter was accepted", "flag", True, local=True),
    Parameter("sms_citizen", "dispatch", "签收后短信告知市民承办单位", "Tell citizens by SMS which unit has signed", "flag", True, local=True),
    Parameter("work_bands", "limits", "工作时段", "Working hours", "text", "08:30-12:00 14:00-18:00"),
    Parameter("closing_hour", "limits", "限期当日截止时间", "A due day ends at", "time", "24:00"),
    Parameter("urge_automatic", "limits", "到期自动催办", "Urge by itself at yellow, at red, then daily", "flag", True),
    Parameter("calendar_alarm_day", "limits", "次年日历未导入告警日（11月1日为1）", "Alarm when next year's calendar is missing, from this day of November", "int", 1, 1, 30),
    Parameter("sms_rating", "return_visit", "办结后短信邀请评价", "Ask citizens by SMS how it was", "flag", True, local=True),
    Parameter("rating_address", "return_visit", "市民评价网页地址（https://…，空为不发链接）", "Address of the rating page for citizens (https://…; empty: no link)", "text", ""),
    Parameter("callback_first_wd", "return_visit", "首次回访期限（工作日）", "First return visit within (working days)", "int", 1, 1, 30),
    Parameter("callback_attempts", "return_visit", "回访尝试次数", "Attempts to reach the citizen", "int", 3, 1, 10 ),
    Parameter("callback_days", "return_visit", "回访尝试分布天数", "Attempts are spread over (days)", "int", 2, 1, 30),
    Parameter("rate_wait_h", "return_visit", "即时答复等待评价（小时）", "Wait for a rating after an answer at once (hours)", "int", 24, 1, 240),
    Parameter("rounds_max", "return_visit", "二次派单最多轮数", "Second rounds at most", "int", 2, 0, 9),
    Parameter("second_round_percent", "return_visit", "二次派单时限占原时限（%）", "Limit of a second round, share of the original (%)", "int", 50, 10, 100),
    Parameter("second_round_least_wd", "return_visit", "二次派单最短时限（工作日）", "Limit of a second round at least (working days)", "int", 2, 1, 30),
    Parameter("sample_per_unit", "return_visit", "月度抽查每单位件数", "Monthly sample: cases of each unit", "int", 10, 1, 200),
    Parameter("appeal_wd", "return_visit", "单位申诉评价期限（工作日）", "A unit may appeal a rating within (working days)", "int", 3, 1, 30),
    Parameter("reopen_days", "review", "办结后可重开（天）", "A closed ticket can be reopened for (days)", "int", 15, 1, 365),
    Parameter("review_apply_days", "review", "申请复查、复核期限（天）", "Review or recheck may be asked for within (days)", "int", 30, 1, 365),
    Parameter("review_days", "review", "复查期限（天）", "A review is decided within (days)", "int", 30, 1, 365 ),
    Parameter("recheck_days", "review", "复核期限（天）", "A recheck is decided within (days)", "int", 30, 1, 365 ),
    Parameter("extension_times", "overlays", "最多延期次数", "Extensions of one ticket", "int", 2, 0, 9),
    Parameter("extension_first_wd", "overlays", "首次延期最长（工作日）", "First extension at most (working days)", "int", 10, 1, 60),
    Parameter("extension_percent", "overlays", "延期合计不超过原时限（%）", "All extensions, share of the original limit at most (%)", "int", 100, 10, 300),
    Parameter("suspend_leader_days", "overlays", "挂账超过需领导审批（天）", "A leader approves suspensions longer than (days)", "int", 30, 1, 365),
    Parameter("supervise_overdue", "overlays", "逾期自动督办", "Supervise what is overdue by itself", "flag", True),
    Parameter("supervise_repeat", "overlays", "重复反映自动督办次数", "Supervised by itself when repeated (times)", "int", 3, 2, 99),
    Parameter("letter_word", "letters", "机关代字（发文字号开头，如“热线函〔2026〕1号”的“热线”）", "What the numbers of letters begin with", "text", "热线", local=True),
)
# fmt: on
PARAMETERS: Mapping[str, Parameter] = {row.name: row for row in _ROWS}


def columns_of(name: str) -> Sequence[Column]:
    """Return the column of a parameter's entry; raises Refused for one that does not exist."""
    if name not in PARAMETERS:
        raise Refused("unknown_parameter", "There is no parameter %(name)s.", name=name[:40])
    return (PARAMETERS[name].column,)
