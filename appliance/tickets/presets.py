"""Taking over a preset of limits: it is written into the dictionary, entry by entry, all or nothing."""

from collections.abc import Mapping

from appliance.dictionary.dictionary import Dictionary
from appliance.dictionary.draft import Draft
from appliance.dictionary.kind import Value
from appliance.people import Actor
from appliance.refused import Refused
from appliance.store.store import Store
from appliance.tickets.in_force import write_limit
from appliance.tickets.limits import DEFAULT, PRESETS, Limits


def take_over(store: Store, actor: Actor, name: str) -> int:
    """Put a preset in force for what begins from now on; return how many entries changed. Raises Refused."""
    preset = PRESETS.get(name)
    if preset is None:
        raise Refused("unknown_preset", "There is no such set of limits.")
    dictionary = Dictionary(store)

    def wish(draft: Draft) -> None:
        for kind, urgency in (("ticket_kind", False), ("urgency", True)):
            for key in dictionary.by_key(kind):
                draft.set(kind, key, {"limit": _entered(preset, key, urgency)})
        for parameter, value in parameters(preset).items():
            draft.set("parameter", parameter, {"value": value})

    return dictionary.write(actor, wish)


def parameters(limits: Limits) -> Mapping[str, Value]:
    """Return what of a set of limits stands in parameters."""
    steps, urgent = limits.steps, limits.urgent_steps
    return {
        "intake_media_min": limits.intake["sms"].n,
        "intake_mailbox_h": limits.intake["web"].n,
        "intake_letter_wd": limits.intake["letter"].n,
        "info_wait_wd": steps["NEED_INFO"].n,
        "verify_rural_h": steps["CHECKING"].n,
        "verify_town_h": urgent["CHECKING"].n,
        "dispatch_min": steps["ACCEPTED"].n,
        "dispatch_urgent_min": urgent["ACCEPTED"].n,
        "sign_wd": steps["DISPATCHED"].n,
        "callback_first_wd": steps["CALLBACK"].n,
        "return_wd": limits.return_within.n,
        "extension_times": limits.extension.most,
        "extension_first_wd": limits.extension.first_most_wd,
        "extension_percent": round(100 * limits.extension.share),
    }


def _entered(preset: Limits, key: str, urgency: bool) -> str:
    """The limit as it is entered; empty where it is that of a fresh box."""
    usual = PRESETS[DEFAULT]
    ours, fresh = (preset.urgent, usual.urgent) if urgency else (preset.handling, usual.handling)
    limit = ours.get(key)
    return "" if limit is None or limit == fresh.get(key) else write_limit(limit)
