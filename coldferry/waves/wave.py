"""A wave: machines that are moved together, in which order, in which window."""

import re
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Annotated, Any, NamedTuple

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from coldferry.leaves import pattern_of, schema_patterns
from coldferry.plain import visible
from coldferry.translation import as_said
from coldferry.waves.ordering import cycles

MOST_ROWS = 500
"""A weekend of an account; planning so many takes minutes, and a page of them can be read."""

_PATTERNS = frozenset(schema_patterns())


def short(block: str) -> str:
    """A saved cloud's name without its type."""
    return block.rpartition("/")[2]


def _printable(text: str) -> str:
    if visible(text) != text:
        raise ValueError("has characters that cannot be seen")
    return text


def _known_field(path: str) -> str:
    if pattern_of(path) not in _PATTERNS:
        raise ValueError("the machine's description has no such field")
    return path


def _a_check(text: str) -> str:
    """Whether it can be carried out is for the worker to say, which has the script."""
    if not text.startswith(("tcp:", "http://", "https://", "script:/")):
        raise ValueError("must be tcp:PORT, an http or https address, or script:/PATH")
    return text


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)]
Text = Annotated[str, Field(max_length=200), AfterValidator(_printable)]
Block = Annotated[
    str,
    Field(pattern=r"^(coldferry-cloud/)?[a-z0-9][a-z0-9-]*$", max_length=200),
    AfterValidator(short),
]
Check = Annotated[str, Field(max_length=2048), AfterValidator(_printable), AfterValidator(_a_check)]
SecurityGroup = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(_printable)]
FieldPath = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_known_field)]
DeviceName = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(_printable)]
_Value = Annotated[str, Field(max_length=4096), AfterValidator(_printable)]
Answer = Annotated[
    _Value | Annotated[tuple[_Value, ...], Field(max_length=64)], BeforeValidator(as_said)
]
_PLACEMENTS = ("copy", "drop", "remote", "nofail", "remove", "ask")
_REMOTE_AT = r"remote@\S{1,280}"
Placement = Annotated[
    str,
    Field(pattern=rf"^({'|'.join(_PLACEMENTS)}|{_REMOTE_AT})$"),
    WithJsonSchema(
        {"anyOf": [{"enum": list(_PLACEMENTS)}, {"pattern": f"^{_REMOTE_AT}$", "type": "string"}]}
    ),
]
"""What becomes of a device, also ``remote@HOST:PORT``; its machine says which it may have."""


WHEN = "must be a moment with its zone, such as 2031-05-03T22:00+02:00"


def _moment(said: Any) -> Any:
    """A number would be taken for seconds since 1970."""
    if isinstance(said, datetime) or (isinstance(said, str) and _ISO.match(said)):
        return said
    raise ValueError(WHEN)


def _amount(said: Any) -> Any:
    """``200MiB`` as a number of bytes; what is none is left for others to refuse."""
    found = _SIZE.fullmatch(said.strip()) if isinstance(said, str) else None
    return int(float(found[1]) * _UNITS[found[2]]) if found else said


_ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
_UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_SIZE = re.compile(r"(\d{1,12}(?:\.\d{1,3})?)\s*([KMG]iB)")

Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Options(_Part):
    """What one migration may be told; the names are those of the flow `migrate-vm`."""

    stop_timeout_s: Annotated[int, Field(ge=0, le=86_400)] = 600
    """How long the machine may take to stop, in seconds."""
    cold: bool = False
    """Copy the disks after the halt only, and nothing while the machine runs."""
    inspect: bool = True
    """Look into the machine's disks before anything is decided, and after the halt."""
    use_book: bool = True
    """Take what was approved for a like machine from the translation book."""
    max_latency_ms: Annotated[float, Field(gt=0, le=60_000)] = 10
    """How far away a remote file system may be, in milliseconds a read."""


class Row(_Part):
    """One machine of a wave."""

    name: Name
    """What this wave calls it; once in a wave."""
    vm: Annotated[str, Field(max_length=2048, pattern=r"^\S+$"), AfterValidator(_printable)]
    """The machine's id at its source."""
    source: Block
    """The saved cloud that it is taken from, by its block's name."""
    target: Block
    """The saved cloud that it is brought to."""
    owner: Text = ""
    """Whose machine it is, for the page."""
    group: Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]*)?$", max_length=64)] = ""
    """Rows of one group are cut over and rolled back together; one's failure stops all."""
    after: Annotated[tuple[Name, ...], Field(max_length=64)] = ()
    """The rows that it starts after, and before which it is halted."""
    answers: Annotated[dict[FieldPath, Answer], Field(max_length=1000)] = {}
    """Translations by field, as `coldferry plan --write-answers` writes them."""
    placement: Annotated[dict[DeviceName, Placement], Field(max_length=200)] = {}
    """What becomes of a device, by its name: `disk1`, or a file system's id."""
    options: Options = Options()
    checks: Annotated[tuple[Check, ...], Field(max_length=32)] = ()
    """What it must show once it is cut over: `tcp:443`, `https://host/path`, `script:/path`."""
    checks_within_s: Annotated[int, Field(ge=0, le=86_400)] = 600
    """How long all its checks together may take to pass, in seconds."""
    security_groups: Annotated[tuple[SecurityGroup, ...], Field(max_length=16)] = ()
    """What its interfaces are behind from the cutover on: one for all, or one each; `none`."""

    @property
    def machine(self) -> tuple[str, str]:
        """The source's short name and the machine's id: one row a machine."""
        return self.source, self.vm


class Window(_Part):
    """When what may happen; each moment has its zone, and each may be left out."""

    start: Moment | None = None
    """No machine is begun before it."""
    latest_start: Moment | None = None
    """What is not halted by then stays where it is."""
    abort_at: Moment | None = None
    """What is halted and has not arrived by then is started again at its source."""

    @model_validator(mode="after")
    def _in_order(self) -> "Window":
        said = [(name, at) for name in type(self).model_fields if (at := getattr(self, name))]
        for (first, begins), (then, ends) in pairwise(said):
            if begins >= ends:
                raise ValueError(f"{then} must be later than {first}")
        return self

    def next_moment(self, now: datetime) -> datetime | None:
        """The next one that changes what happens; None when there is none any more."""
        moments = (self.start, self.latest_start, self.abort_at)
        return min((at for at in moments if at is not None and at > now), default=None)


class Wave(_Part):
    """Machines that are moved together: rows, a window, and how much may happen at once."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$", max_length=80)]
    """The same name again is the same wave: what arrived is not moved twice."""
    rows: Annotated[tuple[Row, ...], Field(min_length=1, max_length=MOST_ROWS)]
    """One a machine."""
    window: Window = Window()
    machines_at_once: Annotated[int, Field(ge=1, le=100)] = 4
    """How many machines are on their way at the same time."""
    bytes_per_s: Annotated[Annotated[int, Field(ge=1)] | None, BeforeValidator(_amount)] = None
    """What all copies of the wave may send together; without it the clouds' limits hold alone."""

    @model_validator(mode="after")
    def _fit_together(self) -> "Wave":
        if found := list(misfits(self.rows)):
            raise ValueError("; ".join(str(one) for one in found))
        return self

    @property
    def by_name(self) -> dict[str, Row]:
        """Rows by name, in the manifest's order."""
        return {row.name: row for row in self.rows}

    @property
    def after(self) -> dict[str, tuple[str, ...]]:
        """The graph for :mod:`coldferry.waves.ordering`."""
        return {row.name: row.after for row in self.rows}

    @property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """The rows of each group, by its name; rows without one are in none."""
        found: dict[str, tuple[str, ...]] = {}
        for row in self.rows:
            if row.group:
                found[row.group] = (*found.get(row.group, ()), row.name)
        return found


class Misfit(NamedTuple):
    """A fault between rows: of the row at ``at``, in which column, and what."""

    at: int
    row: str
    column: str
    what: str

    def __str__(self) -> str:
        return f"row {self.row}, {self.column}: {self.what}"


def misfits(rows: Sequence[Row], also: Collection[str] = ()) -> Iterator[Misfit]:
    """Every fault that no row has by itself: names, machines and orders that do not go together.

    ``also`` are names of rows that are not among them because they have other faults.
    """
    known = {*also, *(row.name for row in rows)}
    machines: dict[tuple[str, str], str] = {}
    names: dict[str, str] = {}
    places: dict[str, int] = {}
    for at, row in enumerate(rows):
        if (other := names.setdefault(row.name.lower(), row.name)) != row.name:
            yield Misfit(at, row.name, "name", f"differs from {other} by capitals only")
        elif places.setdefault(row.name, at) != at:
            yield Misfit(at, row.name, "name", "another row has this name")
        elif (first := machines.setdefault(row.machine, row.name)) != row.name:
            yield Misfit(at, row.name, "vm", f"is the machine of {first} already")
        if row.name in row.after:
            yield Misfit(at, row.name, "after", "a machine cannot start after itself")
        for one in dict.fromkeys(row.after):
            if one not in known:
                yield Misfit(at, row.name, "after", f"there is no row {one}")
            elif row.after.count(one) > 1:
                yield Misfit(at, row.name, "after", f"names {one} twice")
    for path in cycles({row.name: [one for one in row.after if one != row.name] for row in rows}):
        what = f"goes in a circle: {' after '.join(path)}"
        yield Misfit(places[path[0]], path[0], "after", what)


def full(block: str) -> str:
    """A saved cloud's name with its type."""
    return f"coldferry-cloud/{short(block)}"
