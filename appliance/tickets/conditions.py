"""What the conditions of moves are called where people choose them."""

from collections.abc import Mapping

CONDITIONS: Mapping[str, tuple[str, str]] = {
    "asks_left": ("要求补充次数未满", "The citizen may still be asked for more"),
    "another_person": ("须由另一人办理", "Somebody else than who made the step before"),
    "not_the_handler": ("不得由经办人复查", "Not who handled the case"),
    "master_open": ("主办工单仍在办理", "The main ticket is open"),
    "unmerge_in_time": ("在可撤销并案期限内", "Within the days in which it may be taken apart"),
    "return_in_time": ("在可退回期限内", "Within the days in which a unit may return it"),
    "appeal_in_time": ("在可申诉期限内", "Within the days in which a unit may appeal"),
    "reopen_in_time": ("在可要求重办期限内", "Within the days in which it may be reopened"),
    "review_in_time": ("在可申请复查期限内", "Within the days in which a review may be asked for"),
    "recheck_in_time": ("在可申请复核期限内", "Within the days in which a recheck may be asked for"),
    "unit_in_service": ("单位有效", "The units exist"),
    "designator": ("只有派单员或领导可指定", "Only dispatchers and leaders designate"),
    "another_unit": ("须换一个单位", "Another unit than now"),
    "not_the_lead": ("不是主办单位", "Not the leading unit"),
    "own_third_level": ("只能转本单位的下级", "Only inside the own unit"),
    "not_designated": ("不是指定办理", "The unit was not designated"),
    "returns_left": ("退回次数未满", "The unit may still return it"),
    "orders_done": ("必办协办单已完成", "Mandatory sub-orders are done"),
    "planned_ahead": ("计划日期在今后", "The planned date lies ahead"),
    "due_ahead": ("限期在今后", "The due date lies ahead"),
    "at_ahead": ("时间在今后", "The time lies ahead"),
    "leader_for_long": ("长期挂账须领导批准", "Long suspensions by a leader"),
    "handled_by_unit": ("由单位办理的", "A unit handled it"),
    "handled_here": ("由中心办理的", "The centre handled it"),
    "rounds_left": ("二次派单次数未满", "Second dispatches are left"),
    "object_once": ("市民尚未提出过异议", "The citizen has not objected before"),
    "extensions_left": ("延期次数未满", "Extensions are left"),
    "first_extension": ("首次延期", "It is the first extension"),
    "before_due": ("未超期", "It is not overdue"),
    "tried_enough": ("已按规定次数联系过市民", "The citizen was tried often enough"),
}
"""By the names guards.py has for them: Chinese and English."""
