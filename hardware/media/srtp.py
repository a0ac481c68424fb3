"""Sealed voice (SRTP, RFC 3711): what wraps the send and receive of a line whose keys were agreed on."""

from base64 import b64decode
from collections.abc import Callable

from pylibsrtp import Error, Policy, Session

from hardware.line import SrtpKeys

PROFILES = {
    "AES_CM_128_HMAC_SHA1_80": Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
}
KEY_BYTES = 30
"""Master key and salt of both."""
TOLD_AFTER = 25
"""Packets in a row that cannot be opened before that is said: half a second of voice."""

Buffer = bytes | bytearray | memoryview


class Seal:
    """Both directions of one line. What cannot be opened is not heard; nothing leaves that is not sealed.

    Counting on past 65535 packets, a new SSRC of the far end and packets played back are libsrtp's business.
    `say` hears, once until it goes well again, that the far end's packets cannot be opened.
    """

    def __init__(self, keys: SrtpKeys, say: Callable[[str], None]) -> None:
        """ValueError for keys that cannot be used."""
        self._say = say
        self._failed = 0
        self._out = _session(keys.suite, keys.send, Policy.SSRC_ANY_OUTBOUND)
        self._in = _session(keys.suite, keys.receive, Policy.SSRC_ANY_INBOUND)
        self._keys = keys

    def follow(self, keys: SrtpKeys) -> None:
        """Other keys were agreed on; where one is the same, counting goes on. ValueError as above."""
        old = self._keys
        into = out = None
        if (keys.suite, keys.send) != (old.suite, old.send):
            out = _session(keys.suite, keys.send, Policy.SSRC_ANY_OUTBOUND)
        if (keys.suite, keys.receive) != (old.suite, old.receive):
            into = _session(keys.suite, keys.receive, Policy.SSRC_ANY_INBOUND)
        self._out, self._in = out or self._out, into or self._in
        self._keys = keys

    def sending(self, send: Callable[[Buffer], int]) -> Callable[[Buffer], int]:
        """What seals a packet and sends it by `send`."""

        def sealed(packet: Buffer) -> int:
            try:
                return send(self._out.protect(bytes(packet)))
            except Error:
                return 0  # not sealed, so not sent

        return sealed

    def receiving(self, receive: Callable[[memoryview], int]) -> Callable[[memoryview], int]:
        """What takes a packet by `receive` and opens it in place; 0 for one that cannot be opened."""

        def opened(into: memoryview) -> int:
            size = receive(into)
            if not size:
                return 0
            try:
                packet = self._in.unprotect(bytes(into[:size]))
            except (Error, ValueError) as error:
                self._refused(error)
                return 0
            self._failed = 0
            into[: len(packet)] = packet
            return len(packet)

        return opened

    def _refused(self, error: Exception) -> None:
        self._failed += 1
        if self._failed == TOLD_AFTER:
            self._say(f"the far end's sealed voice (SRTP) cannot be opened: {error}")


def _session(suite: str, key: str, kind: int) -> Session:
    if suite not in PROFILES:
        raise ValueError(f"no such SRTP suite: {suite}")
    secret = b64decode(key, validate=True)
    if len(secret) != KEY_BYTES:
        raise ValueError("an SRTP key of the wrong length")
    return Session(Policy(key=secret, ssrc_type=kind, srtp_profile=PROFILES[suite]))
