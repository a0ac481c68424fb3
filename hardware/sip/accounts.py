"""Who a request proves to come from (RFC 3261 §22)."""

from collections import Counter

from aiosipua.message import SipRequest

from hardware.sip.digest import Challenger, Verdict, fields
from hardware.sip.message import Refusal, WrongPassword, number_of, uri_of
from hardware.sip.settings import SipAccount

HEADERS = {401: ("WWW-Authenticate", "authorization"), 407: ("Proxy-Authenticate", "proxy-authorization")}
"""Where a challenge with this status stands, and where its answer."""


class Accounts:
    """The extensions and the one realm they know passwords for."""

    def __init__(
        self, accounts: tuple[SipAccount, ...], realm: str, key: bytes, counts: Counter[str]
    ) -> None:
        self._accounts = {account.number: account for account in accounts}
        self._challenger = Challenger(realm, key)
        self._counts = counts

    def get(self, number: str | None) -> SipAccount | None:
        """The account with this number."""
        return self._accounts.get(number or "")

    def prove(self, request: SipRequest, status: int, now: float) -> SipAccount:
        """The account whose password the sender knows; raises `Refusal`: a challenge, or 403 when wrong."""
        asking, answering = HEADERS[status]
        realm = self._challenger.realm
        said = next((f for f in map(fields, request.headers.get(answering)) if f.get("realm") == realm), None)
        # Who answers no challenge of ours is asked anew, and not held against whoever really is there.
        if said is not None and self._challenger.asked(said):
            account = self._accounts.get(said.get("username", ""))
            # A captured answer must not open another number; some phones name only the host.
            same = number_of(uri_of(said.get("uri", ""))) in (None, number_of(uri_of(request.uri)))
            if account is None or not same:
                self._counts["wrong password"] += 1
                raise WrongPassword
            verdict = self._challenger.check(said, account.ha1.lower(), request.method, now)
            if verdict is Verdict.RIGHT:
                return account
            if verdict is Verdict.WRONG:
                self._counts["wrong password"] += 1
                raise WrongPassword
        raise Refusal(status, (asking, self._challenger.challenge(now, stale=said is not None)))
