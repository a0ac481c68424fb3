"""Settings as files a person can read: a CSV file for each kind, all of them in one zip.

The first row names the columns, machine name first (`name 名称`); a column whose name begins
with `#` is a remark. Cells that a spreadsheet would take for a formula have an apostrophe in
front. The same settings always give the same bytes.
"""

import csv
import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from appliance.dictionary.dictionary import Dictionary
from appliance.dictionary.kind import Column, Kind
from appliance.dictionary.kinds import KINDS
from appliance.dictionary.parameters import PARAMETERS
from appliance.dictionary.rights_table import RIGHTS
from appliance.dictionary.tree import walk
from appliance.dictionary.values import as_text
from appliance.refused import Refused

BOM = b"\xef\xbb\xbf"
FILE_MAX = 4 * 1024 * 1024
"""Larger files are refused."""
FILES_MAX = 100
ROWS_MAX = 50_000
_FORMULA = ("=", "+", "-", "@", "\t", "'")
_THEN = (1980, 1, 1, 0, 0, 0)
"""Every file in a zip is from this time, so that the same settings give the same bytes."""
_REMARKS: Mapping[str, Mapping[str, str]] = {
    "parameter": {name: row.zh for name, row in PARAMETERS.items()},
    "right": {name: right.zh for name, right in RIGHTS.items()},
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a file: which entry, and what it says of it."""

    line: int
    key: str
    fields: Mapping[str, str]
    retired: bool | None
    """None: the file says nothing of it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a file or one of its lines."""

    file: str
    line: int
    key: str
    refused: Refused


def exported(dictionary: Dictionary, kind: str) -> bytes:
    """Return the CSV file of a kind, retired entries too."""
    table = KINDS[kind]
    by_key = dictionary.by_key(kind)
    entries = [entry for entry, _ in walk(by_key)] if table.tree else list(by_key.values())
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    remarks = _REMARKS.get(kind)
    writer.writerow(_head(table))
    for entry in entries:
        cells = [entry.key]
        if remarks is not None:
            cells.append(_safe(remarks.get(entry.key, "")))
        if table.ordered:
            cells.append(str(entry.place))
        columns = table.columns_for(entry.key) if entry.fields else ()
        cells += [_safe(as_text(column, entry.fields[column.name])) for column in columns]
        if not table.closed:
            cells.append("yes" if entry.retired else "no")
        writer.writerow(cells)
    return BOM + text.getvalue().encode()


def exported_all(dictionary: Dictionary) -> dict[str, bytes]:
    """Return the files of all kinds by name."""
    return {f"{kind}.csv": exported(dictionary, kind) for kind in KINDS}


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Put files into one zip, the same bytes for the same files."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, _THEN)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, files[name])
    return data.getvalue()


def unpacked(name: str, data: bytes) -> dict[str, bytes]:
    """Return the files of a zip, or the one file itself; raises Refused for what cannot be settings."""
    if len(data) > FILE_MAX:
        raise Refused("too_large_file", "The file is too large; at most %(most)s MB.", most=FILE_MAX >> 20)
    if not data.startswith(b"PK"):
        return {name.rpartition("/")[2].rpartition("\\")[2]: data}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
            if len(members) > FILES_MAX or sum(info.file_size for info in members) > 4 * FILE_MAX:
                raise Refused(
                    "too_large_file", "The file is too large; at most %(most)s MB.", most=4 * FILE_MAX >> 20
                )
            return {info.filename.rpartition("/")[2]: _member(archive, info) for info in members}
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, ValueError, EOFError):
        raise Refused("bad_zip", "This zip file cannot be read.") from None


def kind_of(name: str) -> Kind:
    """Return the kind a file is about, by its name; raises Refused."""
    stem, dot, ending = name.rpartition(".")
    kind = KINDS.get(stem.partition(" ")[0].partition("(")[0]) if dot and ending.lower() == "csv" else None
    if kind is None:
        raise Refused("unknown_file", "The name of a file must be that of a list, like unit.csv.")
    return kind


def read(kind: Kind, name: str, data: bytes) -> tuple[list[Row], list[Fault]]:
    """Read the CSV file of a kind: its rows, and what is wrong with it."""
    try:
        lines = list(_lines(data))
        columns = _columns(kind, lines[0][1] if lines else [])
    except Refused as refused:
        return [], [Fault(name, int(str(refused.values.get("line", 1))), "", refused)]
    rows: list[Row] = []
    faults: list[Fault] = []
    seen: set[str] = set()
    for number, cells in lines[1:]:
        key = _plain(cells[columns.index("key")]).strip() if len(cells) > columns.index("key") else ""
        try:
            rows.append(_row(columns, number, key, cells, seen))
        except Refused as refused:
            faults.append(Fault(name, number, key, refused))
    return rows, faults


def _row(columns: Sequence[str], number: int, key: str, cells: Sequence[str], seen: set[str]) -> Row:
    if any(cell.strip() for cell in cells[len(columns) :]):
        raise Refused("too_many_cells", "This row has more cells than there are columns.")
    if key in seen:
        raise Refused("twice", "The code %(key)s stands in this file twice.", key=key[:40])
    seen.add(key)
    fields = {
        name: _plain(cell) for name, cell in zip(columns, cells, strict=False) if name not in ("", "key")
    }
    retired = fields.pop("retired", None)
    word = (retired or "").strip().lower()
    if word not in ("", "yes", "no", "是", "否", "1", "0", "true", "false"):
        raise Refused("bad_flag", "%(field)s must be yes or no.", field="retired")
    return Row(number, key, fields, None if not word else word in ("yes", "是", "1", "true"))


def _lines(data: bytes) -> list[tuple[int, list[str]]]:
    """Rows that are not empty, with their line numbers; Chinese Windows writes GB 18030."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = data.decode("gb18030")
        except UnicodeDecodeError:
            raise Refused("bad_text", "This is not text; save the file as CSV (UTF-8).") from None
    if "\0" in text:
        raise Refused("bad_text", "This is not text; save the file as CSV (UTF-8).")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    found: list[tuple[int, list[str]]] = []
    line = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                found.append((line, cells))
            line = reader.line_num + 1
            if len(found) > ROWS_MAX:
                raise Refused("too_many_rows", "The file has too many rows; at most %(most)s.", most=ROWS_MAX)
    except csv.Error:
        raise Refused("bad_csv", "Line %(line)s cannot be read as CSV.", line=line) from None
    return found


def _columns(kind: Kind, head: Sequence[str]) -> list[str]:
    """Machine names of the columns; a remark is empty."""
    columns = ["" if cell.strip().startswith("#") else _plain(cell).strip().split(" ")[0] for cell in head]
    own = (*(["place"] if kind.ordered else []), *(column.name for column in kind.columns))
    known = ("key", *own, *(() if kind.closed else ("retired",)))
    for name in columns:
        if name and name not in (*known, "retired"):
            raise Refused(
                "unknown_column",
                "There is no column %(name)s in this list. Its columns are: %(columns)s.",
                name=name[:40],
                columns=", ".join(known),
            )
        if name and columns.count(name) > 1:
            raise Refused("twice", "The column %(name)s stands in this file twice.", name=name)
    if "key" not in columns:
        raise Refused("no_key", "The first row must name the columns, and one of them must be key.")
    return columns


def _head(kind: Kind) -> list[str]:
    remark = ["#名称"] if kind.name in _REMARKS else []
    place = ["place 顺序"] if kind.ordered else []
    retired = [] if kind.closed else ["retired 停用"]
    return ["key 编码", *remark, *place, *(_title(column) for column in kind.columns), *retired]


def _title(column: Column) -> str:
    return f"{column.name} {column.zh}"


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    with archive.open(info) as file:
        return file.read(4 * FILE_MAX)


def _safe(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _plain(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell
