"""Changing single values of ``hotline.toml`` and leaving every other line as somebody wrote it."""

import re
import tomllib
from collections.abc import Mapping

from appliance.configuration import BadConfiguration, parse
from appliance.network.papers import write
from appliance.places import Places
from appliance.refused import Refused

MODE = 0o640
Value = int | bool | str | tuple[str, ...]
_HEADER = re.compile(r"\s*\[")


def changed(text: str, values: Mapping[tuple[str, str], Value], name: str) -> str:
    """Return the file with (table, key) set to new values; raises Refused when it cannot be done safely."""
    for (table, key), value in values.items():
        text = _put(text, table, f"{key} = {_toml(value)}", key)
    try:
        parse(text, name)
        found = tomllib.loads(text)
        wrong = any(found[table][key] != _plain(value) for (table, key), value in values.items())
    except (BadConfiguration, tomllib.TOMLDecodeError, KeyError, TypeError):
        wrong = True
    if wrong:
        lines = "; ".join(f"[{table}] {key} = {_toml(value)}" for (table, key), value in values.items())
        raise Refused(
            "bad_settings",
            "hotline.toml is written so that the box cannot change it by itself. Write into it: %(lines)s",
            lines=lines,
        )
    return text


def change(places: Places, values: Mapping[tuple[str, str], Value]) -> None:
    """Change the box's own file, whole or not at all; raises Refused and OSError."""
    file = places.settings
    before = file.read_text("utf-8") if file.exists() else ""
    mode = file.stat().st_mode & 0o777 if file.exists() else MODE
    write(file, changed(before, values, file.name).encode(), mode)


def _put(text: str, table: str, line: str, key: str) -> str:
    lines = text.splitlines()
    starts = [n for n, one in enumerate(lines) if re.match(rf"\s*\[\s*{re.escape(table)}\s*\]", one)]
    if not starts:
        return "\n".join([*lines, *([""] if lines else []), f"[{table}]", line, ""])
    start = starts[0] + 1
    end = next((n for n in range(start, len(lines)) if _HEADER.match(lines[n])), len(lines))
    for at in range(start, end):
        if re.match(rf"\s*{re.escape(key)}\s*=", lines[at]):
            lines[at : _value_ends(lines, at, end)] = [line]
            return "\n".join([*lines, ""])
    return "\n".join([*lines[:start], line, *lines[start:], ""])


def _value_ends(lines: list[str], at: int, end: int) -> int:
    """The line behind a value, which may be an array over several lines."""
    for stop in range(at + 1, end + 1):
        try:
            tomllib.loads("\n".join(lines[at:stop]))
        except tomllib.TOMLDecodeError:
            continue
        return stop
    return at + 1


def _toml(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(one) for one in value)}]"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return str(value)


def _plain(value: Value) -> object:
    return list(value) if isinstance(value, tuple) else value
