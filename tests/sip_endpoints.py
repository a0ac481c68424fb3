"""SIP endpoints of ours for tests, at whatever port is free."""

import errno

from hardware.sip.endpoint import SipEndpoint
from hardware.sip.settings import SipSettings

TRIES = 20


async def started(settings: SipSettings) -> SipEndpoint:
    """Start one; the port UDP was given may be taken for TCP, then another is tried."""
    for _ in range(TRIES):
        made = SipEndpoint(settings)
        try:
            await made.start()
        except OSError as error:
            if settings.port or error.errno != errno.EADDRINUSE:
                raise
        else:
            return made
    raise AssertionError(f"no port is free for UDP and TCP, {TRIES} tries")
