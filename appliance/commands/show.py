"""The reading commands: what the box holds, as a table for people or as JSON for programs."""

import argparse
import json
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from appliance.commands.reading import read
from appliance.configuration import load
from appliance.places import Places, places
from appliance.rules import until_s
from appliance.tickets.messages import NUMBER, TEXT

LIMIT = 50
LIMIT_MAX = 100_000
ANSWER_S = 3.0
ALARMS = "SELECT value FROM setting WHERE name LIKE 'alarm.%' ORDER BY name"
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Listing:
    """A command that shows rows: its SQL, newest first, and the columns a person wants to see."""

    sql: str
    columns: tuple[str, ...]


LISTINGS: Mapping[str, Listing] = {
    "calls": Listing(
        "SELECT cid, line, direction, caller, called, queue, agent, outcome, cause, site,"
        " started_s, queued_s, answered_s, ended_s FROM call ORDER BY started_s DESC LIMIT ?",
        ("started_s", "caller", "called", "line", "agent", "outcome", "cause"),
    ),
    "recordings": Listing(
        "SELECT rid, call, kind, path, seconds, size, sha256, site, made_s, reason"
        " FROM recording ORDER BY made_s DESC LIMIT ?",
        ("made_s", "kind", "seconds", "path", "sha256"),
    ),
    "tickets": Listing(
        "SELECT tid, number, state, kind, source, title, category, citizen, phone, unit, site,"
        " round, conflicts, created_s, changed_s, call FROM ticket"
        " ORDER BY tid DESC LIMIT ?",
        ("number", "state", "kind", "title", "unit", "phone", "created_s"),
    ),
    "messages": Listing(
        f"SELECT mid, direction, line, {NUMBER} AS number, {TEXT} AS text, state, reason, at_s"
        " FROM short_message"
        " ORDER BY at_s DESC LIMIT ?",
        ("at_s", "direction", "number", "text", "state"),
    ),
    "events": Listing(
        "SELECT pos, eid, subject, kind, ver, body, via FROM event ORDER BY pos DESC LIMIT ?",
        ("pos", "kind", "body"),
    ),
    "peers": Listing(
        "SELECT name, site, state, reason, out_seq, acked, out_seq - acked AS backlog, in_seq, seen_s"
        " FROM peer ORDER BY name LIMIT ?",
        ("name", "state", "backlog", "in_seq", "seen_s", "reason"),
    ),
}


def add(name: str, parser: argparse.ArgumentParser) -> None:
    """Say what can be asked."""
    parser.add_argument("--json", action="store_true", help="print JSON")
    if name in LISTINGS:
        parser.add_argument("--limit", type=int, default=LIMIT, help=f"how many, newest first ({LIMIT})")
    if name == "ticket":
        parser.add_argument("number", help="the ticket's number")


def run(options: argparse.Namespace) -> int:
    """Show it."""
    where = places(options.data)
    special: Mapping[str, Callable[[Places, argparse.Namespace], int]] = {
        "status": _status,
        "agents": _agents,
        "ticket": _ticket,
        "blacklist": _blacklist,
    }
    if options.command in special:
        return special[options.command](where, options)
    listing = LISTINGS[options.command]
    return list_rows(where, listing.sql, listing.columns, options)


def list_rows(where: Places, sql: str, columns: tuple[str, ...], options: argparse.Namespace) -> int:
    """Show the rows of a query with one place for how many; 2 where there is no box."""
    rows = _query(where, sql, max(1, min(options.limit, LIMIT_MAX)))
    if rows is None:
        return 2
    if options.command == "events":
        rows = _blanked(where, rows)
    _show(rows, columns, options.json)
    return 0


def board(where: Places) -> Row | None:
    """Ask the call process for the whole picture; None when it is not running."""
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(ANSWER_S)
            link.connect(str(where.socket("calls")))
            link.sendall(b'{"id":1,"order":{"do":"board"}}\n')
            answer = link.makefile("rb").readline()
    except OSError:
        return None
    reply: Row = msgspec.json.decode(answer)
    data: Row = reply["data"]
    return data


def _query(where: Places, sql: str, *values: object) -> list[Row] | None:
    rows = read(where, load(where), sql, values)
    if rows is None:
        print(f"hotline: there is no box in {where.data}. Start one with: hotline run", file=sys.stderr)
    return rows


def _status(where: Places, options: argparse.Namespace) -> int:
    picture = board(where)
    peers = read(where, load(where), LISTINGS["peers"].sql, (LIMIT_MAX,))
    raised = read(where, load(where), ALARMS, ())
    said = [" ".join(str(row["value"]).split("\t")) for row in raised or []]
    if options.json:
        print(json.dumps({"calls": picture, "peers": peers, "alarms": said}, ensure_ascii=False))
        return 0 if picture else 1
    if picture is None:
        print("The call process is not running.")
    else:
        media = picture["media"]
        print(f"calls now {len(picture['calls'])}, idle SIP lines {picture['idle_lines']}")
        print(f"media clock: {media['ticks']} ticks, {media['late']} late, worst {media['worst_ms']} ms")
        _show(picture["queues"], ("name", "title", "waiting", "ready"), False)
        _show(picture["lines"], ("name", "state", "reason", "caller"), False)
        for warning in picture["warnings"]:
            print("!", warning["text"] % warning["values"])
    for alarm in said:
        print("!", alarm)
    _show(peers or [], LISTINGS["peers"].columns, False)
    return 0 if picture else 1


def _agents(where: Places, options: argparse.Namespace) -> int:
    picture = board(where)
    if picture is None:
        print("hotline: the call process is not running. Start the box with: hotline run", file=sys.stderr)
        return 1
    _show(picture["seats"], ("agent", "name", "extension", "state", "reason", "phone"), options.json)
    return 0


HITS = (
    "SELECT e.body, c.started_s FROM call c JOIN event e ON e.subject = c.cid AND e.kind = 'call.ended'"
    " WHERE c.outcome = 'refused' ORDER BY c.started_s"
)


def _blacklist(where: Places, options: argparse.Namespace) -> int:
    """Every entry of the configuration, and those taken out that once turned a caller away."""
    entries = load(where).blacklist
    found = _query(where, HITS)
    if found is None:
        return 2
    hits: dict[str, Row] = {}
    for row in found:
        pattern = str(json.loads(bytes(row["body"])).get("rule")).removeprefix("blacklist ")
        hits[pattern] = {"hits": hits.get(pattern, {}).get("hits", 0) + 1, "last_s": row["started_s"]}
    rows: list[Row] = [
        {
            "pattern": entry.pattern,
            "action": entry.action,
            "state": "expired" if 0 < until_s(entry.until) <= time.time() else "in force",
            "until": entry.until,
            "why": entry.why,
        }
        for entry in entries
    ]
    listed = {entry.pattern for entry in entries}
    rows += [{"pattern": pattern, "state": "taken out"} for pattern in sorted(hits) if pattern not in listed]
    for row in rows:
        hit = hits.get(row["pattern"], {})
        row.update(hits=hit.get("hits", 0), last_s=hit.get("last_s"))
    _show(rows, ("pattern", "action", "state", "until", "hits", "last_s", "why"), options.json)
    return 0


def _ticket(where: Places, options: argparse.Namespace) -> int:
    rows = _query(where, "SELECT * FROM ticket WHERE number = ?", options.number)
    if rows is None:
        return 2
    if not rows:
        print(f"hotline: there is no ticket {options.number}.", file=sys.stderr)
        return 1
    ticket = {k: v for k, v in rows[0].items() if not isinstance(v, bytes)}
    ticket["id"] = bytes(rows[0]["tid"]).hex().upper()
    sql = "SELECT kind, eid, subject, body FROM event WHERE subject = ? ORDER BY eid"
    found = _blanked(where, _query(where, sql, rows[0]["tid"]) or [])
    events = [{name: event[name] for name in ("kind", "eid", "body")} for event in found]
    if options.json:
        history = [{**event, "body": json.loads(event["body"])} for event in events]
        print(json.dumps({**ticket, "history": history}, ensure_ascii=False))
    else:
        for name, value in ticket.items():
            print(f"{name:14} {_cell(name, value)}")
        _show(events, ("kind", "body"), False)
    return 0


def _blanked(where: Places, rows: list[Row]) -> list[Row]:
    from appliance.commands.event_log import blanked  # reads letters and tickets: only where events are shown

    return blanked(partial(_query, where), rows)


def _show(rows: list[Row], columns: tuple[str, ...], as_json: bool) -> None:
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, default=_hex))
        return
    if not rows:
        return
    table = [list(columns), *[[_cell(column, row.get(column)) for column in columns] for row in rows]]
    widths = [max(map(len, cells)) for cells in zip(*table, strict=True)]
    for line in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _hex(value: bytes) -> str:
    """An id as commands write it."""
    return value.hex().upper()


def _cell(column: str, value: object) -> str:
    if value is None:
        return ""
    if column.endswith("_s") and isinstance(value, int | float):
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(value)) if value else ""
    text = str(value).replace("\n", " ")
    return text if len(text) <= 60 else text[:59] + "…"
