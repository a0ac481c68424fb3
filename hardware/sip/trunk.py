"""One trunk: registered at the provider, or asked now and then whether it is there (RFC 3261 §10.2, §11)."""

from collections.abc import Callable
from dataclasses import dataclass

from aiosipua.message import SipRequest, SipResponse

from hardware.line import Fault, Signal, Up
from hardware.sip.dialog import via_value
from hardware.sip.digest import Login
from hardware.sip.layer import TransactionLayer
from hardware.sip.message import Addr, Hop, Party, literal, party, sip_uri, token
from hardware.sip.settings import SipTrunk
from hardware.sip.transaction import Transaction

EXPIRES_S = 300
SHORT_S = 60
"""Registrations shorter than this are refreshed at half their life, longer ones at nine tenths."""
QUALIFY_S = 30.0
RETRY_S = 4.0
RETRY_MOST_S = 300.0
RESOLVE_S = 300.0
RESOLVE_AGAIN_S = 30.0
GONE = (408, 503)
"""Statuses of an OPTIONS that say the provider cannot take calls; any other says it is there."""


@dataclass(slots=True)
class Registration:
    """What one registration keeps from request to request (RFC 3261 §10.2.4)."""

    call_id: str
    tag: str
    seq: int = 0
    challenge: tuple[str, str] = ("", "")
    """Header name of our answer, and the challenge it answers."""
    answers: int = 0
    expires_s: int = EXPIRES_S
    asked_again: bool = False


class Trunk:
    """A provider of ours. `say` hears `Up` and `Fault`; `look_up` is asked for addresses of a name."""

    def __init__(
        self,
        wire: TransactionLayer,
        settings: SipTrunk,
        say: Callable[[str, Signal], None],
        look_up: Callable[[str], None],
    ) -> None:
        self.settings = settings
        self.up = False
        self.reason = ""
        """Why it is down, as last said."""
        host = literal(settings.host)
        self.addresses: tuple[str, ...] = (host,) if host else ()
        self.login = Login(settings.user, settings.password) if settings.password else None
        self._wire = wire
        self._say = say
        self._look_up = look_up
        self._turn = 0
        self._failures = 0
        self._act_at: float | None = None
        self._resolve_at: float | None = None
        self._waiting: Transaction | None = None
        self._registration = Registration(f"{token()}@{token()}", token())
        self._open = False

    @property
    def hop(self) -> Addr | None:
        """Where requests go now; None while its name has no address."""
        if not self.addresses:
            return None
        settings = self.settings
        return Hop.by(self.addresses[self._turn % len(self.addresses)], settings.port, settings.transport)

    def open(self, now: float) -> None:
        """Begin: find the address, register or ask."""
        self._open = True
        if literal(self.settings.host) is None:
            self._resolve_at = now
        self._act_at = now
        self._wire.arm(self)

    def close(self, now: float) -> None:
        """Take the registration back, as far as that goes in one request."""
        self._act_at = self._resolve_at = None
        if self._open and self.up and self.settings.register:
            self._registration.expires_s = 0
            self._act(now)
        self._open = False

    def resolved(self, addresses: tuple[str, ...], now: float) -> None:
        """What a look-up found; nothing found leaves what was known."""
        if addresses and addresses != self.addresses:
            self.addresses = addresses
            self._turn = 0
            self._act_at = now
        if not addresses:
            self._resolve_at = now + RESOLVE_AGAIN_S
            if not self.addresses:
                self._fail(f"the name {self.settings.host} has no address", now)
        self._wire.arm(self)

    # Outcomes

    def on_response(self, transaction: Transaction, response: SipResponse, source: Addr, now: float) -> None:
        if transaction is not self._waiting or response.status_code < 200:
            return
        self._waiting = None
        if not self._open:
            return
        if self.settings.register:
            self._registered(response, now)
        elif response.status_code in GONE:
            self._fail(f"answers {response.status_code} {response.reason_phrase}", now)
        else:
            self._succeed(now + QUALIFY_S)

    def on_failure(self, transaction: Transaction, now: float) -> None:
        if transaction is self._waiting:
            self._waiting = None
            if self._open:
                self._fail("does not answer", now)

    def _registered(self, response: SipResponse, now: float) -> None:
        status, registration = response.status_code, self._registration
        if status < 300:
            registration.asked_again = False
            life_s = self._granted(response)
            return self._succeed(now + life_s * (0.5 if life_s < SHORT_S else 0.9))
        if status in (401, 407) and not registration.asked_again and self._challenged(response):
            registration.asked_again = True
            return self._act(now)
        if status == 423 and not registration.asked_again:
            least = response.headers.get_first("min-expires") or ""
            registration.expires_s = min(int(least), 86400) if least.isdecimal() else 3600
            registration.asked_again = True
            return self._act(now)
        registration.asked_again = False
        registration.challenge = ("", "")
        refused = "refuses user or password" if status in (401, 403, 407) else "refuses to register us"
        return self._fail(f"{refused}: {status} {response.reason_phrase}", now)

    def _challenged(self, response: SipResponse) -> bool:
        asked, answered = ("www-authenticate", "Authorization")
        if response.status_code == 407:
            asked, answered = ("proxy-authenticate", "Proxy-Authorization")
        for challenge in response.headers.get(asked):
            if self.login is not None and self.login.answer(challenge, "REGISTER", ""):
                self._registration.challenge = (answered, challenge)
                self._registration.answers = 0
                return True
        return False

    def _granted(self, response: SipResponse) -> int:
        """Seconds the registration holds: of our Contact, else of the whole response (§10.2.4)."""
        mine = next((p for c in response.headers.get("contact") if self._is_ours(p := party(c))), None)
        told = (mine.params.get("expires") if mine else None) or response.headers.get_first("expires") or ""
        life_s = int(told) if told.isdecimal() and len(told) < 9 else self._registration.expires_s
        return max(1, min(life_s, 86400))

    def _is_ours(self, contact: Party) -> bool:
        hop = self.hop
        return hop is not None and literal(contact.uri.host) == self._wire.ours(hop)[0]

    def _succeed(self, next_at: float) -> None:
        self._failures = 0
        self._act_at = next_at
        self._wire.arm(self)
        if not self.up:
            self.up = True
            self.reason = ""
            self._say(self.settings.name, Up())

    def _fail(self, what: str, now: float) -> None:
        self._failures += 1
        self._turn += 1
        self._act_at = now + min(RETRY_S * 2 ** (self._failures - 1), RETRY_MOST_S)
        self._wire.arm(self)
        settings = self.settings
        reason = f"{settings.host}:{settings.port}: {what}"
        if self.up or reason != self.reason:
            self.up = False
            self.reason = reason
            self._say(settings.name, Fault(reason))

    # Time

    def timer(self) -> float | None:
        due = [at for at in (self._act_at, self._resolve_at) if at is not None]
        return min(due, default=None)

    def on_timer(self, now: float) -> None:
        if self._resolve_at is not None and now >= self._resolve_at:
            self._resolve_at = now + RESOLVE_S
            self._look_up(self.settings.host)
        if self._act_at is not None and now >= self._act_at:
            self._act(now)

    # What is sent

    def _act(self, now: float) -> None:
        self._act_at = None
        hop = self.hop
        if hop is not None:
            request = self._register(hop) if self.settings.register else self._options(hop)
            self._waiting = self._wire.start(request, hop, self, now)

    def _options(self, hop: Addr) -> SipRequest:
        ours = self._wire.ours(hop)
        me = f"<{sip_uri(self.settings.user or 'hotline', *ours)}>;tag={token()}"
        return self._request("OPTIONS", hop, me, f"<{self._uri()}>", f"{token()}@{token()}", 1)

    def _register(self, hop: Addr) -> SipRequest:
        registration, settings = self._registration, self.settings
        registration.seq += 1
        me = f"<{sip_uri(settings.user, settings.host)}>"
        mine = f"{me};tag={registration.tag}"
        request = self._request("REGISTER", hop, mine, me, registration.call_id, registration.seq)
        put = request.headers.append
        by = "" if settings.transport == "udp" else f";transport={settings.transport}"
        put("Contact", f"<{sip_uri(settings.user, *self._wire.ours(hop))}{by}>")
        put("Expires", str(registration.expires_s))
        answered, challenge = registration.challenge
        if self.login is not None and challenge:
            registration.answers += 1
            count = registration.answers
            put(answered, self.login.answer(challenge, "REGISTER", request.uri, count=count) or "")
        return request

    def _request(self, method: str, hop: Addr, me: str, them: str, call_id: str, seq: int) -> SipRequest:
        request = SipRequest(method=method, uri=self._uri())
        put = request.headers.append
        put("Via", via_value(self._wire.ours(hop)))
        put("Max-Forwards", "70")
        put("From", me)
        put("To", them)
        put("Call-ID", call_id)
        put("CSeq", f"{seq} {method}")
        return request

    def _uri(self) -> str:
        host, port = self.settings.host, self.settings.port
        return "sip:" + (f"[{host}]" if ":" in host else host) + (f":{port}" if port != 5060 else "")
