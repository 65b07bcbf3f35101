"""Which wave is meant: a manifest of some kind, or all machines that bear certain tags."""

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from coldferry.errors import BadInput
from coldferry.machine import Machine
from coldferry.migration import slug
from coldferry.plain import counted
from coldferry.waves.wave import MOST_ROWS, Options, Row, Wave, Window


def _in_order(schema: dict[str, Any]) -> None:
    """A server's database keeps no order of what stands inside a parameter; a form heeds this."""
    for position, field in enumerate(schema["properties"].values()):
        field["position"] = position


class Selector(BaseModel):
    """Which machines, and all that a manifest says of a wave beside its rows.

    ``source`` and ``target`` are saved clouds, ``coldferry-cloud/NAME`` or ``NAME``. A machine
    must bear each of ``tags``; none selects nothing.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra=_in_order,
    )

    name: str
    """What the wave is called; the same name again is the same wave."""
    source: str
    """The saved cloud that its machines are taken from, by its block's name."""
    target: str
    """The saved cloud that they are brought to."""
    tags: dict[str, str]
    """What a machine must bear, all of it, as JSON: `{"wave": "may", "team": "shop"}`."""
    window: Window = Window()
    """When what may happen; each moment may be left out."""
    machines_at_once: Annotated[int, Field(ge=1, le=100)] = 4
    """How many machines are on their way at the same time."""
    bytes_per_s: Annotated[int, Field(ge=1)] | None = None
    """What all copies of the wave may send together, in bytes a second."""
    options: Options = Options()
    """What each migration is told."""


def kind_of(text: str) -> Literal["yaml", "csv"]:
    """CSV where the first line names columns, YAML else."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    columns = [cell.strip(' "') for cell in re.split(r"[,;\t]", first)]
    return "csv" if {"name", "vm"} <= set(columns) else "yaml"


def bears(machine: Machine, tags: Mapping[str, str]) -> bool:
    """The machine has all of them, with these values."""
    there = {tag.key: tag.value for tag in machine.tags}
    return bool(tags) and all(there.get(key) == value for key, value in tags.items())


def select(selector: Selector, machines: Iterable[tuple[str, Machine]]) -> Wave:
    """The wave of those machines, given by id, that bear the tags; rows are called by their names.

    Raises BadInput when there is none, or there are too many.
    """
    chosen = [(vm, machine) for vm, machine in machines if bears(machine, selector.tags)]
    if not 0 < len(chosen) <= MOST_ROWS:
        asked = ", ".join(f"{key}={value}" for key, value in selector.tags.items()) or "no tags"
        raise BadInput(
            f"{counted(len(chosen), 'machine')} at {selector.source} bear {asked}; "
            f"a wave has 1 to {MOST_ROWS}.",
            "Select by other tags.",
        )
    names = _names(machine.name for _, machine in chosen)
    rows = [
        Row(
            name=name, vm=vm, source=selector.source, target=selector.target,
            options=selector.options,
        )
        for name, (vm, _) in zip(names, chosen, strict=False)
    ]  # fmt: skip
    told = {name: getattr(selector, name) for name in ("window", "machines_at_once", "bytes_per_s")}
    return Wave(name=selector.name, rows=tuple(rows), **told)


def _names(wanted: Iterable[str]) -> Iterator[str]:
    """Each once: ``web``, ``web-2``."""
    taken: set[str] = set()
    for name in map(slug, wanted):
        free = next(
            one
            for one in itertools.chain([name], (f"{name}-{n}" for n in itertools.count(2)))
            if one not in taken
        )
        taken.add(free)
        yield free
