"""The numbering plan as data: mobile prefixes, area codes and post codes of the package `phone`.

Its file holds records "province|city|post code|area code" (zero-ended, UTF-8) and, sorted,
an index of 7-digit prefixes: prefix, offset of the record, carrier (<iiB). A number that was
carried to another network keeps its prefix: the carrier is the one it was first given by.
"""

import struct
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

HEAD = struct.Struct("<4si")
ROW = struct.Struct("<iiB")
PREFIX_DIGITS = 7
WRONG = {"00479": "0479"}
"""An area code the file has with a zero too many."""


@dataclass(frozen=True, slots=True)
class Place:
    """A city of the numbering plan, by its Chinese names."""

    province: str
    city: str
    post_code: str
    area_code: str

    @property
    def name(self) -> str:
        """Province and city, once when they are the same."""
        return self.province if self.province == self.city else f"{self.province}{self.city}"


class Prefixes(Sequence[int]):
    """The sorted prefixes of the file, read where they are."""

    def __init__(self, data: bytes, first: int) -> None:
        self._data, self._first = data, first

    def __len__(self) -> int:
        return (len(self._data) - self._first) // ROW.size

    def __getitem__(self, index: int) -> int:  # type: ignore[override]  # bisect asks for single rows only
        return self.row(index)[0]

    def row(self, index: int) -> tuple[int, int, int]:
        """Prefix, where its place is written, carrier."""
        prefix, offset, carrier = ROW.unpack_from(self._data, self._first + index * ROW.size)
        return prefix, offset, carrier


class Numbering:
    """The file, opened."""

    def __init__(self, data: bytes) -> None:
        version, first = HEAD.unpack_from(data)
        self.version = version.decode("ascii", "replace")
        """When it was made: YYMM."""
        self._data = data
        self._prefixes = Prefixes(data, first)
        records = data[HEAD.size : first].decode("utf-8").split("\0")
        self.places = tuple(sorted({_place(r) for r in records if r.count("|") == 3}, key=_order))

    def mobile(self, digits: str) -> tuple[Place, int] | None:
        """The place a mobile number of at least seven digits was given out in, and its first carrier."""
        prefix = int(digits[:PREFIX_DIGITS])
        at = bisect_left(self._prefixes, prefix)
        if at >= len(self._prefixes) or self._prefixes[at] != prefix:
            return None
        _, offset, carrier = self._prefixes.row(at)
        record = self._data[offset : self._data.index(b"\0", offset)].decode("utf-8")
        return _place(record), carrier

    def by_area_code(self, code: str) -> list[Place]:
        """The places of an area code, the capital of the area first."""
        return [place for place in self.places if place.area_code == code]

    def by_post_code(self, code: str) -> list[Place]:
        """The cities of its county (four digits), or else of its postal zone (three)."""
        begins = (code[:4], code[:3])
        found = ([place for place in self.places if place.post_code.startswith(b)] for b in begins)
        return next(filter(None, found), [])

    def by_name(self, name: str) -> list[Place]:
        """The places whose name has this in it."""
        return [place for place in self.places if name in place.name or name in place.city]


@cache
def numbering() -> Numbering:
    """The numbering plan of this installation, read once."""
    spec = find_spec("phone")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Numbering((Path(spec.submodule_search_locations[0]) / "phone.dat").read_bytes())


def _place(record: str) -> Place:
    province, city, post_code, area_code = record.split("|")
    return Place(province, city, post_code.zfill(6), WRONG.get(area_code, area_code))


def _order(place: Place) -> tuple[str, bool, str]:
    return place.area_code, not place.post_code.endswith("0000"), place.post_code
