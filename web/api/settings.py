"""What tickets are made of, over the API: units, categories, fields with their words, the workflow."""

from appliance.tickets.bodies import REGISTERED_FIELDS
from appliance.tickets.fields import FIELDS
from appliance.tickets.process import START
from appliance.tickets.strands import KINDS
from web.api.endpoint import Answer
from web.context import box


class Unit(Answer, frozen=True):
    """A responsible unit."""

    code: str
    name: str
    name_en: str
    site: int
    phone: str


class Units(Answer, frozen=True):
    """All units."""

    units: list[Unit]


class Category(Answer, frozen=True):
    """A node of the category tree."""

    code: str
    parent: str
    name: str
    name_en: str
    unit: str


class Categories(Answer, frozen=True):
    """The category tree, parents by their code."""

    categories: list[Category]


class Choice(Answer, frozen=True):
    """A word of a list."""

    word: str
    name: str
    name_en: str


class FieldTold(Answer, frozen=True):
    """A field of tickets, moves and steps."""

    name: str
    title: str
    title_en: str
    type: str
    limit: int
    registered: bool
    """Written down when a ticket is registered; others come with a move or a step."""
    choices: list[Choice] | None


class Fields(Answer, frozen=True):
    """Every field there is."""

    fields: list[FieldTold]


class StateTold(Answer, frozen=True):
    """A state of the workflow."""

    state: str
    name: str
    name_en: str
    list: str
    clock: str


class MoveTold(Answer, frozen=True):
    """A move of the workflow."""

    code: str
    move: str
    source: str
    """Empty: it begins something."""
    to: str
    roles: list[str]
    name: str
    name_en: str
    needs: list[str]
    takes: list[str]


class WorkflowTold(Answer, frozen=True):
    """A workflow: states, and the moves between them."""

    workflow: str
    states: list[StateTold]
    moves: list[MoveTold]


class Versions(Answer, frozen=True):
    """The workflow shipped, all published versions, and those of sub-orders and overlays."""

    workflows: list[str]


def units() -> Units:
    """Tell all units."""
    rows = box().store.rows("SELECT code, name, name_en, site, phone FROM unit ORDER BY code")
    return Units([Unit(*row) for row in rows])


def categories() -> Categories:
    """Tell the category tree."""
    rows = box().store.rows("SELECT code, parent, name, name_en, unit FROM category ORDER BY code")
    return Categories([Category(*row) for row in rows])


def fields() -> Fields:
    """Tell every field with its words."""
    return Fields(
        [
            FieldTold(
                name,
                field.zh,
                field.en,
                field.type,
                field.limit,
                name in REGISTERED_FIELDS,
                None
                if field.choices is None
                else [Choice(word, zh, en) for word, (zh, en) in field.choices.items()],
            )
            for name, field in FIELDS.items()
        ]
    )


def workflows() -> Versions:
    """Tell which workflows there are."""
    published = [f"{version.name}@{version.version}" for version in box().tickets.workflows.versions()]
    return Versions(["standard@0", *published, *(kind.workflow.id for kind in KINDS.values())])


def workflow(workflow: str) -> WorkflowTold:
    """Tell a workflow; one that is not there is told as the shipped one, as tickets are carried on."""
    found = box().tickets.workflows.of(workflow)
    return WorkflowTold(
        found.id,
        [StateTold(s.name, s.zh, s.en, s.list, s.clock) for s in found.states.values() if s.name != START],
        [
            MoveTold(m.code, m.name, m.source, m.target, sorted(m.who), m.zh, m.en, [*m.needed], [*m.takes])
            for m in found.moves
        ],
    )
