"""What is well-formed in ``hotline.toml`` but cannot work, each with the keys that lead to it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING

from appliance import dialling, rules
from appliance.blobs.settings import storage_faults
from appliance.calls.routing import STRATEGIES
from appliance.recordings import policy
from appliance.settings_limits import out_of_limits

if TYPE_CHECKING:
    from appliance.configuration import AgentSetting, Configuration
    from appliance.published import Queue, Trunk

Fault = tuple[int, list[str], str]
"""Which table of that name, from 0; the keys; what is wrong."""
Pair = tuple[str, str]
"""The key in its table; what is wrong."""
FORMATS = ("mp3", "alaw")
"""What recordings can be archived in."""
WORKERS_MAX = 16
DO_NOT_CALL_MAX = 10_000
KBIT_MAX = 10_000_000
_POSTGRES = re.compile(r"postgresql://[^\s/?#]*/[^\s/?#]+(\?[^\s#]*)?")
BROKER = re.compile(r"(?:[0-9A-Za-z][0-9A-Za-z.-]{0,252}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
"""A broker's address: host or host:port, an IPv6 address in brackets."""


def faults(c: Configuration) -> Iterator[Fault]:
    """Name every fault of a configuration."""
    for key, of_one in _SINGLE.items():
        yield from _of(0, key, of_one(c))
    yield from dialling.faults(dialling_tables(c))
    queues = [queue.name for queue in c.queue]
    for nth, queue in enumerate(c.queue):
        yield from _of(nth, "queue", _queue_faults(queue, queues))
    for nth, agent in enumerate(c.agent):
        yield from _of(nth, "agent", _agent_faults(agent, c))
    hotlines = {*c.site.numbers}.union(*(trunk.numbers for trunk in c.trunk))
    yield from rules.faults(c.band, c.blacklist, c.day, hotlines)
    yield from policy.faults(c.recorded, set(queues))
    names = [trunk.name for trunk in c.trunk]
    for nth, trunk in enumerate(c.trunk):
        yield from _of(nth, "trunk", _trunk_faults(trunk, names.count(trunk.name)))


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


def _of(nth: int, table: str, found: Iterable[Pair]) -> Iterator[Fault]:
    """Faults of one table, with its name before the key."""
    yield from ((nth, [table, key], fault) for key, fault in found)


def _site_faults(c: Configuration) -> Iterator[Pair]:
    site = c.site
    if site.role not in ("site", "hub"):
        yield "role", f'role "{site.role}" is neither "site" nor "hub"'
    if not 0 <= site.number <= 999 or (site.number == 0) != (site.role == "hub"):
        yield "number", "number must be 1 to 999 for a site and 0 for the hub"
    if site.language not in ("zh", "en"):
        yield "language", f'language "{site.language}" is neither "zh" nor "en"'


def _port_faults(port: int) -> Iterator[Pair]:
    if not 0 < port < 65536:
        yield "port", f"port {port} is not between 1 and 65535"


def _sip_faults(c: Configuration) -> Iterator[Pair]:
    sip = c.sip
    yield from _port_faults(sip.port)
    if not 0 < sip.tls_port < 65536 or sip.tls_port == sip.port:
        yield "tls_port", "tls_port must be between 1 and 65535 and not that of sip.port"
    yield from out_of_limits([("lines", sip.lines, 1, 1000)])
    yield from (("allow", fault) for fault in _network_faults(sip.allow))
    if sip.closed and not sip.allow and not c.trunk:
        yield "closed", "closed needs networks in allow, or a trunk, to be open to"
    if sip.calls_per_source < 0:
        yield "calls_per_source", "calls_per_source cannot be less than 0"
    if sip.srtp not in ("off", "wanted", "required"):
        yield "srtp", f'srtp "{sip.srtp}" is not off, wanted or required'
    if sip.silent_s and not 15 <= sip.silent_s <= 3600:
        yield "silent_s", f"silent_s is {sip.silent_s}; 0, or between 15 and 3600"
    if sip.rtp_base % 2 or not 1024 <= sip.rtp_base <= 65535 - 2 * sip.lines:
        yield "rtp_base", "rtp_base must be an even port with room for two ports a line"


def _store_faults(c: Configuration) -> Iterator[Pair]:
    if not c.store.postgres:
        return
    if not _POSTGRES.fullmatch(c.store.postgres):
        yield "postgres", 'postgres must be like "postgresql://user@host/database"'
    elif PathFinder.find_spec("psycopg") is None:
        yield (
            "postgres",
            "the driver psycopg is not installed; run firmware-config/set-up.sh, or leave postgres empty",
        )


def _api_faults(c: Configuration) -> Iterator[Pair]:
    yield from out_of_limits([("per_minute", c.api.per_minute, 1, 60_000)])
    for address in c.api.proxies:
        try:
            ipaddress.ip_address(address)
        except ValueError:
            yield "proxies", f'"{address}" is no address'
    for host in c.api.webhooks:
        if not re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z.-]{0,252}:[0-9]{1,5}", host):
            yield "webhooks", f'"{host}" is no host:port, like "city.example:443"'


def _sync_faults(c: Configuration) -> Iterator[Pair]:
    sync = c.sync
    if not 1 <= sync.workers <= WORKERS_MAX or (sync.workers > 1 and c.site.role != "hub"):
        yield "workers", f"workers must be 1 to {WORKERS_MAX}, and 1 at a site"
    for key, brokers in (("brokers", sync.brokers), ("offered", sync.offered)):
        for broker in brokers:
            if not BROKER.fullmatch(broker):
                yield key, f'"{broker}" is no host:port, like "10.0.0.1:8883"'
    yield from out_of_limits(
        [
            ("day_kbit", sync.day_kbit, 0, KBIT_MAX),
            ("night_kbit", sync.night_kbit, 0, KBIT_MAX),
            ("day_from_h", sync.day_from_h, 0, 24),
            ("day_to_h", sync.day_to_h, 0, 24),
            ("total_kbit", sync.total_kbit, 0, KBIT_MAX),
            ("uplink_kbit", sync.uplink_kbit, 0, KBIT_MAX),
            ("free_percent", sync.free_percent, 1, 90),
        ]
    )
    if sync.day_from_h > sync.day_to_h:
        yield "day_from_h", "day_from_h must not be after day_to_h"


def _callback_faults(c: Configuration) -> Iterator[Pair]:
    callback = c.callback
    yield from out_of_limits(
        [
            ("most", callback.most, 0, 1000),
            ("tries", callback.tries, 1, 20),
            ("again_s", callback.again_s, 10, 86400),
            ("ring_s", callback.ring_s, 5, 120),
            ("keep_h", callback.keep_h, 0.1, 168),
        ]
    )


def _retention_faults(c: Configuration) -> Iterator[Pair]:
    kept = c.recording
    yield from out_of_limits(
        [
            ("keep_days", kept.keep_days, 0, 36500),
            ("newest_days", kept.newest_days, 1, 3650),
            ("disk_percent", kept.disk_percent, 0, 99),
            ("archive_days", kept.archive_days, 0, 36500),
            ("rolling_days", kept.rolling_days, 1, 3650),
            ("night_hour", kept.night_hour, 0, 23),
            ("private_s", kept.private_s, 0, 3600),
        ]
    )
    if kept.archive_format not in FORMATS:
        yield (
            "archive_format",
            f'archive_format "{kept.archive_format}" is none of {", ".join(FORMATS)}',
        )
    if 0 < kept.keep_days <= kept.newest_days:
        yield "keep_days", f"keep_days must be more than newest_days ({kept.newest_days})"


def _campaign_faults(c: Configuration) -> Iterator[Pair]:
    campaign = c.campaign
    yield from out_of_limits([("lines", campaign.lines, 0, 1000), ("keep_free", campaign.keep_free, 0, 1000)])
    if campaign.service and campaign.service not in dialling_tables(c).class_names():
        yield "service", f'there is no class of service "{campaign.service}"'
    if len(campaign.do_not_call) > DO_NOT_CALL_MAX:
        yield "do_not_call", f"more than {DO_NOT_CALL_MAX} patterns"
    for pattern in campaign.do_not_call:
        if not re.fullmatch(r"\+?[0-9*?]{1,32}", pattern):
            yield "do_not_call", f'"{pattern}" is no number, with * and ? at most'


def _queue_faults(queue: Queue, names: list[str]) -> Iterator[Pair]:
    if names.count(queue.name) > 1 or not 0 < len(queue.name) <= 60:
        yield "name", f'queue name "{queue.name}" is used twice, empty or too long'
    if queue.strategy not in STRATEGIES:
        yield "strategy", f'strategy "{queue.strategy}" is none of {", ".join(STRATEGIES)}'
    if queue.overflow_to and (queue.overflow_to not in names or queue.overflow_to == queue.name):
        yield "overflow_to", f'"{queue.overflow_to}" is no other queue'
    if not re.fullmatch(r"[\w.-]{0,60}", queue.music):
        yield "music", f'"{queue.music}" is no name of a recording'
    yield from out_of_limits(
        [
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
    )


def _agent_faults(agent: AgentSetting, c: Configuration) -> Iterator[Pair]:
    queues, areas = {queue.name for queue in c.queue}, {area.name for area in c.area}
    if [a.number for a in c.agent].count(agent.number) > 1:
        yield "number", f"agent {agent.number} has two tables"
    if unknown := {*agent.queues, *agent.levels} - queues:
        key = "queues" if unknown & set(agent.queues) else "levels"
        yield key, f"there is no queue {', '.join(sorted(unknown))}"
    if not all(1 <= level <= 9 for level in agent.levels.values()):
        yield "levels", "a level is a number from 1 to 9"
    if unknown := set(agent.areas) - areas:
        yield "areas", f"there is no area {', '.join(sorted(unknown))}"


def _trunk_faults(trunk: Trunk, same_name: int) -> Iterator[Pair]:
    if not re.fullmatch(r"[\w.-]{1,32}", trunk.name) or same_name > 1:
        yield "name", f'trunk name "{trunk.name}" is no plain word, or used twice'
    if not re.fullmatch(r"[\w.:-]{1,255}", trunk.host):
        yield "host", f'host "{trunk.host}" is neither an IP address nor a name'
    yield from _port_faults(trunk.port)
    if trunk.register and not trunk.user:
        yield "register", f"trunk {trunk.name} cannot register without a user"
    if trunk.transport not in ("udp", "tcp", "tls"):
        yield "transport", f'transport "{trunk.transport}" is not udp, tcp or tls'
    if not 0 <= trunk.strip <= 32:
        yield "strip", f"strip is {trunk.strip}; between 0 and 32 digits are possible"
    yield from (("allow", fault) for fault in _network_faults(trunk.allow))


def _network_faults(networks: tuple[str, ...]) -> Iterator[str]:
    for network in networks:
        try:
            ipaddress.ip_network(network)
        except ValueError:
            yield f'"{network}" is no network like 192.0.2.0/24'


_SINGLE: Mapping[str, Callable[[Configuration], Iterable[Pair]]] = {
    "site": _site_faults,
    "web": lambda c: _port_faults(c.web.port),
    "browser": lambda c: _port_faults(c.browser.port),
    "sip": _sip_faults,
    "api": _api_faults,
    "sync": _sync_faults,
    "storage": lambda c: storage_faults(c.storage),
    "store": _store_faults,
    "callback": _callback_faults,
    "recording": _retention_faults,
    "campaign": _campaign_faults,
}
"""Tables of which there is one."""
