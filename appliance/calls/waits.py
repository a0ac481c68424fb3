"""What a conversation asks the queues."""

from typing import Protocol


class Waits(Protocol):
    """What a conversation asks the queues; a call that is about to join is asked for too."""

    def busy(self, queue: str) -> bool:
        """Whether nobody could take a call at once."""

    def position(self, call: str, queue: str, priority: int) -> int:
        """A call's place in a queue, 1 is next; the place it would get when it does not wait yet."""

    def expect(self, call: str, queue: str, priority: int) -> float | None:
        """How many seconds a call is likely to wait from now; None when nobody knows."""

    def survey(self, queue: str) -> bool:
        """Whether callers of a queue rate the talk when the agent has hung up."""
