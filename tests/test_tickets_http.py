"""The twelve stories and every transition, walked over HTTP: by the buttons of the pages, and by the API."""

import time
from collections.abc import Callable, Mapping

import pytest

from appliance.demo_data import DEMO_PASSWORD
from appliance.outside.tokens import BY
from appliance.people import BOX, CITIZEN, Actor, People
from appliance.refused import Refused
from appliance.tickets.desk import TicketDesk
from appliance.tickets.process import START, Move
from appliance.tickets.strands import KINDS
from appliance.tickets.workflow import MOVES
from tests.api_programs import Program
from tests.ticket_stories import (
    NOT_PEOPLE,
    STORIES,
    STRAND_WAYS,
    DeskDoor,
    Door,
    Teller,
    Told,
    person,
    with_units,
)
from tests.web_pages import QUICK, Web, open_web


class PagesDoor:
    """The pages of the box; what the citizen, the box and the hub do comes straight to the desk."""

    def __init__(self, web: Web, desk: TicketDesk) -> None:
        self._web = web
        self._desk = desk
        self._people = People(web.box.store, demo=True, hasher=QUICK)

    def create(self, who: Actor, source: str, fields: Mapping[str, object]) -> bytes:
        """Register a ticket."""
        return self._desk.create(who, source, fields).tid

    def move(self, who: Actor, tid: bytes, name: str, fields: Mapping[str, object]) -> None:
        """Press the button of a move."""
        if not who.number:
            self._desk.move(who, tid, name, fields)
            return
        self._press(who, tid, "move", f"move-{name}", {"move": name, **fields})

    def act(
        self, who: Actor, tid: bytes, which: str | bytes, step: str, fields: Mapping[str, object]
    ) -> None:
        """Press the button of a step beside the main line."""
        if not who.number:
            self._desk.act(who, tid, which, step, fields)
        elif isinstance(which, str):
            self._press(who, tid, "strands", f"open-{which}", {"kind": which, "step": step, **fields})
        else:
            self._press(who, tid, f"strands/{which.hex()}", f"step-{step}", {"step": step, **fields})

    def _press(self, who: Actor, tid: bytes, where: str, button: str, form: dict[str, object]) -> None:
        """Open the ticket's page, see the button there, and send its form."""
        self.known(who)
        visitor, path = self._web.visitor(who.number), f"/tickets/{self._desk.get(tid).number}"
        page = visitor.get(path)
        if f'data-test="{button}"' not in page.text:
            raise Refused("no_button", f"{path} has no {button}")
        answer = visitor.post(f"{path}/{where}", **{key: _typed(key, value) for key, value in form.items()})
        if answer.status_code != 302:
            raise Refused("http", f"{answer.status_code} after {button}")

    def known(self, who: Actor) -> None:
        """Let somebody of a story be a person of the box."""
        if who.number in self._web.tokens:
            return
        self._people.create_person(who.number, who.name, DEMO_PASSWORD, who.roles, who.unit)


class ApiDoor:
    """The API: each person has a program of their own, citizens a channel, and the platform outside is one.

    What the box does, and a citizen whose ticket came another way, comes straight to the desk.
    """

    platform = "story-hb 平台"

    def __init__(self, web: Web, desk: TicketDesk) -> None:
        self._web = web
        self._desk = desk
        self._pages = PagesDoor(web, desk)
        self._programs: dict[str, Program] = {}

    def create(self, who: Actor, source: str, fields: Mapping[str, object]) -> bytes:
        """Register a ticket."""
        told = self._ask(who, "/tickets", {"source": source, **fields})
        found = self._desk.find(str(told["number"]))
        assert found is not None
        return found.tid

    def move(self, who: Actor, tid: bytes, name: str, fields: Mapping[str, object]) -> None:
        """Make a move."""
        ticket = self._desk.get(tid)
        if who == BOX or (who == CITIZEN and not ticket.created_by.startswith(BY)):
            self._desk.move(who, tid, name, fields)
            return
        if "outside" in fields:
            fields = {**fields, "outside": self.platform}
        offered = {move.name for move in self._desk.buttons(who, ticket)}
        self._ask(who, f"/tickets/{ticket.number}/moves", {"move": name, "fields": _days(fields)})
        assert name in offered

    def act(
        self, who: Actor, tid: bytes, which: str | bytes, step: str, fields: Mapping[str, object]
    ) -> None:
        """Make a step beside the main line."""
        if who == BOX:
            self._desk.act(who, tid, which, step, fields)
            return
        path = f"/tickets/{self._desk.get(tid).number}/strands"
        if isinstance(which, str):
            self._ask(who, path, {"kind": which, "step": step, "fields": _days(fields)})
        else:
            self._ask(who, f"{path}/{which.hex()}/steps", {"step": step, "fields": _days(fields)})

    def _ask(self, who: Actor, path: str, body: dict[str, object]) -> dict[str, object]:
        answer = self._program(who).ask("POST", path, body)
        told: dict[str, object] = answer.get_json()
        if answer.status_code not in (200, 201):
            raise Refused(str(told.get("word")), str(told.get("sentence")))
        return told

    def _program(self, who: Actor) -> Program:
        name = who.number or min(who.roles)
        if name not in self._programs:
            owner: dict[str, object] = {"roles": sorted(who.roles)}
            if who.number:
                self._pages.known(who)
                owner = {"person": who.number}
            self._programs[name] = Program(self._web, f"story-{name.lower()}", **owner)  # type: ignore[arg-type]
        return self._programs[name]


def _days(fields: Mapping[str, object]) -> dict[str, object]:
    """Fields as a program sends them: a day as text, a number as a number."""
    return {name: int(str(v)) if name == "days" else _typed(name, v) for name, v in fields.items()}


def _typed(name: str, value: object) -> object:
    """A field as a browser sends it."""
    form = {"planned": "%Y-%m-%d", "at": "%Y-%m-%dT%H:%M"}.get(name)
    if form is not None:
        return time.strftime(form, time.localtime(float(str(value))))
    return value


DOORS: Mapping[str, Callable[[Web, TicketDesk], Door]] = {
    "desk": lambda _, desk: DeskDoor(desk),
    "pages": PagesDoor,
    "api": ApiDoor,
}
"""Every way in; a further one is a row here."""


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Web:
    web = open_web(tmp_path_factory.mktemp("stories"))
    with_units(web.box.store)
    return web


@pytest.fixture(scope="module", params=["pages", "api"])
def teller(web: Web, request: pytest.FixtureRequest) -> Teller:
    return Teller(web.box.store, lambda desk: DOORS[request.param](web, desk))


@pytest.mark.parametrize("name", STORIES)
def test_each_of_the_twelve_stories_is_walked_over_http(teller: Teller, name: str) -> None:
    story, end = STORIES[name]
    ticket = teller.tell(story)
    assert (ticket.state, ticket.conflicts) == (end, 0)


BEGINS = [move for move in MOVES if move.source == START]
ELSEWHERE: Mapping[str, str] = {"rework_self": "SELF_HANDLING, AG reply"}
"""A way to the source of a move that the plain one does not allow."""


@pytest.mark.parametrize("move", [m for m in MOVES if m.source != START], ids=lambda move: move.code)
def test_every_transition_is_made_over_http_by_somebody_who_may(teller: Teller, move: Move) -> None:
    desk_teller = Teller(teller.store)
    ticket = desk_teller.tell(ELSEWHERE.get(move.name, move.source))
    assert ticket.state == move.source
    role = next((role for role in sorted(move.who) if role not in NOT_PEOPLE), sorted(move.who)[0])
    teller.step(ticket.tid, Told(person(role), move.name, {}))
    after = teller.desk.get(ticket.tid)
    assert (after.state, after.conflicts) == (move.target, 0)


STEPS = [(name, move) for name, kind in KINDS.items() for move in kind.workflow.moves]


@pytest.mark.parametrize(("kind", "move"), STEPS, ids=[move.code for _, move in STEPS])
def test_every_step_of_every_strand_is_made_over_http(teller: Teller, kind: str, move: Move) -> None:
    before = Teller(teller.store)
    begin = next(state for state in STRAND_WAYS[kind])
    way = STRAND_WAYS[kind][begin].partition(", ")[0] if move.source == START else move.source
    ticket = before.tell(way, {} if move.source == START else STRAND_WAYS[kind])
    role = next((role for role in sorted(move.who) if role not in NOT_PEOPLE), sorted(move.who)[0])
    unit = "@water" if kind == "suborder" and not move.by_lead and role in ("U2", "UL") else ""
    unit = "@water-north" if role == "U3" and move.source == "FORWARDED" else unit
    teller.step(ticket.tid, Told(person(role + unit), f"{kind}.{move.name}", {}))
    assert teller.strand(ticket.tid, kind).state == move.target
