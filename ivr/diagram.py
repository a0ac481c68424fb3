"""A flow as a picture: Graphviz source, one box a node, one arrow an outcome."""

from ivr.actions import ACTIONS
from ivr.flow import Flow, Node

SHAPES = {
    "menu": "hexagon",
    "rate": "hexagon",
    "queue": "house",
    "dial": "house",
    "hangup": "doublecircle",
    "talk": "doublecircle",
}
_LABEL_MAX = 48


def diagram(flow: Flow) -> str:
    """The flow in the DOT language, for ``dot -Tsvg``. Works for a flow with faults too."""
    lines = [f"digraph {_quoted(flow.name)} {{", "  rankdir=TB; node [shape=box, style=rounded];"]
    for name, node in flow.nodes.items():
        shape = SHAPES.get(node.action, "box")
        lines.append(f"  {_quoted(name)} [shape={shape}, label={_quoted(_label(name, node))}];")
    lines.append(f"  {_quoted('start')} [shape=point]; {_quoted('start')} -> {_quoted(flow.start)};")
    for name, node in flow.nodes.items():
        by_target: dict[str, list[str]] = {}
        for outcome, target in node.next.items():
            by_target.setdefault(target, []).append(outcome.removeprefix("key:"))
        lines += [
            f"  {_quoted(name)} -> {_quoted(target)} [label={_quoted(', '.join(outcomes))}];"
            for target, outcomes in by_target.items()
        ]
    return "\n".join([*lines, "}"]) + "\n"


def _label(name: str, node: Node) -> str:
    shown = [f"{key}={value}" for key, value in node.params.items() if key not in ("sorry", "comfort")]
    known = "" if node.action in ACTIONS else " ?"
    return f"{name}\n{node.action}{known}\n{', '.join(shown)[:_LABEL_MAX]}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
