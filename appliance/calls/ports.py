"""What the parts of the call process ask of one another."""

from collections.abc import Sequence
from typing import Protocol

from appliance.calls.conversation import Conversation
from appliance.calls.legs import Leg, Legs
from appliance.calls.waits import Waits
from hardware.line import Cause, Line


class Queueing(Waits, Protocol):
    """What the exchange asks of the agents' side."""

    def music(self, queue: str) -> str:
        """What callers of a queue hear while they wait (`ivr.voice.Voice.music`)."""

    def keep_place(self, talk: Conversation, number: str) -> str:
        """Have a waiting caller called back: ``kept``, or why not."""

    def join(self, talk: Conversation, queue: str) -> None:
        """A call begins to wait."""

    def leave(self, talk: Conversation) -> None:
        """A call waits no longer; stop ringing for it."""

    def caller_gone(self, talk: Conversation) -> None:
        """The caller hung up; end everybody's part."""

    @property
    def legs(self) -> Legs:
        """Everybody called into talks."""


class Calling(Protocol):
    """What the exchange asks of who calls others into talks."""

    def out_answered(self, talk: Conversation) -> None:
        """Whom an agent called outside picked up."""

    def out_alerting(self, talk: Conversation, early: bool) -> None:
        """It rings there."""

    def out_failed(self, talk: Conversation, cause: Cause) -> bool:
        """Whom an agent called outside did not pick up; True when another number is called now."""

    def call_targets(self, talk: Conversation, to: Sequence[str], keyed: str) -> None:
        """Ring somebody for the caller."""

    def stop_calling(self, talk: Conversation) -> None:
        """Whoever rings for the caller is not wanted any more."""

    def caller_gone(self, talk: Conversation) -> None:
        """The caller hung up: nobody is to be reached for the talk any more."""


class Phones(Protocol):
    """Where a desk phone's line is had from."""

    def line_to(self, extension: str) -> Line | None:
        """A free line to call this SIP extension by; None when all are taken."""

    def registered(self, extension: str) -> bool:
        """Whether the phone is there."""

    def line_out(self, number: str) -> Line | None:
        """A free line to call this number by; None when there is none."""

    def lines_free(self) -> int:
        """How many lines nobody uses just now, nor is about to."""


class Called(Protocol):
    """What becomes of legs that are not the queue's."""

    def joined(self, leg: Leg) -> None:
        """Who was called picked up."""

    def failed(self, leg: Leg, why: str) -> None:
        """Who was called did not: missed, declined, gone."""

    def ended(self, leg: Leg) -> None:
        """Somebody who was in the talk left it."""

    def alerting(self, leg: Leg, early: bool) -> None:
        """It rings at somebody's who was called; `early`: and is heard already."""
