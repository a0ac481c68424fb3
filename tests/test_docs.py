"""What the documents say is there is there, and what is there stands in the documents."""

import argparse
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from appliance.cli import COMMANDS, parser
from appliance.commands.bench import BENCHES
from appliance.commands.run import banner
from appliance.configuration import Configuration, parse
from appliance.demo_data import DEMO_PASSWORD, PEOPLE
from appliance.places import Places
from appliance.supervisor import units
from web.application import create_app

ROOT = Path(__file__).parent.parent
READMES = ("README.md", "README.zh.md")
NOT_OURS = {".venv", "node_modules", "var", "build", ".git", ".hypothesis", ".pytest_cache"}
DOCUMENTS = sorted(path for path in ROOT.rglob("*.md") if not NOT_OURS & set(path.relative_to(ROOT).parts))
SAMPLE = ROOT / "firmware-config" / "hotline.toml"
OPTION = re.compile(r"--[a-z][a-z-]*")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.S | re.M)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
CALLED = re.compile(r"(?<![\w/.-])hotline(?: --data \S+)? ([a-z]+)((?: [^|;&\n]*)?)")
PASSES_ON = {"simulate", "carry"}
"""Commands that hand what follows to another program."""


def text_of(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def rows(text: str, first: str) -> list[list[str]]:
    """Table rows whose first cell begins with these letters inside a code span, as cells."""
    lines = [line for line in text.splitlines() if line.startswith(f"| `{first}")]
    return [
        [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines
    ]


def said_in_code(text: str) -> Iterator[str]:
    """Every line of code in a document, inline or in a block."""
    for _, block in FENCE.findall(text):
        yield from block.splitlines()
    yield from SPAN.findall(FENCE.sub("", text))


def options_of(command: argparse.ArgumentParser) -> set[str]:
    return {name for action in command._actions for name in action.option_strings} - {"-h", "--help"}


def commands() -> dict[str, argparse.ArgumentParser]:
    (found,) = (a for a in parser()._actions if isinstance(a, argparse._SubParsersAction))
    return dict(found.choices)


def settings(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every key of the configuration with its default; a table that may be repeated counts once."""
    for field in msgspec.structs.fields(value):
        name = f"{path}{field.encode_name}"
        repeated = getattr(field.type, "__args__", ())
        if isinstance(field.default, msgspec.Struct):
            yield from settings(field.default, f"{name}.")
        elif repeated and isinstance(repeated[0], type) and issubclass(repeated[0], msgspec.Struct):
            yield from settings(repeated[0], f"{name}.")
        else:
            yield name, field.default


def shown(default: Any) -> str:
    return "" if default is msgspec.NODEFAULT else f"`{msgspec.json.encode(default).decode()}`"


@pytest.mark.parametrize("readme", READMES)
def test_every_command_and_option_is_in_the_table_and_nothing_else(readme: str) -> None:
    told = [cells[0].strip("`") for cells in rows(text_of(readme), "hotline ")]
    table = {usage.split()[1]: set(OPTION.findall(usage)) for usage in told}
    assert len(table) == len(told)
    assert table == {name: options_of(command) for name, command in commands().items()}
    assert set(table) == set(COMMANDS)


@pytest.mark.parametrize("readme", READMES)
def test_what_holds_for_all_commands_is_told(readme: str) -> None:
    assert all(option in text_of(readme) for option in options_of(parser()))
    assert all(name in text_of(readme) for name in BENCHES)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_named_anywhere_exist(document: Path) -> None:
    known = {name: options_of(command) for name, command in commands().items()}
    for line in said_in_code(document.read_text("utf-8")):
        for name, rest in CALLED.findall(line):
            assert name in known, line
            if name not in PASSES_ON:
                assert set(OPTION.findall(rest)) <= known[name] | {"--help"}, line


@pytest.mark.parametrize("readme", READMES)
def test_every_setting_is_in_the_table_with_its_default(readme: str) -> None:
    expected = {name: shown(default) for name, default in settings(Configuration)}
    keys = "|".join(sorted({name.split(".")[0] for name in expected}))
    found = {
        cells[0].strip("`"): cells[1]
        for cells in rows(text_of(readme), "")
        if re.fullmatch(rf"`(?:{keys})(?:\.[a-z_0-9]+)?`", cells[0])
    }
    assert found == expected


def targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):.*## ", text_of("Makefile"), re.M))


@pytest.mark.parametrize("readme", READMES)
def test_every_make_target_is_in_the_table(readme: str) -> None:
    assert {cells[0].strip("`").split()[1] for cells in rows(text_of(readme), "make ")} == targets()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_make_targets_and_files_named_anywhere_exist(document: Path) -> None:
    text = document.read_text("utf-8")
    made = {name for line in said_in_code(text) for name in re.findall(r"(?<![\w-])make ([a-z]+)", line)}
    assert made <= targets()
    paths = [link for link in LINK.findall(FENCE.sub("", text)) if "://" not in link]
    assert [path for path in paths if not (document.parent / path).exists()] == []


def test_every_page_is_in_the_table_and_nothing_else(tmp_path: Path) -> None:
    app = create_app(Places(tmp_path).make(), Configuration(), running=False)
    expected = {
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not rule.endpoint.startswith("v1.")  # described by its own table, which is shown at /api/docs
    }
    told = [
        cells[0]
        for method in ("GET", "POST", "PUT", "DELETE")
        for cells in rows(text_of("web/README.md"), method)
    ]
    pages = {
        f"{method} {path}"
        for cell in told
        for methods, path in [cell.strip("`").split()]
        for method in methods.split(",")
    }
    assert pages == expected


def test_the_sample_configuration_is_what_holds_without_any() -> None:
    assert parse(SAMPLE.read_text("utf-8"), SAMPLE.name) == Configuration()


def test_the_sample_configuration_names_every_setting_and_its_examples_work() -> None:
    text = re.sub(r"^#(?=[\[a-z])", "", SAMPLE.read_text("utf-8"), flags=re.M)
    parse(text, SAMPLE.name)
    table = tomllib.loads(text)
    for name, _ in settings(Configuration):
        here: Any = table
        for key in name.split("."):
            here = here[0] if isinstance(here, list) else here
            assert key in here, name
            here = here[key]


def test_the_sample_configuration_explains_itself_in_both_languages() -> None:
    comments = [line for line in SAMPLE.read_text("utf-8").splitlines() if line.startswith("# ")]
    assert sum(bool(re.search("[一-鿿]", line)) for line in comments) >= len(comments) / 3
    assert sum(bool(re.search("[A-Za-z]{3}", line)) for line in comments) >= len(comments) / 3


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_configurations_in_the_documents_can_be_used(document: Path) -> None:
    for language, block in FENCE.findall(document.read_text("utf-8")):
        if language == "toml":
            parse(block, document.name)


@pytest.mark.parametrize("readme", READMES)
def test_the_demo_is_described_as_it_is(readme: str, tmp_path: Path) -> None:
    text = text_of(readme)
    demo = parse(text_of("appliance/data/demo.toml"), "demo.toml")
    printed = banner(Places(tmp_path), demo, None)
    for line in printed.splitlines():
        if line.strip() and str(tmp_path) not in line:
            assert line.strip() in text
    assert DEMO_PASSWORD in text
    assert all(f"{number} / {password}" in text for number, password in demo_phones(demo))
    assert set(re.findall(r"^\| `(\d{4})` \|", text, re.M)) <= {person[0] for person in PEOPLE}


def demo_phones(demo: Configuration) -> Sequence[tuple[str, str]]:
    return [(e.number, e.password) for e in demo.extension if e.kind == "sip"]


def test_systemd_runs_what_the_supervisor_runs(tmp_path: Path) -> None:
    for unit in units(Places(tmp_path), Configuration()):
        service = text_of(f"systemd/hotline-{unit.name}.service")
        assert f"/hotline unit {unit.name}\n" in service
        assert "WantedBy=hotline.target" in service


def test_every_service_is_fenced_in() -> None:
    for service in sorted((ROOT / "systemd").glob("*.service")):
        text = service.read_text("utf-8")
        for line in ("User=hotline", "NoNewPrivileges=yes", "CapabilityBoundingSet=", "ProtectSystem=strict"):
            assert f"\n{line}\n" in text, service.name


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="this machine has no systemd")
def test_systemd_understands_every_unit(tmp_path: Path) -> None:
    for unit in sorted((ROOT / "systemd").glob("hotline*.*")):
        text = unit.read_text("utf-8")
        (tmp_path / unit.name).write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text, flags=re.M))
    units_there = sorted(str(path) for path in tmp_path.iterdir())
    told = subprocess.run(["systemd-analyze", "verify", *units_there], capture_output=True, text=True)
    assert [line for line in told.stderr.splitlines() if "hotline" in line and "man:" not in line] == []


def test_the_scripts_can_be_read_by_the_shell() -> None:
    for script in ("firmware-config/set-up.sh", ".ci/run"):
        subprocess.run(["bash", "-n", str(ROOT / script)], check=True)


def test_make_help_names_every_target() -> None:
    told = subprocess.run(["make", "-s", "-C", str(ROOT), "help"], capture_output=True, text=True, check=True)
    assert {line.split()[1] for line in told.stdout.splitlines() if "make " in line} == targets()
