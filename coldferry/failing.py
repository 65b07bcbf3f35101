"""What a person reads first of a run that failed: at three in the morning, on a small screen.

Facts in their order: cause, step, the power of both machines, what exists and
costs, whether trying again is safe, how long the window is open; and three
exact commands. Of a wave: :mod:`coldferry.waves.failing`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from coldferry import alarm
from coldferry.alarm import Command, Fact, Words
from coldferry.audited import cost_in_words, table
from coldferry.auditing import Entry
from coldferry.migration import MOVED, Marks, State
from coldferry.ports import PowerState
from coldferry.remedies import Situation, remedies


@dataclass(frozen=True)
class Failure:
    """A failed run with one machine; blocks by their full names.

    ``verb`` is the flow's: one of :data:`coldferry.remedies.VERBS`. ``migration``
    is empty where none had begun. ``power`` and ``marks`` are None where the
    source did not tell, ``unasked`` then says why; ``target_power`` is None also
    where there is no new machine. ``given`` are the run's parameters. ``abort_at``
    is the end of its window, None where it has none or nobody said.
    """

    run: str
    migration: str
    source: str
    vm: str
    target: str
    what: str
    do: str
    step: str
    resumable: bool
    now: datetime
    power: PowerState | None = None
    marks: Marks | None = None
    exists: Sequence[Entry] = ()
    unasked: Sequence[str] = field(default_factory=tuple)
    abort_at: datetime | None = None
    verb: str = "migrate"
    target_power: PowerState | None = None
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def touched(self) -> bool | None:
        """Whether the halt began, which the source's tags say; None where they could not be read.

        What changed between approval and halt is put back at once: then it is not.
        """
        if self.unasked and self.marks is None:
            return None
        return self.marks is not None and self.marks.power_before is not None

    @property
    def minutes_left(self) -> int | None:
        """Whole minutes until the window ends; negative after it."""
        return alarm.left_until(self.abort_at, self.now)

    @property
    def retry_is_safe(self) -> bool:
        """It may be given again, and goes on where it ended."""
        return self.resumable

    @property
    def heading(self) -> tuple[str, str]:
        """See :class:`coldferry.alarm.Alarm`."""
        what = "migration" if self.verb == "migrate" else self.verb
        return (what, self.migration) if self.migration else (f"{what} of", self.vm)

    @property
    def commands(self) -> list[Command]:
        """Three exact commands, each with what it does; the likeliest first."""
        over = self.minutes_left is not None and self.minutes_left <= 0
        begun = self.touched is not False or bool(self.exists)
        return remedies(
            Situation(
                verb=self.verb,
                migration=self.migration,
                source=self.source,
                vm=self.vm,
                target=self.target,
                begun=begun,
                retry_is_safe=self.retry_is_safe,
                over=over,
                given=self.given,
            )
        )

    @property
    def summary(self) -> str:
        """One line for a list of artifacts."""
        what = "" if self.verb == "migrate" else f"{self.verb} "
        at = f" at {self.step}" if self.step else ""
        return f"{self.migration or self.vm}: {what}failed{at}"

    def facts(self, words: Words) -> list[Fact]:
        """See :class:`coldferry.alarm.Alarm`."""
        cost = cost_in_words(self.exists)
        told = [
            ("Cause", "", f"{words.prose(self.what)} {words.prose(self.do)}".rstrip()),
            ("Step", "", self._step(words)),
            ("Source", self.vm, self._source(words)),
            ("What exists", "", alarm.existing(self.exists, self.unasked, cost)),
            ("Is a retry safe", "", self._retry()),
            ("Window", "", alarm.window(self.minutes_left, words)),
        ]
        if self.target_power is not None:
            told.insert(3, ("New machine", "", self._target(words)))
        return told

    def more(self) -> list[str]:
        """See :class:`coldferry.alarm.Alarm`."""
        listed = ["", "## What exists and costs", "", *table(self.exists)] if self.exists else []
        return listed + alarm.unasked(self.unasked)

    def as_markdown(self) -> str:
        """As the Prefect UI shows it; every stranger's word is plain text."""
        return alarm.as_markdown(self)

    def as_text(self) -> str:
        """As a notification says it."""
        return alarm.as_text(self)

    def _step(self, words: Words) -> str:
        """Nobody saw the step of a process that was killed: the tags say what was recorded last."""
        if self.step:
            return words.code(self.step)
        recorded = f"; recorded last is {words.code(self.marks.state)}" if self.marks else ""
        return f"not known{recorded}."

    def _source(self, words: Words) -> str:
        if self.power is None:
            return "its power state could not be asked."
        power = words.strong(str(self.power))
        if self.marks and self.marks.state in MOVED:
            if self.power is PowerState.RUNNING:
                return f"{power}, though the new machine has taken over: stop one of the two."
            return f"{power}; it was tagged as moved, and stays halted."
        if self.touched and self.marks and self.marks.power_before == PowerState.RUNNING.value:
            return f"{power}; it ran before the halt."
        if self.touched:
            return f"{self.power}; it was stopped before the migration, too."
        return f"{self.power}; this run did not leave it halted."

    def _target(self, words: Words) -> str:
        neither = self.power is self.target_power is PowerState.STOPPED
        moved = self.marks is not None and self.marks.state is State.CUT_OVER
        power = words.strong(str(self.target_power))
        return f"{power}: neither of the two runs." if neither and moved else f"{power}."

    def _retry(self) -> str:
        if self.verb == "migrate":
            return self._retry_of_migration()
        if self.retry_is_safe:
            return "yes; what was done is not done again."
        return "yes, once what stands against it is mended: until then it changes nothing."

    def _retry_of_migration(self) -> str:
        if self.marks is not None and self.marks.state is State.ROLLED_BACK:
            return "it was rolled back: a retry begins the next attempt."
        if self.retry_is_safe:
            return "yes; it goes on where it ended, and nothing is made twice."
        if self.touched is False:
            return "yes, once what stands against it is mended; nothing was touched."
        return "no use: it would end the same way."
