"""The forms of tickets in the API: what comes in and what goes out; the description is made of them."""

import datetime
import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from appliance.dictionary.kind import KEY_MAX
from appliance.interest import MAX_SITE
from appliance.tickets.bodies import REGISTERED_FIELDS
from appliance.tickets.facets import GROUPED
from appliance.tickets.fields import DAYS_MAX, EXTRAS_MAX, FIELDS, RATINGS, UNIT_LIMIT, UNITS_MAX, Field
from appliance.tickets.finding import CLOCKS
from appliance.tickets.strands import KINDS as STRANDS
from appliance.tickets.workflow import LISTS, STATES
from web.api.endpoint import Answer, Strict
from web.finding_form import NONE

At = datetime.datetime
HEX = "^[0-9a-f]{32}$"
ROWS_MAX = 200
Id = Annotated[str, Meta(pattern=HEX)]
Cursor = Annotated[str, Meta(max_length=80, description="`next` of the page before")]
Rows = Annotated[int, Meta(ge=1, le=ROWS_MAX)]
Word = Annotated[str, Meta(max_length=80)]
SiteNumber = Annotated[int, Meta(ge=0, le=MAX_SITE, description="that registered it; 0 is the hub")]
Source = Annotated[str, Meta(max_length=KEY_MAX, description="来源渠道 Source, of the dictionary")]
Round = Annotated[int, Meta(ge=0, le=9, description="二次派单次数 How many second dispatches")]
Home = Annotated[str, Meta(max_length=80, description="市民联系地址 Words in the citizen's own address")]
Closing = Annotated[
    str, Meta(max_length=KEY_MAX, description=f"办结方式 Closing, of the dictionary; {NONE}: none")
]
Further = Annotated[
    str,
    Meta(
        pattern="^[^:]{1,64}:(.|\\n){1,100}$",
        description="附加字段 A further field and words in it, or its word where it is a list: product:酸奶",
    ),
]
KeyMatter = Annotated[bool, Meta(description="重点件 Key matter")]
Paused = Annotated[bool, Meta(description="暂停计时 The case clock stands still")]
Provisional = Annotated[bool, Meta(description="暂定限期 A due date rests on days that are only estimated")]
if TYPE_CHECKING:
    Rating: TypeAlias = str
    State: TypeAlias = str
    List: TypeAlias = str
    StrandKind: TypeAlias = str
    Clock: TypeAlias = str
    Grouped: TypeAlias = str
else:
    Rating = Literal[(*RATINGS, NONE)]
    State = Literal[tuple(STATES)]
    List = Literal[tuple(LISTS)]
    StrandKind = Literal[tuple(STRANDS)]
    Clock = Literal[CLOCKS]
    Grouped = Literal[GROUPED]


def type_of(field: Field) -> Any:
    """The type in JSON of a field of a ticket."""
    if field.type == "flag":
        return bool
    if field.type == "days":
        return Annotated[int, Meta(ge=1, le=DAYS_MAX)]
    if field.type == "units":
        code = Annotated[str, Meta(max_length=UNIT_LIMIT)]
        return Annotated[list[code], Meta(max_length=UNITS_MAX)]
    if field.type == "extra":
        name = Annotated[str, Meta(max_length=40)]
        text = Annotated[str, Meta(max_length=field.limit)]
        return Annotated[dict[name, text], Meta(max_length=EXTRAS_MAX)]
    if field.choices is not None and not field.maintained:
        return Literal[tuple(field.choices)]
    if field.type == "instant":
        return Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}$", description=field.en)]
    if field.type == "date":
        return Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$", description=field.en)]
    return Annotated[str, Meta(max_length=field.limit, description=f"{field.zh} {field.en}")]


def _some(names: Any) -> list[tuple[str, Any, Any]]:
    return [(name, type_of(FIELDS[name]) | UnsetType, UNSET) for name in names]


Registered = msgspec.defstruct(
    "Registered", _some(REGISTERED_FIELDS), bases=(Strict,), frozen=True, forbid_unknown_fields=True
)
"""What may be written down about a ticket, and edited."""
Given = msgspec.defstruct("Given", _some(FIELDS), bases=(Strict,), frozen=True, forbid_unknown_fields=True)
"""What may come along with a move or a step: which of them is told by the moves allowed."""
New = msgspec.defstruct(
    "New",
    [
        (
            "source",
            Annotated[
                str, Meta(max_length=KEY_MAX, description="来源渠道 Source: an entry of the dictionary")
            ],
        ),
        *_some(REGISTERED_FIELDS),
        ("call", Annotated[str, Meta(pattern=HEX)] | UnsetType, UNSET),
    ],
    bases=(Strict,),
    frozen=True,
    forbid_unknown_fields=True,
)
"""A new ticket; of source phone it is a draft, of any other it is registered."""


class Conditions(Strict, frozen=True):
    """What tickets are wanted: what is left out does not narrow."""

    text: Word = ""
    """Words looked for in number, title, content, address, citizen, phone, result and answer."""
    list: tuple[List, ...] = ()
    state: tuple[State, ...] = ()
    site: tuple[SiteNumber, ...] = ()
    unit: Word = ""
    kind: Word = ""
    category: Word = ""
    urgency: Word = ""
    source: Word = ""
    number: Word = ""
    """Its beginning or end."""
    phone: Word = ""
    citizen: Word = ""
    """Words in the names of the citizen and of whom the citizen speaks for."""
    home: Home = ""
    agent: Word = ""
    """Who registered it."""
    rating: tuple[Rating, ...] = ()
    closing: tuple[Closing, ...] = ()
    round: tuple[Round, ...] = ()
    confidential: bool | None = None
    key: KeyMatter | None = None
    paused: Paused | None = None
    provisional: Provisional | None = None
    extra: tuple[Further, ...] = ()
    """All of them must hold."""
    since: At | None = None
    """Registered at or after."""
    until: At | None = None
    """Registered before."""
    changed_since: At | None = None
    changed_until: At | None = None
    accepted_since: At | None = None
    accepted_until: At | None = None
    dispatched_since: At | None = None
    dispatched_until: At | None = None
    closed_since: At | None = None
    closed_until: At | None = None
    due_since: At | None = None
    """By when the citizen is to be answered."""
    due_until: At | None = None
    area: Word = ""
    clock: Clock | None = None
    """Only those that are overdue, due soon …"""
    conflicts: bool = False
    """Only those with moves that lost a race."""


class Search(Conditions, frozen=True):
    """The same, page by page."""

    rows: Rows = 30
    after: Cursor = ""


class SumsAsked(Conditions, frozen=True):
    """The same, counted by one or two fields."""

    by: tuple[Grouped, ...] = ("state",)


class Sum(Answer, frozen=True):
    """How many there are with these values, in the order of `by`."""

    values: list[str]
    tickets: int


class Sums(Answer, frozen=True):
    """What is found, counted."""

    sums: list[Sum]


class Ticket(Answer, frozen=True):
    """A ticket as whoever asks may see it."""

    id: str
    number: str
    seen: str
    """Send it as If-Match, so that nothing is changed that you have not seen."""
    state: str
    state_name: str
    list: str
    workflow: str
    source: str
    site: int
    kind: str
    title: str
    content: str
    category: str
    urgency: str
    area: str
    address: str
    citizen: str
    phone: str
    home: str
    identity: str
    behalf: str
    anonymous: bool
    callback: bool
    """Wants an answer."""
    key: bool
    position: str
    grid: str
    occurred: str
    outlet: str
    link: str
    customer: str
    """Id of the customer in the file."""
    extra: dict[str, str]
    """Further fields of its kind and category."""
    repeats: int
    """How often the matter was brought again."""
    masked: bool
    """Citizen and phone are hidden from you."""
    confidential: bool
    unit: str
    designated: bool
    outside: str
    master: str
    """Number of the ticket it is merged into."""
    result: str
    answer: str
    rating: str
    closing: str
    reason: str
    round: int
    conflicts: int
    created_by: str
    call: str
    created_at: At
    changed_at: At
    state_at: At
    accepted_at: At | None
    dispatched_at: At | None
    signed_at: At | None
    answered_at: At | None
    closed_at: At | None
    planned_at: At | None
    case_due_at: At | None
    """By when the citizen is to be answered."""
    case_due_original_at: At | None
    unit_due_at: At | None
    step_due_at: At | None
    provisional: bool
    """A due date rests on days that are only estimated."""
    paused_at: At | None


class Tickets(Answer, frozen=True):
    """A page of tickets, newest first."""

    tickets: list[Ticket]
    next: str | None
    """Ask for what follows with `after`; null at the end."""
    total: int
    more: bool
    """There are more than `total`."""


class Input(Answer, frozen=True):
    """A field that comes along with a move or a step."""

    name: str
    title: str
    type: str
    needed: bool
    limit: int
    choices: list[str] | None


class MoveOffered(Answer, frozen=True):
    """A step that may be made now."""

    move: str
    code: str
    title: str
    to: str
    fields: list[Input]


class Moves(Answer, frozen=True):
    """The steps that may be made now: the buttons of the page."""

    moves: list[MoveOffered]
    seen: str


class MoveAsked(Strict, frozen=True):
    """A step of the workflow."""

    move: Annotated[str, Meta(min_length=1, max_length=60)]
    fields: Given = Given()  # type: ignore[valid-type]  # made above


class Note(Strict, frozen=True):
    """A remark for the story."""

    text: Annotated[str, Meta(min_length=1, max_length=FIELDS["text"].limit)]


class Step(Answer, frozen=True):
    """One line of a ticket's story."""

    at: At
    who: str
    what: str
    title: str
    text: str
    state: str
    lost_race: bool
    delivered: bool
    site: int
    ref: str


class Story(Answer, frozen=True):
    """A ticket's story, oldest first."""

    steps: list[Step]


class StepOffered(Answer, frozen=True):
    """A step of a strand that may be made now."""

    step: str
    code: str
    title: str
    to: str
    fields: list[Input]


class Strand(Answer, frozen=True):
    """A sub-order or overlay beside the main line."""

    id: str
    seen: str
    kind: str
    title: str
    state: str
    state_name: str
    unit: str
    third: str
    optional: bool
    open: bool
    due_at: At | None
    provisional: bool
    """Its due date rests on days that are only estimated."""
    opened_at: At
    opened_by: str
    state_at: At
    moved_by: str
    fields: dict[str, Any]
    steps: list[StepOffered]


class Opening(Answer, frozen=True):
    """A strand that may be opened now."""

    kind: str
    title: str
    step: str
    fields: list[Input]


class Strands(Answer, frozen=True):
    """What runs beside a ticket, and what may be opened."""

    strands: list[Strand]
    openings: list[Opening]


class StrandOpened(Strict, frozen=True):
    """A sub-order or overlay to open."""

    kind: StrandKind
    step: Annotated[str, Meta(min_length=1, max_length=60)]
    fields: Given = Given()  # type: ignore[valid-type]


class StepAsked(Strict, frozen=True):
    """A step of a strand."""

    step: Annotated[str, Meta(min_length=1, max_length=60)]
    fields: Given = Given()  # type: ignore[valid-type]


def at(at_s: float | None) -> At | None:
    """Return a time of the box as the API tells it."""
    return None if at_s is None else datetime.datetime.fromtimestamp(at_s).astimezone()


def sure(at_s: float) -> At:
    """The same for one that is always there."""
    return datetime.datetime.fromtimestamp(at_s).astimezone()


ID = re.compile(HEX)
