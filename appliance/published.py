"""The one hand-over file: what the call and media processes need to know, swapped atomically.

The store side writes ``published.json``; ``calls`` and ``media`` read it at start and
when it changes. They need neither database nor network to work from it.
"""

import os
from pathlib import Path

import msgspec


class Extension(msgspec.Struct, frozen=True):
    """A phone of ours: a SIP desk phone that registers, or a browser's headset."""

    number: str
    kind: str = "browser"
    """browser, sip, or citizen (the demo's phone page)."""
    ha1: str = ""
    """MD5 of number:realm:password, for SIP (RFC 7616)."""
    name: str = ""
    """Whose phone it is, for directories and displays."""
    numbers: tuple[str, ...] = ()
    """Outside numbers that ring this phone too (一机双号)."""
    shown: str = ""
    """The number people outside see; empty: the site's first."""
    service: str = ""
    """Class of service (appliance/calls/numbers.py); empty: national."""
    pin: str = ""
    """What the PIN for restricted calls is kept as; empty: there is none."""
    pickup: str = ""
    """The pick-up group: its phones may take each other's calls."""
    follow: tuple[str, ...] = ()
    """Targets tried in turn when nobody picks up or the phone is away (跟随): tel:13800138000, ext:8102, …"""
    ring_s: float = 25.0
    """How long it rings before its calls go on."""
    waiting: bool = False
    """Whether a second call rings while the phone is in one (呼叫等待)."""


class Group(msgspec.Struct, frozen=True):
    """A hunt group (连选组): one number, several phones."""

    number: str
    members: tuple[str, ...] = ()
    """Targets: extensions as plain numbers, or tel:…; a duty list may name mobiles."""
    name: str = ""
    strategy: str = "in_turn"
    """in_turn, rotate (who was not first last time), or all at once."""
    ring_s: float = 20.0
    then: str = ""
    """Where a call goes that nobody took: a target; empty: nowhere."""
    numbers: tuple[str, ...] = ()
    """Outside numbers that ring this group."""


class Forward(msgspec.Struct, frozen=True):
    """A standing forward of an extension (呼叫转移); a phone's own keys go before it."""

    extension: str
    when: str = "always"
    """always, busy, no_answer or night."""
    to: str = ""
    """A target, or a number as it is dialled at the phone."""


class SpeedDial(msgspec.Struct, frozen=True):
    """A short number (缩位拨号), dialled as **NN."""

    code: str
    number: str
    name: str = ""
    extension: str = ""
    """Whose it is; empty: everybody's."""


class Account(msgspec.Struct, frozen=True):
    """Whom calls are charged to (记帐电话); keyed before calls that need it."""

    code: str
    name: str = ""


class NumberKind(msgspec.Struct, frozen=True):
    """A kind of outside number, by patterns of ``*``, ``?`` and ``[…]``."""

    name: str
    patterns: tuple[str, ...] = ()


class ServiceClass(msgspec.Struct, frozen=True):
    """A class of service (呼出等级): kinds of numbers that may be called; emergency numbers always may."""

    name: str
    may: tuple[str, ...] = ()
    with_pin: tuple[str, ...] = ()
    """Kinds that may be called after the phone's PIN."""
    account: tuple[str, ...] = ()
    """Kinds for which an account code must be keyed."""


class Dialplan(msgspec.Struct, frozen=True):
    """How numbers dialled at our phones are read."""

    outside: str = ""
    """Dialled before an outside number; empty: nothing is."""
    operator: str = ""
    """Whom 0 calls: a target; empty: nobody."""
    area: str = ""
    """Our own area code, 020: numbers that begin with it are local."""


class Agent(msgspec.Struct, frozen=True):
    """Somebody who takes calls."""

    number: str
    name: str
    extension: str = ""
    queues: tuple[str, ...] = ("general",)
    leads: bool = False
    """A shift leader (班长)."""
    levels: dict[str, int] = {}
    """Level in a queue, 1 where none is named; more is better."""
    areas: tuple[str, ...] = ()
    """Areas served; empty: all."""


class Area(msgspec.Struct, frozen=True):
    """Where callers call from, as their numbers begin."""

    name: str
    prefixes: tuple[str, ...] = ()


class Queue(msgspec.Struct, frozen=True):
    """Callers waiting for the same skill."""

    name: str
    title: str = ""
    offer_s: float = 20.0
    """How long one agent's phone rings before the next is tried."""
    wrap_up_s: float = 60.0
    """How long an agent has after a call of this queue before being ready again."""
    strategy: str = "longest_idle"
    """longest_idle, fewest_calls, round_robin or ring_all (appliance/calls/routing.py)."""
    priority: int = 0
    """Calls of the queue with the higher number are served first."""
    pause_after: int = 1
    """How many missed calls in a row pause an agent."""
    level_wait_s: float = 0.0
    """How long a caller waits for an agent of the highest level on duty; 0: not at all."""
    area_wait_s: float = 0.0
    """How long a caller waits for an agent of the own area; 0: not at all."""
    last_agent_h: float = 0.0
    """Who spoke with an agent this lately comes back to the same one; 0: to anybody."""
    last_agent_wait_s: float = 30.0
    """How long such a caller waits for that agent."""
    overflow_s: float = 0.0
    """Calls that wait longer overflow; 0: never."""
    overflow_length: int = 0
    """A call that finds this many waiting overflows; 0: never."""
    overflow_to: str = ""
    """The queue calls overflow to; empty: the flow's `overflow` outcome."""
    music: str = ""
    """What callers hear while they wait: a recording's name, or ringback; empty: the box's music."""
    survey: bool = False
    """Whether the caller is asked to rate the talk when the agent hangs up."""


class Callback(msgspec.Struct, frozen=True):
    """How callers who kept their place are called back."""

    most: int = 100
    """Numbers that wait to be called back, at most; 0: nobody is called back."""
    tries: int = 3
    """How often a number is called before it is given up."""
    again_s: float = 300.0
    """How long after a call nobody answered the next is made."""
    ring_s: float = 40.0
    """How long it rings there."""
    keep_h: float = 24.0
    """A callback not made by then is given up."""


class Band(msgspec.Struct, frozen=True):
    """Hours of some days at which calls enter a flow of their own; the first band that fits decides."""

    name: str
    flow: str
    """A shipped flow (default, direct, night), or a flow file."""
    days: tuple[str, ...] = ()
    """mon to sun, workday, restday, holiday; empty: every day."""
    start: str = msgspec.field(default="00:00", name="from")
    end: str = msgspec.field(default="24:00", name="to")
    """Not later than `from`: of the next day."""
    numbers: tuple[str, ...] = ()
    """Hotline numbers it is for; empty: all."""


class Barred(msgspec.Struct, frozen=True):
    """Callers who are not let in."""

    pattern: str
    """A number, with * for any digits and ? for any one; or withheld."""
    until_s: float = 0.0
    """Unix seconds; 0 is for ever."""
    action: str = "refuse"
    """refuse, or prompt: they are told so."""
    why: str = ""


class Admission(msgspec.Struct, frozen=True):
    """What is decided before the flow (appliance/calls/admission.py)."""

    flow: str = "default"
    """Where calls go that no band is for."""
    bands: tuple[Band, ...] = ()
    blacklist: tuple[Barred, ...] = ()
    days: dict[str, str] = {}
    """2026-10-01 to workday, restday or holiday, where the weekday does not say it."""


class Recorded(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which calls are recorded, and how; the first that fits decides (appliance/recordings/policy.py)."""

    name: str
    record: str = "always"
    """always, never, asked (only while the agent asks for it) or rolling (kept for a few days)."""
    direction: str = ""
    """in or out; empty: both."""
    lines: tuple[str, ...] = ()
    """Lines and trunks, with * for anything: trunk/*, gsm/0; empty: all."""
    numbers: tuple[str, ...] = ()
    """Hotline numbers that were called; empty: all."""
    queues: tuple[str, ...] = ()
    """Empty: all, and calls in none."""
    agents: tuple[str, ...] = ()
    """Who answers for the caller; empty: all, and nobody yet."""


class CampaignRules(msgspec.Struct, frozen=True):
    """What holds for every voice notification campaign (appliance/campaigns)."""

    lines: int = 10
    """Calls of all campaigns at once, at most."""
    keep_free: int = 4
    """Lines that are left for citizens who call in, at least."""
    service: str = ""
    """Class of service they call by (appliance/calls/numbers.py); empty: national."""
    do_not_call: tuple[str, ...] = ()
    """Numbers that want no such calls, as patterns with * and ?."""


class Sip(msgspec.Struct, frozen=True):
    """The SIP side: where it listens and which RTP ports belong to its lines."""

    ip: str = "127.0.0.1"
    port: int = 5060
    rtp_ip: str = "127.0.0.1"
    rtp_base: int = 20000
    lines: int = 120
    realm: str = "hotline"
    advertise_ip: str = ""
    allow: tuple[str, ...] = ()
    """Networks calls and phones may come from, besides trunks; empty: from anywhere."""
    closed: bool = False
    """Whoever is neither a trunk nor in `allow` gets no answer at all."""
    calls_per_source: int = 0
    """Most calls at once from one address that is no trunk; 0 is as many as there are lines."""
    tcp: bool = True
    """Take TCP on the same port too."""
    tls_port: int = 5061
    certificate: str = ""
    """A PEM file; with it TLS is taken on `tls_port`."""
    private_key: str = ""
    """A PEM file; empty when the certificate's has it."""
    trust: str = ""
    """A PEM file of who signs the certificates of TLS trunks; empty: whom the system trusts."""
    srtp: str = "wanted"
    """Voice with peers over TLS: off, wanted (in clear with who cannot seal it) or required."""
    silent_s: int = 120
    """A call whose far end sends no voice for so long is over, unless it holds us; 0: never."""


class Trunk(msgspec.Struct, frozen=True):
    """A SIP provider: where it is, who we are there, which calls it carries (hardware/sip/settings.py)."""

    name: str
    host: str
    """An IP address, or a name that is looked up."""
    port: int = 5060
    user: str = ""
    password: str = ""
    """In clear, for the provider names its realm only when it asks."""
    register: bool = False
    numbers: tuple[str, ...] = ()
    """Numbers it brings, hotline numbers all; empty: those of the site."""
    allow: tuple[str, ...] = ()
    """Networks its calls come from, besides its own addresses."""
    priority: int = 1
    caller: str = ""
    """The number shown on calls that go out; empty: the number that calls."""
    prefix: str = ""
    strip: int = 0
    add: str = ""
    transport: str = "udp"
    """udp, tcp or tls."""
    cost: str = ""
    """What a call by it costs, for people who read the route table: free, local, …"""
    through: tuple[str, ...] = ()
    """Kinds of outside numbers that calls coming by it may go on to (本地落地): local, mobile, …"""


class Browser(msgspec.Struct, frozen=True):
    """Where browsers bring their sound."""

    ip: str = "127.0.0.1"
    port: int = 8011


class Gsm(msgspec.Struct, frozen=True):
    """A GSM modem: its AT port and its PCM port."""

    name: str
    at: str
    pcm: str
    profile: str = "simcom"
    pin: str = ""


class Published(msgspec.Struct, frozen=True):
    """Everything a call needs, and nothing else."""

    site: int
    site_name: str
    numbers: tuple[str, ...]
    """Hotline numbers: calls to these enter the flow."""
    flow: msgspec.Raw
    """The flow table as JSON (see ivr/flow.py)."""
    flows: dict[str, msgspec.Raw] = {}
    """Other flows, by the name rules call them."""
    admission: Admission = Admission()
    recorded: tuple[Recorded, ...] = ()
    """Rules for recording; a call that none fits is recorded."""
    private_s: float = 180.0
    """How long a recording may be silent for what is private; 0: never."""
    sip: Sip = Sip()
    trunks: tuple[Trunk, ...] = ()
    browser: Browser = Browser()
    gsm: tuple[Gsm, ...] = ()
    extensions: tuple[Extension, ...] = ()
    agents: tuple[Agent, ...] = ()
    queues: tuple[Queue, ...] = (Queue("general"),)
    areas: tuple[Area, ...] = ()
    groups: tuple[Group, ...] = ()
    forwards: tuple[Forward, ...] = ()
    speed_dials: tuple[SpeedDial, ...] = ()
    accounts: tuple[Account, ...] = ()
    number_kinds: tuple[NumberKind, ...] = ()
    """Kinds besides those of appliance/calls/numbers.py, and before them."""
    classes: tuple[ServiceClass, ...] = ()
    """Classes of service besides those of appliance/calls/numbers.py, or instead."""
    dialplan: Dialplan = Dialplan()
    callback: Callback = Callback()
    campaign: CampaignRules = CampaignRules()
    language: str = "zh"
    demo: bool = False


class Unreadable(Exception):
    """The hand-over file cannot be used; the text names the file and the place in it."""


def read(path: Path) -> Published:
    """Read the hand-over file; raises Unreadable with file and place."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Published)
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise Unreadable(f"{path}: {error}") from error


def write(path: Path, published: Published) -> None:
    """Swap the hand-over file; a reader sees the old one or the new one, never a part."""
    data = msgspec.json.format(msgspec.json.encode(published))
    fresh = path.with_suffix(".fresh")
    with fresh.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.chmod(0o640)
    fresh.replace(path)
