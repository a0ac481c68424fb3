"""Making a campaign: its list and plan become events, its message a prompt, and a folder is handed over."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from appliance.campaigns import plan as plans
from appliance.campaigns import sounds
from appliance.campaigns.plan import Handover, Plan
from appliance.events import Fact
from appliance.places import Places
from appliance.refused import Refused
from appliance.store.store import Store
from ivr import sound
from ivr.sound import Samples

CHUNK = 500
"""Numbers in one event."""


def create(
    store: Store,
    places: Places,
    by: str,
    plan: Plan,
    numbers: Sequence[tuple[str, str]],
    message: Samples,
    source: Mapping[str, Any],
) -> str:
    """Make a campaign of numbers with notes; it calls nobody before it is started. Its id; raises Refused."""
    if not numbers:
        raise Refused("no_numbers", "The list has no number.")
    plan = msgspec.structs.replace(plan, sound_s=round(sounds.seconds(message), 1))
    if wrong := plans.faults(plan):
        raise Refused("bad_plan", "This cannot work: %(fields)s.", fields=", ".join(wrong))
    with store.transaction():
        facts = {
            "by": by,
            "plan": msgspec.to_builtins(plan),
            "source": dict(source),
            "total": len(numbers),
        }
        (created,) = store.record(Fact("campaign.created", facts))
        store.record(
            *(
                Fact("campaign.listed", {"first": at, "numbers": list(numbers[at : at + CHUNK])}, created.eid)
                for at in range(0, len(numbers), CHUNK)
            )
        )
        cid = created.eid.hex()
        file = sounds.path_of(places, cid, plan.language)
        file.parent.mkdir(parents=True, exist_ok=True)
        sound.write(file, message)
        plans.write(places.campaigns / cid, Handover(plan, tuple(number for number, _ in numbers)))
    return cid
