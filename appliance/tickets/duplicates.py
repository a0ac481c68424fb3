"""How much two tickets look like the same matter: a score from 0 to 100 that is the sum of its reasons.

Nothing is ever compared with all tickets: every ticket has a handful of keys (phone, road and block,
place, category in an area, pieces of its text), and only tickets that share a key are scored.
"""

import hashlib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from appliance.tickets.address import Address, nearness, read

WEIGHTS: Final[Mapping[str, int]] = {"phone": 30, "address": 25, "text": 30, "category": 10, "time": 5}
"""The most points each reason gives; together 100."""
REASONS: Final[Mapping[str, tuple[str, str]]] = {
    "phone": ("同一电话", "Same phone"),
    "address": ("地址相近", "Near address"),
    "text": ("内容相似", "Similar text"),
    "category": ("同一类别", "Same category"),
    "time": ("时间相近", "Close in time"),
}
LIKELY = 50
"""From here on it is most likely the same matter."""
WORTH_A_LOOK = 35
DAY_S = 86_400.0
WINDOW_S = 90 * DAY_S
"""Further apart two tickets are two matters."""
NEAR_S = 3 * DAY_S
TEXT_MAX = 1500
BLOCK = 20
"""House numbers that share a key."""
AT_ONCE = 50
"""So many texts are cut in one pass: more would not stay in the cache of a core."""
BANDS, ROWS = 6, 2
"""The text's keys: bands of least hashes; two texts with half their pieces in common share one at 82 %."""
COMMON_WEIGHT = 0.15

_COMMON_PHRASES = (
    *("市民来电反映", "市民反映", "来电人反映", "来电反映", "希望相关部门尽快处理", "请相关部门核实处理"),
    *("希望有关部门解决", "请尽快处理", "要求回复", "影响正常生活", "多次反映无果", "谢谢", "您好"),
    *("市民表示", "来电咨询", "投诉人称", "望处理", "给予答复", "诉求", "居民反映", "请工作人员"),
)
_SAID_BY_ALL = re.compile("|".join(sorted(_COMMON_PHRASES, key=len, reverse=True)))
_NOT_TEXT = re.compile(r"[^\u4e00-\u9fffA-Za-z0-9]+")


def _grams(text: str) -> frozenset[str]:
    return frozenset(text[at : at + 2] for at in range(len(text) - 1))


_COMMON: Final = frozenset[str]().union(*(_grams(phrase) for phrase in _COMMON_PHRASES))
_SEED = np.random.default_rng(12345)
_FACTORS: Final = _SEED.integers(1, 2**63, BANDS * ROWS, dtype=np.uint64) | np.uint64(1)
_SHIFTS: Final = _SEED.integers(0, 2**63, BANDS * ROWS, dtype=np.uint64)
_MIXERS: Final = _SEED.integers(1, 2**63, ROWS, dtype=np.uint64) | np.uint64(1)
_BAND_NUMBERS: Final = _SEED.integers(0, 2**63, BANDS, dtype=np.uint64)
_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Matter:
    """What is compared of a ticket, or of a form that is being filled in."""

    phone: str = ""
    area: str = ""
    address: str = ""
    title: str = ""
    content: str = ""
    category: str = ""
    at_s: float = 0.0

    @cached_property
    def where(self) -> Address:
        """The address, read."""
        return read(self.address, self.area)

    @cached_property
    def pieces(self) -> list[str]:
        """Title and content without marks, cut where everybody's phrases stood."""
        return _pieces(self)

    @cached_property
    def grams(self) -> frozenset[str]:
        """The pairs of characters in title and content."""
        return frozenset[str]().union(*(_grams(piece) for piece in self.pieces))


@dataclass(frozen=True, slots=True)
class Reason:
    """Why two tickets look alike, and how many points that gives."""

    kind: str
    """One of REASONS."""
    points: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Likeness:
    """How much two matters are alike; the score is the sum of the reasons."""

    score: int
    reasons: tuple[Reason, ...]


def likeness(one: Matter, other: Matter) -> Likeness:
    """Compare two matters; the same both ways round, and nothing is more like a matter than itself."""
    if abs(one.at_s - other.at_s) > WINDOW_S:
        return Likeness(0, ())
    parts = {
        "phone": (float(bool(one.phone) and one.phone == other.phone), one.phone[-4:]),
        "address": (nearness(one.where, other.where), min(one.where.words, other.where.words)),
        "text": (_rising(overlap(one.grams, other.grams)), ""),
        "category": (float(bool(one.category) and one.category == other.category), ""),
    }
    reasons = [
        Reason(kind, points, detail)
        for kind, (share, detail) in parts.items()
        if (points := round(WEIGHTS[kind] * share))
    ]
    if reasons:
        apart = abs(one.at_s - other.at_s)
        share = 1.0 if apart <= NEAR_S else 1 - (apart - NEAR_S) / (WINDOW_S - NEAR_S)
        if points := round(WEIGHTS["time"] * share):
            reasons.append(Reason("time", points, str(math.ceil(apart / DAY_S))))
    return Likeness(sum(reason.points for reason in reasons), tuple(reasons))


def overlap(one: frozenset[str], other: frozenset[str]) -> float:
    """The share of pieces two texts have in common; what everybody writes hardly counts."""
    if not one or not other:
        return 0.0
    return _weight(one & other) / math.sqrt(_weight(one) * _weight(other))


def keys(matter: Matter) -> tuple[int, ...]:
    """The keys a ticket is kept under."""
    return next(keys_of([matter]))


def keys_of(matters: Sequence[Matter]) -> Iterator[tuple[int, ...]]:
    """The same for many at once: most of the work is one pass over all their texts."""
    for matter, bands in zip(matters, _bands([_pieces(matter) for matter in matters]), strict=True):
        where = read(matter.address, matter.area)
        yield tuple(dict.fromkeys(_key(name) for name in _names(matter, where, around=False))) + bands


def asked(matter: Matter) -> tuple[int, ...]:
    """The keys under which tickets like this one are kept: its own, and those of the blocks beside it."""
    (bands,) = _bands([matter.pieces])
    names = _names(matter, matter.where, around=True)
    return tuple(dict.fromkeys(_key(name) for name in names)) + bands


def _pieces(matter: Matter) -> list[str]:
    return _SAID_BY_ALL.split(_NOT_TEXT.sub("", f"{matter.title}{matter.content}"[:TEXT_MAX].lower()))


def _names(matter: Matter, where: Address, around: bool) -> list[str]:
    names = [f"phone {matter.phone}"] if matter.phone else []
    for road in where.roads:
        block = None if road.number is None else road.number // BLOCK
        near = () if block is None or not around else (block - 1, block + 1, None)
        names += [f"road {road.name} {at}" for at in (block, *near)]
    if where.place:
        names.append(f"place {where.place}")
    if where.text and not where.roads and not where.place:
        names.append(f"words {where.text}")
    if matter.category:
        names.append(f"category {matter.category} {where.district}")
    return names


@lru_cache(4096)
def _key(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=7).digest(), "big")


def _bands(texts: Sequence[Sequence[str]]) -> Iterator[tuple[int, ...]]:
    """The keys of each text, given in pieces; none where a text has no two characters in a row."""
    for start in range(0, len(texts), AT_ONCE):
        codes, counts = _codes(texts[start : start + AT_ONCE])
        found = iter(_least(codes, counts[counts > 0]) if len(codes) else ())
        yield from (tuple(next(found)) if count else () for count in counts.tolist())


def _least(codes: NDArray[np.uint64], counts: NDArray[np.int64]) -> list[list[int]]:
    """The keys of each text that has so many of these codes; none of the counts is zero."""
    codes = codes * _SPREAD
    codes ^= codes >> np.uint64(29)
    begins = np.cumsum(counts) - counts
    least = np.minimum.reduceat(codes * _FACTORS[:, None] + _SHIFTS[:, None], begins, axis=1)
    mixed = (least.T.reshape(-1, BANDS, ROWS) * _MIXERS).sum(axis=2, dtype=np.uint64) + _BAND_NUMBERS
    mixed ^= mixed >> np.uint64(31)
    found: list[list[int]] = ((mixed * _SPREAD) >> np.uint64(8)).tolist()
    return found


def _codes(texts: Sequence[Sequence[str]]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Each pair of characters as a number, and how many each text has; none reaches out of its piece."""
    joined = ["\0".join((*pieces, "")) for pieces in texts]
    data = "".join(joined).encode("utf-32-le", "replace") + bytes(4)
    letters = np.frombuffer(data, dtype=np.uint32).astype(np.uint64)
    left, right = letters[:-1], letters[1:]
    pairs = (left != 0) & (right != 0)
    ends = np.cumsum([len(text) for text in joined])
    up_to = np.concatenate(([0], np.cumsum(pairs)))[ends]
    return ((left << np.uint64(21)) | right)[pairs], np.diff(up_to, prepend=0)


def _weight(grams: frozenset[str]) -> float:
    common = len(grams & _COMMON)
    return len(grams) - common + COMMON_WEIGHT * common


def _rising(share: float) -> float:
    """Little in common is chance; nearly all is all."""
    return min(1.0, max(0.0, (share - 0.15) / 0.45))
