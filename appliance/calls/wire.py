"""What pages and tools say to the call process: JSON lines on its Unix socket.

A client sends `{"id": 7, "order": {"do": "ready", "agent": "1001"}}` and gets
`{"id": 7, "ok": true, "data": {...}}` or `{"id": 7, "ok": false, "reason": "not_signed_in"}`.
After ``watch`` the call process also sends `{"notice": ...}` lines: a `SeatNotice` whenever a
seat changes, a `BoardNotice` at most once a second while something changes, the
`CallNotice` of every step of every call, and a `CampaignNotice` when a campaign has come further.
"""

from typing import Any

import msgspec

from appliance.calls.views import (
    Board,
    CallbackView,
    CallView,
    ExtensionView,
    LineView,
    MediaView,
    PartyView,
    QueueView,
    Seat,
    Sentence,
)
from appliance.campaigns.wire import Campaign, CampaignNotice, CampaignView
from appliance.published import Agent

__all__ = [
    "Board",
    "CallView",
    "CallbackView",
    "Campaign",
    "CampaignNotice",
    "CampaignView",
    "ExtensionView",
    "LineView",
    "MediaView",
    "PartyView",
    "QueueView",
    "Seat",
    "Sentence",
]
"""Views, and what is said of campaigns, which belong to what is said here."""


class SignIn(msgspec.Struct, frozen=True, tag_field="do", tag="sign_in"):
    """Bind an agent to an extension (席位绑定); the extension's phone rings for this agent from now on."""

    agent: str
    extension: str


class SignOut(msgspec.Struct, frozen=True, tag_field="do", tag="sign_out"):
    """Release the extension. Refused while talking."""

    agent: str


class Ready(msgspec.Struct, frozen=True, tag_field="do", tag="ready"):
    """Take calls from now on; also ends a wrap-up or a pause."""

    agent: str


class Pause(msgspec.Struct, frozen=True, tag_field="do", tag="pause"):
    """Take no calls, with a reason (小休); while talking it takes effect after the call."""

    agent: str
    reason: str


class Answer(msgspec.Struct, frozen=True, tag_field="do", tag="answer"):
    """Pick up the offered call on a browser extension."""

    agent: str


class HangUp(msgspec.Struct, frozen=True, tag_field="do", tag="hang_up"):
    """End the agent's call, or give an offered one back to the queue."""

    agent: str


class Hold(msgspec.Struct, frozen=True, tag_field="do", tag="hold"):
    """The caller hears music (保持)."""

    agent: str


class Resume(msgspec.Struct, frozen=True, tag_field="do", tag="resume"):
    """The caller is back; who was only consulted stays in the talk's other half."""

    agent: str


class Mute(msgspec.Struct, frozen=True, tag_field="do", tag="mute"):
    """The agent hears and is not heard (静音)."""

    agent: str
    on: bool


class Transfer(msgspec.Struct, frozen=True, tag_field="do", tag="transfer"):
    """Hand the caller over at once (直接转接).

    A target is agent:1002, ext:8102, tel:02087654321, queue:general or node:survey. When nobody
    answers there, the caller goes back to the queue.
    """

    agent: str
    to: str


class Consult(msgspec.Struct, frozen=True, tag_field="do", tag="consult"):
    """Ask somebody while the caller hears music (咨询转接): agent:, ext: or tel:."""

    agent: str
    to: str


class Invite(msgspec.Struct, frozen=True, tag_field="do", tag="invite"):
    """Call somebody into the talk (三方、会议): agent:, ext: or tel:."""

    agent: str
    to: str


class Complete(msgspec.Struct, frozen=True, tag_field="do", tag="complete"):
    """After a consultation: the caller and whom was asked talk on, the agent leaves."""

    agent: str


class Together(msgspec.Struct, frozen=True, tag_field="do", tag="together"):
    """After a consultation, or with somebody held: everybody talks with everybody."""

    agent: str


class Drop(msgspec.Struct, frozen=True, tag_field="do", tag="drop"):
    """End the part of one line in the agent's talk, or stop calling it; never the caller's."""

    agent: str
    line: str


class CallLeader(msgspec.Struct, frozen=True, tag_field="do", tag="call_leader"):
    """Consult the shift leader on duty (呼叫班长)."""

    agent: str


class PlayBack(msgspec.Struct, frozen=True, tag_field="do", tag="play_back"):
    """Play a recording into the talk, both hear it; `path` is relative to the recordings. Empty stops."""

    agent: str
    path: str


class SendDigits(msgspec.Struct, frozen=True, tag_field="do", tag="send_digits"):
    """Send keys to the caller's line, or to a guest's."""

    agent: str
    digits: str
    line: str = ""


class Dial(msgspec.Struct, frozen=True, tag_field="do", tag="dial"):
    """Call a number outside (外呼).

    When it is busy or nobody answers, the numbers of `then` are called one after another. `pin` and
    `account` are asked for where the phone's class of service wants them. Data: cid, the call's id.
    """

    agent: str
    number: str
    then: tuple[str, ...] = ()
    pin: str = ""
    account: str = ""


class PickUp(msgspec.Struct, frozen=True, tag_field="do", tag="pick_up"):
    """Take the call that rings at another phone (代接): at this extension, or in the own pick-up group."""

    agent: str
    extension: str = ""


class Forward(msgspec.Struct, frozen=True, tag_field="do", tag="forward"):
    """Send an extension's calls elsewhere (呼叫转移); an empty `to` takes that back.

    `when`: always 无条件, busy 遇忙, no_answer 无应答, night 夜间. `to` is a target or a number.
    """

    extension: str
    when: str
    to: str
    by: str = ""


class Supervise(msgspec.Struct, frozen=True, tag_field="do", tag="supervise"):
    """A shift leader enters a talk; `how`: listen 监听, whisper 密语, barge 强插, take_over 接管."""

    leader: str
    agent: str
    how: str


class Take(msgspec.Struct, frozen=True, tag_field="do", tag="take"):
    """A shift leader takes a waiting or ringing call at the own phone (代答)."""

    leader: str
    cid: str


class Release(msgspec.Struct, frozen=True, tag_field="do", tag="release"):
    """A shift leader ends a call (强拆), with a reason."""

    leader: str
    cid: str
    reason: str


class Force(msgspec.Struct, frozen=True, tag_field="do", tag="force"):
    """A shift leader makes an agent ready, paused or offline (强制就绪、示闲、签出)."""

    leader: str
    agent: str
    state: str


class MoveCall(msgspec.Struct, frozen=True, tag_field="do", tag="move_call"):
    """A shift leader puts a waiting call into another queue, or offers it to an agent: queue: or agent:."""

    leader: str
    cid: str
    to: str


class RecordCall(msgspec.Struct, frozen=True, tag_field="do", tag="record_call"):
    """Where the rules leave it to the agent: record, or keep what is rolling; or record no longer (录音)."""

    agent: str
    on: bool


class HideCall(msgspec.Struct, frozen=True, tag_field="do", tag="hide_call"):
    """What is said is private (保密): silence is recorded, until it is taken back, or for a time."""

    agent: str
    on: bool


class CancelCallback(msgspec.Struct, frozen=True, tag_field="do", tag="cancel_callback"):
    """A shift leader takes out a callback that waits, or one that was given up and is seen to now."""

    leader: str
    callback: str
    reason: str = ""


class SoundToken(msgspec.Struct, frozen=True, tag_field="do", tag="sound_token"):
    """Ask for the token with which this extension's browser brings its sound; data: token, port."""

    extension: str


class CitizenDial(msgspec.Struct, frozen=True, tag_field="do", tag="citizen_dial"):
    """Demo only: the citizen phone page calls the hotline; data: token, port."""

    phone: str
    caller: str
    called: str


class CitizenKey(msgspec.Struct, frozen=True, tag_field="do", tag="citizen_key"):
    """Demo only: a key on the citizen phone page."""

    phone: str
    key: str


class CitizenHangUp(msgspec.Struct, frozen=True, tag_field="do", tag="citizen_hang_up"):
    """Demo only: the citizen puts the phone down."""

    phone: str


class SendText(msgspec.Struct, frozen=True, tag_field="do", tag="send_text"):
    """Send an SMS by a line that can; the outcome arrives as the event text.sent with this key."""

    number: str
    text: str
    key: str


class GetDirectory(msgspec.Struct, frozen=True, tag_field="do", tag="directory"):
    """Ask for all phones; data: {"extensions": [ExtensionView]}."""


class Staff(msgspec.Struct, frozen=True, tag_field="do", tag="staff"):
    """Take another list of agents: somebody came, left, or has other roles. Who sits and talks goes on."""

    agents: tuple[Agent, ...]


class GetBoard(msgspec.Struct, frozen=True, tag_field="do", tag="board"):
    """Ask for the whole picture once; data: a Board."""


class Watch(msgspec.Struct, frozen=True, tag_field="do", tag="watch"):
    """Send notices on this connection from now on; data: a Board."""


Order = (
    SignIn
    | SignOut
    | Ready
    | Pause
    | Answer
    | HangUp
    | Hold
    | Resume
    | Mute
    | Transfer
    | Consult
    | Invite
    | Complete
    | Together
    | Drop
    | CallLeader
    | PlayBack
    | SendDigits
    | Dial
    | PickUp
    | Forward
    | Supervise
    | Take
    | Release
    | Force
    | MoveCall
    | RecordCall
    | HideCall
    | CancelCallback
    | SoundToken
    | CitizenDial
    | CitizenKey
    | CitizenHangUp
    | SendText
    | Campaign
    | Staff
    | GetDirectory
    | GetBoard
    | Watch
)


class Request(msgspec.Struct, frozen=True):
    """One order with the number its reply will carry."""

    id: int
    order: Order


class Reply(msgspec.Struct, frozen=True):
    """The answer to a request; `reason` is a word of REASONS when refused."""

    id: int
    ok: bool
    reason: str = ""
    data: dict[str, Any] = {}


class SeatNotice(msgspec.Struct, frozen=True, tag_field="notice", tag="seat"):
    """A seat changed."""

    seat: Seat


class CallNotice(msgspec.Struct, frozen=True, tag_field="notice", tag="call"):
    """A call changed."""

    call: CallView


class BoardNotice(msgspec.Struct, frozen=True, tag_field="notice", tag="board"):
    """The picture changed."""

    board: Board


Notice = SeatNotice | CallNotice | BoardNotice | CampaignNotice

REASONS = (
    "unknown_agent",
    "unknown_extension",
    "extension_taken",
    "not_signed_in",
    "talking",
    "agent_busy",
    "no_leader",
    "not_leader",
    "bad_target",
    "no_recording",
    "no_call",
    "no_offer",
    "phone_down",
    "not_demo",
    "phone_busy",
    "no_line",
    "media_down",
    "bad_number",
    "barred",
    "needs_pin",
    "bad_pin",
    "pin_locked",
    "needs_account",
    "bad_account",
    "nothing_rings",
    "unknown_campaign",
    "bad_campaign",
    "too_many_campaigns",
    "not_now",
    "malformed",
    "always_recorded",
    "never_recorded",
    "not_recorded",
    "no_privacy",
)
"""Why an order is refused; pages translate these words."""
