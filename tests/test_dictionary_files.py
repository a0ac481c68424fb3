"""Settings as files: the same settings give the same bytes; an import tells every row, and is whole."""

import contextlib
import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance import demo_data
from appliance.actor import BOX, Actor
from appliance.cli import main
from appliance.dictionary.dictionary import Dictionary
from appliance.dictionary.files import BOM, FILE_MAX, exported, exported_all, unpacked, zipped
from appliance.dictionary.importing import carry_out, preview
from appliance.dictionary.starter import starter_files
from appliance.dictionary.tree import line
from appliance.refused import Refused
from appliance.store.store import Store

ADMINISTRATOR = Actor("9000", "管理员", frozenset({"AD"}))


@pytest.fixture
def dictionary(tmp_path: Path) -> Dictionary:
    return Dictionary(Store(tmp_path / "box.db", 1, bind=False))


@pytest.fixture
def city(tmp_path: Path) -> Dictionary:
    """A box with the demo city, and with settings of every type."""
    store = Store(tmp_path / "city.db", 1, bind=False)
    demo_data.fill(store, 2)
    dictionary = Dictionary(store)
    dictionary.set(BOX, "unit", "lamp", {"phone": "+86 1; 2", "duties": '一\n二,"三"', "closing": "17:30"})
    dictionary.set(BOX, "unit", "sub", {"name": "路灯一所", "parent": "lamp"})
    dictionary.set(BOX, "unit", "old", {"name": "=旧局", "short": "-1"})
    dictionary.set(
        BOX, "category", "99", {"name": "旧类", "unit": "old", "limits": "complaint=15wd; repair=2h"}
    )
    dictionary.retire(BOX, "unit", "old", "sub")
    dictionary.set(BOX, "area", "a", {"name": "云东区", "rural": True, "aliases": ["东区", "'东'"]})
    dictionary.set(BOX, "source", "web", {"name": "网络", "place": 0})
    dictionary.retire(BOX, "source", "fax")
    dictionary.set(BOX, "parameter", "urge_automatic", {"value": False})
    return dictionary


def file(*lines: str) -> bytes:
    return BOM + "\r\n".join(lines).encode()


def faults(dictionary: Dictionary, name: str, *lines: str) -> list[tuple[int, str]]:
    return [(f.line, f.refused.word) for f in preview(dictionary, ADMINISTRATOR, {name: file(*lines)}).faults]


def test_what_was_exported_imports_into_another_box_and_exports_to_the_same_bytes(
    city: Dictionary, dictionary: Dictionary
) -> None:
    files = exported_all(city)
    done = carry_out(dictionary, BOX, unpacked("all.zip", zipped(files)))
    assert done.faults == []
    assert exported_all(dictionary) == files
    assert zipped(exported_all(dictionary)) == zipped(files)


def test_importing_what_is_there_changes_nothing(city: Dictionary) -> None:
    done = carry_out(city, BOX, exported_all(city))
    assert (done.differences, done.faults) == ([], [])
    assert done.same > 100


def test_a_file_can_be_read_by_people_and_spreadsheets(city: Dictionary) -> None:
    text = exported(city, "unit").decode("utf-8-sig")
    assert exported(city, "unit").startswith(BOM)
    assert text.startswith("key 编码,place 顺序,name 名称,")
    assert ",'=旧局," in text, "no cell is a formula"


def test_rows_are_told_before_anything_is_done(dictionary: Dictionary) -> None:
    dictionary.set(BOX, "area", "a", {"name": "甲"})
    dictionary.set(BOX, "area", "b", {"name": "乙"})
    files = {"area.csv": file("key,name,retired", "a,甲区,no", "b,乙,yes", "c,丙,", "", "d,丁,no")}
    seen = preview(dictionary, ADMINISTRATOR, files)
    assert [(d.line, d.key, d.what) for d in seen.differences] == [
        (2, "a", "changed"),
        (4, "c", "added"),
        (6, "d", "added"),
        (3, "b", "retired"),
    ]
    assert seen.differences[0].fields == {"name": ("甲", "甲区")}
    assert [entry.key for entry in dictionary.all("area")] == ["a", "b"]
    carry_out(dictionary, ADMINISTRATOR, files)
    assert [entry.key for entry in dictionary.all("area")] == ["a", "c", "d"]


@pytest.mark.parametrize(
    ("name", "lines", "expected"),
    [
        ("nothing.csv", ("key",), [(0, "unknown_file")]),
        ("unit.xlsx", ("key",), [(0, "unknown_file")]),
        ("unit.csv", (), [(1, "no_key")]),
        ("unit.csv", ("name,site",), [(1, "no_key")]),
        ("unit.csv", ("key,name,colour",), [(1, "unknown_column")]),
        ("unit.csv", ("key,name,name",), [(1, "twice")]),
        ("unit.csv", ("key,name", "a,甲", "a,乙"), [(3, "twice")]),
        ("unit.csv", ("key,name", "a,甲,x"), [(2, "too_many_cells")]),
        ("unit.csv", ("key,name", "a,", "b c,乙", ",丙"), [(2, "missing"), (3, "bad_code"), (4, "bad_code")]),
        ("unit.csv", ("key,name,parent", "a,甲,z"), [(2, "unknown_reference")]),
        ("unit.csv", ("key,name,parent", "a,甲,b", "b,乙,a"), [(2, "cycle"), (3, "cycle")]),
        ("unit.csv", ("key,name,site", "a,甲,many", "b,乙,2"), [(2, "bad_number")]),
        ("unit.csv", ("key,name,retired", "a,甲,perhaps"), [(2, "bad_flag")]),
        ("unit.csv", ("key,name", '"a'), [(2, "bad_csv")]),
        ("category.csv", ("key,name,unit", "1,甲,nowhere"), [(2, "unknown_reference")]),
        ("parameter.csv", ("key,value", "sign_wd,99", "no_such,1"), [(2, "too_large"), (3, "unknown_entry")]),
        ("source.csv", ("key,name", "x," + "长" * 61), [(2, "too_long")]),
    ],
)
def test_what_is_wrong_is_told_with_its_line_and_nothing_is_imported(
    dictionary: Dictionary, name: str, lines: tuple[str, ...], expected: list[tuple[int, str]]
) -> None:
    assert faults(dictionary, name, *lines) == expected
    before = exported_all(dictionary)
    with pytest.raises(Refused, match="Nothing was imported"):
        carry_out(dictionary, BOX, {name: file(*lines)})
    assert exported_all(dictionary) == before


def test_who_brings_a_wrong_column_is_told_which_there_are(dictionary: Dictionary) -> None:
    change = preview(dictionary, ADMINISTRATOR, {"area.csv": file("编码,名称", "a,甲")})
    (fault,) = change.faults
    columns = "key, place, name, name_en, parent, unit, rural, aliases, retired"
    assert fault.refused.values["columns"] == columns


def test_one_bad_row_keeps_all_other_files_out(dictionary: Dictionary) -> None:
    files = {"unit.csv": file("key,name", "a,甲"), "area.csv": file("key,name", "b,")}
    with pytest.raises(Refused):
        carry_out(dictionary, BOX, files)
    assert dictionary.all("unit") == ()


def test_rows_may_name_rows_further_down_and_in_other_files(dictionary: Dictionary) -> None:
    files = {
        "category.csv": file("key,name,parent,unit", "0101,路灯,01,u", "01,照明,,"),
        "unit.csv": file("key,name", "u,路灯处"),
    }
    assert carry_out(dictionary, BOX, files).faults == []


def test_a_dissolved_unit_cannot_be_chosen_by_a_file(dictionary: Dictionary) -> None:
    dictionary.set(BOX, "unit", "old", {"name": "旧局"})
    dictionary.retire(BOX, "unit", "old")
    assert faults(dictionary, "category.csv", "key,name,unit", "01,照明,old") == [(2, "retired_reference")]


def test_who_may_not_change_a_list_cannot_import_it(dictionary: Dictionary) -> None:
    agent = Actor("1001", "王", frozenset({"AG"}))
    seen = preview(dictionary, agent, {"unit.csv": file("key,name", "a,甲")})
    assert [f.refused.word for f in seen.faults] == ["not_yours"]


def test_files_saved_by_a_chinese_spreadsheet_are_read(dictionary: Dictionary) -> None:
    files = {"unit.csv": "key,name\r\na,路灯处\r\n".encode("gb18030")}
    carry_out(dictionary, BOX, files)
    unit = dictionary.get("unit", "a")
    assert unit is not None
    assert unit.text("name") == "路灯处"


def test_an_oversized_or_broken_upload_is_refused() -> None:
    with pytest.raises(Refused, match="too large"):
        unpacked("a.csv", b"x" * (FILE_MAX + 1))
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("unit.csv", b"0" * (4 * FILE_MAX + 1))
    with pytest.raises(Refused, match="too large"):
        unpacked("a.zip", bomb.getvalue())
    with pytest.raises(Refused, match="cannot be read"):
        unpacked("a.zip", b"PK\x03\x04 and nothing behind it")


@given(data=st.binary(max_size=200), name=st.sampled_from(["unit.csv", "category.csv", "a.zip"]))
def test_any_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, name: str
) -> None:
    dictionary = Dictionary(Store(tmp_path_factory.mktemp("any") / "box.db", 1, bind=False))
    for content in (data, BOM + b"key,name\r\n" + data, b"PK" + data):
        with contextlib.suppress(Refused):
            preview(dictionary, BOX, unpacked(name, content))


def test_the_starter_is_a_tree_of_fifteen_industries_with_twenty_units_and_more(
    dictionary: Dictionary,
) -> None:
    done = carry_out(dictionary, BOX, starter_files())
    assert done.faults == []
    categories = dictionary.all("category")
    assert sum(not category.text("parent") for category in categories) == 15
    assert len(categories) > 300
    assert len(dictionary.all("unit")) > 20
    tree = dictionary.by_key("category")
    assert all(any(node.text("unit") for node in line(tree, category.key)) for category in categories)


def test_the_command_exports_and_imports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = str(tmp_path / "first"), str(tmp_path / "second")
    assert main(["--data", first, "settings", "import", "--starter"]) == 0
    assert main(["--data", first, "settings", "export", str(tmp_path / "all.zip")]) == 0
    assert main(["--data", second, "settings", "import", str(tmp_path / "all.zip"), "--dry-run"]) == 0
    assert "468 added, 0 changed" in capsys.readouterr().out
    assert main(["--data", second, "settings", "export", str(tmp_path / "none")]) == 0
    assert (tmp_path / "none" / "unit.csv").read_text("utf-8-sig").count("\n") == 1, "a dry run does nothing"
    assert main(["--data", second, "settings", "import", str(tmp_path / "all.zip")]) == 0
    assert main(["--data", second, "settings", "export", str(tmp_path / "again.zip")]) == 0
    assert (tmp_path / "again.zip").read_bytes() == (tmp_path / "all.zip").read_bytes()
    (tmp_path / "unit.csv").write_text("key,name\nx,\n", "utf-8")
    capsys.readouterr()
    assert main(["--data", second, "settings", "import", str(tmp_path / "unit.csv")]) == 1
    assert "unit.csv:2 x refused: Fill in Name." in capsys.readouterr().err
    assert main(["--data", second, "settings", "import", str(tmp_path / "gone.csv")]) == 1
