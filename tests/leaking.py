"""A call process with a leak: it keeps something of every call, as a forgotten reference would.

Run in the place of the call process (``calls=tests.leaking``, tests/box.py); the soak must see it.
"""

import sys

from appliance.calls import conversation, daemon

LEAK_BYTES = 17_000
"""What a call holds that is never let go."""
kept: list[bytes] = []


class Kept(conversation.Conversation):
    """A call in its flow that leaves something behind."""

    def __init__(self, *about: object) -> None:
        super().__init__(*about)  # type: ignore[arg-type]
        kept.append(bytes([len(kept) % 251 + 1]) * LEAK_BYTES)


if __name__ == "__main__":
    for module in [module for module in sys.modules.values() if hasattr(module, "Conversation")]:
        vars(module)["Conversation"] = Kept
    daemon.main()
