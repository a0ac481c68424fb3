"""What a modem tells of its SIM, its registration and its signal (3GPP TS 27.007 clauses 7 and 8)."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from hardware.gsm.at import fields, number

REGISTERED = (1, 5)
REGISTRATION = {
    0: "not searching for a network",
    1: "registered at home",
    2: "searching for a network",
    3: "the network refuses this SIM card",
    4: "no network in reach",
    5: "registered, roaming",
    6: "short messages only",
    7: "short messages only, roaming",
    8: "emergency calls only",
    9: "registered, calls by another network not preferred",
    10: "registered, roaming, calls by another network not preferred",
    11: "emergency calls only (RLOS)",
}

SIM_FAULTS = {
    5: "the SIM card is locked to another telephone",
    10: "there is no SIM card",
    11: "the SIM card wants its PIN",
    12: "the SIM card is locked and wants its PUK",
    13: "the SIM card has failed",
    15: "this is not a SIM card of the right kind",
    16: "the SIM card's PIN is wrong",
    17: "the SIM card wants its second PIN",
    18: "the SIM card is locked and wants its second PUK",
}
SIM_BUSY = (14, 515, 516)


@dataclass(slots=True)
class Facts:
    """What is known of the modem, for the technician."""

    maker: str = ""
    model: str = ""
    revision: str = ""
    imei: str = ""
    imsi: str = ""
    sim: str = ""
    pin_tries: int | None = None
    operator: str = ""
    own_number: str = ""
    signal_dbm: int | None = None
    registration: dict[str, int] = field(default_factory=dict)
    """By domain: CREG for circuit switched, CEREG for LTE."""

    @property
    def registered(self) -> bool:
        """Calls can be made and taken."""
        return any(stat in REGISTERED for stat in self.registration.values())

    @property
    def network(self) -> str:
        """The registration in words: the best of what the domains say."""
        stats = sorted(self.registration.values(), key=lambda stat: (stat not in REGISTERED, stat != 3))
        return REGISTRATION.get(stats[0], "registration unknown") if stats else "registration unknown"


def registration(line: str, solicited: bool) -> int | None:
    """`stat` of a +CREG, +CGREG or +CEREG line.

    An answer has the mode ``n`` before it; an unsolicited line has not, but
    some makes send it all the same: then a second field of one or two digits follows.
    """
    parts = fields(line)
    first, second = number(parts[0]), number(parts[1]) if len(parts) > 1 else None
    if second is not None and second in REGISTRATION and (solicited or len(parts[1]) <= 2):
        return second
    return first if first in REGISTRATION else None


def signal_dbm(line: str) -> int | None:
    """+CSQ in dBm; 100-191 is the TD-SCDMA scale of SIMCom and Quectel."""
    rssi = number(fields(line)[0])
    if rssi is None:
        return None
    if 0 <= rssi <= 31:
        return -113 + 2 * rssi
    return -116 + rssi - 100 if 100 <= rssi <= 191 else None


def sim_state(lines: Iterable[str]) -> str:
    """What +CPIN says: ``READY``, ``SIM PIN`` and so on; "" when it says nothing known."""
    for line in lines:
        text = line.rpartition(":")[2].replace('"', "").strip().upper()
        if text:
            return text
    return ""
