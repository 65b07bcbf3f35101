"""One machine against every target: what each would leave missing, and which one comes first.

When translations are missing, nothing but another provider helps (NIST 4.5):
this says which.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from coldferry.errors import BadInput, ColdferryError
from coldferry.machine import Machine, Origin
from coldferry.plain import code, prose
from coldferry.ports import Machines, Translator, is_translator
from coldferry.precedents import Consulted
from coldferry.translation import Consequence, DecidedBy, FieldTranslation, Verdict, open_fields

NOT_KNOWN = "not known"


@dataclass(frozen=True)
class Standing:
    """What one target makes of the machine; paths of fields by what is asked of a person.

    ``target`` is the block's name. ``error`` says why it could not be asked;
    all else is then empty. ``usd_per_hour`` is the size's listed price, None
    where the target's catalogue has none.
    """

    target: str
    error: str = ""
    size: str | None = None
    gaps: list[str] = field(default_factory=list)
    acknowledgements: list[str] = field(default_factory=list)
    impossible: list[str] = field(default_factory=list)
    blocking: list[str] = field(default_factory=list)
    from_book: list[str] = field(default_factory=list)
    usd_per_hour: float | None = None

    @property
    def verdict(self) -> str:
        """In one word or two, whether the machine could go there."""
        if self.error:
            return "cannot be asked"
        if self.blocking:
            return "blocked"
        return "needs a person" if self.gaps or self.acknowledgements else "ready"


def goals(named: Mapping[str, Machines], origin: Origin) -> dict[str, Translator]:
    """Those of the clouds that can be asked, by name; without the place the machine is at."""
    return {
        name: cloud
        for name, cloud in named.items()
        if is_translator(cloud) and not _is_there(cloud, origin)
    }


def standing(target: str, ask: Callable[[], Consulted]) -> Standing:
    """Ask one target; one that cannot be reached is a standing too."""
    try:
        told = ask()
    except ColdferryError as error:
        return Standing(target, error=str(error))
    fields = told.translation.fields
    asked = open_fields(told.translation)
    size = told.translation.target("instance_type")
    return Standing(
        target,
        size=None if size is None else str(size),
        gaps=_paths(f for f in asked if f.verdict is Verdict.MISSING),
        acknowledgements=_paths(f for f in asked if f.verdict is not Verdict.MISSING),
        impossible=_paths(f for f in fields if f.verdict is Verdict.IMPOSSIBLE),
        blocking=_paths(f for f in fields if f.consequence is Consequence.BLOCK),
        from_book=_paths(f for f in fields if f.decided_by is DecidedBy.BOOK),
        usd_per_hour=told.usd_per_hour,
    )


def no_target() -> BadInput:
    """There is nothing to compare."""
    return BadInput(
        "No saved cloud can say what it would make of a machine.",
        "Save a block of a target; the README says how.",
    )


def rank(standings: Iterable[Standing]) -> list[Standing]:
    """The best first: fewest gaps, then acknowledgements, then what is impossible, then cost.

    A cost that is not known comes after all that are. Behind them those where
    something blocks the move, and last those that could not be asked.
    """
    return sorted(standings, key=_rank)


def _is_there(cloud: Machines, origin: Origin) -> bool:
    if cloud.provider != origin.provider:
        return False
    try:
        return cloud.scope == origin.scope
    except ColdferryError:  # who it is cannot be told now; asking it will say why
        return False


def _rank(one: Standing) -> tuple[Any, ...]:
    return (
        bool(one.error),
        len(one.blocking),
        len(one.gaps),
        len(one.acknowledgements),
        len(one.impossible),
        one.usd_per_hour is None,
        one.usd_per_hour or 0.0,
        one.target,
    )


def as_json(machine: Machine, ranked: list[Standing]) -> dict[str, Any]:
    """The contract of ``coldferry compare --json`` and of the flow's result."""
    return {
        "machine": machine.model_dump(mode="json"),
        "targets": [asdict(one) | {"verdict": one.verdict} for one in ranked],
    }


def as_markdown(machine: Machine, ranked: list[Standing]) -> str:
    """The ranking as the Prefect UI shows it; every stranger's word is a code span."""
    lines = [
        f"# {code(machine.name)}: where it can go",
        "",
        f"Machine {code(machine.origin.id)}, {code(machine.instance_type)}.",
        "",
        "| target | | size | missing | to acknowledge | impossible | from the book | USD an hour |",
        "|---|---|---|---|---|---|---|---|",
        *(_row(one) for one in ranked),
    ]
    for one in ranked:
        lines += ["", f"## {code(one.target)}", ""]
        if one.error:
            lines.append(prose(one.error, 600))
        for words, paths in _listed(one):
            lines.append(f"- {words}: {', '.join(code(path) for path in paths)}")
        if not one.error and not _listed(one):
            lines.append("Nothing is asked of a person.")
    return "\n".join(lines)


def price(one: Standing) -> str:
    """The cost in words."""
    return NOT_KNOWN if one.usd_per_hour is None else f"{one.usd_per_hour:.4f}"


def _row(one: Standing) -> str:
    if one.error:
        return f"| {code(one.target)} | {one.verdict} | | | | | | |"
    counts = (one.gaps, one.acknowledgements, one.impossible, one.from_book)
    numbers = " | ".join(str(len(paths)) for paths in counts)
    size = code(one.size) if one.size else "open"
    return f"| {code(one.target)} | {one.verdict} | {size} | {numbers} | {price(one)} |"


def _listed(one: Standing) -> list[tuple[str, list[str]]]:
    every = [
        ("Blocks the move", one.blocking),
        ("Missing", one.gaps),
        ("To acknowledge", one.acknowledgements),
        ("Impossible", one.impossible),
    ]
    return [(words, paths) for words, paths in every if paths]


def _paths(fields: Iterable[FieldTranslation]) -> list[str]:
    return [one.path for one in fields]
