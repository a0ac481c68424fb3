"""A list of numbers as people paste or upload it (CSV), read row by row: numbers, and what is wrong where.

Each row is a number, then anything: a name, a remark. Spreadsheets write UTF-8 or GB 18030, with
commas, semicolons or tabs. A number that is there twice is called once.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from appliance.calls.admission import plain
from appliance.campaigns.plan import NUMBERS_MAX
from appliance.refused import Refused

BYTES_MAX = 4 * 1024 * 1024
NOTE_MAX = 60
SHOWN_MAX = 40
"""Letters of a wrong row that are shown."""
WRITTEN_BETWEEN = re.compile(r"[\s\-()./·]")
NUMBER = re.compile(r"\+?[0-9]{3,20}")
SHORTENED = re.compile(r"[0-9.]+[eE]\+?[0-9]+")
HEADER = re.compile(r"[^0-9]+")


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that cannot be used: which, what stands there, and why: no_number, shortened, barred."""

    row: int
    text: str
    why: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """What was read: numbers with their notes, wrong rows, and how many numbers were there again."""

    numbers: tuple[tuple[str, str], ...]
    faults: tuple[Fault, ...]
    merged: int = 0


def text_of(data: bytes) -> str:
    """The text of an uploaded file; raises Refused."""
    if len(data) > BYTES_MAX:
        raise Refused("too_large", "The list is too large: at most %(most)s MB.", most=BYTES_MAX // 1024**2)
    for encoding in ("utf-8-sig", "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Refused("not_text", "The file is no text. Save the list as CSV and try again.")


def read(text: str, barred: Callable[[str], bool]) -> Sheet:
    """Read a list; `barred` says which numbers may never be called. Raises Refused when it is too long."""
    numbers: dict[str, str] = {}
    faults: list[Fault] = []
    merged = 0
    for row, cells in enumerate(_rows(text), 1):
        first, *rest = cells or [""]
        number = plain(WRITTEN_BETWEEN.sub("", unicodedata.normalize("NFKC", first)))
        note = " ".join(" ".join(rest).split())[:NOTE_MAX]
        if not first.strip() and not note:
            continue
        if row == 1 and HEADER.fullmatch(first):
            continue  # what the columns are called
        if why := _wrong(first, number, barred):
            faults.append(Fault(row, first.strip()[:SHOWN_MAX], why))
        elif number in numbers:
            merged += 1
        else:
            numbers[number] = note
        if len(numbers) > NUMBERS_MAX:
            raise Refused("too_many_numbers", "More than %(most)s numbers in one list.", most=NUMBERS_MAX)
    return Sheet(tuple(numbers.items()), tuple(faults), merged)


def _wrong(first: str, number: str, barred: Callable[[str], bool]) -> str:
    if SHORTENED.fullmatch(first.strip()):
        return "shortened"
    if not NUMBER.fullmatch(number) or re.search(r"[^\W\d_]", first):
        return "no_number"
    return "barred" if barred(number) else ""


def _rows(text: str) -> list[list[str]]:
    head = text[:2000]
    delimiter = max(",;\t", key=head.count) if re.search("[,;\t]", head) else ","
    lines = text.replace("\0", "").replace("，", ",").splitlines()
    try:
        # Quotes are not read over the end of a line: one forgotten quote must not swallow the list.
        return [next(csv.reader(io.StringIO(line), delimiter=delimiter), []) for line in lines]
    except csv.Error as error:
        raise Refused("not_text", "The file is no text. Save the list as CSV and try again.") from error
