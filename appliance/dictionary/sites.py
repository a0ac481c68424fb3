"""Sites as a kind of the dictionary: a tree of province, city, county and unit sites, kept at the hub."""

from collections.abc import Iterable, Mapping

from appliance.dictionary.entry import Entry
from appliance.dictionary.kind import Column, Kind, named

SITE = Kind(
    "site",
    "站点",
    "Sites",
    "units",
    (
        *named(),
        Column(
            "parent",
            "上级站点",
            "Site above",
            "entry",
            limit=3,
            refers="site",
            note_zh="上级站点也收到下级站点的工单",
            note_en="The sites above have the tickets of those below",
        ),
        Column(
            "level",
            "层级",
            "Level",
            "choice",
            choices={
                "province": ("省", "Province"),
                "city": ("市", "City"),
                "county": ("区县", "County"),
                "unit": ("单位", "Unit"),
            },
            default="unit",
        ),
        Column("address", "地址", "Address", limit=200),
        Column("phone", "电话", "Phone", limit=32),
        Column("note", "说明", "Note", limit=200),
    ),
    tree=True,
    key_pattern="[1-9][0-9]{0,2}",
)
"""The code is the number of the site, 1 to 999."""


def above(sites: Iterable[Entry]) -> Mapping[int, int]:
    """Return of each site which one stands above it."""
    return {
        int(site.key): int(parent)
        for site in sites
        if site.key.isdecimal() and (parent := site.text("parent")).isdecimal()
    }
