"""Who may take part, and for how long: certificates renewed over the link, and sites that are shut out.

Beside the frames, two topics carry renewals: a site asks at `up/cert`, the hub answers at
`dn/cert`. The broker's list of revoked certificates may be older than the hub's, so the hub looks
itself whose certificate counts before it takes or sends anything.
"""

import time
from collections.abc import Callable

from appliance.network import renewal
from appliance.network.authority import Authority
from appliance.network.enrolment import Enrolment
from appliance.network.papers import Papers
from appliance.network.register import shut_out
from appliance.places import Places
from appliance.refused import Refused
from appliance.store.alarms import Alarm
from appliance.store.store import Store
from appliance.words import N_

ASK, GRANT = "up/cert", "dn/cert"
"""Ways of a site: what it asks, what it is answered."""
ASK_S = 3600.0
"""How often a certificate is looked at, and asked for again."""
LOOK_S = 2.0
"""How old the hub's knowledge of who was shut out may be."""
SOON_S = 30 * 86_400.0
ENDS = N_(
    "This box's certificate ends soon and was not renewed. Connect it to the hub anew with a fresh code."
)
BROKER_ENDS = N_(
    "A broker's certificate ends soon. Run `hotline broker files` again and copy its files there."
)
_BROKERS = (
    "SELECT 1 FROM certificate AS c WHERE kind = 'broker' AND until_s BETWEEN ? AND ? AND NOT EXISTS"
    " (SELECT 1 FROM certificate AS d WHERE d.kind = 'broker' AND d.name = c.name AND d.until_s > c.until_s)"
)


class Membership:
    """The certificates of a box, and at the hub those of all sites; times given in are monotonic seconds."""

    def __init__(
        self,
        store: Store,
        places: Places,
        say: Callable[[str], None],
        wall: Callable[[], float] = time.time,
        keeper: bool = True,
    ) -> None:
        """`keeper` sees to the hub's own certificate: one of its workers, for two would mix their files."""
        self._store, self._say, self._wall = store, say, wall
        self._papers = Papers(places.network)
        self._authority = Authority(places.authority)
        self._enrolment = Enrolment(store, self._authority, now=wall)
        self._alarm = Alarm(store, "certificate")
        self._ask_s = self._look_s = 0.0
        self._keeper = keeper
        self._out: frozenset[int] = frozenset()

    def admits(self, site: int, now: float) -> bool:
        """Tell whether frames go to and from a site; the hub is believed by all who hear it."""
        if self._store.site or not site:
            return True
        if now >= self._look_s:
            self._look_s = now + LOOK_S
            out = shut_out(self._store, self._wall())
            for one in sorted(out - self._out):
                self._say(f"site {one} is shut out: nothing of it is taken")
            self._out = out
        return site not in self._out

    def connected(self) -> None:
        """Look at the certificates again: the broker, or the far side, has just come within reach."""
        self._ask_s = 0.0

    def ask(self, now: float) -> bytes | None:
        """Return a site's request for its next certificate when it is time; at the hub see to its own."""
        if now < self._ask_s:
            return None
        self._ask_s = now + ASK_S
        wall_s = self._wall()
        try:
            due = renewal.due(self._papers, wall_s)
            if self._store.site:
                self._alarm.say(ENDS if due and renewal.ends_s(self._papers) < wall_s + SOON_S else "")
                return renewal.wish(self._papers) if due else None
            if due and self._keeper and self._authority.made:
                renewal.renew_hub(self._papers, self._authority, self._enrolment, wall_s)
                self._say("the hub's own certificate was renewed")
            self._alarm.say(BROKER_ENDS if self._store.rows(_BROKERS, wall_s, wall_s + SOON_S) else "")
        except (OSError, ValueError, Refused) as error:
            self._say(f"the certificate is not renewed: {error}")
        return None

    def grant(self, site: int, asked: bytes) -> bytes | None:
        """At the hub: answer a site that asks; nothing for who may not."""
        if self._store.site or not self._authority.made:
            return None
        try:
            granted = renewal.grant(self._enrolment, self._authority, self._store, site, asked, self._wall())
        except (Refused, OSError) as error:
            self._say(f"site {site}: its certificate is not renewed: {error}")
            return None
        self._say(f"site {site}: its certificate was renewed")
        return granted

    def take(self, granted: bytes) -> None:
        """At a site: put what the hub granted in force."""
        try:
            if renewal.take(self._papers, granted, self._store.site, self._wall()):
                self._alarm.say("")
                self._say("the certificate was renewed")
        except OSError as error:
            self._say(f"the certificate is not renewed: {error}")
