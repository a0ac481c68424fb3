"""Everything that is done with calls past the queue, wired together from the hand-over file."""

import time
from collections import defaultdict
from datetime import date

from appliance.calls.admission import covers
from appliance.calls.desk_phones import DeskPhones
from appliance.calls.dialplan import Plan
from appliance.calls.directory import WHEN, Directory
from appliance.calls.exchange import Exchange
from appliance.calls.joining import Joining
from appliance.calls.numbers import Numbers
from appliance.calls.permits import Permits
from appliance.calls.ports import Phones
from appliance.calls.reaching import Reaching
from appliance.calls.seats import Seats
from appliance.calls.services import Services
from appliance.calls.supervision import Supervision
from appliance.calls.talks import Talks
from appliance.calls.wire import ExtensionView
from appliance.events import Fact
from appliance.published import Admission, Published, SpeedDial
from appliance.refused import Refused

COST_FREE = "free"
"""A trunk of this cost leads to another site of ours."""
NIGHT = "night"
"""The flow that is night service: while a band leads there, it is night."""


class Now:
    """How phones are just now, and whether it is night."""

    def __init__(self, seats: Seats, rules: Admission) -> None:
        self._seats = seats
        self._rules = rules

    def there(self, extension: str) -> bool:
        """Whether the phone could ring."""
        return self._seats.there(extension)

    def in_call(self, extension: str) -> bool:
        """Whether the phone is in a call, or rings for one."""
        return self._seats.in_call(extension)

    def night(self) -> bool:
        """Whether night service is on."""
        local = time.localtime()
        today = date(local.tm_year, local.tm_mon, local.tm_mday)
        minute = local.tm_hour * 60 + local.tm_min
        return any(b.flow == NIGHT and covers(b, today, minute, self._rules.days) for b in self._rules.bands)


def numbers_of(published: Published) -> Numbers:
    """The kinds of numbers and the classes of service of a box."""
    sites = [trunk.prefix for trunk in published.trunks if trunk.cost == COST_FREE and trunk.prefix]
    return Numbers(published.number_kinds, published.classes, published.dialplan.area, sites)


def plan_of(published: Published, directory: Directory, numbers: Numbers) -> Plan:
    """The dial plan of a box."""
    speed: defaultdict[str, list[SpeedDial]] = defaultdict(list)
    for dial in published.speed_dials:
        speed[dial.code].append(dial)
    return Plan(published.dialplan, directory, numbers, speed)


class Switchboard:
    """The dial plan and the services of one box."""

    def __init__(self, published: Published, exchange: Exchange, seats: Seats, phones: Phones) -> None:
        self._exchange = exchange
        self._seats = seats
        self.directory = Directory(published.extensions, published.groups, published.forwards)
        self.now = Now(seats, published.admission)
        numbers = numbers_of(published)
        self.plan = plan_of(published, self.directory, numbers)
        shown = next(iter(published.numbers), "")
        permits = Permits(numbers, self.directory, published.accounts, exchange.now, shown)
        reaching = Reaching(exchange, seats, phones, self.directory, self.now, permits)
        talks = Talks(exchange, seats)
        joining = Joining(exchange, seats, phones, reaching, talks, permits)
        self.services = Services(exchange, seats, phones, reaching, talks, joining, permits, self.directory)
        self.supervision = Supervision(exchange, seats, talks, joining, self.services)
        through = {trunk.name: trunk.through for trunk in published.trunks if trunk.through}
        self.phones = DeskPhones(
            exchange, seats, self.services, talks, reaching, self.directory, self.plan, permits, through
        )
        exchange.numbers -= self.directory.outside_numbers
        exchange.calling = joining
        exchange.own_phone = self.phones.rings
        seats.talks = joining
        seats.callbacks.dial = self.services.call_back
        seats.callbacks.may_call = lambda number: (
            self.directory.extension(number) is not None or numbers.may_call_back(number)
        )

    def forward(self, extension: str, when: str, to: str, by: str) -> None:
        """Send an extension's calls elsewhere; an empty `to` takes that back. Raises Refused."""
        if self.directory.extension(extension) is None:
            raise Refused("unknown_extension")
        if when not in WHEN or (to and self.directory.as_target(to) is None):
            raise Refused("bad_target")
        self.directory.forward(extension, when, to)
        facts = {"extension": extension, "when": when, "to": to, "by": by}
        self._exchange.note(Fact("extension.forwarded", facts, b""))

    def extensions(self) -> list[ExtensionView]:
        """Every phone as it is now, for directories on desks."""
        views = []
        for extension in self.directory.extensions():
            number = extension.number
            state = "in_call" if self.now.in_call(number) else "idle" if self.now.there(number) else "away"
            agent = self._seats.agent_at(number)
            views.append(
                ExtensionView(number, extension.name, state, agent, dict(self.directory.forwards(number)))
            )
        return views
