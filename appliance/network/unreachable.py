"""Why an address is not reached, as sentences: for whoever asks a hub, and for the link to its brokers."""

import errno
import socket

from appliance.words import N_

NOBODY_LISTENS = N_("Nobody listens at this address: look at its port, and whether the service there runs.")
NO_ANSWER = N_("Nothing answers at this address: look at the line, the address and firewalls between.")
NO_WAY = N_("This box has no way to this address: look at its cable, its own address and its gateway.")
UNKNOWN_NAME = N_("The name in this address is not known: look at its spelling and at the name server.")
NOT_SEALED = N_("What is at this address does not speak TLS: look at its port.")

_NO_WAY = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL})
_NO_TLS = ("wrong version number", "record layer failure")
"""What OpenSSL says of bytes that are no TLS at all."""


def why(fault: BaseException | str) -> str:
    """Give the sentence for what a socket, or TLS over it, says; empty when it is none of these."""
    match fault:
        case ConnectionRefusedError():
            return NOBODY_LISTENS
        case TimeoutError():
            return NO_ANSWER
        case socket.gaierror() | UnicodeError():
            return UNKNOWN_NAME
        case OSError() if fault.errno in _NO_WAY:
            return NO_WAY
    said = str(fault).lower().replace("_", " ")
    return NOT_SEALED if any(words in said for words in _NO_TLS) else ""
