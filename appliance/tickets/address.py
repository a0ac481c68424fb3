"""Chinese addresses as people say them: district, roads with house numbers, names of places, and nearness.

"云东区解放路八十八号" and "解放路 88 号门口" are the same spot; "解放路 92 号" is near it.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple

ADDRESS_MAX = 200
ROADS_MAX = 3
NEXT_DOOR = 10
"""House numbers so far apart are next to each other."""
SAME_BLOCK = 40

_HAN = "[\u4e00-\u9fff]"
_NUMERALS: Final = str.maketrans("〇零一二三四五六七八九两", "001234567892")
_SPOKEN = re.compile(r"[〇零一二三四五六七八九十百两]{1,7}(?=号|弄|栋|幢)")
_UNITS = {"十": 10, "百": 100}
_NOISE = re.compile(r"[\s,，。.、;；:：()（）\[\]【】\"'“”‘’]+")
_BEFORE = re.compile(
    rf"^(?:{_HAN}{{2,6}}?(?:省|自治区))?(?:{_HAN}{{1,5}}?市)?"
    rf"(?P<district>{_HAN}{{1,5}}?(?<![小社校园厂城景库])(?:区|县))?(?:{_HAN}{{1,6}}?(?:街道|镇|乡))?"
)
_ROAD = re.compile(
    rf"(?P<road>{_HAN}{{1,7}}?(?:大道|大街|胡同|巷|路(?![灯口面段边牙])|街(?![道边头坊])"
    r"|(?<![水行通车街管])道(?!路)|[里弄](?=[0-9]|$)))(?P<number>[0-9]{1,5})?"
)
_PLACE = re.compile(
    rf"{_HAN}{{2,8}}?(?:小区|花园|家园|广场|公园|市场|大厦|小学|中学|大学|医院|车站|社区|苑|村|桥|站)"
)
_OF_A_ROAD = re.compile(r"[东西南北中]?(?:大道|大街|胡同|[路巷弄]|街(?!道))")
_LEADING = re.compile(
    r"^(?:.*[与和及至到往]|位于|靠近|就在|在|我家|我们|门口|附近|路口|口|号|楼|院|[东西南北]侧)+"
)


class Road(NamedTuple):
    """A road, and a house number on it."""

    name: str
    number: int | None = None


class Address(NamedTuple):
    """What an address names; empty parts were not said."""

    text: str
    """The whole, in one way of writing."""
    district: str = ""
    roads: tuple[Road, ...] = ()
    place: str = ""
    """A housing estate, park, school …"""

    @property
    def words(self) -> str:
        """The part that is told when two addresses meet."""
        return self.roads[0].name if self.roads else self.place or self.text


def read(address: str, area: str = "") -> Address:
    """Read an address; `area` is the district registered beside it."""
    text = plain(address)
    found = _BEFORE.match(text)
    assert found is not None
    district = _plain_area(area) or found.group("district") or ""
    rest = text[found.end() :] or text
    if district and rest.startswith(district):
        rest = rest[len(district) :]
    roads = tuple(
        Road(name, int(number) if number else None)
        for name, number in ((_stripped(m["road"]), m["number"]) for m in _ROAD.finditer(rest))
        if len(name) > 1
    )
    places = [_stripped(name) for name in _PLACE.findall(_ROAD.sub(" ", rest))]
    return Address(text, district, roads[:ROADS_MAX], next((name for name in places if len(name) > 2), ""))


@lru_cache(1024)
def _plain_area(area: str) -> str:
    """There are few, and many addresses in each."""
    return plain(area)


def plain(text: str) -> str:
    """One way of writing: half width, no blanks or marks, house numbers in figures."""
    narrow = unicodedata.normalize("NFKC", text[:ADDRESS_MAX])
    return _SPOKEN.sub(lambda spoken: str(_figures(spoken.group())), _NOISE.sub("", narrow))


def district_in(text: str, districts: Iterable[str]) -> str:
    """The district of the own city an address begins in or names: the longest name found, or empty.

    A name without its 区, 县 or 市 counts too when nothing longer is found. A road that bears a
    district's name is not in it.
    """
    said = plain(text)
    known = sorted({name for name in districts if len(name) > 1}, key=lambda name: (-len(name), name))
    whole = next((name for name in known if _named(said, name)), "")
    short = (name for name in known if len(name) > 2 and name[-1] in "区县市" and _named(said, name[:-1]))
    return whole or next(short, "")


def _named(said: str, name: str) -> bool:
    """Whether a text names a place, not a road called after it."""
    at = said.find(name)
    while at >= 0:
        if not _OF_A_ROAD.match(said, at + len(name)):
            return True
        at = said.find(name, at + 1)
    return False


def nearness(one: Address, other: Address) -> float:
    """How near two addresses are, 0 to 1; the same for both ways round, 1 for the same words."""
    if not one.text or not other.text:
        return 0.0
    if one.text == other.text and one.district == other.district:
        return 1.0
    if one.district and other.district and one.district != other.district:
        return 0.0
    on_roads = max((_along(a, b) for a in one.roads for b in other.roads), default=0.0)
    same_place = 0.8 if one.place and one.place == other.place else 0.0
    same_words = 0.9 if one.text == other.text else 0.0
    return max(on_roads, same_place, same_words)


def _along(one: Road, other: Road) -> float:
    if one.name != other.name:
        return 0.0
    if one.number is None or other.number is None:
        return 0.5 if one.number == other.number else 0.4
    apart = abs(one.number - other.number)
    return 0.95 if not apart else 0.8 if apart <= NEXT_DOOR else 0.5 if apart <= SAME_BLOCK else 0.2


def _stripped(name: str) -> str:
    return _LEADING.sub("", name)


def _figures(spoken: str) -> int:
    """Eighty-eight as 八十八, one hundred and two as 一百零二, or figure by figure as 一〇二."""
    if not any(unit in spoken for unit in _UNITS):
        return int(spoken.translate(_NUMERALS))
    total, digit = 0, 0
    for char in spoken:
        if char in _UNITS:
            total, digit = total + (digit or 1) * _UNITS[char], 0
        else:
            digit = int(char.translate(_NUMERALS))
    return total + digit
