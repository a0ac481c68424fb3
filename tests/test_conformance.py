"""The table of what proves which feature names tests that exist; no scenario lies unused."""

import ast
import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NAMED = re.compile(r"`((?:browser/)?test_\w+\.py)::(test_\w+)`")
ROWS = [line for line in (HERE / "README.md").read_text("utf-8").splitlines() if NAMED.search(line)]
PROGRAMS = {"SIPp", "baresip", "linphonec", "chromium", "machine", "two boxes", "pages", "two processes"}


def functions_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("file", sorted({match[0] for row in ROWS for match in NAMED.findall(row)}))
def test_every_test_named_as_a_proof_exists(file: str) -> None:
    named = {name for row in ROWS for path, name in NAMED.findall(row) if path == file}
    assert named - functions_of(HERE / file) == set()


def test_every_row_says_what_the_other_side_is_and_no_feature_is_there_twice() -> None:
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in ROWS]
    assert len(ROWS) > 50
    assert {by for _, by, _ in cells} == PROGRAMS
    features = [feature for feature, *_ in cells]
    assert sorted(features) == sorted(set(features))


def test_every_scenario_of_sipp_is_played() -> None:
    code = "\n".join(path.read_text("utf-8") for path in HERE.rglob("*.py"))
    scenarios = {path.stem for path in (HERE / "sipp").glob("*.xml")}
    assert {name for name in scenarios if f'"{name}"' not in code} == set()
