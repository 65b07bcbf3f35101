"""A wave from a file: every fault at once, in sentences, with its line, row and column."""

import re
from collections.abc import Iterator
from typing import Any, Literal

from pydantic import ValidationError

from coldferry.errors import BadInput, FaultyFile
from coldferry.plain import counted, plain
from coldferry.waves import csv_manifest, yaml_manifest
from coldferry.waves.wave import MOST_ROWS, WHEN, Row, Wave, misfits
from coldferry.waves.written import Place, Written

MAX_BYTES = 1 << 20
"""Five hundred rows with a dozen answers each are half of it; YAML of this size takes seconds."""

WORDS = {"after": r"[\s,;]+", "checks": r"\s+", "security_groups": r"[\s,;]+"}
"""Lists that may be one text, by what stands between their members: an address has commas."""

_MOST_FAULTS = 40
_NAME = "must be letters, digits, '.', '_' or '-', and begin with a letter or a digit"
_MUST = {
    "wave": "must be letters, digits, blanks, '.', '_' or '-', and begin with a letter or a digit",
    "name": _NAME,
    "group": _NAME,
    "after": f"must name rows: each {_NAME}",
    "vm": "must be one machine's id, without blanks",
    "source": "must name a saved cloud: small letters, digits and '-'",
    "target": "must name a saved cloud: small letters, digits and '-'",
    "placement": "must be 'copy', 'drop', 'remote', 'remote@HOST', 'nofail', 'remove' or 'ask'",
}
_SAID = {
    "missing": "is missing",
    "string_type": "must be one word",
    "dict_type": "must be 'field: value' lines",
    "model_type": "must be 'field: value' lines",
    "tuple_type": "must be a list of words",
    "bool_parsing": "must be yes or no",
    "bool_type": "must be yes or no",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "timezone_aware": WHEN,
    "datetime_from_date_parsing": WHEN,
    "datetime_type": WHEN,
}


def read_wave(text: str | bytes, kind: Literal["yaml", "csv"], name: str = "the wave") -> Wave:
    """The wave that ``text`` describes; ``name`` is what a fault calls it.

    Raises BadInput when it cannot be read at all, FaultyFile naming every
    fault in it otherwise.
    """
    if len(text) > MAX_BYTES:
        raise BadInput(f"{name} is larger than a wave can be.", "Name the right file.")
    try:
        told = text.decode("utf-8-sig") if isinstance(text, bytes) else text.removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise BadInput(f"{name} is not in UTF-8.", "Save it in UTF-8 and give it again.") from None
    written = (yaml_manifest if kind == "yaml" else csv_manifest).read(told, name)
    rows = [row if row is not None else {} for row in written.rows]
    for row in rows:
        for field, between in WORDS.items():
            if isinstance(said := row.get(field), str):
                row[field] = [one for one in re.split(between, said) if one]
    faults = [*written.faults, *_faults(written, rows)]
    if faults:
        raise FaultyFile(name, _listed(faults))
    return Wave.model_validate({**written.head, "rows": rows})


def _faults(written: Written, rows: list[dict[str, Any]]) -> Iterator[tuple[int, str]]:
    if not rows:
        yield written.line(("rows",)), "rows: there is no machine in it"
        return
    if len(rows) > MOST_ROWS:
        yield written.line(("rows",)), f"rows: has {len(rows)}, a wave has {MOST_ROWS} at most"
        return
    nobody = [("rows", at) for at, row in enumerate(written.rows) if row is None]
    try:
        Wave.model_validate({**written.head, "rows": rows})
    except ValidationError as wrong:
        for error in wrong.errors(include_url=False, include_input=False):
            # The others are told elsewhere, in better words.
            if error["loc"] not in ((), ("rows",)) and error["loc"][:2] not in nobody:
                yield _in_words(error, written, rows)
    sound = [(at, row) for at, row in enumerate(map(_row_or_none, rows)) if row is not None]
    names = {name for row in rows if isinstance(name := row.get("name"), str)}
    for misfit in misfits([row for _, row in sound], names):
        yield written.line(("rows", sound[misfit.at][0], misfit.column)), str(misfit)


def _row_or_none(row: dict[str, Any]) -> Row | None:
    try:
        return Row.model_validate(row)
    except ValidationError:
        return None


def _in_words(error: Any, written: Written, rows: list[dict[str, Any]]) -> tuple[int, str]:
    """A fault that pydantic found, as a person says it."""
    place: Place = tuple(error["loc"])
    known = written.origin(place)
    inside, whose = known, ""
    if known[0] == "rows" and len(known) > 1:
        row = rows[int(known[1])].get("name")
        whose = f"row {plain(row, 60) if row else int(known[1]) + 1}, "
        inside = known[2:]
    # What follows a field's name tells pydantic's alternatives apart, nobody else's.
    inside = tuple(part for part in inside if part != "[key]")[: 2 if whose else 3]
    column = written.titles.get(inside) or ".".join(plain(part, 60) for part in inside)
    field = "wave" if inside == ("name",) and not whose else str(inside[-1])
    return written.line(place), f"{whose}{column}: {_sentence(error, field, inside)}"


def _sentence(error: Any, field: str, inside: Place) -> str:
    kind = error["type"]
    if kind == "string_pattern_mismatch":
        # In a list of names the last part is a number.
        return _MUST.get(field) or _MUST[str(inside[0])]
    if kind == "extra_forbidden":
        return f"there is no {plain(field, 60)}"
    if kind in _SAID:
        return _SAID[kind]
    if kind == "too_long":
        return f"has too many entries: {error['ctx']['max_length']} at most"
    said = str(error["msg"]).removeprefix("Value error, ").removeprefix("Input should ")
    return f"must {said}" if said.startswith(("be ", "have ")) else said


def _listed(faults: list[tuple[int, str]]) -> list[str]:
    """Each once, by line, as many as a person reads."""
    told = [f"line {line}: {plain(what, 400)}" for line, what in sorted(dict.fromkeys(faults))]
    more = len(told) - _MOST_FAULTS
    return told if more <= 0 else [*told[:_MOST_FAULTS], f"and {counted(more, 'fault')} more"]
