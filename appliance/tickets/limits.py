"""How long things may take, as tables: per kind and urgency, for each step, with presets of other cities.

Pure. Every number may be changed; these are what a box begins with. Working days for what is
usual, natural hours for what is urgent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from appliance.tickets.clocks import Limit
from appliance.tickets.extending import ExtensionRules
from appliance.tickets.fields import KINDS, URGENCIES


def wd(n: int) -> Limit:
    """So many working days."""
    return Limit(n, "wd")


def hours(n: int) -> Limit:
    """So many hours, day and night."""
    return Limit(n, "hours")


def minutes(n: int) -> Limit:
    """So many minutes, day and night."""
    return Limit(n, "minutes")


HANDLING: Mapping[str, Limit] = {
    "consult": wd(5),
    "complaint": wd(15),
    "report": wd(30),
    "help": wd(5),
    "repair": wd(5),
    "emergency": hours(24),
    "suggestion": wd(15),
    "criticism": wd(15),
    "opinion": wd(15),
    "praise": wd(5),
    "thanks": wd(5),
    "service": wd(5),
    "application": wd(15),
    "other": wd(15),
}
"""From acceptance to the answer, and for a unit from its dispatch to its feedback."""
URGENT: Mapping[str, Limit] = {"urgent": hours(24), "critical": hours(2)}
"""An urgency that is not the usual one stands above the kind, when it is shorter."""
STEPS: Mapping[str, Limit] = {
    "REGISTERED": wd(1),
    "NEED_INFO": wd(5),
    "VERIFYING": hours(2),
    "ACCEPTED": minutes(30),
    "DISPATCHED": wd(1),
    "RETURN_REVIEW": wd(1),
    "CHECKING": hours(2),
    "CALLBACK": wd(1),
    "CALLBACK_NA": hours(24),
    "UNDER_REVIEW": Limit(30, "days"),
    "UNDER_RECHECK": Limit(30, "days"),
}
"""How long a ticket may stand in a state before the next step."""
INTAKE: Mapping[str, Limit] = {
    "sms": minutes(3),
    "voicemail": hours(24),
    "web": hours(24),
    "mail": hours(24),
    "media": hours(24),
    "letter": wd(1),
}
"""How long what came by a channel may wait to be accepted; other channels as STEPS says."""
URGENT_STEPS: Mapping[str, Limit] = {
    "REGISTERED": minutes(10),
    "VERIFYING": hours(1),
    "ACCEPTED": minutes(10),
    "DISPATCHED": minutes(30),
    "CHECKING": hours(1),
}


@dataclass(frozen=True, slots=True)
class Limits:
    """One set of limits, with the names people choose it by."""

    zh: str
    en: str
    handling: Mapping[str, Limit] = field(default_factory=lambda: HANDLING)
    urgent: Mapping[str, Limit] = field(default_factory=lambda: URGENT)
    steps: Mapping[str, Limit] = field(default_factory=lambda: STEPS)
    intake: Mapping[str, Limit] = field(default_factory=lambda: INTAKE)
    urgent_steps: Mapping[str, Limit] = field(default_factory=lambda: URGENT_STEPS)
    extension: ExtensionRules = field(default_factory=ExtensionRules)
    return_within: Limit = field(default_factory=lambda: wd(1))
    """How long after its dispatch a unit may ask to return it."""

    def for_handling(self, kind: str, urgency: str) -> Limit:
        """Return how long a case of this kind and urgency may take."""
        usual = self.handling.get(kind) or self.handling["other"]
        urgent = self.urgent.get(urgency)
        return urgent if urgent is not None and _rough(urgent) < _rough(usual) else usual

    def for_state(self, state: str, urgency: str, source: str = "") -> Limit | None:
        """Return how long a ticket may stand in a state; None when nothing limits it."""
        usual = self.steps.get(state)
        if state == "REGISTERED":
            usual = self.intake.get(source, usual)
        urgent = self.urgent_steps.get(state) if urgency in self.urgent else None
        if urgent is None or (usual is not None and _rough(usual) < _rough(urgent)):
            return usual
        return urgent


def _rough(limit: Limit) -> float:
    """About how many hours, to tell which of two limits is shorter."""
    return limit.n * {"wd": 33.6, "wh": 4.2, "days": 24.0, "hours": 1.0, "minutes": 1 / 60}[limit.unit]


SEEDS = Limits("默认（咨询5、投诉15、举报30个工作日）", "Default: 5, 15, 30 working days")
DEFAULT = "seeds"
PRESETS: Mapping[str, Limits] = {
    DEFAULT: SEEDS,
    "shandong": replace(
        SEEDS,
        zh="山东（5个工作日）",
        en="Shandong: 5 working days",
        handling={**dict.fromkeys(KINDS, wd(5)), "emergency": hours(24)},
        extension=ExtensionRules(share=2.0),
        return_within=wd(2),
    ),
    "beijing": replace(
        SEEDS,
        zh="北京（2小时、24小时、7天、15天）",
        en="Beijing: 2 h, 24 h, 7 days, 15 days",
        handling={
            **dict.fromkeys(KINDS, Limit(7, "days")),
            "emergency": hours(24),
            "complaint": Limit(15, "days"),
            "report": Limit(15, "days"),
            "suggestion": Limit(15, "days"),
        },
    ),
    "city_management": replace(
        SEEDS,
        zh="数字城管（派单10/30分钟，核查1/2小时）",
        en="City management: dispatch in 10 or 30 min, check in 1 or 2 h",
    ),
    "12315": replace(
        SEEDS,
        zh="12315（7个工作日受理，投诉60日，举报15个工作日）",
        en="12315: accept in 7 working days, complaints 60 days, reports 15 working days",
        handling={**HANDLING, "complaint": Limit(60, "days"), "report": wd(15)},
        intake={**INTAKE, "letter": wd(7)},
    ),
}
"""Sets of limits to begin from."""
assert all(set(preset.handling) == set(KINDS) for preset in PRESETS.values())
assert all(set(preset.urgent) < set(URGENCIES) for preset in PRESETS.values())
