"""What kind of number was dialled, and who may dial it (呼出限制、功能等级、密码、记帐). Pure."""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from appliance.calls.admission import plain
from appliance.published import NumberKind, ServiceClass

EMERGENCY = "emergency"
SITE = "site"
"""A short number of another site of ours, by a trunk that costs nothing (内部短号)."""
OTHER = "other"
"""The kind of a number no pattern fits."""
FREE = frozenset({EMERGENCY, SITE})
"""What every phone may call."""
NUMBER_KINDS = (
    NumberKind(EMERGENCY, ("110", "112", "119", "120", "122")),
    NumberKind("premium", ("16[0-9]??", "16[0-9]?????", "969??*")),
    NumberKind(
        "service", ("10[0-9]", "10[0-9]??*", "11[0-9]", "12[0-9]", "12[0-9]??*", "9[56]???*", "[48]00???????")
    ),
    NumberKind("mobile", ("1[3-9]?????????",)),
    NumberKind("international", ("00*", "+*")),
    NumberKind("national", ("0[1-9]*",)),
    NumberKind("local", ("[2-9]??????", "[2-9]???????")),
)
"""Numbers as they are dialled in China (YD/T 1127); the first kind that fits decides."""
CLASSES = (
    ServiceClass("inside"),
    ServiceClass("local", ("service", "local", "mobile")),
    ServiceClass("national", ("service", "local", "mobile", "national")),
    ServiceClass("all", ("service", "local", "mobile", "national", "international", OTHER)),
)
"""Classes of service there are without being written down."""
DEFAULT_CLASS = "national"
PIN_ROUNDS = 20_000
SHORT_MAX = 6
"""Digits of a short number."""


@dataclass(frozen=True, slots=True)
class Permit:
    """Whether a class of service may call a kind of number, and what must be keyed first."""

    allowed: bool
    pin: bool = False
    account: bool = False


class Numbers:
    """The kinds of numbers and the classes of service of one box."""

    def __init__(
        self,
        kinds: Iterable[NumberKind],
        classes: Iterable[ServiceClass],
        area: str = "",
        sites: Iterable[str] = (),
    ) -> None:
        self._kinds = (*kinds, *NUMBER_KINDS)
        self._sites = tuple(sites)
        """How short numbers of other sites begin."""
        self._classes: Mapping[str, ServiceClass] = {c.name: c for c in (*CLASSES, *classes)}
        self._area = area

    def kind(self, number: str) -> str:
        """The kind of a number as it was dialled; a number of the own area with its code is local."""
        if len(number) <= SHORT_MAX and number.startswith(self._sites):
            return SITE
        known = plain(number)
        if self._area and known.startswith(self._area):
            known = known[len(self._area) :]
        found = (kind.name for kind in self._kinds for p in kind.patterns if fnmatchcase(known, p))
        return next(found, OTHER)

    def permit(self, service: str, number: str) -> Permit:
        """What a class of service needs to call a number."""
        kind = self.kind(number)
        if kind in FREE:
            return Permit(True)
        row = self._classes.get(service or DEFAULT_CLASS, CLASSES[0])
        pin = kind in row.with_pin
        return Permit(pin or kind in row.may, pin, kind in row.account)

    def may_call_back(self, number: str) -> bool:
        """Whether a number anybody keyed is called back: what every phone may call, but no emergency."""
        return self.kind(number) != EMERGENCY and self.permit("", number).allowed


def sealed(pin: str, salt: str) -> str:
    """What a PIN is kept as (PBKDF2-HMAC-SHA256, RFC 8018): ``salt$hex``."""
    digest = hashlib.pbkdf2_hmac("sha256", pin.encode(), salt.encode(), PIN_ROUNDS)
    return f"{salt}${digest.hex()}"


def fits(pin: str, kept: str) -> bool:
    """Whether this is the PIN that was kept."""
    return bool(kept) and hmac.compare_digest(sealed(pin, kept.partition("$")[0]), kept)
