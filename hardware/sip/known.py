"""Which addresses are known: trunks, allowed networks, phones of ours, who is in a call or was just asked."""

from collections import Counter

from hardware.sip.admission import Admission
from hardware.sip.trunks import Trunks

ASKED_S = 40.0
"""How long a request of ours may be answered."""
REMEMBERED_MAX = 4096


class Known:
    """Answers by IP address, at the cost of a few look-ups."""

    def __init__(self, trunks: Trunks, admission: Admission) -> None:
        self.phones: frozenset[str] = frozenset()
        """Where our registered phones are."""
        self._trunks = trunks
        self._admission = admission
        self._calls: Counter[str] = Counter()
        self._dialogs: dict[tuple[str, str], str] = {}
        self._asked: dict[str, float] = {}
        self._outside: set[str] = set()
        """Addresses found to be in no allowed network."""

    def has(self, ip: str, now: float) -> bool:
        """Whether an address is known just now."""
        if ip in self._calls or self.precious(ip) or self._asked.get(ip, 0.0) > now:
            return True
        if ip in self._outside:
            return False
        if self._admission.allows(ip):
            return True
        if len(self._outside) >= REMEMBERED_MAX:
            self._outside.clear()
        self._outside.add(ip)
        return False

    def precious(self, ip: str) -> bool:
        """An address that must not fall silent for what somebody else does there."""
        return ip in self.phones or self._trunks.of(ip) is not None

    def calls(self, ip: str) -> int:
        """How many calls with this address go on."""
        return self._calls[ip]

    def asked(self, ip: str, now: float) -> None:
        """We sent a request there."""
        if len(self._asked) >= REMEMBERED_MAX:
            self._asked = {of: until for of, until in self._asked.items() if until > now}
        self._asked[ip] = now + ASKED_S

    def joined(self, dialog: tuple[str, str], ip: str) -> None:
        """A dialog with this address began."""
        if dialog not in self._dialogs:
            self._dialogs[dialog] = ip
            self._calls[ip] += 1

    def left(self, dialog: tuple[str, str]) -> None:
        """A dialog is over."""
        ip = self._dialogs.pop(dialog, None)
        if ip is not None:
            self._calls[ip] -= 1
            if self._calls[ip] <= 0:
                del self._calls[ip]
