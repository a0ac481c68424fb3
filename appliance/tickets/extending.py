"""Extending a limit: who asks before the end, at most twice, never beyond the original once more."""

from dataclasses import dataclass

from msgspec.structs import replace

from appliance.calendar.days import BeyondCalendar
from appliance.refused import Refused
from appliance.tickets.clocks import Clock, Reckoning


@dataclass(frozen=True, slots=True)
class ExtensionRules:
    """How often and by how much."""

    most: int = 2
    first_most_wd: int = 10
    """Of the first one, where the limit is in working days."""
    share: float = 1.0
    """All together, as a share of the original limit."""


DEFAULT = ExtensionRules()


def extend(
    clock: Clock, n: int, now_s: float, reckoning: Reckoning, rules: ExtensionRules = DEFAULT
) -> Clock:
    """Return the clock with `n` more of its unit; raises Refused with what to do."""
    if clock.stopped_s is not None:
        raise Refused("not_running", "This clock has been stopped: there is nothing to extend.")
    if not clock.paused and now_s > clock.due_s:
        raise Refused("expired", "The limit is over. An extension must be asked for before its end.")
    if len(clock.extensions) >= rules.most:
        raise Refused(
            "too_often",
            "This has been extended %(count)s times already; that is the most.",
            count=len(clock.extensions),
        )
    most = int(rules.share * clock.n) - sum(clock.extensions)
    if not clock.extensions and clock.unit == "wd":
        most = min(most, rules.first_most_wd)
    if not 1 <= n <= most:
        raise Refused("too_long_extension", "Extend by 1 to %(most)s, not by %(asked)s.", most=most, asked=n)
    try:
        return reckoning.computed(replace(clock, extensions=(*clock.extensions, n)))
    except BeyondCalendar:
        raise Refused("beyond_calendar", "The calendar does not reach that far.") from None


def order_earlier(clock: Clock, due_s: float, now_s: float, reckoning: Reckoning) -> Clock:
    """Return the clock with the earlier date a leader ordered; raises Refused for a later one."""
    if clock.stopped_s is not None:
        raise Refused("not_running", "This clock has been stopped: there is nothing to order.")
    if due_s > clock.due_s:
        raise Refused("only_earlier", "A leader may set an earlier date, never a later one.")
    if due_s < now_s:
        raise Refused("past_date", "This date is over. Choose a later one.")
    return reckoning.computed(replace(clock, ordered_s=due_s))
