"""What many machines leave open, as one sheet; and the sheet back, as rules of the book."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from coldferry.book import Book
from coldferry.errors import BadInput, FaultyFile, Finding, UnknownMachine
from coldferry.gaps import Asked, Gap, answer, distinct
from coldferry.plain import counted, plain
from coldferry.ports import Machines, Translator, is_source
from coldferry.precedents import EMPTY, Consulted, consult
from console import blocks, sheets
from console.book import keep, saved_book
from console.managing import Json
from console.output import Outcome, aside, command
from console.planning import NoBook, SourceBlock
from providers.registry import connect, connect_translator

_AT_ONCE = 8
"""Machines described at the same time."""


@command
def gaps(
    source: SourceBlock,
    target: Annotated[
        str, typer.Option("--target", metavar="TARGET", help=f"A cloud: {blocks.NAMED}")
    ],
    vm: Annotated[
        list[str] | None,
        typer.Argument(metavar="[VM…]", help="Ids at the source; @FILE has one a line"),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every machine that the source lists")
    ] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="One CSV sheet on stdout")] = False,
    filled: Annotated[
        Path | None,
        typer.Option("--import", metavar="FILE", help="A sheet that was filled in: into the book"),
    ] = None,
    by: Annotated[
        str, typer.Option("--by", metavar="NAME", help="Who approved the sheet, for the reports")
    ] = "",
    no_book: NoBook = False,
    json: Json = False,
) -> Outcome:
    """Say each question that many machines leave open once, or take the answers."""
    if as_csv and (json or filled):
        raise BadInput("--csv goes with neither --json nor --import.", "Leave one of them out.")
    if filled and no_book:
        raise BadInput("--import adds to the book; --no-book leaves it alone.", "Leave one out.")
    origin = connect(blocks.load(source)[0])
    goal = connect_translator(blocks.load(target)[0])
    book = EMPTY if no_book else saved_book()
    wanted = origin.machines() if every else _wanted(vm or [])
    if filled:
        return _import(filled, by, origin, goal, wanted, book)
    if not wanted and not every:
        raise BadInput("Which machines?", "Name them, give a list as @FILE, or say --all.")
    asked, findings = _ask(origin, goal, wanted, book, goal.catalogue())
    found = distinct(asked, goal)
    if as_csv:
        _print(findings)
        # Not by rich: it would wrap and style what a program reads.
        return Outcome(None, lambda _: print(sheets.write(found), end=""))
    document = {
        "machines": len(asked),
        "gaps": [_as_json(gap) for gap in found],
        "findings": [asdict(finding) for finding in findings],
    }
    return Outcome(document, lambda out: _show(out, found, findings, len(asked)))


def _import(
    path: Path, by: str, origin: Machines, goal: Translator, more: Sequence[str], book: Book
) -> Outcome:
    rows, named = sheets.read(path)
    if not rows:
        raise BadInput(f"No row of {path} has a value.", "Fill in the column 'value' first.")
    catalogue = goal.catalogue()
    wanted = list(dict.fromkeys([*named, *more]))
    asked, _ = _ask(origin, goal, wanted, book, catalogue, named)
    at = datetime.now(UTC).isoformat()
    rules, faults = answer(
        rows,
        asked,
        goal,
        lambda machine, said: goal.translate(machine, catalogue, said),
        by or f"the sheet {path.name}"[:256],
        at,
    )
    if faults:
        raise FaultyFile(str(path), [plain(fault, 400) for fault in faults])
    new = [rule for rule in rules if rule.value not in _standing(book, rule.question)]
    keep(new)
    document = {"kept": [rule.id for rule in new], "known": len(rules) - len(new)}
    words = f"{counted(len(new), 'answer')} added to the book; there already: {document['known']}."
    return Outcome(document, lambda out: out.print(words))


def _standing(book: Book, question: str) -> list[Any]:
    """What the book answers a question with now: one value, or none."""
    return [r.value for r in book.rules if r.question == question and not book.replaced(r)]


def _ask(
    origin: Machines,
    goal: Translator,
    vms: Sequence[str],
    book: Book,
    catalogue: Any,
    lines: Mapping[str, int] = MappingProxyType({}),
) -> tuple[list[Asked], list[Finding]]:
    """Every machine's translation, and what stands against moving some.

    Raises UnknownMachine naming all that the source does not know, by their ``lines`` in a
    sheet when they come from one.
    """

    def one(vm: str) -> tuple[Asked, list[Finding]] | UnknownMachine:
        try:
            machine = origin.describe(vm)
        except UnknownMachine as unknown:
            at = f"Line {lines[vm]}: " if vm in lines else ""
            return UnknownMachine(at + unknown.what, unknown.do)
        consulted = consult(goal, machine, {}, book, catalogue)
        against = origin.unmovable(vm) if is_source(origin) else []
        refusals = [finding for finding in against if finding.severity == "refuse"]
        return Asked(vm, machine, consulted), [
            *refusals,
            *consulted.remarks,
            *_blocking(vm, consulted),
        ]

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        told = list(pool.map(one, vms))
    if unknown := [one for one in told if isinstance(one, UnknownMachine)]:
        raise UnknownMachine(" ".join(plain(one.what, 400) for one in unknown), unknown[0].do)
    known = [found for found in told if not isinstance(found, UnknownMachine)]
    return [asked for asked, _ in known], [f for _, findings in known for f in findings]


def _blocking(vm: str, consulted: Consulted) -> list[Finding]:
    return [
        Finding("refuse", "blocked", vm, f"{vm}, {field.path}: {field.reason} {field.difference}")
        for field in consulted.translation.blocking
    ]


def _wanted(words: Sequence[str]) -> list[str]:
    """Ids as they were given, and those in files, each once."""
    found: list[str] = []
    for given in words:
        if given.startswith("@"):
            found += _in_file(Path(given[1:]))
        else:
            found.append(given)
    return list(dict.fromkeys(found))


def _in_file(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not in UTF-8"
        raise BadInput(
            f"{path} cannot be read: {why}.", "Name a text file that you may read."
        ) from None
    return [vm for line in lines if (vm := line.partition("#")[0].strip())]


def _as_json(gap: Gap) -> dict[str, Any]:
    return {
        **{name: cell for name, cell in sheets.as_row(gap).items() if name not in ("names", "ids")},
        "now": list(gap.now),
        "choices": [candidate.model_dump() for candidate in gap.candidates],
        "acknowledge": gap.acknowledge,
        "machines": [{"vm": one.vm, "name": one.machine.name} for one in gap.machines],
    }


def _show(out: Console, found: Sequence[Gap], findings: Sequence[Finding], machines: int) -> None:
    table = Table("owner", "field", "now", "question", "machines")
    for gap in found:
        row = sheets.as_row(gap)
        cells = (row["owner"], row["field"], plain(row["now"], 60), plain(row["question"], 200))
        table.add_row(*cells, f"{row['machines']}: {plain(row['names'], 60)}")
    if found:
        out.print(table)
    out.print(f"{counted(len(found), 'question')} over {counted(machines, 'machine')}.")
    _print(findings)


def _print(findings: Sequence[Finding]) -> None:
    for finding in findings:
        aside.print(f"{finding.severity}: {plain(finding.what)} {plain(finding.do)}")
