"""What a person reads first of a wave that failed: which machines, whose sources stand still."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from coldferry import alarm
from coldferry.alarm import Command, Fact, Words
from coldferry.audited import cost_in_words, table
from coldferry.auditing import Entry
from coldferry.migration import is_migration
from coldferry.plain import code, counted, prose
from coldferry.waves.standing import RowState

_SHOWN = 10


@dataclass(frozen=True)
class Machine:
    """One row as it was left; ``halted`` None where its source did not tell."""

    name: str
    vm: str
    state: str
    why: str
    halted: bool | None
    migration: str = ""

    @property
    def arrived(self) -> bool:
        """It is at the target."""
        return self.state == RowState.DONE.value

    @property
    def remedy(self) -> str:
        """The exact command that puts its source back, where it is halted; else what looks."""
        if not is_migration(self.migration):
            return "coldferry list"
        verb = "abort" if self.halted else "status"
        return f"coldferry {verb} {self.migration}"


@dataclass(frozen=True)
class WaveFailure:
    """A wave's failed run; ``machines`` is empty where the rows are not known.

    ``deployed``: a worker can go on with it. ``abort_at`` is the window's end. ``moving``: it was
    the wave itself, not a cutover of it or its way back.
    """

    name: str
    what: str
    do: str
    step: str
    deployed: bool
    now: datetime
    machines: Sequence[Machine] = ()
    exists: Sequence[Entry] = ()
    unasked: Sequence[str] = field(default_factory=tuple)
    abort_at: datetime | None = None
    moving: bool = True

    @property
    def halted(self) -> list[Machine]:
        """Machines that are off for the wave, and have not arrived."""
        return [one for one in self.machines if one.halted and not one.arrived]

    @property
    def minutes_left(self) -> int | None:
        """Whole minutes until the window ends; negative after it."""
        return alarm.left_until(self.abort_at, self.now)

    @property
    def heading(self) -> tuple[str, str]:
        """See :class:`coldferry.alarm.Alarm`."""
        return "wave", self.name

    @property
    def summary(self) -> str:
        """One line for a list of artifacts."""
        halted = f", {counted(len(self.halted), 'source')} halted" if self.halted else ""
        return f"wave {self.name}: failed{halted}"

    @property
    def commands(self) -> list[Command]:
        """Three exact commands; those of each machine stand in the table below them."""
        look = ("coldferry list", "where every migration stands, and what to do about it")
        audit = ("coldferry audit", "what exists of all of them, and what it costs")
        on = (f"coldferry resume {shlex.quote(self.name)}", "go on with what is left of the wave")
        here = (
            f"coldferry status --wave {shlex.quote(self.name)}",
            "where each of its machines is",
        )
        if not self.moving:
            return [here, look, audit]
        first = [on] if self.deployed else []
        back: list[Command] = []
        if self.halted:
            one = self.halted[0]
            back = [(one.remedy, f"start the source of {one.name} again; others stand below")]
        over = self.minutes_left is not None and self.minutes_left <= 0
        every = ("coldferry status", "what the clouds say of all migrations")
        return [*(back + first if over else first + back), look, audit, every][:3]

    def facts(self, words: Words) -> list[Fact]:
        """See :class:`coldferry.alarm.Alarm`."""
        step = words.code(self.step) if self.step else "not known."
        cost = cost_in_words(self.exists)
        return [
            ("Cause", "", f"{words.prose(self.what)} {words.prose(self.do)}".rstrip()),
            ("Step", "", step),
            ("Machines", "", self._missing(words)),
            ("Sources", "", self._sources(words)),
            ("What exists", "", alarm.existing(self.exists, self.unasked, cost)),
            ("Is a retry safe", "", f"yes; {self._again()}"),
            ("Window", "", alarm.window(self.minutes_left, words, "halted sources are")),
        ]

    def more(self) -> list[str]:
        """See :class:`coldferry.alarm.Alarm`."""
        lines: list[str] = []
        if left := [one for one in self.machines if not one.arrived]:
            lines += [
                "",
                "## Machine by machine",
                "",
                "| machine | state | source | why | command |",
            ]
            lines += ["|---|---|---|---|---|"]
            lines += [
                f"| {code(m.name)} {code(m.vm, 80)} | {prose(m.state)} | {_source(m)} "
                f"| {prose(m.why, 400)} | {code(m.remedy)} |"
                for m in left
            ]
        if self.exists:
            lines += ["", "## What exists and costs", "", *table(self.exists)]
        return lines + alarm.unasked(self.unasked)

    def as_markdown(self) -> str:
        """As the Prefect UI shows it; every stranger's word is plain text."""
        return alarm.as_markdown(self)

    def as_text(self) -> str:
        """As a notification says it."""
        return alarm.as_text(self)

    def _missing(self, words: Words) -> str:
        if not self.machines:
            return "not known; the wave's page has those that were begun."
        arrived = sum(one.arrived for one in self.machines)
        told = [f"{arrived} of {len(self.machines)} arrived."]
        for state in dict.fromkeys(one.state for one in self.machines if not one.arrived):
            names = [one.name for one in self.machines if one.state == state]
            told.append(f"{state}: {_some(names, words)}.")
        return " ".join(told)

    def _sources(self, words: Words) -> str:
        silent = [one.name for one in self.machines if one.halted is None]
        more = f" Of {_some(silent, words)} it is not known." if silent else ""
        if not self.machines:
            return "not known."
        if not self.halted:
            return f"none that has not arrived is known to be halted.{more}"
        names = _some([one.name for one in self.halted], words)
        return f"{words.strong('halted')}, and not arrived: {names}.{more}"

    def _again(self) -> str:
        own = "" if self.deployed else " Give the same command with the same file."
        return f"the same wave again does only what is left.{own}"


def _source(machine: Machine) -> str:
    known = {True: "**halted**", False: "not halted by us", None: "not known"}
    return known[machine.halted]


def _some(names: Sequence[str], words: Words) -> str:
    shown = ", ".join(words.code(name) for name in names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"
