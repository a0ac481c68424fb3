"""The workflow of tickets as shipped: 27 states, and the 72 moves allowed between them.

Buttons, refusals, the diagram and the tests all read these rows; a further move is one more row.
Codes C01 to C72 name the same moves in the manual. An administrator may publish other versions
(`workflows.py`): other moves, people, conditions and names, over the same states.
"""

# ruff: noqa: E501 (the tables read best one row a line)
from collections.abc import Mapping, Sequence

from appliance.tickets.process import START, Move, State, Workflow

END = "ARCHIVED"
STANDARD = "standard"

GOOD = ("very_satisfied", "satisfied", "basically_satisfied")
BAD = ("dissatisfied", "very_dissatisfied")

LISTS: Mapping[str, tuple[str, str]] = {
    "intake": ("受理", "Intake"),
    "undispatched": ("未派单", "Not yet dispatched"),
    "dispatched": ("派单", "Dispatched"),
    "handling": ("处理中", "Handling"),
    "open": ("未办结", "Not yet closed"),
    "closed": ("办结", "Closed"),
}
"""The six working lists: Chinese and English name."""

_CENTRE = frozenset({"AG", "TL", "DP"})
_DISPATCH = frozenset({"TL", "DP"})
_UNIT = frozenset({"U2", "UL", "DP"})

_STATES = (
    State("DRAFT", "录入中", "Being entered", "", "", "intake", "none", _CENTRE),
    State("REGISTERED", "已登记待受理", "Registered", "已收到", "received", "intake", "intake", _CENTRE),
    State(
        "NEED_INFO", "待补充", "Waiting for information", "请补充材料", "waiting for information from you",
        "intake", "paused", _CENTRE,
    ),
    State("VERIFYING", "待核实", "Being verified", "核实中", "being verified", "intake", "intake", _CENTRE),
    State("REJECT_REVIEW", "不予受理待审", "Refusal under review", "已收到", "received", "open", "intake", _DISPATCH),
    State("REJECTED", "不予受理", "Refused", "不予受理", "not accepted", "closed", "stopped"),
    State("MERGED", "并案", "Merged", "与另一工单合并办理", "handled together with another ticket", "open", "running"),
    State("WITHDRAWN", "撤销", "Withdrawn", "已撤销", "withdrawn", "closed", "stopped"),
    State("ACCEPTED", "已受理未派单", "Accepted", "已受理", "accepted", "undispatched", "running", _CENTRE),
    State(
        "SELF_HANDLING", "中心自办", "Handled by the centre", "办理中", "being handled",
        "handling", "running", _CENTRE,
    ),
    State(
        "DISPATCHED", "已派单待签收", "Dispatched", "已转责任单位", "passed to the responsible unit",
        "dispatched", "running", _DISPATCH,
    ),
    State("HANDLING", "处理中", "Handling", "办理中", "being handled", "handling", "running", _UNIT),
    State("RETURN_REVIEW", "退回待审", "Return under review", "办理中", "being handled", "handling", "running", _DISPATCH),
    State("SUSPENDED", "挂账", "Suspended", "暂缓办理", "put off", "open", "paused", _DISPATCH),
    State("TRANSFERRED", "已移交外部", "Transferred", "已移交", "passed to another authority", "handling", "running", _DISPATCH),
    State("FEEDBACK", "已反馈待审核", "Feedback under review", "办理中", "being handled", "handling", "running", _DISPATCH),
    State("CHECKING", "待核查", "Being checked on site", "核查中", "being checked on site", "handling", "stopped", _DISPATCH),
    State("CALLBACK", "待回访", "Waiting for callback", "已答复，请评价", "answered, please rate it", "open", "stopped"),
    State(
        "CALLBACK_NA", "即时答复待评", "Answered on the line", "已答复，请评价", "answered, please rate it",
        "open", "stopped",
    ),
    State("DISSAT_REVIEW", "不满意研判", "Dissatisfaction under review", "复核中", "being looked at again", "open", "stopped"),
    State("CLOSE_REVIEW", "结案待审", "Closing under review", "审核中", "being checked", "open", "stopped"),
    State("CLOSED", "办结", "Closed", "已办结", "closed", "closed", "stopped"),
    State("UNDER_REVIEW", "复查中", "Under review", "复查中", "under review", "open", "stopped"),
    State("REVIEWED", "已复查", "Reviewed", "已复查", "reviewed", "open", "stopped"),
    State("UNDER_RECHECK", "复核中", "Under recheck", "复核中", "under recheck", "open", "stopped"),
    State("FINAL", "终结", "Final", "已终结", "final", "closed", "stopped"),
    State("ARCHIVED", "归档", "Archived", "已归档", "archived", "closed", "stopped"),
)  # fmt: skip
STATES: Mapping[str, State] = {state.name: state for state in _STATES}


def _who(roles: str) -> frozenset[str]:
    return frozenset(roles.split())


_REGISTERED = ("kind", "title", "content")

MOVES: tuple[Move, ...] = (
    Move("C01", "create_by_phone", START, "DRAFT", _who("AG TL SYS"), "来电登记", "Begin from a call"),
    Move("C02", "create_by_channel", START, "REGISTERED", _who("C AG TL DP SYS IN HB"), "渠道登记", "Register from a channel"),
    Move("C03", "submit", "DRAFT", "REGISTERED", _who("AG TL"), "提交", "Submit", complete=_REGISTERED),
    Move("C04", "answer_on_line", "DRAFT", "CALLBACK_NA", _who("AG TL"), "直接答复", "Answer on the line",
         needs=("answer",), complete=_REGISTERED),
    Move("C05", "discard", "DRAFT", "WITHDRAWN", _who("AG TL"), "作废", "Discard", reason=True),
    Move("C06", "ask_info", "REGISTERED", "NEED_INFO", _who("AG DP"), "要求补充", "Ask for information", reason=True,
         guards=("asks_left",)),
    Move("C07", "info_received", "NEED_INFO", "REGISTERED", _who("C AG IN SYS"), "已补充", "Information received"),
    Move("C08", "info_timeout", "NEED_INFO", "WITHDRAWN", _who("SYS DP"), "逾期未补充", "Information never came", reason=True),
    Move("C09", "request_verify", "REGISTERED", "VERIFYING", _who("AG DP SYS"), "转监督员核实", "Have it verified on site"),
    Move("C10", "verified_true", "VERIFYING", "ACCEPTED", _who("IN SYS"), "核实属实", "Verified", takes=("result",)),
    Move("C11", "verified_false", "VERIFYING", "CLOSE_REVIEW", _who("IN"), "核实不属实", "Found untrue", needs=("result",)),
    Move("C12", "accept", "REGISTERED", "ACCEPTED", _who("AG DP SYS"), "受理立案", "Accept",
         takes=("unit",), complete=(*_REGISTERED, "category")),
    Move("C13", "refuse", "REGISTERED", "REJECT_REVIEW", _who("AG DP"), "不予受理", "Refuse",
         needs=("grounds",), takes=("reason",)),
    Move("C14", "confirm_refuse", "REJECT_REVIEW", "REJECTED", _who("DP TL LD"), "同意不予受理", "Confirm refusal",
         guards=("another_person",)),
    Move("C15", "overrule", "REJECT_REVIEW", "ACCEPTED", _who("DP TL LD"), "改为受理", "Accept after all"),
    Move("C16", "merge", "REGISTERED", "MERGED", _who("AG DP"), "并案", "Merge into another ticket", needs=("master",),
         guards=("master_open",)),
    Move("C17", "unmerge", "MERGED", "REGISTERED", _who("DP"), "撤销并案", "Take apart again", reason=True,
         guards=("unmerge_in_time",)),
    Move("C18", "self_handle", "ACCEPTED", "SELF_HANDLING", _who("AG DP"), "中心自办", "Handle here"),
    Move("C19", "reply", "SELF_HANDLING", "FEEDBACK", _who("AG DP"), "提交答复", "Hand in the reply", needs=("result",)),
    Move("C20", "hand_over", "SELF_HANDLING", "ACCEPTED", _who("AG DP"), "转回派单", "Give back to dispatch"),
    Move("C21", "dispatch", "ACCEPTED", "DISPATCHED", _who("DP TL SYS LD"), "派单", "Dispatch", needs=("unit",),
         takes=("assisting", "task", "designated"), guards=("unit_in_service", "designator")),
    Move("C22", "transfer_out", "ACCEPTED", "TRANSFERRED", _who("DP LD"), "移交外部", "Transfer outside",
         needs=("outside",), reason=True),
    Move("C23", "external_result", "TRANSFERRED", "FEEDBACK", _who("HB DP"), "外部办结", "Result from outside", needs=("result",)),
    Move("C24", "external_return", "TRANSFERRED", "ACCEPTED", _who("HB DP"), "外部退回", "Returned from outside", reason=True),
    Move("C25", "sign", "DISPATCHED", "HANDLING", _who("U2 UL"), "签收", "Sign for it"),
    Move("C26", "recall", "DISPATCHED", "ACCEPTED", _who("DP"), "撤回派单", "Recall", reason=True),
    Move("C27", "request_return", "DISPATCHED", "RETURN_REVIEW", _who("U2 UL"), "申请退回", "Ask to return it", reason=True,
         takes=("basis", "suggested"), guards=("not_designated", "return_in_time")),
    Move("C28", "request_return", "HANDLING", "RETURN_REVIEW", _who("U2 UL"), "申请退回", "Ask to return it", reason=True,
         takes=("basis", "suggested"), guards=("not_designated", "returns_left", "return_in_time")),
    Move("C29", "approve_return", "RETURN_REVIEW", "ACCEPTED", _who("DP TL"), "同意退回", "Approve the return",
         takes=("unfounded",)),
    Move("C30", "refuse_return", "RETURN_REVIEW", "HANDLING", _who("DP TL"), "驳回退回", "Refuse the return", reason=True),
    Move("C31", "submit_result", "HANDLING", "FEEDBACK", _who("U2 UL"), "反馈结果", "Hand in the result", needs=("result",),
         guards=("orders_done",)),
    Move("C32", "approve_suspend", "HANDLING", "SUSPENDED", _who("DP LD"), "挂账", "Suspend", needs=("planned",), reason=True,
         guards=("planned_ahead", "leader_for_long")),
    Move("C33", "resume", "SUSPENDED", "HANDLING", _who("DP U2 SYS"), "恢复办理", "Resume"),
    Move("C34", "redispatch", "HANDLING", "DISPATCHED", _who("DP LD"), "改派", "Dispatch to another unit",
         needs=("unit",), reason=True, guards=("unit_in_service", "another_unit")),
    Move("C35", "rework", "FEEDBACK", "HANDLING", _who("DP SV"), "打回重办", "Send back for rework", reason=True,
         guards=("handled_by_unit",)),
    Move("C36", "rework_self", "FEEDBACK", "SELF_HANDLING", _who("DP SV"), "退中心重办", "Rework here", reason=True,
         guards=("handled_here",)),
    Move("C37", "request_check", "FEEDBACK", "CHECKING", _who("DP SYS"), "转监督员核查", "Have it checked on site"),
    Move("C38", "check_pass", "CHECKING", "CALLBACK", _who("IN SYS"), "核查通过", "Check passed", takes=("answer",)),
    Move("C39", "check_fail", "CHECKING", "ACCEPTED", _who("IN"), "核查不通过", "Check failed", reason=True),
    Move("C40", "pass", "FEEDBACK", "CALLBACK", _who("DP SYS"), "审核通过", "Pass and release the answer", needs=("answer",)),
    Move("C41", "pass_no_callback", "FEEDBACK", "CLOSED", _who("DP SYS"), "通过免回访", "Pass without callback",
         needs=("answer",), takes=("closing",), reason=True),
    Move("C42", "satisfied", "CALLBACK", "CLOSED", _who("CB C SYS"), "回访满意", "Satisfied",
         needs=("rating",), takes=("closing", "contacted", "solved"), ratings=GOOD),
    Move("C43", "unreachable", "CALLBACK", "CLOSED", _who("CB SYS"), "无法联系", "Could not be reached", reason=True,
         guards=("tried_enough",)),
    Move("C44", "dissatisfied", "CALLBACK", "DISSAT_REVIEW", _who("CB C"), "回访不满意", "Dissatisfied",
         needs=("rating",), takes=("why", "compensation", "contacted", "solved"), reason=True, ratings=BAD),
    Move("C45", "second_dispatch", "DISSAT_REVIEW", "ACCEPTED", _who("DP SV"), "二次派单", "Second dispatch", reason=True,
         guards=("rounds_left",)),
    Move("C46", "reasonable_close", "DISSAT_REVIEW", "CLOSED", _who("DP LD"), "认定办结", "Close as reasonably handled", reason=True,
         guards=("another_person",)),
    Move("C47", "to_review", "DISSAT_REVIEW", "UNDER_REVIEW", _who("DP LD"), "转复查", "Pass on for review", reason=True),
    Move("C48", "rate_or_timeout", "CALLBACK_NA", "CLOSED", _who("C SYS AG"), "评价办结", "Rated, or nobody rated",
         takes=("rating",), ratings=GOOD + BAD),
    Move("C49", "followup_needed", "CALLBACK_NA", "REGISTERED", _who("AG"), "需要跟进", "Needs a follow-up", reason=True),
    Move("C50", "confirm_close", "CLOSE_REVIEW", "CLOSED", _who("DP"), "同意办结", "Confirm closing", takes=("closing",)),
    Move("C51", "reopen", "CLOSE_REVIEW", "ACCEPTED", _who("DP"), "重新办理", "Reopen", reason=True),
    Move("C52", "citizen_reopen", "CLOSED", "REGISTERED", _who("C AG"), "市民要求重办", "Reopen for the citizen", reason=True,
         guards=("reopen_in_time",)),
    Move("C53", "apply_review", "CLOSED", "UNDER_REVIEW", _who("C AG"), "申请复查", "Apply for a review", reason=True,
         guards=("review_in_time",)),
    Move("C54", "review_upheld", "UNDER_REVIEW", "REVIEWED", _who("DP LD"), "复查维持", "Review: upheld", reason=True,
         guards=("not_the_handler",)),
    Move("C55", "review_overturned", "UNDER_REVIEW", "ACCEPTED", _who("DP LD"), "复查纠正", "Review: overturned", reason=True,
         guards=("not_the_handler",)),
    Move("C56", "apply_recheck", "REVIEWED", "UNDER_RECHECK", _who("C AG"), "申请复核", "Apply for a recheck", reason=True,
         guards=("recheck_in_time",)),
    Move("C57", "no_appeal", "REVIEWED", "CLOSED", _who("SYS"), "逾期未申请复核", "No recheck was asked for"),
    Move("C58", "recheck_upheld", "UNDER_RECHECK", "FINAL", _who("LD"), "复核维持（终结）", "Recheck: upheld, final", reason=True),
    Move("C59", "recheck_overturned", "UNDER_RECHECK", "ACCEPTED", _who("LD"), "复核纠正", "Recheck: overturned", reason=True),
    Move("C60", "archive", "CLOSED", END, _who("SYS DP"), "归档", "Archive"),
    Move("C61", "archive", "FINAL", END, _who("SYS DP"), "归档", "Archive"),
    Move("C62", "citizen_objects", "REJECTED", "REJECT_REVIEW", _who("C AG"), "市民异议", "The citizen objects", reason=True,
         guards=("object_once",)),
    Move("C63", "archive", "REJECTED", END, _who("SYS DP"), "归档", "Archive"),
    Move("C64", "archive", "WITHDRAWN", END, _who("SYS DP"), "归档", "Archive"),
    Move("C65", "withdraw", "REGISTERED", "WITHDRAWN", _who("C AG"), "撤诉", "Withdraw", reason=True, final=True),
    *(
        Move(code, "withdraw", source, "CLOSE_REVIEW", _who("C AG"), "撤诉", "Withdraw", reason=True, final=True)
        for code, source in (("C66", "ACCEPTED"), ("C67", "DISPATCHED"), ("C68", "HANDLING"),
                             ("C69", "SELF_HANDLING"), ("C71", "SUSPENDED"))
    ),
    Move("C70", "reclassify_refuse", "ACCEPTED", "REJECT_REVIEW", _who("DP"), "改为不予受理", "Refuse after filing",
         needs=("grounds",), takes=("reason",)),
    Move("C72", "unarchive", END, "CLOSED", _who("LD AD"), "撤销归档", "Take out of the archive", reason=True),
)  # fmt: skip
SHIPPED = Workflow(STANDARD, 0, STATES, MOVES, frozenset({END}))
STEPS = SHIPPED.steps
CREATION: Mapping[bool, Move] = {
    True: STEPS[START, "create_by_phone"],
    False: STEPS[START, "create_by_channel"],
}
"""By phone, or by any other channel."""


def made(name: str, version: int, moves: Sequence[Move]) -> Workflow:
    """Return the workflow these moves make; its states are those they touch."""
    used = {end for move in moves for end in (move.source, move.target)}
    states = {state.name: state for state in STATES.values() if state.name in used}
    return Workflow(name, version, states, tuple(moves), frozenset({END}))


def states_in(list_name: str) -> tuple[str, ...]:
    """Return the states whose tickets stand in one of the six lists."""
    return tuple(state.name for state in _STATES if state.list == list_name)


def label(name: str, language: str = "zh") -> str:
    """Return the words for a move or a state, as people read them."""
    moves = SHIPPED.named.get(name)
    found: State | Move | None = STATES.get(name) or (moves[0] if moves else None)
    return name if found is None else found.zh if language.startswith("zh") else found.en
