"""What a migration would do, without doing it."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from coldferry.errors import (
    BadInput,
    ColdferryError,
    Finding,
    NotMovable,
    PreflightFailed,
    TranslationsMissing,
    in_order,
    problem,
)
from coldferry.estimating import as_json
from coldferry.guest.evidence import NO_EVIDENCE, Evidence, Inspection
from coldferry.inspecting import with_evidence
from coldferry.migration import Marks, State, next_migration, pair_of
from coldferry.placement import resolve, with_placements
from coldferry.placement_report import left_out
from coldferry.plain import counted, fields_need, plain, shown
from coldferry.plan import Plan
from coldferry.ports import Machines, Translator, is_source, is_target
from coldferry.precedents import EMPTY, consult
from coldferry.translation import DecidedBy, FieldTranslation, Verdict
from console import answers as answer_file
from console import blocks, placing
from console.book import saved_book
from console.estimating import foretell, show_estimate
from console.looking import look_into, show_findings
from console.managing import Json, only
from console.output import Outcome, command
from console.placing import Placement
from console.surveying import survey_all
from providers.registry import connect, connect_translator

ALL_COPIED: Mapping[str, str] = {}

SourceBlock = Annotated[str, typer.Argument(metavar="SOURCE", help=f"A cloud: {blocks.NAMED}")]
TargetBlock = Annotated[
    str | None, typer.Argument(metavar="TARGET", help=f"A cloud: {blocks.NAMED}")
]
SourceVm = Annotated[str, typer.Argument(metavar="VM", help="The machine's id at the source")]
AnyVm = Annotated[
    str, typer.Argument(metavar="[VM]", help="Its id at the source; not needed when it is alone")
]
Answers = Annotated[Path | None, typer.Option("--answers", metavar="FILE", help="YAML")]
NoBook = Annotated[
    bool, typer.Option("--no-book", help="Leave the translation book alone: read and add nothing")
]


@command
def plan(
    source: SourceBlock,
    vm: Annotated[
        str,
        typer.Argument(
            metavar="[VM]",
            help="Its id at the source; not needed when it is alone, nor with --all",
        ),
    ],
    target: TargetBlock = None,
    answers: Answers = None,
    write_answers: Annotated[
        Path | None,
        typer.Option("--write-answers", metavar="FILE", help="Write what is missing, commented"),
    ] = None,
    inspect: Annotated[
        bool, typer.Option("--inspect", help="Look into its disks, by a temporary snapshot")
    ] = False,
    every: Annotated[
        bool, typer.Option("--all", help="Every machine of SOURCE, as one table: SOURCE TARGET")
    ] = False,
    no_book: NoBook = False,
    placement: Placement = None,
    json: Json = False,
) -> Outcome:
    """Say what a migration would do; creates nothing at the target."""
    if every:
        if target is not None or answers or write_answers or inspect:
            raise BadInput(
                "With --all a plan takes SOURCE and TARGET, and no answers and no --inspect.",
                "Write 'coldferry plan SOURCE TARGET --all'.",
            )
        return survey_all(*ends(source, vm), use_book=not no_book)
    vm, target = machine_and_target(source, vm, target)
    given = answer_file.read(answers) if answers else {}
    placed = placing.read(placement)
    look = look_into(source, vm, target, placed) if inspect else None
    seen = look.inspection if look else Inspection()
    made, findings = make_plan(
        source, vm, target, given, evidence=seen.evidence, use_book=not no_book, placement=placed
    )
    findings += seen.findings
    missing = made.translation.missing
    found = foretell(*ends(source, target), made, seen)
    allocated = look.allocated_bytes if look else {}
    if write_answers:
        answer_file.write(write_answers, made, answer_file.answered(given), answers)
    document: dict[str, Any] = {
        "migration": made.migration,
        "machine": made.machine.model_dump(mode="json"),
        "translation": [field.model_dump(mode="json") for field in made.translation.fields],
        "missing": missing,
        "devices": [
            {
                "device": device.name,
                "source": device.disk.id,
                "size_bytes": device.disk.size_bytes,
                "allocated_bytes": allocated.get(device.name),
            }
            for device in made.devices
        ],
        **left_out(made),
        "guest": seen.evidence.model_dump(mode="json") if look else None,
        "findings": [asdict(finding) for finding in findings],
        "estimate": as_json(found),
    }
    error = _in_the_way(made, findings)
    if error is not None:
        document["error"] = asdict(problem(error))

    def show(out: Console) -> None:
        _show(out, made, findings)
        show_estimate(out, found)

    return Outcome(document, show, error.exit_code if error else 0)


def machine_and_target(source: str, vm: str, target: str | None) -> tuple[str, str]:
    """Which machine and target are meant by ``SOURCE VM TARGET``.

    Where the source is written inline, and has one machine, without VM. Of a saved cloud a
    forgotten VM must not be whatever machine is alone there. Raises BadInput where there is no
    target, or not just one machine.
    """
    if target is not None:
        return vm, target
    if not (blocks.is_inline(source) and blocks.names_cloud(vm)):
        raise BadInput(
            "To which target?",
            "Write SOURCE VM TARGET; 'coldferry plan' also takes … TARGET --all.",
        )
    return only(connect(blocks.load(source)[0])), vm


def ends(source: str, target: str) -> tuple[Machines, Translator]:
    """The clouds behind two saved blocks."""
    return connect(blocks.load(source)[0]), connect_translator(blocks.load(target)[0])


def _in_the_way(made: Plan, findings: list[Finding]) -> ColdferryError | None:
    """What a migration by this plan would end with before it touched anything."""
    if made.refusal:
        return made.refusal
    if refusals := [finding for finding in findings if finding.severity == "refuse"]:
        return PreflightFailed.because(refusals)
    missing = made.translation.missing
    return TranslationsMissing(missing) if missing else None


def make_plan(
    source: str,
    vm: str,
    target: str,
    answers: Mapping[str, Any],
    *,
    evidence: Evidence = NO_EVIDENCE,
    use_book: bool = True,
    placement: Mapping[str, str] = ALL_COPIED,
) -> tuple[Plan, list[Finding]]:
    """The plan as of now, and what was found on the way: preflight of both clouds included.

    A machine can be planned for between any two clouds of which the one describes and the
    other translates; a finding says where migrating is not in this release. ``evidence`` of
    the machine's disks fills what its cloud does not know. An answer that is None is a field
    left empty. What the answers leave open is taken from the translation book. ``placement``
    has words by a device's name. Raises BadAnswer for a path that is none, BadInput for a
    device that is none, and NotMovable when something stands against moving the machine.
    """
    origin, goal = ends(source, target)
    findings = origin.unmovable(vm) if is_source(origin) else []
    if refusals := [finding for finding in findings if finding.severity == "refuse"]:
        raise NotMovable.because(refusals)
    machine = with_evidence(origin.describe(vm), evidence)
    marks = origin.marks(vm) if is_source(origin) else None
    migration, adopted = next_migration(
        machine.name, goal.provider, pair_of(origin, vm, goal), marks
    )
    if marks is not None and (adopted or marks.state is State.FINALISED):
        findings.append(_under_way(vm, marks))
    book = saved_book() if use_book else EMPTY
    told = with_placements(answer_file.checkable(machine, answers), resolve(machine, placement))
    consulted = consult(goal, machine, told, book)
    findings += [*consulted.remarks, *_only_planned(origin, goal)]
    made = Plan(migration=migration, machine=machine, translation=consulted.translation)
    findings += [_as_told_by_a_plan(finding) for finding in _preflight(origin, goal, vm, made)]
    return made, in_order(findings)


def _preflight(origin: Machines, goal: Machines, vm: str, made: Plan) -> list[Finding]:
    """Of both clouds at the same time, as far as the plan is decided."""
    asked: list[Callable[[], list[Finding]]] = []
    if is_source(origin) and is_target(goal):
        asked += [partial(origin.preflight_source, vm, made), partial(goal.preflight, made)]
    with ThreadPoolExecutor() as pool:
        return [one for found in pool.map(lambda ask: ask(), asked) for one in found]


def _under_way(vm: str, marks: Marks) -> Finding:
    undo = f"'coldferry rollback {marks.migration}'"
    if marks.state in (State.ALLOCATED, State.CUT_OVER):
        return Finding(
            "inform", "moved-already", vm,
            f"{vm} was moved already: {marks.migration} is {marks.state}.",
            f"The new machine is at the target; {undo} undoes it.",
        )  # fmt: skip
    if marks.state is State.FINALISED:
        return Finding(
            "warn", "moved-for-good", vm,
            f"{vm} was moved as {marks.migration}, and that is finalised: what is here is as old.",
            "Migrating it once more needs --although-moved.",
        )  # fmt: skip
    return Finding(
        "inform", "under-way", vm,
        f"{vm} is being moved: {marks.migration} is {marks.state}.",
        f"Migrating goes on from there; {undo} undoes it.",
    )  # fmt: skip


def _only_planned(origin: Machines, goal: Machines) -> list[Finding]:
    """One finding where the machine can be planned for, and not be moved."""
    stand = []
    if not is_source(origin):
        stand.append(f"taken from {origin.provider}")
    if not is_target(goal):
        stand.append(f"brought to {goal.provider}")
    if not stand:
        return []
    direction = f"{origin.provider} to {goal.provider}"
    return [
        Finding(
            "warn", "only-planned", direction,
            f"Migrating from {direction} is not in this release: machines cannot be "
            f"{' or '.join(stand)}.",
            "Take this as what would become of the machine.",
        )
    ]  # fmt: skip


def _as_told_by_a_plan(finding: Finding) -> Finding:
    """A plan may be made with a reader's rights; only the migration needs a mover's."""
    return replace(finding, severity="warn") if finding.code == "permissions" else finding


def _show(out: Console, made: Plan, findings: list[Finding]) -> None:
    show_translation(out, made)
    placing.show_devices(out, made)
    show_precedents(out, [f.model_dump(mode="json") for f in made.translation.fields])
    show_findings(out, [asdict(finding) for finding in findings])
    if made.translation.missing:
        out.print(f"{fields_need(len(made.translation.missing))} you:")
        for path in made.translation.missing:
            out.print(f"  {path}")
        out.print("Write them down with --write-answers FILE, and give the file with --answers.")


def show_translation(out: Console, made: Plan) -> None:
    """One line for each field that differs or is asked: what it becomes and why."""
    table = Table(
        "field", "verdict", "source", "target", "in words", title=made.migration,
        title_justify="left",
    )  # fmt: skip
    alike = [f for f in made.translation.fields if _as_it_is(f)]
    for field in (f for f in made.translation.fields if f not in alike):
        verdict = f"{field.verdict}, {field.consequence}" if field.open else str(field.verdict)
        words = " ".join(part for part in (field.reason, field.difference) if part)
        table.add_row(
            field.path,
            verdict,
            plain(shown(field.source), 40),
            _short(field.target),
            plain(words, 600),
        )
    out.print(table)
    if alike:
        out.print(f"{counted(len(alike), 'more field')} carried as they are; --json has them all.")


def _as_it_is(field: FieldTranslation) -> bool:
    return field.verdict is Verdict.EXACT and field.decided_by is DecidedBy.RULE and not field.open


def show_precedents(out: Console, fields: list[dict[str, Any]]) -> None:
    """What the translation book answered: one line a field, as a report's JSON has it."""
    found = [(field["path"], first) for field in fields if (first := field.get("precedent"))]
    if found:
        answers = "1 answer is" if len(found) == 1 else f"{len(found)} answers are"
        out.print(f"{answers} from the translation book:")
    for path, first in found:
        who = f"first approved by {plain(first['by'])} at {first['at']}"
        out.print(f"  {path}: {plain(shown(first['said']), 80)} (rule {first['rule']}, {who})")


def _short(value: Any) -> str:
    """A value in a table's cell: of a full id only its last name."""
    text = shown(value)
    return plain(text.rpartition("/")[2] if text.startswith("/") else text, 60)
