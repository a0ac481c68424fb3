"""What a flow can do: every action, its parameters and how it can end, in one table.

`ACTIONS` is read by the run, by the fault finder, by the diagram and by whoever
carries the actions out. An outcome is a word ("done", "timeout") or a word with
a value ("key:1", "is:en").
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

import msgspec
from msgspec import Meta

KEYS = "0123456789*#ABCD"
LANGUAGES = ("zh", "en")
FACTS = frozenset({"caller", "called", "language"})
"""Variables every run starts with; a number that was withheld is an empty text."""

Name = Annotated[str, Meta(min_length=1, max_length=60)]
Prompts = Annotated[tuple[Name, ...], Meta(max_length=20)]
"""Phrase ids, spoken one after another."""
Seconds = Annotated[float, Meta(gt=0, le=3600)]
Tries = Annotated[int, Meta(ge=1, le=9)]
Key = Annotated[str, Meta(pattern="^[0-9*#A-D]$")]


class Action(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing to do for the caller; its fields are the node's parameters."""


class Say(Action, frozen=True):
    """Speak the prompts to the end; with `barge_in` a key cuts them short.

    A key is kept for the menu that follows, either way.
    """

    prompts: Prompts
    barge_in: bool = True


class Menu(Action, frozen=True):
    """Speak the prompts and take one key; with `barge_in` a key also cuts the prompts short.

    `timeout_s` counts from the end of the prompts. After a wrong key or none the menu
    is spoken again, `sorry` first, until `tries` are used up.
    """

    prompts: Prompts
    keys: Annotated[str, Meta(pattern="^[0-9*#A-D]+$", max_length=32)]
    timeout_s: Seconds = 6.0
    tries: Tries = 3
    barge_in: bool = True
    sorry: Prompts = ()


class Rate(Menu, frozen=True):
    """A menu whose key is also a rating, kept as a fact of the call: `keys` go from the best to the worst."""

    keys: Annotated[str, Meta(pattern="^[0-9*#A-D]+$", min_length=2, max_length=10)] = "12345"


class Collect(Action, frozen=True):
    """Speak the prompts and take digits until `terminator`, `digits_max` or `timeout_s` without a key.

    What is `secret`, a PIN for example, is not written down, and the recording is silent meanwhile.
    """

    prompts: Prompts
    store: Name
    digits_max: Annotated[int, Meta(ge=1, le=40)]
    digits_min: Annotated[int, Meta(ge=1, le=40)] = 1
    terminator: Key = "#"
    timeout_s: Seconds = 8.0
    tries: Tries = 3
    sorry: Prompts = ()
    secret: bool = False


class Queue(Action, frozen=True):
    """Wait for an agent: music, and `comfort` every `comfort_every_s`.

    While every agent is busy the action ends with ``all_busy`` once on joining and then
    every `busy_every_s`; the place in the queue is kept (`FlowRun.queue`) as long as the
    flow only speaks, offers menus, takes digits, or comes back. ``overflow`` comes after
    `overflow_s` of waiting in all. `announce` is what the caller hears when an agent picks
    up. Comfort and what follows ``all_busy`` may tell the `position` (1 is next) and, when it
    is known, how many `minutes` the wait is likely to take.
    """

    queue: Name
    comfort: Prompts = ()
    comfort_every_s: Seconds = 20.0
    busy_every_s: Seconds = 40.0
    overflow_s: Seconds | None = None
    announce: Prompts = ()


class Message(Action, frozen=True):
    """Speak the prompts, beep and record until `stop_key`, hang-up or `max_s`.

    Shorter than `min_s` is ``empty``. A caller who hangs up has left what was recorded.
    """

    prompts: Prompts
    mailbox: Name = "general"
    max_s: Seconds = 120.0
    min_s: Seconds = 2.0
    stop_key: Key = "#"


class Callback(Action, frozen=True):
    """Have the caller called back when the turn comes: the place is kept for the number in `number`.

    ``twice``: that number waits for a callback already; ``full``: too many wait; ``refused``: it is
    no number that can be called, or the caller has no place in a queue.
    """

    number: Name


class TicketState(Action, frozen=True):
    """Ask the box how the ticket stands whose number is in the variable `number`."""

    number: Name


class Set(Action, frozen=True):
    """Give a variable a value; ``language`` decides the voice from here on."""

    variable: Name
    value: Annotated[str, Meta(max_length=200)]


class Branch(Action, frozen=True):
    """Go on by the value of a variable: ``is:VALUE``, or ``else``; an empty value is ``is:``."""

    variable: Name
    values: Annotated[tuple[Annotated[str, Meta(max_length=60)], ...], Meta(min_length=1, max_length=40)]


class Goto(Action, frozen=True):
    """A named place that only goes on."""


class Talk(Action, frozen=True):
    """The call is with its agent; ``done`` when the agent has left and the caller is still there.

    It is ``rate`` instead when the queue the caller came from wants its talks rated.
    """


class Dial(Action, frozen=True):
    """Ring somebody and join who picks up (转接): targets in turn, each as its settings say.

    `to` are targets such as ext:8101, group:8500 or tel:02087654321; `number` names the variable
    that holds an extension's or a group's number the caller keyed, which is tried first. The caller
    hears ringback. ``answered`` goes on to the talk; ``busy``, ``no_answer``, ``unreachable`` and
    ``refused`` (nobody has that number, or it may not be called from here) say why not.
    """

    to: Annotated[tuple[Name, ...], Meta(max_length=20)] = ()
    number: Annotated[str, Meta(max_length=60)] = ""


class Hangup(Action, frozen=True):
    """End the call with a Q.850 cause."""

    cause: Annotated[int, Meta(ge=1, le=127)] = 16


@dataclass(frozen=True, slots=True)
class ActionKind:
    """One row of `ACTIONS`.

    `outcomes` maps an outcome to the action that follows when the node names no target
    (None: a target must be named). `each` = (word, parameter): one more outcome
    ``word:VALUE`` for every value of that parameter. `again` are the outcomes that are
    tried again while the node has tries left. `sets` are the variables an outcome
    brings, `stores` the parameter that names one more, `reads` the parameters that name
    a variable, `lends` the variables that a parameter's prompts may use only there.
    """

    params: type[Action]
    outcomes: Mapping[str, str | None]
    each: tuple[str, str] | None = None
    again: tuple[str, ...] = ()
    sets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    stores: str = ""
    reads: tuple[str, ...] = ()
    lends: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    silent: bool = False
    """The run does it by itself; the caller notices nothing."""
    waits: bool = False
    """Takes the caller's time, so that a loop through it cannot spin."""
    keeps_place: bool = False
    """A waiting call stays in its queue meanwhile."""
    leaves: tuple[str, ...] = ()
    """Outcomes with which it leaves the queue all the same."""

    def expected(self, action: Action) -> dict[str, str | None]:
        """Every outcome of this very action, with what follows by itself."""
        word, parameter = self.each or ("", "")
        values = getattr(action, parameter) if parameter else ()
        return {f"{word}:{value}": None for value in values} | dict(self.outcomes)


ACTIONS: Mapping[str, ActionKind] = {
    "say": ActionKind(Say, {"done": None}, keeps_place=True),
    "menu": ActionKind(
        Menu,
        {"timeout": None, "invalid": None},
        each=("key", "keys"),
        again=("timeout", "invalid"),
        waits=True,
        keeps_place=True,
    ),
    "rate": ActionKind(
        Rate,
        {"timeout": None, "invalid": None},
        each=("key", "keys"),
        again=("timeout", "invalid"),
        waits=True,
    ),
    "collect": ActionKind(
        Collect,
        {"ok": None, "timeout": None},
        again=("timeout",),
        stores="store",
        waits=True,
        keeps_place=True,
    ),
    "queue": ActionKind(
        Queue,
        {"answered": "talk", "all_busy": None, "abandoned": "hangup", "overflow": None},
        sets={"all_busy": ("position", "minutes")},
        lends={"comfort": ("position", "minutes"), "announce": ("agent",)},
        waits=True,
        keeps_place=True,
    ),
    "message": ActionKind(Message, {"left": None, "empty": None}, waits=True),
    "callback": ActionKind(
        Callback,
        {"kept": None, "twice": None, "full": None, "refused": None},
        reads=("number",),
        keeps_place=True,
        leaves=("kept",),
    ),
    "ticket_state": ActionKind(
        TicketState,
        {"found": None, "unknown": None, "unavailable": None},
        sets={"found": ("number", "state", "unit", "updated")},
        reads=("number",),
    ),
    "set": ActionKind(Set, {"done": None}, stores="variable", silent=True, keeps_place=True),
    "branch": ActionKind(
        Branch, {"else": None}, each=("is", "values"), reads=("variable",), silent=True, keeps_place=True
    ),
    "goto": ActionKind(Goto, {"done": None}, silent=True, keeps_place=True),
    "dial": ActionKind(
        Dial,
        {"answered": "talk", "busy": None, "no_answer": None, "unreachable": None, "refused": None},
        reads=("number",),
        waits=True,
    ),
    "talk": ActionKind(Talk, {"done": "hangup", "rate": "hangup"}, waits=True),
    "hangup": ActionKind(Hangup, {}),
}

PROMPT_FIELDS = ("sorry", "prompts", "comfort", "announce")
"""The parameters that hold phrase ids, in the order they are heard."""
