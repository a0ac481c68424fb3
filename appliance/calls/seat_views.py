"""What is seen of seats and queues, made from how they stand."""

from collections.abc import Mapping, Sequence

from appliance.calls.acd import Acd, AgentState
from appliance.calls.calling_back import CallingBack
from appliance.calls.conversation import Conversation
from appliance.calls.roster import Roster
from appliance.calls.routing import CALL
from appliance.calls.wire import QueueView, Seat
from appliance.published import Queue


def seat_view(state: AgentState, roster: Roster, talks: Mapping[str, Conversation]) -> Seat:
    """One agent's seat; `talks` are the calls that wait or talk, by name."""
    talk = talks.get(state.call) if state.state in ("offered", "busy") else None
    return Seat(
        agent=state.number,
        name=roster.name(state.number),
        extension=roster.at(state.number),
        state=state.state,
        since_s=state.since_s,
        reason=state.reason or state.next_pause,
        phone="up" if state.phone_up else "down",
        until_s=state.until_s or 0.0,
        call=talk.call.view() if talk else None,
    )


def queue_views(queues: Sequence[Queue], acd: Acd, callbacks: CallingBack) -> list[QueueView]:
    """Every queue as it stands."""
    views = []
    for queue in queues:
        waiting = [call.since_s for call in acd.waiting(queue.name) if call.kind == CALL]
        longest, ready = min(waiting, default=0.0), acd.free(queue.name)
        title = queue.title or queue.name
        views.append(QueueView(queue.name, title, len(waiting), longest, ready, callbacks.views(queue.name)))
    return views
