"""A wave as a spreadsheet program writes it: one row a machine.

What is said of the whole wave (``wave``, the window, the bounds) has columns
too; said in one row it is said for all.
"""

import csv
import io
from typing import Any

from coldferry.cells import is_formula, original
from coldferry.errors import BadInput
from coldferry.plain import plain
from coldferry.waves.written import Place, Written, clean

HEAD: dict[str, Place] = {
    "wave": ("name",),
    "start": ("window", "start"),
    "latest_start": ("window", "latest_start"),
    "abort_at": ("window", "abort_at"),
    "machines_at_once": ("machines_at_once",),
    "bytes_per_s": ("bytes_per_s",),
}
ROW: dict[str, Place] = {
    **{name: (name,) for name in ("name", "vm", "source", "target", "owner", "group", "after")},
    **{
        name: ("options", name)
        for name in ("stop_timeout_s", "cold", "inspect", "use_book", "max_latency_ms")
    },
    **{name: (name,) for name in ("checks", "checks_within_s", "security_groups")},
}
ENTRIES = ("answers", "placement")
"""``answers.nics[0].subnet_id`` and ``placement.disk1`` are columns."""

_MOST_COLUMNS = 500
_SAVE_AGAIN = "Save it as 'CSV UTF-8' and give it again."


def read(text: str, name: str) -> Written:
    """Raises BadInput when it is no CSV, or has no column that a wave needs."""
    separator = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    titles = {place: title for title, place in [*HEAD.items(), *ROW.items()] if title != "name"}
    written = Written(titles=titles)
    try:
        columns = _columns([cell.strip() for cell in next(reader, [])], written, name)
        began = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                _row(cells, columns, began, written)
            began = reader.line_num + 1
    except csv.Error as error:
        raise BadInput(f"{name}, line {reader.line_num}: {error}.", _SAVE_AGAIN) from None
    return written


def _columns(titles: list[str], written: Written, name: str) -> list[tuple[str, Place | None]]:
    """Each column's title and place; None for one that nobody knows."""
    if "name" not in titles or "vm" not in titles:
        raise BadInput(
            f"{name} is not a wave: its first line must name columns, 'name' and 'vm' among them.",
            "Begin with the example in docs/waves.md.",
        )
    if len(titles) > _MOST_COLUMNS:
        what = f"{name} has {len(titles)} columns: a wave has {_MOST_COLUMNS} at most."
        raise BadInput(what, "Name the right file.")
    columns: list[tuple[str, Place | None]] = []
    for at, title in enumerate(titles):
        first, dot, entry = title.partition(".")
        place = (first, entry) if dot and entry and first in ENTRIES else ROW.get(title)
        if title and title in titles[:at]:
            written.faults.append((1, f"column {plain(title, 60)} stands there twice"))
        elif title and place is None and title not in HEAD:
            known = ", ".join([*HEAD, *ROW, "answers.FIELD", "placement.DEVICE"])
            written.faults.append((1, f"there is no column {plain(title, 60)}, only {known}"))
        columns.append((title, place))
    return columns


def _row(
    cells: list[str], columns: list[tuple[str, Place | None]], line: int, written: Written
) -> None:
    row: dict[str, Any] = {}
    at = len(written.rows)
    written.lines[("rows", at)] = line
    for (title, place), cell in zip(columns, cells, strict=False):
        told = clean(original(cell))
        if told is None:
            continue
        if is_formula(cell):
            what = "begins like a formula; write an apostrophe before it if it is meant so"
            written.faults.append((line, f"column {plain(title, 60)}: {plain(told, 40)} {what}"))
        elif title in HEAD:
            _head(HEAD[title], title, told, line, written)
        elif place is not None:
            _put(row, place, told)
        elif not title:
            written.faults.append((line, f"{plain(told, 40)} stands under no column's name"))
    if len(cells) > len(columns):
        written.faults.append((line, "has more cells than there are columns"))
    written.rows.append(row)


def _head(place: Place, title: str, told: str, line: int, written: Written) -> None:
    first = _put(written.head, place, told)
    if first != told:
        there = written.lines[place]
        written.faults.append((line, f"column {title}: says otherwise than line {there}"))
    written.lines.setdefault(place, line)
    written.lines.setdefault(place[:1], line)


def _put(tree: dict[str, Any], place: Place, told: str) -> Any:
    """Put it there unless something is there already; what is there then."""
    *outer, last = map(str, place)
    for key in outer:
        tree = tree.setdefault(key, {})
    return tree.setdefault(last, told)
