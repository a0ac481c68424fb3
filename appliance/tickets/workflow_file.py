"""A workflow as a file a person can read and edit: TOML, one [[move]] a row; it comes back as it went out."""

import difflib
import json
import re
import textwrap
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from appliance.people import ROLES
from appliance.tickets.conditions import CONDITIONS
from appliance.tickets.fields import FIELDS
from appliance.tickets.process import Move
from appliance.tickets.soundness import MOVES_LIMIT, out_of_bounds
from appliance.tickets.strands import KINDS as BESIDE
from appliance.tickets.workflow import STATES

SIZE_LIMIT = 512 * 1024
WIDTH = 108
_TEXTS = {"code": "code", "name": "name", "from": "source", "to": "target", "zh": "zh", "en": "en"}
_LISTS = ("who", "needs", "takes", "complete", "ratings", "guards")
_FLAGS = ("reason", "final", "by_lead")
_KEYS = (*_TEXTS, *_LISTS, *_FLAGS)
_MUST = ("code", "name", "to", "who", "zh", "en")
_ROW = re.compile(r"^[ \t]*\[\[\s*move\s*\]\]", re.M)
_PLACE = re.compile(r"\(at (?:line (\d+), column (\d+)|end of document)\)")
_OTHERS = "C (citizen), SYS (the box), HB (hub or outside platform)"


@dataclass(frozen=True, slots=True)
class Written:
    """What a file holds."""

    name: str
    kinds: tuple[str, ...]
    moves: tuple[Move, ...]


class BadFile(ValueError):
    """A file that cannot be taken; `faults` says line by line what to do."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = list(faults)


def written(name: str, kinds: Sequence[str], moves: Sequence[Move], title: str = "") -> str:
    """Write a workflow as a file."""
    lines = [f"# {line}" for part in _head(title) for line in textwrap.wrap(part, WIDTH)]
    lines += ["", f"name = {_text(name)}", f"kinds = {_list(kinds)}"]
    for move in moves:
        lines += ["", "[[move]]", *_row(move)]
    return "\n".join([*lines, ""])


def read(text: str) -> Written:
    """Read a file; raises BadFile with every fault and its line."""
    if len(text) > SIZE_LIMIT:
        raise BadFile([f"The file is longer than {SIZE_LIMIT} characters."])
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadFile([_syntax(str(error))]) from None
    except RecursionError:
        raise BadFile(
            ["The file is nested too deeply. Write it as `hotline workflow export` does."]
        ) from None
    lines = [text.count("\n", 0, found.start()) + 1 for found in _ROW.finditer(text)]
    rows = data.pop("move", [])
    faults = [f"{key!r} is not known; the file has name, kinds and [[move]] rows." for key in data if key not in ("name", "kinds")]  # fmt: skip # noqa: E501
    name, kinds = data.get("name", ""), data.get("kinds", [])
    if not isinstance(name, str):
        faults.append('name: write it in quotes, for example name = "standard".')
    if not _is_list(kinds):
        faults.append('kinds: write a list of words, for example kinds = ["complaint"]; [] serves all.')
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadFile([*faults, "Write every move as a [[move]] row."])
    if len(rows) > MOVES_LIMIT:
        raise BadFile([*faults, f"There are more than {MOVES_LIMIT} moves."])
    for at, row in enumerate(rows):
        place = f"line {lines[at]}" if at < len(lines) else f"move {at + 1}"
        faults += [f"{place}, {_called(row)}: {fault}" for fault in _row_faults(row)]
    if faults:
        raise BadFile(faults)
    moves = tuple(_move(row) for row in rows)
    places = {move.code: line for move, line in zip(moves, lines, strict=False)}
    wrong = [
        f"line {places[fault.code]}, {fault}" if fault.code in places else str(fault)
        for fault in out_of_bounds(name, moves)
    ]
    if wrong:
        raise BadFile(wrong)
    return Written(name, tuple(kinds), moves)


def _row(move: Move) -> list[str]:
    lines = [f"{key} = {_text(getattr(move, attribute))}" for key, attribute in _TEXTS.items()]
    lines.insert(4, f"who = {_list(sorted(move.who))}")
    lines += [f"{key} = {_list(values)}" for key in _LISTS[1:] if (values := getattr(move, key))]
    return lines + [f"{key} = true" for key in _FLAGS if getattr(move, key)]


def _head(title: str) -> list[str]:
    roles = ", ".join(f"{role} ({names[1].lower()})" for role, names in ROLES.items())
    return [
        *([title] if title else []),
        "A workflow of tickets: edit it, then `hotline workflow publish FILE --reason ...`.",
        "Each [[move]] is a step `from` a state `to` another; from \"\" begins a ticket.",
        f"who: {roles}, {_OTHERS}.",
        "needs: fields that must come with it; takes: fields that may; complete: what the ticket must have",
        "by then; reason = true: a reason must be given; ratings: those it may carry; guards: conditions.",
        "final = true: it holds whatever a branch did meanwhile without having seen it.",
        f"States: {', '.join(STATES)}.",
        f"Fields: {', '.join(FIELDS)}.",
        f"Conditions: {', '.join(f'{name} ({words[1].lower()})' for name, words in CONDITIONS.items())}.",
        "kinds: kinds of tickets that begin on it; [] all that no other workflow names.",
        f"Named {', '.join(BESIDE)} it is the table of that sub-order or overlay: its steps are fixed.",
    ]  # fmt: skip


def _row_faults(row: Mapping[str, Any]) -> list[str]:
    faults = [f"{key!r} is missing." for key in _MUST if key not in row]
    for key, value in row.items():
        if key not in _KEYS:
            near = difflib.get_close_matches(key, _KEYS, 1)
            faults.append(f"{key!r} is not known" + (f"; did you mean {near[0]!r}?" if near else "."))
        elif key in _TEXTS and not isinstance(value, str):
            faults.append(f'{key}: write it in quotes, for example {key} = "...".')
        elif key in _LISTS and not _is_list(value):
            faults.append(f'{key}: write a list of words, for example {key} = ["AG", "DP"].')
        elif key in _FLAGS and not isinstance(value, bool):
            faults.append(f"{key}: write true or false.")
    return faults


def _move(row: Mapping[str, Any]) -> Move:
    texts: dict[str, Any] = {attribute: row.get(key, "") for key, attribute in _TEXTS.items()}
    lists: dict[str, Any] = {key: tuple(row.get(key, ())) for key in _LISTS[1:]}
    flags: dict[str, Any] = {key: row.get(key, False) for key in _FLAGS}
    return Move(**texts, **lists, who=frozenset(row["who"]), **flags)


def _called(row: Mapping[str, Any]) -> str:
    return str(row.get("code") or row.get("name") or "a move without a code")[:40]


def _is_list(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(word, str) for word in value)


def _text(value: str) -> str:
    """A TOML basic string; JSON's escapes are among TOML's, but TOML also wants DEL escaped."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _list(values: Sequence[str]) -> str:
    return f"[{', '.join(map(_text, values))}]"


def _syntax(message: str) -> str:
    place = _PLACE.search(message)
    said = _PLACE.sub("", message).strip()
    if place is None or place[1] is None:
        return f"at the end: {said}. Write it as `hotline workflow export` does."
    return f"line {place[1]}, column {place[2]}: {said}. Write it as `hotline workflow export` does."
