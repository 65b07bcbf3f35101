"""Reading the source, and asking the target what it makes of it."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from coldferry.book import Book
from coldferry.drift import Drift, material
from coldferry.errors import BadAnswer, Drifted, Finding, PreflightFailed, in_order
from coldferry.guest.evidence import Inspection
from coldferry.inspecting import as_if_seen
from coldferry.machine import Machine
from coldferry.migration import Marks
from coldferry.plain import shown
from coldferry.plan import Plan
from coldferry.ports import PowerState, Source, Target, Translator, is_source
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

    @property
    def runs(self) -> bool:
        """It does; one that is starting is not looked at for it."""
        return self.power is PowerState.RUNNING


def with_remarks(found: Surveyed, remarks: Sequence[Finding]) -> Surveyed:
    """What was surveyed, with more that a person should know."""
    return replace(found, remarks=[*found.remarks, *remarks])


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
def preflight(source: Cloud, vm: str, target: Cloud, plan: Plan) -> list[Finding]:
    """Everything at both clouds that would fail later, and what stands against the move by now.

    All are asked at the same time; what refuses comes first.
    """
    origin, goal = source.source(), target.target()
    asked: list[Callable[[], list[Finding]]] = [
        partial(origin.unmovable, vm),
        partial(origin.preflight_source, vm, plan),
        partial(goal.preflight, plan),
        partial(_made_before, origin, vm, goal, plan.migration),
    ]
    with ThreadPoolExecutor(len(asked)) as pool:
        answers = [pool.submit(copy_context().run, question) for question in asked]
    return in_order(finding for answer in answers for finding in answer.result())


def _made_before(origin: Source, vm: str, goal: Target, migration: str) -> list[Finding]:
    """A new machine of disks that are older than what a source that was put back wrote since.

    They cannot be copied anew while it has them: that would come up only once the source is down.
    """
    marks = origin.marks(vm)
    if marks is None or marks.migration != migration or marks.power_before is not None:
        return []
    if (arrived := goal.arrived(migration)) is None or origin.ran_since(vm, migration) is False:
        return []
    return [
        Finding(
            "refuse", "made-before", vm,
            f"{vm} was put back once {migration} had made {arrived.vm} at the target: its disks "
            "cannot be copied anew while that has them.",
            f"Remove it with 'coldferry rollback {migration}', then migrate again.",
        )
    ]  # fmt: skip


@step("preflight again")
def preflight_again(target: Cloud, plan: Plan) -> list[Finding]:
    """The same at the target once the disks are proven.

    Raises PreflightFailed: the disks stay, and the run goes on from them once it is mended.
    """
    found = target.target().preflight(plan)
    if refusals := [finding for finding in found if finding.severity == "refuse"]:
        raise PreflightFailed.because(refusals, resumable=True)
    return found


@step("confirm")
def confirm_unchanged(source: Cloud, vm: str, plan: Plan) -> None:
    """Describe the halted machine and compare it with the approved one.

    Raises Drifted naming every material difference.
    """
    found = as_if_seen(source.source().describe(vm), plan.machine)
    if changes := material(plan.machine, found):
        raise drifted(changes)


@step("confirm as approved", early=True)
def confirm_as_approved(source: Cloud, vm: str, plan: Plan) -> None:
    """The same while it runs yet: raises PreflightFailed, and the machine is not halted for it."""
    found = as_if_seen(source.source().describe(vm), plan.machine)
    if changes := material(plan.machine, found):
        what = f"The machine changed since the approval: {_named(changes)}."
        do = "Run the same command again to plan it anew."
        raise PreflightFailed.because([Finding("refuse", "source-changed", vm, what, do)])


def drifted(changes: Sequence[Drift]) -> Drifted:
    """The error that names every difference."""
    return Drifted(
        f"The machine changed between the approval and the halt: {_named(changes)}.",
        "The source was put back as it was; run the same command again to plan it anew.",
    )


def _named(changes: Sequence[Drift]) -> str:
    return "; ".join(f"{c.path} was {shown(c.approved)} and is {shown(c.found)}" for c in changes)
