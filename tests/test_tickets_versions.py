"""Workflows as data: files people edit, versions, what keeps one from being published, migration."""

# ruff: noqa: E501 (tables of faults read best one a line)

import dataclasses
import itertools
import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance import cli
from appliance.events import Fact, Stamp
from appliance.people import Actor
from appliance.places import Places
from appliance.refused import Refused
from appliance.store.store import Store
from appliance.tickets import manual
from appliance.tickets.conditions import CONDITIONS
from appliance.tickets.desk import TicketDesk
from appliance.tickets.drawing import svg
from appliance.tickets.guards import GUARDS
from appliance.tickets.process import Move, Workflow
from appliance.tickets.soundness import ACTORS, out_of_bounds
from appliance.tickets.strands import KINDS
from appliance.tickets.workflow import MOVES, SHIPPED, STATES, STEPS
from appliance.tickets.workflow_file import BadFile, read, written
from tests.ticket_stories import Teller, person, with_units, word_of

ADMIN = person("AD")
FAST = [move for move in MOVES if "VERIFYING" not in (move.source, move.target)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = with_units(Store(Places(tmp_path).make().database, 1, bind=False))
    with store.database.connection_context():
        yield store


def told(moves: list[Move], name: str = "fast") -> list[str]:
    return [str(fault) for fault in out_of_bounds(name, moves)]


def changed(code: str, **changes: object) -> list[Move]:
    return [dataclasses.replace(m, **changes) if m.code == code else m for m in MOVES]  # type: ignore[arg-type]


def test_the_shipped_workflow_goes_into_a_file_and_comes_back_the_same() -> None:
    file = read(written("standard", ("complaint", "report"), MOVES, "title"))
    assert (file.name, file.kinds, file.moves) == ("standard", ("complaint", "report"), MOVES)


words = st.text(min_size=1, max_size=60).filter(
    lambda text: not any("\ud800" <= char <= "\udfff" for char in text)
)


@given(words, words, st.sets(st.sampled_from(sorted(ACTORS)), min_size=1), st.booleans(), st.booleans())
def test_whatever_a_move_is_called_and_whoever_makes_it_the_file_keeps_it(
    zh: str, en: str, who: set[str], reason: bool, final: bool
) -> None:
    moves = tuple(changed("C26", zh=zh, en=en, who=frozenset(who), reason=reason, final=final))
    assert read(written("x", (), moves)).moves == moves


@given(st.text(max_size=200))
def test_a_file_of_anything_is_read_or_refused_with_what_to_do(text: str) -> None:
    with pytest.raises(BadFile) as bad:
        read(text)
    assert bad.value.faults


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ('who = ["AG", "TL"]', 'who = ["AG", "XX"]', "C03: There is no role XX."),
        ('who = ["AG", "TL"]', "who = AG", "Write it as `hotline workflow export` does."),
        ('who = ["AG", "TL"]', 'who = "AG"', 'C03: who: write a list of words, for example who = ["AG", "DP"].'),
        ('who = ["AG", "TL"]', "", "C03: 'who' is missing."),
        ('who = ["AG", "TL"]', "who = []", "C03: Nobody may make this move. Choose one role at least."),
        ('zh = "提交"', 'zh = ""', "C03: Give it a Chinese and an English name of at most 60 characters."),
        ('zh = "提交"', "zh = 7", 'C03: zh: write it in quotes, for example zh = "...".'),
        ('zh = "提交"', 'zh = "提交"\nreson = true', "C03: 'reson' is not known; did you mean 'reason'?"),
        ('zh = "提交"', 'zh = "提交"\nreason = "yes"', "C03: reason: write true or false."),
        ('to = "REGISTERED"\nwho = ["AG", "TL"]', 'to = "NOWHERE"\nwho = ["AG"]', "C03: There is no state NOWHERE."),
        ('complete = ["kind", "title", "content"]', 'complete = ["task"]', 'C03: "task" cannot be complete beforehand'),
        ('complete = ["kind", "title", "content"]', 'needs = ["title"]', 'C03: "title" is part of the registration'),
        ('complete = ["kind", "title", "content"]', 'guards = ["luck"]', "C03: There is no condition luck."),
        ('complete = ["kind", "title", "content"]', 'needs = ["luck"]', "C03: There is no field luck."),
    ],
)  # fmt: skip
def test_a_fault_in_a_file_names_line_and_move_and_says_what_to_do(
    before: str, after: str, fault: str
) -> None:
    text = written("fast", (), MOVES)
    at = text.index("[[move]]", text.index('code = "C02"'))
    edited = text[:at] + text[at:].replace(before, after, 1)
    with pytest.raises(BadFile) as bad:
        read(edited)
    line = text.count("\n", 0, at) + 1
    assert any(fault in said for said in bad.value.faults)
    if "export` does" not in fault:
        assert f"line {line}, C03: " in str(bad.value)


def test_what_is_out_of_bounds_is_told_in_words() -> None:
    assert told(FAST) == []
    assert told([m for m in MOVES if m.code != "C01"]) == [
        "State DRAFT is never reached. Let a move lead there, or take out those that begin there.",
        "State CALLBACK_NA is never reached. Let a move lead there, or take out those that begin there.",
        "create_by_phone to DRAFT must stay: tickets begin with it.",
    ]
    assert told(changed("C21", needs=())) == ['C21: It must ask for "unit".']
    assert told(changed("C16", needs=())) == ['C16: It must ask for "master".']
    assert told(changed("C26", ratings=("superb",))) == [
        "C26: There is no rating superb.",
        'C26: It must ask for "rating".',
    ]
    assert told([*MOVES, STEPS["REGISTERED", "accept"]])[-1].startswith("C12: Another move has this code")
    assert told(list(MOVES), "no spaces please")[0].startswith("The name of a workflow has 1 to 40")
    assert told(list(MOVES) * 5) == ["There are more than 300 moves."]
    assert (
        "It is too large by"
        in told([dataclasses.replace(m, code=f"{m.code}{n}") for m in MOVES for n in range(4)])[0]
    )
    begun = Move("X1", "create_by_magic", "", "DRAFT", frozenset({"AG"}), "变", "Conjure")
    assert told([*MOVES, begun]) == ["X1: Tickets begin by call or by channel only. Let it begin in a state."]


def test_a_new_ticket_begins_on_the_newest_version_that_serves_its_kind(store: Store) -> None:
    desk = TicketDesk(store)
    desk.workflows.publish(ADMIN, "all", MOVES, (), "全部")
    desk.workflows.publish(ADMIN, "fast", FAST, ("consult",), "咨询从简")
    desk.workflows.publish(ADMIN, "slow", MOVES, ("consult", "report"), "试行")
    desk.workflows.publish(ADMIN, "fast", FAST, ("consult",), "恢复从简")
    begun = {
        k: desk.create(person("AG"), "web", {"kind": k}).workflow for k in ("consult", "report", "praise")
    }
    assert begun == {"consult": "fast@2", "report": "slow@1", "praise": "all@1"}


def test_a_ticket_finishes_on_the_version_it_began_with(store: Store) -> None:
    teller = Teller(store)
    before = teller.tell("REGISTERED")
    strict = [m for m in FAST if m.code != "C12"] + [dataclasses.replace(MOVES[11], who=frozenset({"DP"}))]
    teller.desk.workflows.publish(ADMIN, "standard", strict, (), "只由派单员立案")
    after = teller.tell("REGISTERED")
    agent = person("AG")
    assert (before.workflow, after.workflow) == ("standard@0", "standard@1")
    assert [m.name for m in teller.desk.buttons(agent, before)][:3] == [
        "ask_info",
        "request_verify",
        "accept",
    ]
    assert "accept" not in [m.name for m in teller.desk.buttons(agent, after)]
    assert word_of(lambda: teller.desk.move(agent, after.tid, "accept")) == "not_yours"
    assert teller.desk.move(agent, before.tid, "accept").state == "ACCEPTED"


def test_only_an_administrator_publishes_and_says_why(store: Store) -> None:
    workflows = TicketDesk(store).workflows
    assert word_of(lambda: workflows.publish(person("DP"), "fast", FAST, (), "x")) == "not_yours"
    assert word_of(lambda: workflows.publish(ADMIN, "fast", FAST, (), " ")) == "missing"
    assert word_of(lambda: workflows.publish(ADMIN, "fast", FAST, ("no such kind",), "x")) == "bad_choice"
    assert word_of(lambda: workflows.publish(ADMIN, "fast", FAST[:5], (), "x")) == "bad_workflow"
    assert workflows.versions() == []


def test_two_boxes_that_gave_one_number_agree_whose_it_is(store: Store, tmp_path: Path) -> None:
    other = Store(tmp_path / "other.db", 2, bind=False)
    facts = {"name": "fast", "version": 1, "kinds": [], "reason": "x", "by": "", "by_name": ""}
    events = [
        Stamp(site).event(Fact("workflow.published", {**facts, "kinds": [f"k{site}"], "moves": []}, b""))
        for site in (1, 2)
    ]
    store.take(events)
    other.take(events[::-1])
    kept = [TicketDesk(box).workflows.versions()[0].kinds for box in (store, other)]
    assert kept == [("k1",), ("k1",)]


def test_open_tickets_go_over_to_another_version_and_those_that_cannot_are_told_why(store: Store) -> None:
    teller = Teller(store)
    going, stuck, over = teller.tell("ACCEPTED"), teller.tell("VERIFYING"), teller.tell("CLOSED")
    teller.desk.workflows.publish(ADMIN, "fast", FAST, ("consult",), "咨询从简")
    data = str(store.path.parent)
    command = ["--data", data, "workflow", "migrate", "--from", "standard@0", "--to", "fast@1"]
    assert cli.main([*command, "--dry-run"]) == 1
    assert teller.desk.get(going.tid).workflow == "standard@0"
    assert cli.main([*command, "--reason", "统一流程", "--by", "9000"]) == 1
    versions = [teller.desk.get(ticket.tid).workflow for ticket in (going, stuck, over)]
    assert versions == ["fast@1", "standard@0", "standard@0"]
    step = teller.desk.timeline(going.tid)[-1]
    assert (step.what, step.who, "fast@1" in step.text, "统一流程" in step.text) == (
        "migrated",
        "9000",
        True,
        True,
    )
    assert word_of(lambda: teller.desk.migrate(ADMIN, going.tid, "fast@1", "x")) == "same_workflow"
    assert word_of(lambda: teller.desk.migrate(ADMIN, going.tid, "fast@9", "x")) == "unknown_workflow"
    assert word_of(lambda: teller.desk.migrate(person("DP"), going.tid, "standard@0", "x")) == "not_yours"


def test_a_ticket_whose_kind_becomes_another_stays_where_its_state_is_not_known(store: Store) -> None:
    teller = Teller(store)
    teller.desk.workflows.publish(ADMIN, "fast", FAST, ("consult",), "咨询从简")
    verifying, registered = teller.tell("VERIFYING"), teller.tell("REGISTERED")
    agent = person("AG")
    assert teller.desk.edit(agent, verifying.tid, {"kind": "consult"}).workflow == "standard@0"
    assert teller.desk.edit(agent, registered.tid, {"kind": "consult"}).workflow == "fast@1"


def test_nobody_is_stuck_whom_a_race_led_into_a_state_their_version_does_not_have(store: Store) -> None:
    teller = Teller(store)
    teller.desk.workflows.publish(ADMIN, "fast", FAST, ("consult",), "咨询从简")
    ticket = teller.tell("REGISTERED")
    teller.desk.migrate(ADMIN, ticket.tid, "fast@1", "x")
    meanwhile = {"move": "request_verify", "from": "REGISTERED", "to": "VERIFYING", "role": "AG"}
    store.record(Fact("ticket.moved", meanwhile, ticket.tid))
    after = teller.desk.get(ticket.tid)
    assert (after.state, after.workflow) == ("VERIFYING", "fast@1")
    assert teller.desk.move(person("IN"), ticket.tid, "verified_true").state == "ACCEPTED"


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(
    "workflow", [SHIPPED, *(kind.workflow for kind in KINDS.values())], ids=lambda w: w.name
)
def test_the_drawing_shows_every_state_and_every_move_and_is_sound_xml(
    workflow: Workflow, language: str
) -> None:
    drawn = svg(workflow, language)
    root = ElementTree.fromstring(drawn)
    shown = {group.get("data-state") for group in root.iter() if group.get("data-state")}
    assert shown == set(workflow.states)
    codes = {
        code
        for text in root.iter("{http://www.w3.org/2000/svg}text")
        for code in (text.text or "").split("/")
    }
    assert {move.code for move in workflow.moves} <= codes


def test_states_of_the_drawing_never_hide_each_other() -> None:
    from appliance.tickets.layers import laid_out

    layout = laid_out(list(STATES), [(m.source, m.target) for m in MOVES if m.source])
    places = sorted(layout.places.values())
    assert all(b[0] > a[0] or b[1] - a[1] >= 0.99 for a, b in itertools.pairwise(places))


def test_the_command_exports_checks_publishes_and_lists(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, file = ["--data", str(store.path.parent), "workflow"], tmp_path / "fast.toml"
    assert cli.main([*data, "export", str(file)]) == 0
    file.write_text(file.read_text("utf-8").replace('name = "standard"', 'name = "fast"'), "utf-8")
    publish = [*data, "publish", str(file), "--kinds", "consult,praise"]
    assert cli.main([*publish, "--dry-run"]) == 0
    assert cli.main(publish) == 1
    assert cli.main([*publish, "--reason", "试行"]) == 0
    assert cli.main([*data, "check"]) == 0
    capsys.readouterr()
    assert cli.main([*data, "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["version"], row["kinds"]) for row in rows] == [
        ("standard@0", []),
        ("fast@1", ["consult", "praise"]),
    ]
    assert cli.main([*data, "diagram", "--kind", "suborder", "--language", "en", "--svg"]) == 0
    assert "Signed for" in capsys.readouterr().out
    assert cli.main([*data, "publish", str(file), "--kinds", "consulting", "--reason", "x"]) == 1
    assert "consulting" in capsys.readouterr().err
    file.write_text("name = 7", "utf-8")
    assert cli.main([*data, "publish", str(file), "--reason", "x"]) == 1
    assert str(file) in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["diagram", "--kind", "nothing"],
        ["export"],
        ["publish", "/nowhere/at/all.toml", "--reason", "x"],
        ["publish", str(Path(__file__)), "--reason", "x"],
        ["migrate", "--to", "standard@7", "--from", "standard@0"],
        ["migrate", "--to", "standard@0"],
        ["migrate", "123", "--to", "standard@0"],
        ["diagram", "--version", "standard@9"],
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    store: Store, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["--data", str(store.path.parent), "workflow", *arguments]) == 1
    assert capsys.readouterr().err.startswith("hotline: ")


def test_without_a_box_the_shipped_workflow_is_checked_and_drawn(tmp_path: Path) -> None:
    assert cli.main(["--data", str(tmp_path), "workflow", "check"]) == 0
    assert cli.main(["--data", str(tmp_path), "workflow", "diagram"]) == 0
    assert cli.main(["--data", str(tmp_path), "workflow", "list"]) == 1


def test_an_actor_without_rights_changes_nothing_by_many(store: Store) -> None:
    from appliance.tickets.migrating import carry_out, open_on

    teller = Teller(store)
    teller.tell("ACCEPTED")
    with pytest.raises(Refused):
        carry_out(store, Actor("1", "x", frozenset({"AG"})), open_on(store, "standard@0"), "fast@1", "x")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_manual_tells_the_workflow_as_it_is(language: str) -> None:
    """When this fails, `python -m appliance.tickets.manual` writes it anew."""
    text = (manual.FOLDER / "README.md").read_text("utf-8")
    assert manual.chapter(SHIPPED, language) in text
    assert manual.told(text) == text
    assert (manual.FOLDER / f"workflow.{language}.svg").read_text("utf-8") == svg(SHIPPED, language)


def test_every_code_stands_in_the_manual_in_both_languages() -> None:
    text = (manual.FOLDER / "README.md").read_text("utf-8")
    moves = [*MOVES, *(move for kind in KINDS.values() for move in kind.workflow.moves)]
    assert {f"C{n:02}" for n in range(1, 73)} | {f"A{n:02}" for n in range(1, 24)} <= {m.code for m in moves}
    for move in moves:
        assert sum(line.startswith(f"| {move.code} |") for line in text.splitlines()) == 2, move.code
        assert text.count(f"{move.zh} `{move.name}`") >= 1
        assert text.count(f"{move.en} `{move.name}`") >= 1


def test_every_condition_has_a_name_people_can_choose_it_by() -> None:
    assert set(CONDITIONS) == set(GUARDS)
    assert all(zh and en for zh, en in CONDITIONS.values())


def test_a_published_version_has_a_manual_of_its_own(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    TicketDesk(store).workflows.publish(ADMIN, "fast", FAST, (), "简化")
    assert cli.main(["--data", str(store.path.parent), "workflow", "manual", "--version", "fast@1"]) == 0
    told = capsys.readouterr().out
    assert "| C12 |" in told
    assert "| C09 |" not in told
