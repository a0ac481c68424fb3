"""Tells the call process who takes calls, when people came, left or got other roles; no restart is needed."""

import msgspec

from appliance import published
from appliance.calls import wire
from appliance.publish import agents_of
from web.context import box
from web.directory import handed_over
from web.link import Away


def tell_calls() -> None:
    """Hand over the agents as they are now, if they are others; while calls is away it reads them later."""
    found = handed_over()
    agents = agents_of(box().configuration, box().store)
    if found is None or found.agents == agents:
        return
    published.write(box().places.published, msgspec.structs.replace(found, agents=agents))
    try:
        box().calls.order(wire.Staff(agents))
    except Away:
        return
