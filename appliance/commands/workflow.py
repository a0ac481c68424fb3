"""`hotline workflow`: check and draw workflows, edit one as a file, publish it, put open tickets on it."""

import argparse
import getpass
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from appliance.configuration import load
from appliance.dictionary.dictionary import Dictionary
from appliance.people import Actor
from appliance.places import places
from appliance.refused import Refused
from appliance.store.opening import open_if_any
from appliance.store.store import Store
from appliance.tickets import migrating, strand_table
from appliance.tickets.desk import TicketDesk
from appliance.tickets.drawing import svg
from appliance.tickets.manual import chapter
from appliance.tickets.process import Workflow, diagram
from appliance.tickets.soundness import out_of_bounds
from appliance.tickets.strands import KINDS
from appliance.tickets.ticket import Ticket
from appliance.tickets.workflow import SHIPPED
from appliance.tickets.workflow_file import BadFile, read, written
from appliance.tickets.workflows import Workflows

SHOWN = 20
"""So many tickets are named in a report; --json names all."""


class Wrong(Exception):
    """What was typed cannot be done; says what to type."""


def add(_: str, parser: argparse.ArgumentParser) -> None:
    """Say what can be asked."""
    parser.add_argument("action", choices=tuple(ACTIONS), help="what to do")
    parser.add_argument("what", nargs="*", help="export, publish: the file; migrate: numbers of tickets")
    parser.add_argument(
        "--kind", default="", help="diagram: a kind of sub-order or overlay: " + ", ".join(KINDS)
    )
    parser.add_argument(
        "--language", default="zh", choices=("zh", "en"), help="diagram, manual: of the words in it"
    )
    parser.add_argument("--svg", action="store_true", help="diagram: a drawing, not Graphviz dot")
    parser.add_argument(
        "--version", default="", help="diagram, manual, export: like standard@0 (else the newest)"
    )
    parser.add_argument("--kinds", default=None, help="publish: kinds of tickets it serves, comma separated")
    parser.add_argument("--reason", default="", help="publish, migrate: why; it is kept")
    parser.add_argument("--by", default="", help="publish, migrate: who (else who runs this)")
    parser.add_argument("--from", dest="from_", default="", help="migrate: all open tickets of this version")
    parser.add_argument("--to", default="", help="migrate: the version they shall run on, like standard@1")
    parser.add_argument(
        "--dry-run", action="store_true", help="publish, migrate: only say what would come of it"
    )
    parser.add_argument("--json", action="store_true", help="check, list, migrate: print JSON")


def run(options: argparse.Namespace) -> int:
    """Do it; 1 when something is wrong or refused."""
    try:
        return ACTIONS[options.action](options)
    except BadFile as bad:
        for fault in bad.faults:
            print(f"hotline: {options.what[0]}: {fault}", file=sys.stderr)
    except (Refused, Wrong) as refused:
        print(f"hotline: {refused}", file=sys.stderr)
    except OSError as error:
        print(f"hotline: {error.filename}: {error.strerror or error}", file=sys.stderr)
    return 1


def _check(options: argparse.Namespace) -> int:
    """All tables: the shipped one, every version published, and those of sub-orders and overlays."""
    store = _box_if_any(options)
    found: dict[str, list[str]] = {SHIPPED.id: [str(f) for f in out_of_bounds(SHIPPED.name, SHIPPED.moves)]}
    for kind in KINDS.values():
        found[kind.name] = [str(fault) for fault in out_of_bounds(kind.name, kind.workflow.moves)]
    if store is not None:
        workflows = Workflows(store)
        for version in workflows.versions():
            moves = workflows.of(version.id).moves
            found[version.id] = [str(fault) for fault in out_of_bounds(version.name, moves)]
    wrong = any(found.values())
    if options.json:
        print(json.dumps(found, ensure_ascii=False))
        return 1 if wrong else 0
    for name, said in found.items():
        for fault in said:
            print(f"{name}: {fault}")
    if not wrong:
        print(f"No faults in {len(found)} workflows: {', '.join(found)}.")
    return 1 if wrong else 0


def _diagram(options: argparse.Namespace) -> int:
    workflow = _kind(options) if options.kind else _version(options)
    print((svg if options.svg else diagram)(workflow, options.language), end="")
    return 0


def _manual(options: argparse.Namespace) -> int:
    workflow = _version(options)
    print(chapter(workflow, options.language), end="")
    return 0


def _list(options: argparse.Namespace) -> int:
    store = _box(options)
    open_ = migrating.counts(store)
    versions = Workflows(store).versions()
    open_ = {**open_, **strand_table.versions(store)}
    rows = [_told(SHIPPED.id, (), None, "", "as shipped", open_)]
    rows += [_told(v.id, v.kinds, v.published_s, v.published_by, v.reason, open_) for v in versions]
    if options.json:
        print(json.dumps(rows, ensure_ascii=False))
        return 0
    for row in rows:
        kind = KINDS.get(row["version"].partition("@")[0])
        serves = f"every {kind.en.lower()}" if kind else ", ".join(row["kinds"]) or "all kinds"
        print(f"{row['version']:16} {serves:24} {row['open']:6} open  {row['by']} {row['reason']}".rstrip())
    return 0


def _told(
    version: str, kinds: Sequence[str], at_s: float | None, by: str, reason: str, open_: Mapping[str, int]
) -> dict[str, Any]:
    told = {"version": version, "kinds": list(kinds), "published_s": at_s, "by": by, "reason": reason}
    return {**told, "open": open_.get(version, 0)}


def _export(options: argparse.Namespace) -> int:
    file = _file(options)
    workflow = _version(options)
    store = _box_if_any(options)
    versions = Workflows(store).versions() if store else ()
    kinds = next((version.kinds for version in versions if version.id == workflow.id), ())
    text = written(workflow.name, kinds, workflow.moves, f"{workflow.id}, {len(workflow.moves)} moves.")
    file.write_text(text, "utf-8")
    print(f"{file}: {len(workflow.moves)} moves of {workflow.id}.")
    return 0


def _publish(options: argparse.Namespace) -> int:
    try:
        text = _file(options).read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise BadFile(["The file is not UTF-8 text."]) from None
    file = read(text)
    kinds = file.kinds if options.kinds is None else tuple(filter(None, options.kinds.split(",")))
    serves = ", ".join(kinds) or "all kinds that no other workflow names"
    if file.name in KINDS:
        kinds, serves = (), f"every {KINDS[file.name].en.lower()}"
    store = _box(options)
    known = Dictionary(store).names("ticket_kind")
    for kind in kinds:
        if kind not in known:
            raise Wrong(f"There is no kind of tickets {kind}. Choose from: {', '.join(known)}.")
    if options.dry_run:
        print(f"{file.name}: {len(file.moves)} moves, no faults; it would serve {serves}.")
        return 0
    made = Workflows(store).publish(_actor(options), file.name, file.moves, kinds, options.reason)
    what = "New tickets" if file.name not in KINDS else "New ones of the kind"
    print(f"{made.id} is published. {what} begin on it: {serves}. Open ones stay on theirs.")
    return 0


def _migrate(options: argparse.Namespace) -> int:
    store = _box(options)
    desk = TicketDesk(store)
    target = desk.workflows.of(options.to)
    if not options.to or target.id != options.to:
        raise Refused("unknown_workflow", "There is no version %(version)s.", version=options.to or "''")
    if bool(options.from_) == bool(options.what):
        raise Wrong("Give the numbers of tickets, or --from with a version.")
    tickets = migrating.open_on(store, options.from_) if options.from_ else _tickets(desk, options.what)
    report = migrating.preview(tickets, target, options.to)
    if not options.dry_run:
        if not options.reason.strip():
            raise Refused("missing", "Fill in %(field)s.", field="Reason")
        report = migrating.carry_out(store, _actor(options), tickets, options.to, options.reason)
    _tell(report, options)
    return 1 if report.stuck else 0


def _tell(report: migrating.Report, options: argparse.Namespace) -> None:
    if options.json:
        stuck = [{"number": ticket.number, "why": str(why)} for ticket, why in report.stuck]
        moved = [ticket.number for ticket in report.moved]
        print(json.dumps({"to": options.to, "dry_run": options.dry_run, "moved": moved, "stuck": stuck}))
        return
    done = "would go over" if options.dry_run else "went over"
    print(f"{len(report.moved)} tickets {done} to {options.to}, {len(report.stuck)} cannot.")
    for ticket, why in report.stuck[:SHOWN]:
        print(f"  {ticket.number} ({ticket.state}): {why}")
    if len(report.stuck) > SHOWN:
        print(f"  and {len(report.stuck) - SHOWN} more; --json names all.")


def _tickets(desk: TicketDesk, numbers: Sequence[str]) -> list[Ticket]:
    found = []
    for number in numbers:
        ticket = desk.find(number)
        if ticket is None:
            raise Wrong(f"There is no ticket {number}.")
        found.append(ticket)
    return found


def _version(options: argparse.Namespace) -> Workflow:
    """The version that was asked for; else the newest that serves every kind."""
    shipped = {workflow.id: workflow for workflow in (SHIPPED, *(kind.workflow for kind in KINDS.values()))}
    if options.version in shipped or (not options.version and _box_if_any(options) is None):
        return shipped[options.version or SHIPPED.id]
    workflows = Workflows(_box(options))
    found = workflows.of(options.version) if options.version else workflows.current("")
    if options.version and found.id != options.version:
        raise Refused("unknown_workflow", "There is no version %(version)s.", version=options.version)
    return found


def _kind(options: argparse.Namespace) -> Workflow:
    """The table on which a new strand of a kind begins."""
    if options.kind not in KINDS:
        known = ", ".join(KINDS)
        raise Wrong(f"There is no kind {options.kind}. Choose one of: {known}.")
    store = _box_if_any(options)
    return Workflows(store).newest_beside()[options.kind] if store else KINDS[options.kind].workflow


def _file(options: argparse.Namespace) -> Path:
    if len(options.what) != 1:
        raise Wrong("Name one file.")
    return Path(options.what[0])


def _box(options: argparse.Namespace) -> Store:
    store = _box_if_any(options)
    if store is None:
        raise Wrong(f"There is no box in {places(options.data).data}. Start one with: hotline run")
    return store


def _box_if_any(options: argparse.Namespace) -> Store | None:
    where = places(options.data)
    return open_if_any(where, load(where))


def _actor(options: argparse.Namespace) -> Actor:
    """Who may run this on the box is its administrator."""
    return Actor("", options.by or getpass.getuser(), frozenset({"AD"}))


ACTIONS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "check": _check,
    "diagram": _diagram,
    "manual": _manual,
    "list": _list,
    "export": _export,
    "publish": _publish,
    "migrate": _migrate,
}
