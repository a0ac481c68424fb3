"""Everything that is done with calls past the queue, wired together from the hand-over file."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date

from appliance.calls.admission import covers
from appliance.calls.desk_phones import DeskPhones
from appliance.calls.directory import WHEN, Directory, Forwarding
from appliance.calls.exchange import Exchange
from appliance.calls.joining import Joining
from appliance.calls.permits import Permits
from appliance.calls.ports import Phones
from appliance.calls.reaching import Reaching
from appliance.calls.route_table import numbers_of, plan_of
from appliance.calls.seats import Seats
from appliance.calls.services import Services
from appliance.calls.supervision import Supervision
from appliance.calls.talks import Talks
from appliance.calls.targets import Target
from appliance.calls.wire import ExtensionView
from appliance.events import Fact
from appliance.published import Admission, Published
from appliance.refused import Refused

PAGE = "page"
"""Where a forward was set that an order asked for."""
NIGHT = "night"
"""The flow that is night service: while a band leads there, it is night."""


class Now:
    """How phones are just now, and whether it is night."""

    def __init__(self, seats: Seats, rules: Admission) -> None:
        self._seats = seats
        self._rules = rules

    def there(self, extension: str) -> bool:
        """Whether the phone could ring."""
        return self._seats.roster.phone_up(extension)

    def in_call(self, extension: str) -> bool:
        """Whether the phone is in a call, or rings for one."""
        return self._seats.in_call(extension)

    def night(self) -> bool:
        """Whether night service is on."""
        local = time.localtime()
        today = date(local.tm_year, local.tm_mon, local.tm_mday)
        minute = local.tm_hour * 60 + local.tm_min
        return any(b.flow == NIGHT and covers(b, today, minute, self._rules.days) for b in self._rules.bands)


class Switchboard:
    """The dial plan and the services of one box."""

    def __init__(self, published: Published, exchange: Exchange, seats: Seats, phones: Phones) -> None:
        self._exchange = exchange
        self._seats = seats
        self.directory = Directory(published.extensions, published.groups, published.forwards)
        self.now = Now(seats, published.admission)
        self.numbers = numbers_of(published)
        self.plan = plan_of(published, self.directory, self.numbers)
        shown = next(iter(published.numbers), "")
        self.permits = permits = Permits(
            self.numbers, self.directory, published.accounts, exchange.now, shown
        )
        reaching = Reaching(exchange, seats, phones, self.directory, self.now, permits)
        talks = Talks(exchange, seats)
        joining = Joining(exchange, seats, phones, reaching, talks, permits)
        self.services = Services(exchange, seats, phones, reaching, talks, joining, permits, self.directory)
        self.supervision = Supervision(exchange, seats, talks, joining, self.services)
        through = {trunk.name: trunk.through for trunk in published.trunks if trunk.through}
        self.phones = DeskPhones(
            exchange, seats, self.services, talks, reaching, self.directory, self.plan, permits, through
        )
        self.phones.forwarded = self._forwarded
        exchange.numbers -= self.directory.outside_numbers
        exchange.calling = joining
        exchange.own_phone = self.phones.rings
        seats.talks = joining
        seats.callbacks.dial = self.services.call_back
        seats.callbacks.may_call = lambda number: (
            self.directory.extension(number) is not None or self.numbers.may_call_back(number)
        )

    def forward(self, extension: str, when: str, to: str, by: str) -> None:
        """Send an extension's calls elsewhere; an empty `to` takes that back. Raises Refused."""
        if self.directory.extension(extension) is None:
            raise Refused("unknown_extension")
        goal = self.directory.as_target(to) if to else None
        if when not in WHEN or (to and goal in (None, Target("ext", extension))):
            raise Refused("bad_target")
        if goal is not None and goal.kind == "tel":
            self._may_forward(extension, goal.name)
        self._forwarded(extension, [when], Forwarding(to, PAGE, by))

    def _forwarded(self, extension: str, whens: Sequence[str], forwarding: Forwarding) -> None:
        for when in whens:
            self.directory.forward(extension, when, forwarding)
            facts = {"extension": extension, "when": when, **asdict(forwarding)}
            self._exchange.note(Fact("extension.forwarded", facts, b""))

    def _may_forward(self, extension: str, number: str) -> None:
        """A phone sends calls only to whom it may call without a PIN or an account; raises Refused."""
        try:
            self.permits.allow(extension, number)
        except Refused:
            raise Refused("barred") from None

    def extensions(self) -> list[ExtensionView]:
        """Every phone as it is now, for directories on desks."""
        views = []
        for extension in self.directory.extensions():
            number = extension.number
            state = "in_call" if self.now.in_call(number) else "idle" if self.now.there(number) else "away"
            agent = self._seats.roster.agent_at(number)
            forwards = self.directory.forwards(number)
            views.append(
                ExtensionView(
                    number,
                    extension.name,
                    state,
                    agent,
                    {when: forwarding.to for when, forwarding in forwards.items()},
                    {when: (forwarding.origin, forwarding.by) for when, forwarding in forwards.items()},
                )
            )
        return views
