"""A wave's way back: all stopped at the target first, then each source in its turn."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coldferry.errors import ColdferryError, Rejected, after_halt
from coldferry.plain import counted
from coldferry.waves.handover import document
from coldferry.waves.together import (
    Stage,
    next_to_return,
    next_to_stop,
    objections_to_going_back,
)
from tasks.choosing import Chosen, Question, choose, given_with_the_run
from tasks.undoing import DISCARD, STOP, TargetWrites, Way, keep, look_back, stop_new
from tasks.waves.together import Together, gather, refuse
from tasks.waves.walking import each, walk

DISCARDED: TargetWrites = "discard"
"""Said for each machine once it was said for all."""

Return = Callable[[str], dict[str, Any]]
"""Takes one row back, by its name; answers what the rollback of one machine does."""


@dataclass(frozen=True)
class Behind:
    """What is to be rolled back, in the order of starting: what each way back goes over."""

    together: Together
    ways: Mapping[str, Way]

    @property
    def written(self) -> list[str]:
        """The rows whose new machines wrote what is nowhere else."""
        return [name for name, way in self.ways.items() if way.keep]


def look_back_all(manifest: str, groups: Sequence[str], without: Collection[str]) -> Behind:
    """The rows asked for, each fit to be rolled back; changes nothing.

    Raises Refused naming all that stands against it, of all rows at once.
    """
    together = gather(manifest, groups, without, back=True)
    refuse(objections_to_going_back(together.wave, together.asked, together.where, without))
    names = [n for n in together.asked if together.where[n].stage is not Stage.AWAY]
    ways, failed = each(names, lambda name: look_back(*together.at(name), target_writes=DISCARDED))
    refuse((), failed)
    return Behind(together, {name: ways[name] for name in names})


def discard_or_stop(behind: Behind, said: TargetWrites) -> Chosen:
    """Who said that what the new machines wrote is discarded, with copies kept; one question.

    Raises Rejected for ``stop``, Refused with the question where nobody can be asked.
    """
    wave = behind.together.wave
    if said == STOP:
        raise Rejected(f"The way back of wave {wave.name} was stopped.", "Nothing was changed.")
    if said == DISCARD or not behind.written:
        return given_with_the_run()
    number = counted(len(behind.written), "new machine")
    return choose(Question(
        subject=f"rollback of {[behind.together.where[name].migration for name in behind.ways]}",
        title=f"What becomes of what {number} of wave {wave.name} wrote? "
        f"Rolled back together: {', '.join(behind.ways)}.",
        choices={
            DISCARD: "stop them all, keep a copy of each of their disks, remove them, and start "
            "the sources in their order",
            STOP: "end this run; nothing is changed",
        },
        told=tuple(
            f"{name}: {' '.join(one.what for one in behind.ways[name].used)}"
            for name in behind.written
        ),
        otherwise="Give --target-writes discard to keep a copy of their disks at the target and "
        "go back to the sources', or --target-writes stop.",
    ))  # fmt: skip


def go_back(
    behind: Behind, decided: Chosen, take_back: Return
) -> tuple[dict[str, Any], Mapping[str, ColdferryError]]:
    """All of them; the document of what came of it, and what failed, by row.

    Nothing is removed, and no source started, before every new machine is stopped and the copies
    of its disks are made. A source that cannot be started holds back what starts after it.
    """
    together = behind.together
    wave, asked = together.wave, together.asked
    idle = [name for name in asked if name not in behind.written]
    _, failed = walk(
        lambda done, _: next_to_stop(wave, asked, [*idle, *done]),
        lambda name: stop_new(*together.at(name)[2:]),
        wave.machines_at_once,
    )
    if not failed:
        _, failed = each(behind.written, lambda name: keep(*together.at(name)[2:]))
    back = dict[str, dict[str, Any]]()
    if not failed:
        away = [name for name in asked if name not in behind.ways]
        back, failed = walk(
            lambda done, failed: next_to_return(wave, asked, [*away, *done], failed),
            take_back,
            wave.machines_at_once,
        )
        back |= {name: {"state": "not-migrated"} for name in away}
    errors = {name: after_halt(error) for name, error in failed.items()}
    unchanged = dict.fromkeys(asked, "not-rolled-back")
    told = document(wave, asked, together.where, "rollback", back, errors, unchanged=unchanged)
    return told | {"decided": decided.as_json()}, errors
