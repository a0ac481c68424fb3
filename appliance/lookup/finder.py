"""Whatever an agent pastes is looked at in every way it can be read; what is found are rows of words.

Mobile and landline numbers, area codes, post codes, identity numbers, service numbers, names of cities.
"""

import datetime
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from appliance.lookup.identity import Identity, identity, region
from appliance.lookup.numbering import Place, numbering

TEXT_MAX = 40
PLACES_MAX = 12
Names = tuple[str, str]
"""Chinese and English."""

CARRIERS: Final[Mapping[int, Names]] = {
    1: ("中国移动", "China Mobile"),
    2: ("中国联通", "China Unicom"),
    3: ("中国电信", "China Telecom"),
    4: ("电信虚拟运营商", "virtual operator on China Telecom"),
    5: ("联通虚拟运营商", "virtual operator on China Unicom"),
    6: ("移动虚拟运营商", "virtual operator on China Mobile"),
    7: ("中国广电", "China Broadnet"),
    8: ("广电虚拟运营商", "virtual operator on China Broadnet"),
}
SERVICES: Final[Mapping[str, Names]] = {
    "110": ("公安报警", "police"),
    "114": ("电话号码查询", "directory enquiries"),
    "119": ("火警、救援", "fire and rescue"),
    "120": ("医疗急救", "ambulance"),
    "122": ("交通事故报警", "traffic accidents"),
    "10000": ("中国电信客服", "China Telecom's service"),
    "10010": ("中国联通客服", "China Unicom's service"),
    "10086": ("中国移动客服", "China Mobile's service"),
    "10099": ("中国广电客服", "China Broadnet's service"),
    "12110": ("短信报警", "police by text message"),
    "12123": ("交通管理", "traffic administration"),
    "12306": ("铁路客服", "railways"),
    "12315": ("消费者投诉举报", "consumer complaints"),
    "12319": ("城建服务", "city maintenance"),
    "12320": ("卫生健康", "public health"),
    "12328": ("交通运输服务监督", "transport complaints"),
    "12329": ("住房公积金", "housing fund"),
    "12333": ("人力资源和社会保障", "employment and social security"),
    "12345": ("政务服务便民热线", "government service hotline"),
    "12348": ("公共法律服务", "legal aid"),
    "12365": ("质量监督", "product quality"),
    "12366": ("纳税服务", "taxes"),
    "12369": ("环保举报", "environment"),
    "12388": ("纪检监察举报", "discipline inspection"),
    "12393": ("医疗保障", "medical insurance"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One way to read what was asked: `kind` is a word, the rest is what it tells; empty: nothing."""

    kind: str
    """mobile, landline, area_code, post_code, identity, region, service, place."""
    number: str
    place: str = ""
    carrier: Names = ("", "")
    area_code: str = ""
    post_code: str = ""
    service: Names = ("", "")
    born: datetime.date | None = None
    age: int | None = None
    sex: str = ""
    """female, male; empty when it is not said."""
    fault: str = ""
    """unknown_prefix, bad_check, bad_birthday, unknown_region; empty when all is right."""


def find(text: str, today: datetime.date) -> list[Finding]:
    """Return everything this text may be; empty when it is nothing known."""
    text = text.strip()[:TEXT_MAX]
    plain = re.sub(r"[\s\-()./]", "", text)
    plain = re.sub(r"^(?:\+|00)86(?=[0-9])", "", plain)
    if not plain:
        return []
    if not plain.isascii():
        return _places("place", plain, numbering().by_name(plain))
    found = [finding for read in READERS for finding in read(plain, today)]
    return found


def origin(phone: str) -> Finding | None:
    """Where a caller's number is from: a mobile's home, or a landline's area; None when it tells nothing."""
    found = find(phone, datetime.date.min)
    return next((f for f in found if f.kind in ("mobile", "landline") and not f.fault), None)


def _mobile(text: str, _: datetime.date) -> Sequence[Finding]:
    if not re.fullmatch(r"1[3-9][0-9]{5,9}", text):
        return ()
    known = numbering().mobile(text)
    if known is None:
        return [Finding("mobile", text, fault="unknown_prefix")]
    place, carrier = known
    names = CARRIERS.get(carrier, ("", ""))
    return [Finding("mobile", text, place.name, names, place.area_code, place.post_code)]


def _landline(text: str, _: datetime.date) -> Sequence[Finding]:
    if not re.fullmatch(r"0[1-9][0-9]{8,10}", text):
        return ()
    places = next((p for n in (3, 4) if (p := numbering().by_area_code(text[:n]))), [])
    if not places:
        return [Finding("landline", text, fault="unknown_prefix")]
    return [_place("landline", text, places[0])]


def _area_code(text: str, _: datetime.date) -> Sequence[Finding]:
    if not re.fullmatch(r"0?[1-9][0-9]{1,2}", text):
        return ()
    code = text if text.startswith("0") else f"0{text}"
    return _places("area_code", code, numbering().by_area_code(code))


def _post_code(text: str, _: datetime.date) -> Sequence[Finding]:
    if not re.fullmatch(r"[0-9]{6}", text):
        return ()
    named = region(text)
    own = [Finding("region", text, named)] if named else []
    return [*_places("post_code", text, numbering().by_post_code(text)), *own]


def _identity(text: str, today: datetime.date) -> Sequence[Finding]:
    card = identity(text)
    if card is None:
        return ()
    sex = "female" if card.female else "male"
    fault = _fault(card)
    return [Finding("identity", text, card.region, born=card.born, age=card.age(today), sex=sex, fault=fault)]


def _service(text: str, _: datetime.date) -> Sequence[Finding]:
    return [Finding("service", text, service=SERVICES[text])] if text in SERVICES else ()


def _fault(card: Identity) -> str:
    if card.born is None:
        return "bad_birthday"
    if not card.check_right:
        return "bad_check"
    return "" if card.region else "unknown_region"


def _places(kind: str, number: str, places: Sequence[Place]) -> list[Finding]:
    return [_place(kind, number, place) for place in places[:PLACES_MAX]]


def _place(kind: str, number: str, place: Place) -> Finding:
    return Finding(kind, number, place.name, ("", ""), place.area_code, place.post_code)


READERS: Sequence[Callable[[str, datetime.date], Sequence[Finding]]] = (
    *(_service, _mobile, _landline),
    *(_area_code, _post_code, _identity),
)
