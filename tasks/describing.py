"""Reading the source, and asking the target what it makes of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from coldferry.book import Book
from coldferry.drift import Drift, material
from coldferry.errors import BadAnswer, Drifted, Finding
from coldferry.guest.evidence import Inspection
from coldferry.inspecting import as_if_seen
from coldferry.machine import Machine
from coldferry.migration import Marks
from coldferry.plain import shown
from coldferry.plan import Plan
from coldferry.ports import PowerState, Translator, is_source
from coldferry.precedents import EMPTY, Consulted, consult
from coldferry.translation import Answers
from tasks.clouds import Cloud
from tasks.steps import step


@dataclass(frozen=True)
class Surveyed:
    """What the source says of a machine before anything is decided."""

    machine: Machine
    marks: Marks | None
    power: PowerState
    refusals: list[Finding]
    remarks: list[Finding]
    inspection: Inspection | None = None


@step("survey", early=True)
def survey(source: Cloud, vm: str) -> Surveyed:
    """Describe the machine, read our tags on it, and find what stands against moving it.

    One that its cloud cannot be a source of is described all the same, to be compared.
    """
    cloud = source.machines()
    findings = cloud.unmovable(vm) if is_source(cloud) else []
    return Surveyed(
        machine=cloud.describe(vm),
        marks=cloud.marks(vm) if is_source(cloud) else None,
        power=cloud.power(vm),
        refusals=[finding for finding in findings if finding.severity == "refuse"],
        remarks=[finding for finding in findings if finding.severity != "refuse"],
    )


@dataclass(frozen=True)
class Weighed:
    """What answers make of a machine, at the target as it is now and with the book.

    ``problems`` has a sentence for each answer that cannot be used, by path;
    ``usable`` are the others, and ``consulted`` is made of them alone.
    """

    usable: dict[str, Any]
    consulted: Consulted
    problems: dict[str, str]


@step("translate", early=True)
def weigh(target: Cloud, machine: Machine, answers: Answers, book: Book = EMPTY) -> Weighed:
    """One verdict a field, from the target's catalogue as it is now and the translation book.

    A wrong answer is set aside and fails nothing: whoever asked may ask again.
    """
    cloud = target.translator()
    return weigh_by(cloud, cloud.catalogue(), machine, answers, book)


def weigh_by(
    cloud: Translator, catalogue: Any, machine: Machine, answers: Answers, book: Book = EMPTY
) -> Weighed:
    """As :func:`weigh`, by a catalogue that was read before, for many machines."""
    usable, problems = dict(answers), dict[str, str]()
    while True:
        try:
            return Weighed(usable, consult(cloud, machine, usable, book, catalogue), problems)
        except BadAnswer as bad:
            if not bad.problems.keys() & usable.keys():
                raise
            problems |= bad.problems
            usable = {path: value for path, value in usable.items() if path not in problems}


def translate(target: Cloud, machine: Machine, answers: Answers, book: Book = EMPTY) -> Consulted:
    """One verdict a field. Raises BadAnswer naming all answers that do not fit."""
    weighed = weigh(target, machine, answers, book)
    if weighed.problems:
        raise BadAnswer(weighed.problems)
    return weighed.consulted


@step("preflight", early=True)
def preflight(target: Cloud, plan: Plan) -> list[Finding]:
    """Everything at the target that would fail later."""
    return target.target().preflight(plan)


@step("confirm")
def confirm_unchanged(source: Cloud, vm: str, plan: Plan) -> None:
    """Describe the halted machine and compare it with the approved one.

    Raises Drifted naming every material difference.
    """
    found = as_if_seen(source.source().describe(vm), plan.machine)
    if changes := material(plan.machine, found):
        raise drifted(changes)


def drifted(changes: Sequence[Drift]) -> Drifted:
    """The error that names every difference."""
    named = "; ".join(f"{c.path} was {shown(c.approved)} and is {shown(c.found)}" for c in changes)
    return Drifted(
        f"The machine changed between the approval and the halt: {named}.",
        "The source was put back as it was; run the same command again to plan it anew.",
    )
