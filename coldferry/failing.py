"""What a person reads first of a run that failed: at three in the morning, on a small screen.

Seven facts in their order: cause, step, the source's power, what exists and
costs, whether trying again is safe, how long the window is open, and three
exact commands.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from coldferry.audited import cost_in_words, table
from coldferry.auditing import Entry
from coldferry.migration import Marks, State
from coldferry.plain import code, counted, prose
from coldferry.ports import PowerState

_LONGEST = 1500


@dataclass(frozen=True)
class Failure:
    """A failed run; blocks by their full names.

    ``migration`` is empty where none had begun. ``power`` and ``marks`` are
    None where the source did not tell, ``unasked`` then says why. ``abort_at``
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
        if self.abort_at is None:
            return None
        return int((self.abort_at - self.now).total_seconds() // 60)

    @property
    def retry_is_safe(self) -> bool:
        """The same migration may be given again, and goes on where it ended."""
        return self.resumable

    @property
    def commands(self) -> list[tuple[str, str]]:
        """Three exact commands, each with what it does; the likeliest first."""
        if not self.migration:
            return [
                (f"coldferry plan {self.source} {self.vm} {self.target}", "what stands against it"),
                (
                    f"coldferry doctor {self.source} {self.target}",
                    "whether both clouds can be used",
                ),
                ("coldferry list", "where all migrations stand"),
            ]
        on = (f"coldferry resume {self.migration}", "go on with the same migration")
        back = (
            f"coldferry abort {self.migration}",
            "start the source again as it was, and remove what is at the target",
        )
        look = (f"coldferry status {self.migration}", "what the clouds say of it now")
        if self.touched is False and not self.exists:
            plan = f"coldferry plan {self.source} {self.vm} {self.target}"
            return [(plan, "what stands against it"), on, look]
        if self.minutes_left is not None and self.minutes_left <= 0:
            return [back, look, on]
        if self.retry_is_safe:
            return [on, back, look]
        return [back, look, ("coldferry audit", "what is left, and what it costs")]

    def as_markdown(self) -> str:
        """As the Prefect UI shows it; every stranger's word is plain text."""
        named = code(self.migration) if self.migration else f"of {code(self.vm)}"
        lines = [
            f"# Failed: migration {named}",
            "",
            f"- **Cause**: {prose(self.what, _LONGEST)} {prose(self.do, _LONGEST)}".rstrip(),
            f"- **Step**: {self._step_words}",
            f"- **Source** {code(self.vm)}: {self._source_words}",
            f"- **What exists**: {self._existing_words}",
            f"- **Is a retry safe**: {self._retry_words}",
            f"- **Window**: {self._window_words}",
            "",
            "## What to do now",
            "",
            *(f"1. {code(command, 400)}: {prose(why)}" for command, why in self.commands),
        ]
        if self.exists:
            lines += ["", "## What exists and costs", "", *table(self.exists)]
        if self.unasked:
            lines += ["", "## What could not be asked", ""]
            lines += [f"- {prose(one, _LONGEST)}" for one in self.unasked]
        return "\n".join(lines)

    @property
    def summary(self) -> str:
        """One line for a list of artifacts."""
        return f"{self.migration or self.vm}: failed{f' at {self.step}' if self.step else ''}"

    @property
    def _step_words(self) -> str:
        """Nobody saw the step of a process that was killed: the tags say what was recorded last."""
        if self.step:
            return code(self.step)
        recorded = f"; recorded last is {code(self.marks.state)}" if self.marks else ""
        return f"not known{recorded}."

    @property
    def _source_words(self) -> str:
        if self.power is None:
            return "its power state could not be asked."
        if self.touched and self.marks and self.marks.power_before == PowerState.RUNNING.value:
            return f"**{self.power}**; it ran before the halt."
        if self.touched:
            return f"{self.power}; it was stopped before the migration, too."
        return f"{self.power}; this run did not leave it halted."

    @property
    def _existing_words(self) -> str:
        if not self.exists:
            return "nothing of it is known." if self.unasked else "nothing, at neither end."
        return f"{counted(len(self.exists), 'object')}, {cost_in_words(self.exists)}."

    @property
    def _retry_words(self) -> str:
        if self.marks is not None and self.marks.state is State.ROLLED_BACK:
            return "it was rolled back: a retry begins the next attempt."
        if self.retry_is_safe:
            return "yes; it goes on where it ended, and nothing is made twice."
        if self.touched is False:
            return "yes, once what stands against it is mended; nothing was touched."
        return "no use: it would end the same way."

    @property
    def _window_words(self) -> str:
        left = self.minutes_left
        if left is None:
            return "none is known."
        if left <= 0:
            return f"**it ended {counted(-left, 'minute')} ago**: put the source back."
        return f"{counted(left, 'minute')} left until the source is to be put back."
