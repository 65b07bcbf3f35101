"""A wave's cutover: all of it looked at first, one go or no-go, then each machine in its turn."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coldferry.checks import refuse_unusable
from coldferry.cutover import NO_GROUP, Ready, groups_of
from coldferry.errors import ColdferryError
from coldferry.plain import counted
from coldferry.switched import Switched
from coldferry.waves.handover import document
from coldferry.waves.together import Stage, Whereabouts, next_to_start, objections
from tasks.choosing import Choice, Chosen, Question, choose, given_with_the_run
from tasks.going import GO, NO_GO
from tasks.switching import look_ahead
from tasks.taking_over import take_over
from tasks.waves.together import Together, gather, refuse
from tasks.waves.walking import each, walk


@dataclass(frozen=True)
class Ahead:
    """What is to be cut over; ``ready`` has each row's machine, but for those finalised."""

    together: Together
    ready: Mapping[str, Ready]

    @property
    def left(self) -> list[str]:
        """The rows that nobody said go to yet, in the order of starting."""
        return [name for name, one in self.ready.items() if not one.begun]

    def lines(self) -> list[str]:
        """What a person goes over: each machine in its order, its groups and its checks."""
        return [self._line(at, name) for at, name in enumerate(self.ready, start=1)]

    def _line(self, at: int, name: str) -> str:
        row, one = self.together.row(name), self.ready[name]
        checks = ", ".join(row.checks) or "none"
        groups = ", ".join(row.security_groups) or "to be said"
        first = f" after {', '.join(row.after)}" if row.after else ""
        how = "is cut over already: its checks again" if one.begun else f"behind {groups}; checks"
        told = "".join(f" {remark.what}" for remark in one.remarks)
        return f"{at}. {name}{first}: {one.arrived.vm}, {how}: {checks}.{told}"


def look_all(manifest: str, groups: Sequence[str], without: Collection[str]) -> Ahead:
    """The rows asked for, each fit to be cut over; changes nothing.

    Raises Refused naming all that stands against it, of all rows at once.
    """
    together = gather(manifest, groups, without)
    refuse_unusable([check for name in together.asked for check in together.row(name).checks])
    refuse(objections(together.wave, together.asked, together.where, without))
    names = [n for n in together.asked if together.where[n].stage is not Stage.FINALISED]
    ready, failed = each(names, lambda name: look_ahead(*together.at(name)))
    refuse((), failed)
    return Ahead(together, {name: ready[name] for name in names})


def go_or_not(ahead: Ahead, *, go: bool) -> tuple[dict[str, list[str]], Chosen]:
    """The groups of each machine that is left, and who said go to all of them.

    Raises Rejected on a no-go, Refused where nobody can be asked or, with ``go``, where no row
    says its groups, and BadInput for groups that do not fit.
    """
    said = {name: list(ahead.together.row(name).security_groups) for name in ahead.left}
    wrong = dict[str, ColdferryError]()
    for name, groups in said.items():
        if groups or go:
            try:
                groups_of(ahead.ready[name].arrived, groups)
            except ColdferryError as error:
                wrong[name] = error
    refuse((), wrong)
    if go or not said:
        return said, given_with_the_run()
    fields = {field: asked for field, _, asked in _fields(ahead, said)}
    wave, number = ahead.together.wave, counted(len(said), "machine")
    chosen = choose(Question(
        subject=f"cutover of {[ahead.ready[name].migration for name in said]}",
        title=f"Is it cut over? {number} of wave {wave.name}, in this order: {', '.join(said)}.",
        choices={
            GO: "start each new machine behind its security groups once those that it starts "
            "after passed their checks; the sources stay halted",
            NO_GO: "end this run; nothing is changed",
        },
        told=tuple(ahead.lines()),
        fields=fields,
        otherwise="Give --yes with security_groups in each row, or run the deployment "
        "'cutover-wave'.",
    ))  # fmt: skip
    for field, name, _ in _fields(ahead, dict(said)):
        said[name] = [*said[name], chosen.fields[field]]
    return said, chosen


def _fields(ahead: Ahead, said: Mapping[str, Sequence[str]]) -> Iterable[tuple[str, str, Choice]]:
    """One field for each interface of a row that does not say its groups, with the row."""
    for at, name in enumerate(said):
        arrived = ahead.ready[name].arrived
        for index, interface in enumerate(arrived.interfaces if not said[name] else ()):
            text = f"What {interface} is behind from the cutover on. '{NO_GROUP}' leaves it to "
            yield (
                f"group_{at}_{index}",
                name,
                Choice(
                    f"Security group of {name}, {interface}",
                    f"{text}the subnet.",
                    (*arrived.offered, NO_GROUP),
                ),
            )


def cut_over(
    ahead: Ahead, groups: Mapping[str, Sequence[str]], decided: Chosen, keep_days: int
) -> tuple[dict[str, Any], Mapping[str, ColdferryError]]:
    """Each machine in its turn; the document of what came of it, and what failed, by row.

    One that fails, or whose checks do, stops its group and what starts after any of that.
    """
    together, switched = ahead.together, dict[str, Switched]()
    wave = together.wave

    def act(name: str) -> Switched:
        row, by = together.row(name), decided.as_json()
        asked = (row.checks, row.checks_within_s, keep_days)
        switched[name] = take_over(*together.at(name), groups.get(name, ()), by, *asked)
        if failed := switched[name].failure:
            raise failed
        return switched[name]

    def ready(done: Mapping[str, Switched], failed: Mapping[str, Any]) -> list[str]:
        passed = {n: Whereabouts(Stage.PASSED, together.where[n].migration) for n in done}
        return next_to_start(wave, together.asked, {**together.where, **passed}, failed)

    _, failed = walk(ready, act, wave.machines_at_once)
    came = {name: one.as_json() | {"why": ""} for name, one in switched.items()}
    came |= {
        name: {"state": Stage.FINALISED.value} for name in together.asked if name not in ahead.ready
    }
    where = {**together.where}
    where |= {n: Whereabouts(Stage.BEGUN, where[n].migration) for n in switched}
    begun = {name for name, one in ahead.ready.items() if one.begun}
    unchanged = {n: "not-checked" if n in begun else "not-started" for n in together.asked}
    told = document(wave, together.asked, where, "cutover", came, failed, unchanged=unchanged)
    return told | {"decided": decided.as_json()}, failed
