"""What an administrator wrote in ``hotline.toml``, with embedded defaults for all that is not written.

A file that cannot be used is never half used: the last good copy stays in force and
the error names the file, the line and the key.
"""

import re
import shutil
import tomllib

import msgspec

from appliance.blobs.settings import Storage
from appliance.configuration_faults import faults
from appliance.dialling import ExtensionSetting
from appliance.places import Places
from appliance.published import (
    Account,
    Area,
    Band,
    Browser,
    Callback,
    CampaignRules,
    Dialplan,
    Forward,
    Group,
    Gsm,
    NumberKind,
    Queue,
    Recorded,
    ServiceClass,
    Sip,
    SpeedDial,
    Trunk,
)
from appliance.rules import BlacklistSetting, DaySetting

LAST_GOOD = "hotline.last-good.toml"


class Site(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who this box is."""

    number: int = 1
    """1 to 999; 0 is the hub. Part of every ticket number."""
    name: str = "热线一体机"
    role: str = "site"
    """site or hub."""
    language: str = "zh"
    """zh or en: what callers hear and pages show first."""
    numbers: tuple[str, ...] = ("12345",)
    """Hotline numbers that enter the flow."""


class Web(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the pages are."""

    ip: str = "127.0.0.1"
    port: int = 8010
    tell_watched: bool = True
    """Whether agents are told that a shift leader looks at their screen; each look is written down anyway."""


class Api(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How other programs may ask the box, and be told by it."""

    per_minute: int = 600
    """Requests a minute of one token or person, at most."""
    proxies: tuple[str, ...] = ()
    """Addresses of proxies in front of the pages, whose X-Forwarded-For is believed."""
    jurisdiction: str = ""
    """What Open311 clients call this city (jurisdiction_id); empty: any name is taken."""
    webhooks: tuple[str, ...] = ()
    """Hosts events may be sent to, each host:port; none: nothing is ever sent."""


class Sync(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Brokers to reach the hub by, "host:port", tried in order; none means this box is alone."""

    brokers: tuple[str, ...] = ()
    workers: int = 1
    """At a hub: so many sync processes share the sites, each on a core of its own."""
    offered: tuple[str, ...] = ()
    """At a hub: brokers as sites reach them, told to sites that join; empty: `brokers`."""
    plain: bool = False
    """Speak without TLS to brokers on other machines: only in a network of their own (VPN)."""
    day_kbit: int = 256
    """Kilobits a second at which files come from one site by day; 0 without limit."""
    night_kbit: int = 4096
    day_from_h: int = 8
    day_to_h: int = 20
    """Local hours between which it is day."""
    total_kbit: int = 0
    """The same for all sites together; 0 without limit."""
    uplink_kbit: int = 0
    """Kilobits a second of files this box sends at most, whatever it is asked for; 0 without limit."""
    free_percent: int = 5
    """Files are fetched only while so much of the disk is free."""


class Database(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the log and all that follows from it are kept."""

    postgres: str = ""
    """The URL of a PostgreSQL database, for a hub that has grown large; empty: SQLite in the data folder."""


class AgentSetting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one agent is good for; who has no such table serves every queue and every area."""

    number: str
    queues: tuple[str, ...] = ()
    """Queues served; empty: all."""
    levels: dict[str, int] = {}
    """Level in a queue, 1 to 9, 1 where none is named; more is better."""
    areas: tuple[str, ...] = ()
    """Areas served; empty: all."""


class Call(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How calls are treated."""

    flow: str = ""
    """A shipped flow or a flow file; empty means default."""


class Retention(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long recordings are kept, and when they are archived."""

    keep_days: int = 1095
    """Older ones are removed at night; 0 keeps them for ever."""
    newest_days: int = 30
    """Younger ones are never removed, however full the disk is."""
    disk_percent: int = 85
    """From this level of the disk on the oldest are removed; 0 never."""
    archive_days: int = 7
    """Older ones are brought into archive format; 0 never."""
    archive_format: str = "mp3"
    """mp3, or alaw; alaw too where the box cannot write MP3."""
    rolling_days: int = 7
    """Rolling recordings older than this are removed, and before others to make room."""
    night_hour: int = 2
    """Local hour from which on that is done."""
    private_s: float = 180.0
    """How long an agent may have silence recorded at a time; 0 never."""


class Configuration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    site: Site = Site()
    web: Web = Web()
    api: Api = Api()
    sip: Sip = Sip()
    browser: Browser = Browser()
    sync: Sync = Sync()
    store: Database = Database()
    storage: Storage = Storage()
    call: Call = Call()
    recording: Retention = Retention()
    trunk: tuple[Trunk, ...] = ()
    gsm: tuple[Gsm, ...] = ()
    extension: tuple[ExtensionSetting, ...] = ()
    queue: tuple[Queue, ...] = (Queue("general", "综合"),)
    band: tuple[Band, ...] = ()
    blacklist: tuple[BlacklistSetting, ...] = ()
    day: tuple[DaySetting, ...] = ()
    callback: Callback = Callback()
    area: tuple[Area, ...] = ()
    agent: tuple[AgentSetting, ...] = ()
    group: tuple[Group, ...] = ()
    forward: tuple[Forward, ...] = ()
    speed_dial: tuple[SpeedDial, ...] = ()
    account: tuple[Account, ...] = ()
    number_kind: tuple[NumberKind, ...] = ()
    service_class: tuple[ServiceClass, ...] = ()
    recorded: tuple[Recorded, ...] = ()
    dialplan: Dialplan = Dialplan()
    campaign: CampaignRules = CampaignRules()
    demo: bool = False
    """Demo data, demo passwords and the citizen phone page; never on a box in service."""


class BadConfiguration(Exception):
    """The file cannot be used; the text names file, line and key and says what to do."""


def parse(text: str, name: str) -> Configuration:
    """Read a configuration from TOML text; raises BadConfiguration."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        line = where.group(1) if where else str(text.count("\n") + 1)
        reason = str(error).split(" (at ")[0]
        raise BadConfiguration(f"{name}, line {line}: {reason}. Correct this line.") from error
    try:
        configuration = msgspec.convert(table, Configuration)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$")
        unknown = re.search(r"unknown field `(\w+)`", reason)
        keys = re.findall(r"[a-z_]\w*", path) + ([unknown.group(1)] if unknown else [])
        place = re.search(r"\[(\d+)\]", path)
        raise _bad(text, name, keys, reason, int(place.group(1)) if place else 0) from error
    for nth, keys, fault in faults(configuration):
        raise _bad(text, name, keys, fault, nth)
    return configuration


def load(places: Places, warn: list[str] | None = None) -> Configuration:
    """Read the box's file, or the last good copy when it cannot be used; what went wrong goes to `warn`.

    Without any usable copy BadConfiguration is raised; without any file the defaults hold.
    """
    last_good = places.data / LAST_GOOD
    if not places.settings.exists():
        return Configuration()
    try:
        configuration = parse(places.settings.read_text("utf-8"), places.settings.name)
    except (BadConfiguration, OSError, UnicodeDecodeError) as error:
        if not last_good.exists():
            raise BadConfiguration(str(error)) from error
        if warn is not None:
            warn.append(f"{error} The last good configuration stays in force.")
        return parse(last_good.read_text("utf-8"), LAST_GOOD)
    if not last_good.exists() or last_good.read_bytes() != places.settings.read_bytes():
        shutil.copyfile(places.settings, last_good)
    return configuration


def _bad(text: str, name: str, keys: list[str], reason: str, nth: int = 0) -> BadConfiguration:
    key, line = ".".join(keys), _line(text, keys, nth)
    return BadConfiguration(f"{name}, line {line}, key {key}: {reason}. Correct this value.")


def _line(text: str, keys: list[str], nth: int) -> int:
    """Find the line a key stands in, as well as text allows; the table's head when the key is missing.

    `nth` counts tables of the same name, from 0.
    """
    lines = text.splitlines()
    start = 0
    if keys:
        head = re.compile(rf"\s*\[+\s*{re.escape(keys[0])}\b")
        heads = [n for n, line in enumerate(lines) if head.match(line)]
        start = heads[nth] if nth < len(heads) else 0
    entry = re.compile(rf"\s*\[*\s*\"?{re.escape(keys[-1])}\b" if keys else r"$^")
    return next((n for n in range(start, len(lines)) if entry.match(lines[n])), start) + 1
