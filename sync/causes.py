"""Why a broker cannot be used, as sentences: tables from what TLS and MQTT say to what a person can do."""

import ssl
from collections.abc import Mapping

from paho.mqtt.reasoncodes import ReasonCode

from appliance.network.unreachable import why
from appliance.words import N_

NO_BROKER = N_("The broker cannot be used.")
"""What follows a tab is for technicians and stays as it is."""
FOREIGN_BROKER = N_("The broker's certificate is not from this box's hub.")
OTHER_NAME = N_("The broker's certificate is for another address.")
BROKER_EXPIRED = N_("The broker's certificate has expired, or this box's clock is ahead.")
BROKER_TOO_NEW = N_("The broker's certificate is not valid yet: this box's clock is probably behind.")
REVOKED = N_("The hub has revoked this box's certificate. With a fresh code from the hub it connects again.")
EXPIRED = N_("This box's certificate has expired. With a fresh code from the hub it connects again.")
FOREIGN_BOX = N_("The broker does not accept this box's certificate; it is from another hub.")
HUNG_UP = N_("The broker hung up at once; it may not accept this box's certificate.")
BAD_FILES = N_("The certificate files of this box cannot be used.")
NOT_LET_IN = N_("The broker does not let this box in.")
NOT_ITS_TOPIC = N_("The broker lets this box write or read only what is its own.")
BUSY = N_("The broker is busy; the box tries again by itself.")
TOO_LARGE = N_("The broker refuses messages of this size; its limit must be 256 KB or more.")
TAKEN_OVER = N_("Another connection uses this box's name at the broker.")
STOPPING = N_("The broker is being stopped or started again.")

_VERIFIED: Mapping[int, str] = {
    9: BROKER_TOO_NEW,
    10: BROKER_EXPIRED,
    18: FOREIGN_BROKER,
    19: FOREIGN_BROKER,
    20: FOREIGN_BROKER,
    21: FOREIGN_BROKER,
    62: OTHER_NAME,
    64: OTHER_NAME,
}
"""X509_V_ERR_… of OpenSSL: what is wrong with the broker's certificate."""
_ALERTS = (
    ("certificate revoked", REVOKED),
    ("certificate expired", EXPIRED),
    ("unknown ca", FOREIGN_BOX),
    ("bad certificate", FOREIGN_BOX),
    ("decrypt error", FOREIGN_BOX),
    ("certificate required", FOREIGN_BOX),
)
"""What the broker says of our certificate."""
_CODES: Mapping[int, str] = {
    0x86: NOT_LET_IN,
    0x87: NOT_ITS_TOPIC,
    0x88: STOPPING,
    0x89: BUSY,
    0x8A: NOT_LET_IN,
    0x8B: STOPPING,
    0x8E: TAKEN_OVER,
    0x95: TOO_LARGE,
    0x97: BUSY,
    0x98: STOPPING,
    0x9F: BUSY,
}
"""Reason codes of MQTT 5 (section 2.4)."""


def of_error(error: Exception | str) -> str:
    """Give the sentence for what a socket, or TLS over it, says."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _VERIFIED.get(error.verify_code, FOREIGN_BROKER)
    said = str(error).lower().replace("_", " ")
    return why(error) or next((sentence for words, sentence in _ALERTS if words in said), NO_BROKER)


def of_code(code: ReasonCode) -> str:
    """Give the sentence for a reason code of the broker."""
    return _CODES.get(code.value, NO_BROKER)
