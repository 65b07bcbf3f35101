"""What happens in a wave, in words: at any moment, for the wave and for each row."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from coldferry.migration import is_migration
from coldferry.plain import counted
from coldferry.waves.ordering import needed_by, needs
from coldferry.waves.progress import End, next_steps, past, said
from coldferry.waves.standing import ACTIVE, RowState, Standing, States
from coldferry.waves.wave import Wave


class Telling:
    """A wave at one moment. All of it answers plain text with strangers' words in it."""

    def __init__(self, wave: Wave, states: States, now: datetime) -> None:
        self.wave, self.now, self.window = wave, now, wave.window
        self.rows, self.groups = wave.by_name, wave.groups
        self.standing = {name: states.get(name, Standing()) for name in self.rows}
        self._needs, self._needed_by = needs(wave.after), needed_by(wave.after)
        self._active = sum(one.state in ACTIVE for one in self.standing.values())

    def headline(self) -> str:
        """Where the wave is in its window, and what that means for its machines."""
        every = self.standing.values()
        for step in next_steps(self.wave, self.standing, self.now):
            if isinstance(step, End):
                return " ".join([f"Over: {step.why}.", *self._left_down()])
        window = self.window
        arrived = sum(one.state is RowState.DONE for one in every)
        down = sum(one.down for one in every)
        told = [f"{arrived} of {counted(len(every), 'machine')} arrived, {down} more halted."]
        if (end := window.abort_at) and past(end, self.now):
            told.append(f"The window ended at {said(end)}: what had not arrived is put back.")
        elif (late := window.latest_start) and past(late, self.now):
            told.append(f"Since {said(late)} no other machine is halted.")
        elif window.start and not past(window.start, self.now):
            told.append(f"It begins at {said(window.start)}: nothing is halted until then.")
        told += [*self._ahead(), *self._foreseen()]
        if asking := [n for n, one in self.standing.items() if one.state is RowState.WAITING]:
            told.append(f"To be answered by a person: what {_some(asking)} met.")
        return " ".join([*told, *self._left_down()])

    def next_action(self, name: str) -> str:
        """What comes next for a row, or what a person is to do."""
        one = self.standing[name]
        if one.stuck:
            return f"START ITS SOURCE BY HAND: it could not be started again. {one.why}".strip()
        if one.state is RowState.PLANNED:
            return self._begins(name)
        if one.state is RowState.WAITING:
            return "asked about when the others are done"
        if one.state in ACTIVE:
            return self._under_way(one)
        if one.state is RowState.DONE:
            return self._arrived(name)
        return " ".join([*([f"{one.why.rstrip('.')}."] if one.why else []), self._mend(one)])

    def eta(self, name: str) -> str:
        """When a row is expected to arrive, against the window's end; empty where unknown."""
        one, end = self.standing[name], self.window.abort_at
        if one.ends_at is None or one.over:
            return ""
        least = "not before " if one.at_least else ""
        if end is None:
            return f"{least}{said(one.ends_at)}"
        gap = end - one.ends_at
        where = "before" if gap >= timedelta(0) else "AFTER"
        at = said(one.ends_at.astimezone(end.tzinfo))
        return f"{least}{at}, {_span(abs(gap))} {where} the window's end"

    def fits(self, name: str) -> bool | None:
        """Whether it arrived or is expected to in the window; None where that is not known."""
        one, end = self.standing[name], self.window.abort_at
        if one.over:
            return True if one.state is RowState.DONE else None
        if one.ends_at is None or end is None:
            return None
        if one.ends_at > end:
            return False
        return None if one.at_least else True

    def _foreseen(self) -> list[str]:
        """When the last is expected, and which come too late."""
        coming = {n: o for n, o in self.standing.items() if not o.over and o.ends_at}
        last = max(coming.values(), key=lambda one: one.ends_at or self.now, default=None)
        if last is None or last.ends_at is None:
            return []
        least = "not before " if any(one.at_least for one in coming.values()) else "at "
        told = [f"The last machine is expected {least}{said(last.ends_at)}."]
        if late := [name for name in coming if self.fits(name) is False]:
            told.append(f"TOO LATE for the window: {_some(late)}.")
        return told

    def _ahead(self) -> list[str]:
        """What the moments to come will bring."""
        late, end, told = self.window.latest_start, self.window.abort_at, []
        if late and not past(late, self.now):
            told.append(f"What is not halted by {said(late)} stays where it is.")
        if end and not past(end, self.now):
            told.append(f"What has not arrived by {said(end)} is started again at its source.")
        return told

    def _left_down(self) -> list[str]:
        """Sources that stay halted though nothing is done for them."""
        every, end = self.standing.values(), self.window.abort_at
        stuck = sum(one.stuck for one in every)
        left = sum(one.down and one.over and not one.stuck for one in every)
        told = [f"{counted(stuck, 'source')} must be started by hand."] if stuck else []
        if left:
            until = f", until {said(end)}" if end and not past(end, self.now) else ""
            told.append(f"Halted though its row is over: {counted(left, 'source')}{until}.")
        return told

    def _begins(self, name: str) -> str:
        own = self.standing[name]
        again = "its source is halted; " if own.down else ""
        if self.window.start and not past(self.window.start, self.now):
            return f"{again}begins at {said(self.window.start)}"
        behind = self._needed_by[name]
        ahead = [other for other in self.rows if other in behind and self.standing[other].pending]
        if ahead and own.pending:
            return f"begins when {_some(ahead)} {'is' if len(ahead) == 1 else 'are'} halted"
        if self._active >= (most := self.wave.machines_at_once):
            return f"{again}begins when one of {counted(most, 'place')} is free"
        return f"{again}begins next"

    def _under_way(self, one: Standing) -> str:
        late, end = self.window.latest_start, self.window.abort_at
        if one.state is RowState.HALTED:
            until = f"; put back unless it arrives by {said(end)}" if end else ""
            return f"{one.doing or 'moving'}; its source is halted{until}"
        until = f"; called off unless it is halted by {said(late)}" if late else ""
        return f"{one.doing or 'being looked at'}; its source runs{until}"

    def _arrived(self, name: str) -> str:
        one = self.standing[name]
        others = {*self.groups.get(self.rows[name].group, ()), *self._needs[name]}
        missing = [other for other in self.rows if other in others and not self._done(other)]
        back = _rollback(one)
        if over := [other for other in missing if self.standing[other].over]:
            return f"not to be cut over without {_some(over)}{back}"
        if missing:
            return f"to be cut over once {_some(missing)} arrived"
        return f"to be cut over{back}"

    def _mend(self, one: Standing) -> str:
        """What a person does about a row that ended without arriving."""
        if one.state is RowState.PUT_BACK:
            return "Its source runs again; the same wave again goes on with it."
        if not one.down:
            return "Its source was not halted; the same wave again begins it."
        end = self.window.abort_at
        until = f" until {said(end)}, when it is put back" if end else ""
        return f"ITS SOURCE IS HALTED{until}: the same wave again goes on with it{_rollback(one)}."

    def _done(self, name: str) -> bool:
        return self.standing[name].state is RowState.DONE


def _rollback(one: Standing) -> str:
    return f", or coldferry rollback {one.migration}" if is_migration(one.migration) else ""


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


def _span(gap: timedelta) -> str:
    minutes = int(gap.total_seconds() // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02} min"
