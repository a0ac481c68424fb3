"""Values of columns: what people type or send becomes what is kept, or is refused with a reason."""

import datetime
import re
from collections.abc import Mapping, Sequence

import msgspec

from appliance.dictionary.kind import ITEMS_MAX, Column, Value
from appliance.refused import Refused

EMPTY: Mapping[str, Value] = {
    "text": "",
    "lines": "",
    "choice": "",
    "entry": "",
    "time": "",
    "date": "",
    "flag": False,
    "int": None,
    "number": None,
    "site": None,
    "choices": [],
    "entries": [],
    "words": [],
    "limits": {},
    "json": None,
}
"""What nothing is, by type of column."""
LISTS = ("choices", "entries", "words")
SITE_MAX = 999
INT_MAX = 2**53
SPAN = re.compile(r"([1-9][0-9]{0,4})(wd|wh|d|h|min)")
"""A span of time: working days, working hours, days, hours, minutes."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029\ud800-\udfff\ufeff]")
_ITEMS = re.compile(r"[;；\n]")
_TRUE = frozenset({"1", "true", "on", "yes", "是"})
_FALSE = frozenset({"", "0", "false", "off", "no", "否"})
_TIME = re.compile(r"([01]?[0-9]|2[0-3])[:：]([0-5][0-9])|24[:：]00")
_encode = msgspec.json.Encoder(order="sorted").encode


def empty(column: Column) -> Value:
    """Return what the column holds when nothing was said."""
    return EMPTY[column.type] if column.default is None else column.default


def clean(column: Column, raw: Value) -> Value:
    """Return a value as it is kept; raises Refused with a sentence that says what to do."""
    value = _CLEANERS[column.type](column, raw)
    if column.required and value in ("", None, [], {}):
        raise Refused("missing", "Fill in %(field)s.", field=column.en)
    return value


def as_text(column: Column, value: Value) -> str:
    """Write a value so that a person can read it and `clean` gives it back."""
    if value is None:
        return ""
    if column.type == "flag":
        return "yes" if value else "no"
    if column.type in LISTS and isinstance(value, list):
        return "; ".join(str(item) for item in value)
    if column.type == "limits" and isinstance(value, dict):
        return "; ".join(f"{key}={span}" for key, span in value.items())
    if column.type == "json":
        return _encode(value).decode()
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return str(value)


def shown(value: Value) -> str:
    """Write any value shortly, for lists of changes."""
    if isinstance(value, list):
        return "; ".join(str(item) for item in value)
    if isinstance(value, dict):
        return "; ".join(f"{key}={item}" for key, item in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def referred(column: Column, value: Value) -> Sequence[str]:
    """Return the keys of other entries a value names."""
    if not column.refers:
        return ()
    if isinstance(value, str):
        return (value,) if value else ()
    return [str(key) for key in value] if isinstance(value, list | dict) else ()


def _text(column: Column, raw: Value) -> str:
    if raw is None:
        return ""
    if not isinstance(raw, str):
        raise Refused("bad_field", "%(field)s must be text.", field=column.en)
    text = " ".join(_CONTROL.sub("", raw.replace("\r\n", "\n")).split())
    return _short(column, text)


def _lines(column: Column, raw: Value) -> str:
    if raw is None:
        return ""
    if not isinstance(raw, str):
        raise Refused("bad_field", "%(field)s must be text.", field=column.en)
    text = _CONTROL.sub("", raw.replace("\r\n", "\n").replace("\r", "\n")).strip()
    return _short(column, text)


def _short(column: Column, text: str) -> str:
    if len(text) > column.limit:
        raise Refused(
            "too_long",
            "%(field)s has %(length)s characters; shorten it to %(limit)s.",
            field=column.en,
            length=len(text),
            limit=column.limit,
        )
    return text


def _int(column: Column, raw: Value) -> int | None:
    number = _number(column, raw)
    if number is None:
        return None
    if number != int(number):
        raise Refused("bad_number", "%(field)s must be a whole number.", field=column.en)
    return int(number)


def _number(column: Column, raw: Value) -> float | int | None:
    if raw is None or (isinstance(raw, str) and not raw.strip()):
        return None
    try:
        if isinstance(raw, bool) or not isinstance(raw, str | int | float):
            raise ValueError
        number = float(raw.strip()[:40]) if isinstance(raw, str) else raw
        if not -INT_MAX <= number <= INT_MAX:
            raise ValueError
    except ValueError:
        raise Refused("bad_number", "%(field)s must be a number.", field=column.en) from None
    if column.least is not None and number < column.least:
        raise Refused(
            "too_small", "%(field)s must be at least %(least)s.", field=column.en, least=column.least
        )
    if column.most is not None and number > column.most:
        raise Refused("too_large", "%(field)s must be at most %(most)s.", field=column.en, most=column.most)
    return int(number) if number == int(number) else number


def _site(column: Column, raw: Value) -> int | None:
    number = _int(column, raw)
    if number is not None and not 0 <= number <= SITE_MAX:
        raise Refused("bad_number", "%(field)s must be a number.", field=column.en)
    return number


def _flag(column: Column, raw: Value) -> bool:
    if isinstance(raw, bool):
        return raw
    word = str(raw if raw is not None else "").strip().lower()
    if word not in _TRUE | _FALSE:
        raise Refused("bad_flag", "%(field)s must be yes or no.", field=column.en)
    return word in _TRUE


def _choice(column: Column, raw: Value) -> str:
    word = _text(column, raw)
    if word and word not in (column.choices or {}):
        raise _bad_choice(column)
    return word


def _choices(column: Column, raw: Value) -> list[str]:
    words = _words(column, raw)
    if any(word not in (column.choices or {}) for word in words):
        raise _bad_choice(column)
    return [word for word in column.choices or {} if word in words]


def _words(column: Column, raw: Value) -> list[str]:
    if raw is None:
        return []
    items = _ITEMS.split(raw) if isinstance(raw, str) else raw
    if not isinstance(items, Sequence) or isinstance(items, bytes):
        raise Refused("bad_field", "%(field)s must be text.", field=column.en)
    if len(items) > ITEMS_MAX:
        raise Refused(
            "too_many", "%(field)s has too many items; at most %(most)s.", field=column.en, most=ITEMS_MAX
        )
    words = [_text(column, item) for item in items]
    if any(_ITEMS.search(word) for word in words):
        raise Refused("bad_field", "%(field)s must be text.", field=column.en)
    return list(dict.fromkeys(word for word in words if word))


def _limits(column: Column, raw: Value) -> dict[str, str]:
    if raw is None:
        return {}
    if isinstance(raw, Mapping):
        pairs = [(str(key), str(span)) for key, span in raw.items()]
    else:
        parts = [item.replace("＝", "=").partition("=") for item in _words(column, raw)]
        pairs = [(key.strip(), span.strip()) for key, _, span in parts]
    if len(pairs) > ITEMS_MAX or not all(SPAN.fullmatch(span) for _, span in pairs):
        raise Refused(
            "bad_limit",
            "Write %(field)s like complaint=15wd; repair=24h"
            " (wd: working days, wh: working hours, d, h, min).",
            field=column.en,
        )
    return {_short(column, key): span for key, span in sorted(pairs)}


def _time(column: Column, raw: Value) -> str:
    text = _text(column, raw).replace("：", ":")
    if text and not _TIME.fullmatch(text):
        raise Refused("bad_time", "Write %(field)s as hours and minutes, like 08:30.", field=column.en)
    return text.rjust(5, "0") if text else ""


def _date(column: Column, raw: Value) -> str:
    text = _text(column, raw)
    if not text:
        return ""
    try:
        return datetime.date.fromisoformat(text).isoformat()
    except ValueError:
        raise Refused(
            "bad_date", "Write %(field)s as year, month and day, like 2027-01-31.", field=column.en
        ) from None


def _json(column: Column, raw: Value) -> Value:
    try:
        value = msgspec.json.decode(raw) if isinstance(raw, str) and raw.strip() else raw or None
        size = len(_encode(value))
    except (ValueError, TypeError, RecursionError, msgspec.MsgspecError):
        raise Refused("bad_json", "%(field)s cannot be read.", field=column.en) from None
    if size > column.limit:
        raise Refused(
            "too_long",
            "%(field)s has %(length)s characters; shorten it to %(limit)s.",
            field=column.en,
            length=size,
            limit=column.limit,
        )
    return value


def _bad_choice(column: Column) -> Refused:
    return Refused("bad_choice", "Choose %(field)s from the list.", field=column.en)


_CLEANERS = {
    "text": _text,
    "lines": _lines,
    "int": _int,
    "number": _number,
    "flag": _flag,
    "choice": _choice,
    "choices": _choices,
    "entry": _text,
    "entries": _words,
    "words": _words,
    "limits": _limits,
    "time": _time,
    "date": _date,
    "site": _site,
    "json": _json,
}
