"""Gaps as a CSV sheet that a spreadsheet program shows, fills in and writes back.

No cell is a formula (``coldferry.cells``). Semicolons in what is only shown
become commas: where the program's list separator is the semicolon, what
follows one would begin a cell.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from coldferry.cells import harmless, original
from coldferry.errors import BadInput, FaultyFile
from coldferry.gaps import Filled, Gap
from coldferry.plain import plain
from coldferry.translation import ACKNOWLEDGE, as_said

COLUMNS = (
    "owner", "title", "question", "now", "choices", "proposed", "machines", "names", "value",
    "field", "gap", "ids",
)  # fmt: skip
_READ = ("value", "gap", "ids")

_MAX_BYTES = 16 << 20
"""Ten thousand gaps with a hundred machines each."""

_SAVE_AGAIN = "Save it as 'CSV UTF-8' and give it again."

_CELL_CHARS = 30_000
"""Less than the 32,767 that "Excel specifications and limits" gives a cell."""


def write(gaps: Sequence[Gap]) -> str:
    """The sheet: one row a gap, an empty cell for its value, every cell quoted."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    for gap in gaps:
        row = as_row(gap)
        writer.writerow([harmless(str(row[column])) for column in COLUMNS])
    return out.getvalue()


def as_row(gap: Gap) -> dict[str, Any]:
    """One gap's cells by column, before they are made harmless."""
    verb = "Acknowledge" if gap.acknowledge else "Choose" if gap.candidates else "Fill in"
    chosen = [f"{c.value} ({c.meaning})" if c.meaning else c.value for c in gap.candidates]
    if gap.typed:
        another = "another value" if chosen else "a value"
        chosen.append(another + (f", such as {gap.example}" if gap.example else ""))
    now = [_shown(value, 200) for value in gap.now]
    return {
        "owner": gap.owner,
        "title": _shown(gap.title, 200),
        "question": _shown(f"{verb}: {gap.reason} {gap.difference}", 1000),
        "now": _listed(now, 4),
        "choices": ACKNOWLEDGE if gap.acknowledge else _shown(" | ".join(chosen), _CELL_CHARS),
        "proposed": _shown(gap.proposal, 200),
        "machines": len(gap.machines),
        "names": _listed([_shown(asked.machine.name, 80) for asked in gap.machines], 200),
        "value": "",
        "field": gap.pattern,
        "gap": gap.id,
        "ids": _fitting([asked.vm for asked in gap.machines]),
    }


def read(path: Path) -> tuple[list[Filled], dict[str, int]]:
    """The rows that are filled in, and the ids of all machines that those name, by first line.

    Rows without a value are left out. Raises FaultyFile naming every row that
    cannot be read, BadInput when the file is no such sheet.
    """
    rows: list[Filled] = []
    named: dict[str, int] = {}
    faults = []
    for line, cells in _rows(path):
        value = str(as_said(original(cells.get("value") or "").strip()))
        if not value:
            continue
        gap = original(cells.get("gap") or "").strip()
        vms = original(cells.get("ids") or "").split()
        if not gap or not vms:
            faults.append(f"line {line}: has a value, but no gap or no ids")
        rows.append(Filled(line, gap, value))
        named = dict.fromkeys(vms, line) | named
    if faults:
        raise FaultyFile(str(path), faults)
    return rows, named


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str | None]]]:
    """Each row with its line, whichever separator the program wrote."""
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise BadInput(
            f"{path} cannot be read: {error.strerror}.", "Name a file that you may read."
        ) from None
    if len(raw) > _MAX_BYTES:
        raise BadInput(f"{path} is larger than a sheet can be.", "Name the right file.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(f"{path} is not in UTF-8.", _SAVE_AGAIN) from None
    head = text.partition("\n")[0]
    separator = max(",;\t", key=head.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        missing = [column for column in _READ if column not in (reader.fieldnames or ())]
        if missing:
            raise BadInput(
                f"{path} is not a sheet of gaps: it has no column {', '.join(missing)}.",
                "Fill in the sheet that 'coldferry gaps … --csv' writes.",
            )
        began = reader.line_num + 1
        for row in reader:
            yield began, row
            began = reader.line_num + 1
    except csv.Error as error:
        raise BadInput(f"{path}, line {reader.line_num}: {error}.", _SAVE_AGAIN) from None


def _shown(value: Any, limit: int) -> str:
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    return plain("not there" if value is None else value, limit).replace(";", ",").strip()


def _listed(words: Sequence[str], limit: int) -> str:
    more = f" and {len(words) - limit} more" if len(words) > limit else ""
    return ", ".join(words[:limit])[:_CELL_CHARS] + more


def _fitting(vms: Sequence[str]) -> str:
    """As many ids as a cell takes: the values are tried at these."""
    cell = ""
    for vm in vms:
        if len(cell) + len(vm) >= _CELL_CHARS:
            break
        cell = f"{cell} {vm}".strip()
    return cell
