"""The tables of the manual, written from the workflows themselves: what it says is what the box does.

`python -m appliance.tickets.manual` writes them and the drawings anew into this folder.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from appliance.tickets.conditions import CONDITIONS
from appliance.tickets.drawing import svg
from appliance.tickets.fields import FIELDS
from appliance.tickets.process import START, Move, Workflow
from appliance.tickets.strands import KINDS
from appliance.tickets.workflow import LISTS, SHIPPED, STATES

FOLDER = Path(__file__).parent
HEADS: Mapping[str, tuple[str, ...]] = {
    "zh": ("编号", "从", "步骤", "到", "谁", "填写（* 必填，括号内须已填好）", "条件"),
    "en": ("code", "from", "move", "to", "who", "with it (* must, in brackets: before)", "conditions"),
}
STATE_HEADS: Mapping[str, tuple[str, ...]] = {
    "zh": ("状态", "代号", "列表", "市民看到"),
    "en": ("state", "code", "list", "the citizen reads"),
}


def chapter(workflow: Workflow, language: str, beside: bool = True) -> str:
    """Write states and moves as Markdown; `beside` adds sub-orders and overlays."""
    at = 0 if language == "zh" else 1
    parts = [f"### {('状态', 'States')[at]}", "", *_states(workflow, at), ""]
    parts += [f"### {('步骤', 'Moves')[at]}", "", *_moves(workflow, at)]
    for kind in KINDS.values() if beside else ():
        states = "、" if at == 0 else ", "
        opens = states.join(
            (STATES[name].zh, STATES[name].en)[at] for name in STATES if name in kind.opens_in
        )
        said = ("开启于：", "Opened in: ")[at]
        parts += [
            "",
            f"### {(kind.zh, kind.en)[at]} `{kind.name}`",
            "",
            f"{said}{opens}{'。' if at == 0 else '.'}",
        ]
        parts += ["", *_moves(kind.workflow, at)]
    return "\n".join([*parts, ""])


def told(text: str) -> str:
    """Return the README with its tables as they should be."""
    for language in HEADS:
        begin, end = f"<!-- workflow {language} -->\n", f"<!-- end of workflow {language} -->\n"
        between = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.S)
        tables = begin + chapter(SHIPPED, language) + end
        text = between.sub(lambda _, tables=tables: tables, text)  # type: ignore[misc]  # bound at once
    return text


def write() -> None:
    """Write tables and drawings anew."""
    readme = FOLDER / "README.md"
    readme.write_text(told(readme.read_text("utf-8")), "utf-8")
    for language in HEADS:
        (FOLDER / f"workflow.{language}.svg").write_text(svg(SHIPPED, language), "utf-8")


def _states(workflow: Workflow, at: int) -> list[str]:
    rows = [
        (
            (state.zh, state.en)[at],
            f"`{state.name}`",
            LISTS[state.list][at] if state.list else "",
            (state.citizen_zh, state.citizen_en)[at] or "—",
        )
        for state in workflow.states.values()
    ]
    return _table(STATE_HEADS["zh" if at == 0 else "en"], rows)


def _moves(workflow: Workflow, at: int) -> list[str]:
    rows = [
        (
            move.code,
            _state(workflow, move.source, at),
            f"{(move.zh, move.en)[at]} `{move.name}`",
            _state(workflow, move.target, at),
            " ".join(sorted(move.who)),
            _asked(move, at),
            "; ".join(CONDITIONS[name][at] for name in move.guards if name in CONDITIONS),
        )
        for move in workflow.moves
    ]
    return _table(HEADS["zh" if at == 0 else "en"], rows)


def _state(workflow: Workflow, name: str, at: int) -> str:
    if name == START:
        return "–"
    state = workflow.states[name]
    return (state.zh, state.en)[at]


def _asked(move: Move, at: int) -> str:
    must = [f"{_field(name, at)}\\*" for name in move.needed]
    may = [_field(name, at) for name in move.takes]
    before = [f"({_field(name, at)})" for name in move.complete]
    return ("、" if at == 0 else ", ").join([*must, *may, *before])


def _field(name: str, at: int) -> str:
    return (FIELDS[name].zh, FIELDS[name].en)[at] if name in FIELDS else name


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [heads, tuple("---" for _ in heads), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]


if __name__ == "__main__":
    write()
