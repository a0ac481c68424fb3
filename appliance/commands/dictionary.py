"""`hotline settings`: export all settings as files people can read, or import such files."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from appliance.actor import BOX
from appliance.configuration import load
from appliance.dictionary.dictionary import Dictionary
from appliance.dictionary.files import exported_all, unpacked, zipped
from appliance.dictionary.importing import Preview, carry_out, preview
from appliance.dictionary.starter import starter_files
from appliance.dictionary.values import shown
from appliance.places import places
from appliance.refused import Refused
from appliance.store.opening import open_store


def add(_: str, parser: argparse.ArgumentParser) -> None:
    """Say what can be asked."""
    parser.add_argument("what", choices=("export", "import"), help="export to, or import from")
    parser.add_argument("paths", nargs="*", type=Path, help="a folder, a .zip, or (import) .csv files")
    parser.add_argument("--dry-run", action="store_true", help="say what an import would do, and do nothing")
    parser.add_argument("--starter", action="store_true", help="import 15 industries and a city's units")


def run(options: argparse.Namespace) -> int:
    """Export, try or import; an import is whole or not at all."""
    where = places(options.data)
    dictionary = Dictionary(open_store(where, load(where)))
    try:
        if options.what == "export":
            return _export(dictionary, options.paths)
        return _import(dictionary, _read(options.paths, options.starter), options.dry_run)
    except (OSError, Refused) as error:
        print(f"hotline: {error}", file=sys.stderr)
        return 1


def _export(dictionary: Dictionary, paths: list[Path]) -> int:
    if len(paths) != 1:
        print("hotline: name one folder or one .zip file to export to.", file=sys.stderr)
        return 2
    files = exported_all(dictionary)
    if paths[0].suffix.lower() == ".zip":
        paths[0].write_bytes(zipped(files))
    else:
        paths[0].mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (paths[0] / name).write_bytes(data)
    print(f"{len(files)} files written to {paths[0]}")
    return 0


def _read(paths: list[Path], starter: bool) -> dict[str, bytes]:
    files = dict(starter_files()) if starter else {}
    for path in paths:
        if path.is_dir():
            files |= {file.name: file.read_bytes() for file in sorted(path.glob("*.csv"))}
        else:
            files |= unpacked(path.name, path.read_bytes())
    return files


def _import(dictionary: Dictionary, files: Mapping[str, bytes], dry: bool) -> int:
    found = preview(dictionary, BOX, files)
    if not found.faults and not dry:
        found = carry_out(dictionary, BOX, files)
    _tell(found)
    if found.faults:
        print("Nothing was imported.", file=sys.stderr)
        return 1
    return 0


def _tell(found: Preview) -> None:
    for one in found.differences:
        said = ", ".join(f"{name}: {shown(old)} → {shown(new)}" for name, (old, new) in one.fields.items())
        print(f"{one.file}:{one.line} {one.key} {one.what}{': ' if said else ''}{said}")
    for fault in found.faults:
        print(f"{fault.file}:{fault.line} {fault.key} refused: {fault.refused}", file=sys.stderr)
    counts = ", ".join(f"{found.count(w)} {w}" for w in ("added", "changed", "retired", "restored"))
    print(f"{counts}, {found.same} the same, {len(found.faults)} refused")
