"""Makes the hand-over file from configuration, people and the flow; a broken flow is not published."""

import hashlib
import secrets
from collections.abc import Mapping
from pathlib import Path

import msgspec

import ivr
from appliance import published
from appliance.calls.numbers import sealed
from appliance.configuration import AgentSetting, BadConfiguration, Configuration
from appliance.places import Places
from appliance.published import Admission, Agent, Barred, Extension, Gsm, Published, Sip
from appliance.rules import dates, until_s
from appliance.store.store import Store
from ivr import own
from ivr.faults import faults
from ivr.flow import FlowError, decode

FLOWS = Path(ivr.__file__).parent / "flows"
SHIPPED = {path.stem: path for path in sorted(FLOWS.glob("*.json"))}
SHIPPED_FLOW = SHIPPED["default"]
TAKES_CALLS = {"AG", "TL"}
CALLS_CITIZENS = {"CB"}
"""Who sits at a phone too, to call from it: serves a queue only where the configuration says so."""


def ha1(number: str, realm: str, password: str) -> str:
    """Return what a SIP password is kept as (RFC 7616 §3.4.2, MD5)."""
    return hashlib.md5(f"{number}:{realm}:{password}".encode(), usedforsecurity=False).hexdigest()


def publish(places: Places, configuration: Configuration, store: Store) -> Published:
    """Write the hand-over file; raises BadConfiguration, and the old file stays, when the flow is broken."""
    rules = admission(configuration)
    flows = {name: _flow(name) for name in flow_names(configuration)}
    _same_phrases(flows)
    made = Published(
        site=configuration.site.number,
        site_name=configuration.site.name,
        numbers=configuration.site.numbers,
        flow=msgspec.Raw(flows.pop(rules.flow)),
        flows={name: msgspec.Raw(data) for name, data in flows.items()},
        admission=rules,
        recorded=configuration.recorded,
        private_s=configuration.recording.private_s,
        sip=_sip(places, configuration.sip),
        trunks=configuration.trunk,
        browser=configuration.browser,
        gsm=tuple(_modem(places, modem) for modem in configuration.gsm),
        extensions=_extensions(configuration),
        agents=agents_of(configuration, store),
        queues=configuration.queue,
        areas=configuration.area,
        groups=configuration.group,
        forwards=configuration.forward,
        speed_dials=configuration.speed_dial,
        accounts=configuration.account,
        number_kinds=configuration.number_kind,
        classes=configuration.service_class,
        dialplan=configuration.dialplan,
        callback=configuration.callback,
        campaign=configuration.campaign,
        language=configuration.site.language,
        demo=configuration.demo,
    )
    published.write(places.published, made)
    own.make(places.prompts / "spoken")
    return made


def admission(configuration: Configuration) -> Admission:
    """Return what is decided before the flow."""
    return Admission(
        flow=configuration.call.flow or SHIPPED_FLOW.stem,
        bands=configuration.band,
        blacklist=tuple(
            Barred(b.pattern, until_s(b.until), b.action, b.why) for b in configuration.blacklist
        ),
        days={day.isoformat(): setting.kind for setting in configuration.day for day in dates(setting)},
    )


def flow_names(configuration: Configuration) -> list[str]:
    """Return every flow a call can enter: the shipped ones, and the files the configuration names."""
    rules = admission(configuration)
    return list(dict.fromkeys([rules.flow, *(band.flow for band in rules.bands), *SHIPPED]))


def flow_path(name: str) -> Path:
    """Return the file of a flow: a shipped one by its name, else the file itself."""
    return SHIPPED.get(name) or Path(name)


def _flow(name: str) -> bytes:
    path = flow_path(name)
    try:
        data = path.read_bytes()
        found = faults(decode(data, path.name))
    except OSError as error:
        raise BadConfiguration(f"hotline.toml, flow {path}: {error.strerror}") from error
    except FlowError as error:
        raise BadConfiguration(str(error)) from error
    if found:
        raise BadConfiguration(f"{path.name} is not published: " + "; ".join(map(str, found)))
    return data


def _same_phrases(flows: Mapping[str, bytes]) -> None:
    """Flows share one table of phrases: a phrase of the same name must be the same."""
    known: dict[str, tuple[str, dict[str, str]]] = {}
    for name, data in flows.items():
        for phrase, texts in decode(data, name).phrases.items():
            first, said = known.setdefault(phrase, (name, texts))
            if said != texts:
                raise BadConfiguration(
                    f"{name} is not published: its phrase {phrase} says something else than in {first}"
                )


def _sip(places: Places, sip: Sip) -> Sip:
    """The SIP side with its files' paths absolute; relative ones are below the data folder."""
    files = {name: getattr(sip, name) for name in ("certificate", "private_key", "trust")}
    return msgspec.structs.replace(sip, **{n: str(places.data / path) for n, path in files.items() if path})


def _modem(places: Places, modem: Gsm) -> Gsm:
    """A modem with its paths absolute; relative ones are below the data folder."""
    return msgspec.structs.replace(modem, at=str(places.data / modem.at), pcm=str(places.data / modem.pcm))


def _extensions(configuration: Configuration) -> tuple[Extension, ...]:
    realm = configuration.sip.realm
    return tuple(
        Extension(
            number=e.number,
            kind=e.kind,
            ha1=ha1(e.number, realm, e.password) if e.kind == "sip" else "",
            name=e.name,
            numbers=e.numbers,
            shown=e.shown,
            service=e.service,
            pin=sealed(e.pin, secrets.token_hex(8)) if e.pin else "",
            pickup=e.pickup,
            follow=e.follow,
            ring_s=e.ring_s,
            waiting=e.waiting,
        )
        for e in configuration.extension
    )


def agents_of(configuration: Configuration, store: Store) -> tuple[Agent, ...]:
    """Return everybody who takes calls, or makes them, now."""
    queues = tuple(queue.name for queue in configuration.queue)
    settings = {setting.number: setting for setting in configuration.agent}
    rows = store.rows("SELECT number, name, extension, roles FROM person WHERE active = 1 ORDER BY number")
    return tuple(
        Agent(
            number=number,
            name=name,
            extension=extension,
            queues=setting.queues or (queues if TAKES_CALLS & theirs else ()),
            leads="TL" in theirs,
            levels=setting.levels,
            areas=setting.areas,
        )
        for number, name, extension, roles in rows
        for setting, theirs in ((settings.get(number) or AgentSetting(number), set(roles.split(","))),)
        if (TAKES_CALLS | CALLS_CITIZENS) & theirs
    )
