"""Makes the hand-over file from configuration, people and the flow; a broken flow is not published."""

import hashlib
from pathlib import Path

import msgspec

import ivr
from appliance import published
from appliance.configuration import AgentSetting, BadConfiguration, Configuration
from appliance.places import Places
from appliance.published import Agent, Extension, Gsm, Published, Sip
from appliance.store.store import Store
from ivr.faults import faults
from ivr.flow import FlowError, decode

SHIPPED_FLOW = Path(ivr.__file__).parent / "flows" / "default.json"
TAKES_CALLS = {"AG", "TL"}


def ha1(number: str, realm: str, password: str) -> str:
    """Return what a SIP password is kept as (RFC 7616 §3.4.2, MD5)."""
    return hashlib.md5(f"{number}:{realm}:{password}".encode(), usedforsecurity=False).hexdigest()


def publish(places: Places, configuration: Configuration, store: Store) -> Published:
    """Write the hand-over file; raises BadConfiguration, and the old file stays, when the flow is broken."""
    made = Published(
        site=configuration.site.number,
        site_name=configuration.site.name,
        numbers=configuration.site.numbers,
        flow=msgspec.Raw(_flow(configuration)),
        sip=_sip(places, configuration.sip),
        trunks=configuration.trunk,
        browser=configuration.browser,
        gsm=tuple(_modem(places, modem) for modem in configuration.gsm),
        extensions=_extensions(configuration),
        agents=_agents(configuration, store),
        queues=configuration.queue,
        areas=configuration.area,
        language=configuration.site.language,
        demo=configuration.demo,
    )
    published.write(places.published, made)
    return made


def _flow(configuration: Configuration) -> bytes:
    path = Path(configuration.call.flow) if configuration.call.flow else SHIPPED_FLOW
    try:
        data = path.read_bytes()
        found = faults(decode(data, path.name))
    except OSError as error:
        raise BadConfiguration(f"hotline.toml, key call.flow: {path}: {error.strerror}") from error
    except FlowError as error:
        raise BadConfiguration(str(error)) from error
    if found:
        raise BadConfiguration(f"{path.name} is not published: " + "; ".join(map(str, found)))
    return data


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
        Extension(e.number, e.kind, ha1(e.number, realm, e.password) if e.kind == "sip" else "")
        for e in configuration.extension
    )


def _agents(configuration: Configuration, store: Store) -> tuple[Agent, ...]:
    queues = tuple(queue.name for queue in configuration.queue)
    settings = {setting.number: setting for setting in configuration.agent}
    rows = store.rows("SELECT number, name, extension, roles FROM person WHERE active = 1 ORDER BY number")
    return tuple(
        Agent(
            number=number,
            name=name,
            extension=extension,
            queues=setting.queues or queues,
            leads="TL" in roles.split(","),
            levels=setting.levels,
            areas=setting.areas,
        )
        for number, name, extension, roles in rows
        for setting in (settings.get(number) or AgentSetting(number),)
        if TAKES_CALLS & set(roles.split(","))
    )
