"""What the cutover of a wave's rows, or their way back, came to: for machines and for people."""

from collections.abc import Mapping, Sequence
from typing import Any

from coldferry.errors import ColdferryError
from coldferry.plain import code, counted, prose
from coldferry.waves.stopping import held_up, hold
from coldferry.waves.together import Everywhere, Stage
from coldferry.waves.wave import Wave

FILE = "FILE"
"""Stands in a command for the wave's file, whose name a flow does not know."""

_COLUMNS = ("machine", "migration", "state", "what")


def document(
    wave: Wave,
    asked: Sequence[str],
    where: Everywhere,
    verb: str,
    came: Mapping[str, Mapping[str, Any]],
    failed: Mapping[str, ColdferryError],
    *,
    unchanged: Mapping[str, str],
) -> dict[str, Any]:
    """One row a machine, in the order of starting; ``came`` is what is told of those that went.

    ``verb`` is the command's, ``cutover`` or ``rollback``; ``unchanged`` are the states of
    those that were not reached. What ``failed`` has its error's words.
    """
    held = held_up(wave, failed)
    rows = []
    for name in asked:
        row = {
            "name": name,
            "vm": wave.by_name[name].vm,
            "migration": where[name].migration,
            "state": unchanged[name],
            "why": "",
            **came.get(name, {}),
        }
        if name in failed:
            row |= {"state": failed[name].code, "why": str(failed[name])}
        elif name not in came and name in held:
            row["why"] = f"{held[name]} did not succeed, and {hold(wave, name, held[name])}."
        rows.append(row)
    left = [name for name in asked if name not in came or name in failed]
    says = f"{len(asked) - len(left)} of {counted(len(asked), 'machine')}: {_DONE[verb]}."
    if left:
        says += f" Not: {', '.join(left)}."
    do = _do(wave, asked, where, verb, left, failed) if left else ""
    return {"wave": wave.name, "verb": verb, "says": says, "do": do, "rows": rows}


_DONE = {"cutover": "cut over and checked", "rollback": "back at the source"}


def _do(
    wave: Wave,
    asked: Sequence[str],
    where: Everywhere,
    verb: str,
    left: Sequence[str],
    failed: Mapping[str, ColdferryError],
) -> str:
    """The exact commands: the same again, and for a cutover the way back of what it stopped."""
    again = f"'{command(wave, verb, asked)}'"
    if verb != "cutover":
        return f"Mend what is said there, then go on with {again}: it does what is left."
    moved = [name for name in left if name in failed or where[name].stage is Stage.BEGUN]
    named = _units(wave, moved)
    back = f"'{command(wave, 'rollback', [n for n in asked if _unit(wave, n) in named])}'"
    return (
        f"Mend it and go on with {again}, which starts only what is left; or go back with {back}, "
        "which asks what becomes of what the new machines wrote."
    )


def command(wave: Wave, verb: str, rows: Sequence[str]) -> str:
    """The command for the groups of these rows; without a group where those are all rows."""
    named = _units(wave, rows)
    words = ["coldferry", "wave", verb, FILE]
    if len(named) < len(_units(wave, list(wave.by_name))):
        words += [word for name in named for word in ("--group", name)]
    return " ".join(words)


def _units(wave: Wave, rows: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(_unit(wave, name) for name in rows))


def _unit(wave: Wave, name: str) -> str:
    return wave.by_name[name].group or name


def as_markdown(told: Mapping[str, Any]) -> str:
    """The document as the Prefect UI shows it; every stranger's word is plain text."""
    lines = [
        f"# Wave {code(told['wave'])}: {told['verb']}",
        "",
        prose(told["says"], 1000),
        "",
        *([prose(told["do"], 1000), ""] if told["do"] else []),
        f"| {' | '.join(_COLUMNS)} |",
        "|---" * len(_COLUMNS) + "|",
    ]
    for row in told["rows"]:
        cells = (
            f"{code(row['name'])} {code(row['vm'], 80)}",
            code(row["migration"]),
            row["state"].replace("-", " "),
            prose(row["why"] or _went(row), 600),
        )
        lines.append(f"| {' | '.join(cells)} |")
    if by := told.get("decided"):
        lines += ["", f"Decided by {code(by['by'])} at {code(by['at'])}."]
        lines += [f"Because: {code(by['reason'])}"] if by["reason"] else []
    return "\n".join(lines)


def _went(row: Mapping[str, Any]) -> str:
    if "checks" in row:
        passed = f"{counted(len(row['checks']), 'check')} passed"
        until = f"; finalise from {row['finalise_by']} on" if row.get("finalise_by") else ""
        return f"{row['target_vm']} is {row['target_power']}; {passed}{until}."
    if "removed" in row:
        kept = f"; {len(row['kept'])} kept at the target" if row["kept"] else ""
        return f"{counted(len(row['removed']), 'object')} removed{kept}."
    return ""
