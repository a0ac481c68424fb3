"""Tickets found, as a table for spreadsheets: CSV piece by piece, or XLSX written to a file row by row."""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import xlsxwriter

from appliance.tickets.ticket import Ticket

EXPORTED = 50_000
"""More tickets than this are not taken away at once."""
EVENT = "tickets.exported"
MARK = "\ufeff"
"""Lets spreadsheets know that a file is UTF-8."""
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""A cell that begins so is one that a spreadsheet might work out."""
CELL_MAX = 32_000
"""A cell of a spreadsheet holds no more."""
WIDTHS = {"title": 28, "content": 60, "result": 40, "answer": 40, "address": 28}
Row = Sequence[str]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: what it is called, and what of a ticket it shows."""

    name: str
    title: str
    show: Callable[[Ticket], str]


def rows(batches: Iterable[Sequence[Ticket]], columns: Sequence[Column]) -> Iterator[Row]:
    """The heads, then a row a ticket."""
    yield [column.title for column in columns]
    for batch in batches:
        for ticket in batch:
            yield [column.show(ticket)[:CELL_MAX] for column in columns]


def as_csv(table: Iterable[Row]) -> Iterator[str]:
    """A table as CSV, some rows at a time."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    text.write(MARK)
    for at, row in enumerate(table):
        writer.writerow([harmless(cell) for cell in row])
        if at % 100 == 0:
            yield text.getvalue()
            text.seek(0)
            text.truncate()
    yield text.getvalue()


def as_xlsx(table: Iterable[Row], columns: Sequence[Column], path: Path, sheet: str) -> None:
    """Write a table as a workbook whose cells are all text; memory stays the same however long it is."""
    options: dict[str, Any] = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
    }
    book = xlsxwriter.Workbook(
        str(path), {**options, "strings_to_numbers": False, "tmpdir": str(path.parent)}
    )
    try:
        page = book.add_worksheet(sheet[:31])
        bold, text = (
            book.add_format({"bold": True, "bg_color": "#E8EEF6"}),
            book.add_format({"num_format": "@"}),
        )
        for at, column in enumerate(columns):
            page.set_column(at, at, WIDTHS.get(column.name, 16), text)
        page.freeze_panes(1, 1)
        for number, row in enumerate(table):
            for at, cell in enumerate(row):
                page.write_string(number, at, cell, bold if number == 0 else text)
    finally:
        book.close()


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell
