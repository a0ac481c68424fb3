"""A person asked for what is not allowed now."""


class Refused(Exception):
    """`reason` is a word of `appliance.calls.wire.REASONS`; nothing was changed."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
