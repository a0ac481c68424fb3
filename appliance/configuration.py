"""What an administrator wrote in ``hotline.toml``, with embedded defaults for all that is not written.

A file that cannot be used is never half used: the last good copy stays in force and
the error names the file, the line and the key.
"""

import ipaddress
import re
import shutil
import tomllib
from importlib.machinery import PathFinder

import msgspec

from appliance import dialling, rules
from appliance.calls.routing import STRATEGIES
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
from appliance.recordings import policy
from appliance.rules import BlacklistSetting, DaySetting

LAST_GOOD = "hotline.last-good.toml"
FORMATS = ("mp3", "alaw")
"""What recordings can be archived in."""
_POSTGRES = re.compile(r"postgresql://[^\s/?#]*/[^\s/?#]+(\?[^\s#]*)?")
DO_NOT_CALL_MAX = 10_000
BROKER = re.compile(r"(?:[0-9A-Za-z][0-9A-Za-z.-]{0,252}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
"""A broker's address: host or host:port, an IPv6 address in brackets."""


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


WORKERS_MAX = 16


class Sync(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Brokers to reach the hub by, "host:port", tried in order; none means this box is alone."""

    brokers: tuple[str, ...] = ()
    workers: int = 1
    """At a hub: so many sync processes share the sites, each on a core of its own."""
    offered: tuple[str, ...] = ()
    """At a hub: brokers as sites reach them, told to sites that join; empty: `brokers`."""
    plain: bool = False
    """Speak without TLS to brokers on other machines: only in a network of their own (VPN)."""


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


def dialling_tables(c: Configuration) -> dialling.Tables:
    """What belongs to the dial plan."""
    return dialling.Tables(
        extensions=c.extension,
        groups=c.group,
        forwards=c.forward,
        speed_dials=c.speed_dial,
        accounts=c.account,
        kinds=c.number_kind,
        classes=c.service_class,
        trunks=c.trunk,
        dialplan=c.dialplan,
    )


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
    for keys, fault in _faults(configuration):
        raise _bad(text, name, keys, fault)
    for nth, keys, fault in dialling.faults(dialling_tables(configuration)):
        raise _bad(text, name, keys, fault, nth)
    for keys, fault in _campaign_faults(configuration):
        raise _bad(text, name, keys, fault)
    for nth, queue in enumerate(configuration.queue):
        for keys, fault in _queue_faults(queue, [q.name for q in configuration.queue]):
            raise _bad(text, name, keys, fault, nth)
    for nth, agent in enumerate(configuration.agent):
        for keys, fault in _agent_faults(agent, configuration):
            raise _bad(text, name, keys, fault, nth)
    hotlines = {*configuration.site.numbers}.union(*(trunk.numbers for trunk in configuration.trunk))
    for nth, keys, fault in rules.faults(
        configuration.band, configuration.blacklist, configuration.day, hotlines
    ):
        raise _bad(text, name, keys, fault, nth)
    queues = {queue.name for queue in configuration.queue}
    for nth, keys, fault in policy.faults(configuration.recorded, queues):
        raise _bad(text, name, keys, fault, nth)
    names = [trunk.name for trunk in configuration.trunk]
    for nth, trunk in enumerate(configuration.trunk):
        for keys, fault in _trunk_faults(trunk, names.count(trunk.name)):
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


def _faults(c: Configuration) -> list[tuple[list[str], str]]:
    """Name what is well-formed but cannot work, each with the keys that lead to it."""
    found: list[tuple[list[str], str]] = []
    if c.site.role not in ("site", "hub"):
        found.append((["site", "role"], f'role "{c.site.role}" is neither "site" nor "hub"'))
    if not 0 <= c.site.number <= 999 or (c.site.number == 0) != (c.site.role == "hub"):
        found.append((["site", "number"], "number must be 1 to 999 for a site and 0 for the hub"))
    if not 1 <= c.sync.workers <= WORKERS_MAX or (c.sync.workers > 1 and c.site.role != "hub"):
        found.append((["sync", "workers"], f"workers must be 1 to {WORKERS_MAX}, and 1 at a site"))
    if c.site.language not in ("zh", "en"):
        found.append((["site", "language"], f'language "{c.site.language}" is neither "zh" nor "en"'))
    ports = [("web", c.web.port), ("sip", c.sip.port), ("browser", c.browser.port)]
    found += [
        ([key, "port"], f"port {p} is not between 1 and 65535") for key, p in ports if not 0 < p < 65536
    ]
    if not 0 < c.sip.tls_port < 65536 or c.sip.tls_port == c.sip.port:
        found.append((["sip", "tls_port"], "tls_port must be between 1 and 65535 and not that of sip.port"))
    found += [(["api", key], fault) for key, fault in _api_faults(c.api)]
    found += [
        (["sync", key], f'"{broker}" is no host:port, like "10.0.0.1:8883"')
        for key, brokers in (("brokers", c.sync.brokers), ("offered", c.sync.offered))
        for broker in brokers
        if not BROKER.fullmatch(broker)
    ]
    if not 1 <= c.sip.lines <= 1000:
        found.append((["sip", "lines"], f"lines is {c.sip.lines}; between 1 and 1000 are possible"))
    found += [(["sip", "allow"], fault) for fault in _network_faults(c.sip.allow)]
    if c.sip.closed and not c.sip.allow and not c.trunk:
        found.append((["sip", "closed"], "closed needs networks in allow, or a trunk, to be open to"))
    if c.sip.calls_per_source < 0:
        found.append((["sip", "calls_per_source"], "calls_per_source cannot be less than 0"))
    if c.sip.srtp not in ("off", "wanted", "required"):
        found.append((["sip", "srtp"], f'srtp "{c.sip.srtp}" is not off, wanted or required'))
    if c.sip.silent_s and not 15 <= c.sip.silent_s <= 3600:
        found.append((["sip", "silent_s"], f"silent_s is {c.sip.silent_s}; 0, or between 15 and 3600"))
    if c.sip.rtp_base % 2 or not 1024 <= c.sip.rtp_base <= 65535 - 2 * c.sip.lines:
        found.append((["sip", "rtp_base"], "rtp_base must be an even port with room for two ports a line"))
    found += [(["store", "postgres"], fault) for fault in _store_faults(c.store.postgres)]
    found += [(["callback", key], fault) for key, fault in _callback_faults(c.callback)]
    return found + [(["recording", key], fault) for key, fault in _retention_faults(c.recording)]


def _store_faults(url: str) -> list[str]:
    if not url:
        return []
    if not _POSTGRES.fullmatch(url):
        return ['postgres must be like "postgresql://user@host/database"']
    if PathFinder.find_spec("psycopg") is None:
        return ["the driver psycopg is not installed; run firmware-config/set-up.sh, or leave postgres empty"]
    return []


def _api_faults(api: Api) -> list[tuple[str, str]]:
    found = _out_of_limits([("per_minute", api.per_minute, 1, 60_000)])
    for address in api.proxies:
        try:
            ipaddress.ip_address(address)
        except ValueError:
            found.append(("proxies", f'"{address}" is no address'))
    for host in api.webhooks:
        if not re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z.-]{0,252}:[0-9]{1,5}", host):
            found.append(("webhooks", f'"{host}" is no host:port, like "city.example:443"'))
    return found


def _callback_faults(callback: Callback) -> list[tuple[str, str]]:
    limits: list[tuple[str, float, float, float]] = [
        ("most", callback.most, 0, 1000),
        ("tries", callback.tries, 1, 20),
        ("again_s", callback.again_s, 10, 86400),
        ("ring_s", callback.ring_s, 5, 120),
        ("keep_h", callback.keep_h, 0.1, 168),
    ]
    return _out_of_limits(limits)


def _out_of_limits(limits: list[tuple[str, float, float, float]]) -> list[tuple[str, str]]:
    return [
        (key, f"{key} is {value:g}; between {least:g} and {most:g} are possible")
        for key, value, least, most in limits
        if not least <= value <= most
    ]


def _retention_faults(r: Retention) -> list[tuple[str, str]]:
    found = [
        (key, f"{key} is {value:g}; between {least} and {most} are possible")
        for key, value, least, most in (
            ("keep_days", r.keep_days, 0, 36500),
            ("newest_days", r.newest_days, 1, 3650),
            ("disk_percent", r.disk_percent, 0, 99),
            ("archive_days", r.archive_days, 0, 36500),
            ("rolling_days", r.rolling_days, 1, 3650),
            ("night_hour", r.night_hour, 0, 23),
            ("private_s", r.private_s, 0, 3600),
        )
        if not least <= value <= most
    ]
    if r.archive_format not in FORMATS:
        found.append(
            ("archive_format", f'archive_format "{r.archive_format}" is none of {", ".join(FORMATS)}')
        )
    if not found and 0 < r.keep_days <= r.newest_days:
        found.append(("keep_days", f"keep_days must be more than newest_days ({r.newest_days})"))
    return found


def _queue_faults(queue: Queue, names: list[str]) -> list[tuple[list[str], str]]:
    found: list[tuple[list[str], str]] = []
    if names.count(queue.name) > 1 or not 0 < len(queue.name) <= 60:
        found.append((["queue", "name"], f'queue name "{queue.name}" is used twice, empty or too long'))
    if queue.strategy not in STRATEGIES:
        known = ", ".join(STRATEGIES)
        found.append((["queue", "strategy"], f'strategy "{queue.strategy}" is none of {known}'))
    if queue.overflow_to and (queue.overflow_to not in names or queue.overflow_to == queue.name):
        found.append((["queue", "overflow_to"], f'"{queue.overflow_to}" is no other queue'))
    limits: list[tuple[str, float, float, float]] = [
        ("offer_s", queue.offer_s, 0.1, 600),
        ("wrap_up_s", queue.wrap_up_s, 0, 3600),
        ("priority", queue.priority, -99, 999),
        ("pause_after", queue.pause_after, 1, 20),
        ("level_wait_s", queue.level_wait_s, 0, 3600),
        ("area_wait_s", queue.area_wait_s, 0, 3600),
        ("last_agent_h", queue.last_agent_h, 0, 8760),
        ("last_agent_wait_s", queue.last_agent_wait_s, 0, 3600),
        ("overflow_s", queue.overflow_s, 0, 3600),
        ("overflow_length", queue.overflow_length, 0, 10000),
    ]
    if not re.fullmatch(r"[\w.-]{0,60}", queue.music):
        found.append((["queue", "music"], f'"{queue.music}" is no name of a recording'))
    return found + [(["queue", key], fault) for key, fault in _out_of_limits(limits)]


def _campaign_faults(c: Configuration) -> list[tuple[list[str], str]]:
    found: list[tuple[list[str], str]] = []
    for key, value in (("lines", c.campaign.lines), ("keep_free", c.campaign.keep_free)):
        if not 0 <= value <= 1000:
            found.append((["campaign", key], f"{key} is {value}; between 0 and 1000 are possible"))
    if c.campaign.service and c.campaign.service not in dialling_tables(c).class_names():
        found.append((["campaign", "service"], f'there is no class of service "{c.campaign.service}"'))
    if len(c.campaign.do_not_call) > DO_NOT_CALL_MAX:
        found.append((["campaign", "do_not_call"], f"more than {DO_NOT_CALL_MAX} patterns"))
    if wrong := [p for p in c.campaign.do_not_call if not re.fullmatch(r"\+?[0-9*?]{1,32}", p)]:
        found.append((["campaign", "do_not_call"], f'"{wrong[0]}" is no number, with * and ? at most'))
    return found


def _agent_faults(agent: AgentSetting, c: Configuration) -> list[tuple[list[str], str]]:
    found: list[tuple[list[str], str]] = []
    queues, areas = {queue.name for queue in c.queue}, {area.name for area in c.area}
    if [a.number for a in c.agent].count(agent.number) > 1:
        found.append((["agent", "number"], f"agent {agent.number} has two tables"))
    if unknown := {*agent.queues, *agent.levels} - queues:
        key = "queues" if unknown & set(agent.queues) else "levels"
        found.append((["agent", key], f"there is no queue {', '.join(sorted(unknown))}"))
    if not all(1 <= level <= 9 for level in agent.levels.values()):
        found.append((["agent", "levels"], "a level is a number from 1 to 9"))
    if unknown := set(agent.areas) - areas:
        found.append((["agent", "areas"], f"there is no area {', '.join(sorted(unknown))}"))
    return found


def _trunk_faults(trunk: Trunk, same_name: int) -> list[tuple[list[str], str]]:
    found: list[tuple[list[str], str]] = []
    if not re.fullmatch(r"[\w.-]{1,32}", trunk.name) or same_name > 1:
        found.append((["trunk", "name"], f'trunk name "{trunk.name}" is no plain word, or used twice'))
    if not re.fullmatch(r"[\w.:-]{1,255}", trunk.host):
        found.append((["trunk", "host"], f'host "{trunk.host}" is neither an IP address nor a name'))
    if not 0 < trunk.port < 65536:
        found.append((["trunk", "port"], f"port {trunk.port} is not between 1 and 65535"))
    if trunk.register and not trunk.user:
        found.append((["trunk", "register"], f"trunk {trunk.name} cannot register without a user"))
    if trunk.transport not in ("udp", "tcp", "tls"):
        found.append((["trunk", "transport"], f'transport "{trunk.transport}" is not udp, tcp or tls'))
    if not 0 <= trunk.strip <= 32:
        found.append((["trunk", "strip"], f"strip is {trunk.strip}; between 0 and 32 digits are possible"))
    return found + [(["trunk", "allow"], fault) for fault in _network_faults(trunk.allow)]


def _network_faults(networks: tuple[str, ...]) -> list[str]:
    found = []
    for network in networks:
        try:
            ipaddress.ip_network(network)
        except ValueError:
            found.append(f'"{network}" is no network like 192.0.2.0/24')
    return found


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
