"""Dated tables that a team may replace by its own: prices, and rates that were measured.

::

    date: 2026-11-29
    rows:
      - name: aws.egress.gib
        place: us-east-1
        value: 0.09
        source: https://…
        seen: 2026-11-29

A value that nobody knows is the word ``unknown``; it is never taken for zero.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from coldferry.errors import FaultyFile
from coldferry.plain import plain
from coldferry.strict_yaml import compose_file, line, word

_MAX_BYTES = 1 << 20
_FIELDS = ("name", "place", "value", "per", "source", "seen")
_NEEDED = ("name", "value", "source", "seen")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
UNKNOWN = "unknown"
ANYWHERE = ""


@dataclass(frozen=True)
class Figure:
    """One row: ``value`` for ``per`` units, None when it is not known; and where it is from."""

    name: str
    value: float | None
    source: str
    seen: str
    place: str = ANYWHERE
    per: float = 1

    @property
    def each(self) -> float | None:
        """For one unit."""
        return None if self.value is None else self.value / self.per


@dataclass(frozen=True)
class Table:
    """All rows of a file, by name and place; ``path`` and ``date`` say which file it was."""

    path: str
    date: str
    figures: dict[tuple[str, str], Figure]

    def find(self, name: str, place: str = ANYWHERE) -> Figure | None:
        """The row for that place, else one for another: its ``place`` says which. None is none.

        Of several other places the first in the file counts: the file's own list price.
        """
        exact = self.figures.get((name, place)) or self.figures.get((name, ANYWHERE))
        if exact is not None:
            return exact
        return next((row for row in self.figures.values() if row.name == name), None)

    def each(self, name: str, place: str = ANYWHERE) -> float | None:
        """What one unit of it is; None when that is not known."""
        found = self.find(name, place)
        return None if found is None else found.each


def read_table(path: Path, kind: str) -> Table:
    """Raises BadInput when it cannot be read, FaultyFile naming every fault with its line."""
    node = compose_file(path, kind, _MAX_BYTES)
    faults: list[str] = []
    date, rows = _parts(node, faults)
    figures: dict[tuple[str, str], Figure] = {}
    for row in rows:
        figure = _figure(row, faults)
        if figure is None:
            continue
        key = (figure.name, figure.place)
        if key in figures:
            faults.append(f"line {line(row)}: {plain(figure.name)} is there twice")
        figures[key] = figure
    if faults:
        raise FaultyFile(str(path), faults)
    return Table(str(path), date, figures)


def _parts(node: yaml.Node | None, faults: list[str]) -> tuple[str, list[yaml.Node]]:
    said = dict(_pairs(node, "the file", faults)) if node is not None else {}
    faults += [
        f"line {line(said[name])}: '{plain(name, 40)}' is neither date nor rows"
        for name in said.keys() - {"date", "rows"}
    ]
    date = _word(said.get("date"), "date", faults)
    if not _DATE.fullmatch(date):
        faults.append("date: it has to be a day, such as 2026-11-29")
    rows = said.get("rows")
    if not isinstance(rows, yaml.SequenceNode):
        faults.append("rows: it has to be a list")
        return date, []
    return date, list(rows.value)


def _figure(row: yaml.Node, faults: list[str]) -> Figure | None:
    known = len(faults)
    at = f"line {line(row)}"
    said = dict(_pairs(row, at, faults))
    words = {name: _word(node, f"{at}, {name}", faults) for name, node in said.items()}
    strange = sorted(words.keys() - set(_FIELDS))
    faults += [f"{at}: there is no field '{plain(name, 40)}'" for name in strange]
    faults += [f"{at}: {name} is missing" for name in _NEEDED if not words.get(name)]
    value = _number(words.get("value", ""), f"{at}, value", faults, unknown=True)
    per = _number(words.get("per", "1"), f"{at}, per", faults)
    if per == 0:
        faults.append(f"{at}, per: it has to be above 0")
    if words.get("seen") and not _DATE.fullmatch(words["seen"]):
        faults.append(f"{at}, seen: it has to be a day, such as 2026-11-29")
    if len(faults) > known:
        return None
    return Figure(
        words["name"], value, words["source"], words["seen"], words.get("place", ANYWHERE), per or 1
    )


def _pairs(node: yaml.Node, where: str, faults: list[str]) -> Iterator[tuple[str, yaml.Node]]:
    if not isinstance(node, yaml.MappingNode):
        faults.append(f"{where}: it has to be 'field: value' lines")
        return
    seen = set[str]()
    for key, value in node.value:
        name = _word(key, where, faults)
        if name in seen:
            faults.append(f"line {line(key)}: {plain(name, 40)} is there twice")
        seen.add(name)
        yield name, value


def _word(node: yaml.Node | None, where: str, faults: list[str]) -> str:
    try:
        return (word(node) or "") if node is not None else ""
    except ValueError:
        faults.append(f"{where}: it has to be one word or sentence")
        return ""


def _number(text: str, where: str, faults: list[str], *, unknown: bool = False) -> float | None:
    if unknown and text == UNKNOWN:
        return None
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        more = f", or the word {UNKNOWN}" if unknown else ""
        if text:
            faults.append(f"{where}: '{plain(text, 40)}' is no number from 0 on{more}")
        return None
    return number
