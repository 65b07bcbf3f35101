"""Finding migrations by their tags in every saved cloud: the clouds are the record."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from coldferry.boot_check import trial_of
from coldferry.errors import BadInput, ColdferryError, UnknownMigration, Unreachable
from coldferry.migration import early_of, is_migration, pair_of
from coldferry.plain import plain
from coldferry.ports import FROZEN, Machines, Owned, is_source, is_target
from console import blocks
from console.output import aside
from providers.registry import Access, connect


@dataclass
class Found:
    """One migration as the clouds' tags tell it; blocks by their full names."""

    migration: str
    state: str = "unknown"
    source: str = ""
    vm: str = ""
    target: str = ""
    source_objects: list[Owned] = field(default_factory=list)
    target_objects: list[Owned] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The contract of ``coldferry status --json``."""
        return {
            "migration": self.migration,
            "state": self.state,
            "source": self.source,
            "vm": self.vm,
            "target": self.target,
            "source_objects": [{"kind": o.kind, "id": o.id} for o in self.source_objects],
            "target_objects": [{"kind": o.kind, "id": o.id} for o in self.target_objects],
        }


def everything(silent: list[str]) -> list[Found]:
    """All migrations that any saved cloud knows of; clouds that do not answer go to ``silent``."""
    parts = defaultdict[str, list[Found]](list)
    saved = sorted(blocks.every(), key=_name)  # of two for one cloud the first counts
    if not saved:
        return []
    with ThreadPoolExecutor(min(8, len(saved))) as pool:
        for part in pool.map(lambda one: _look(f"{blocks.SLUG}/{one[0]}", one[1], silent), saved):
            for seen in part:
                parts[seen.migration].append(seen)
    clouds = _connected((name, access) for name, access, _ in saved)
    return [_merged(migration, parts[migration], clouds) for migration in sorted(parts)]


def find(migration: str, *, need_both: bool = True) -> Found:
    """One migration. Raises UnknownMigration when no saved cloud bears its tag."""
    silent: list[str] = []
    for found in everything(silent):
        if found.migration == migration:
            if need_both and not found.target:
                found.target = target_of(found)
            if need_both and found.target and not found.vm:
                _trace(found)
            if need_both and not (found.source and found.target):
                break
            return found
    raise UnknownMigration(
        f"No saved cloud that answers knows a migration '{plain(migration)}'.",
        f"{', '.join(silent)} did not answer: ask again when it does."
        if silent
        else "'coldferry status' lists those that are known.",
    )


def unanswered(silent: list[str]) -> Unreachable:
    """Where migrations stand is not known: these clouds did not answer."""
    return Unreachable(
        f"Nothing is known of migrations in {', '.join(silent)}: no answer came from there.",
        "See above why; 'coldferry doctor BLOCK' looks closer.",
    )


def target_of(found: Found) -> str:
    """The block of a target that holds nothing of it any more: its id was made for that cloud.

    Several blocks may name that cloud: one that answers goes first.
    """
    clouds = _clouds()
    named = _goals(found, clouds)
    return next((one for one in named if _answers(clouds[one])), named[0] if named else "")


def _trace(found: Found) -> None:
    """Fill in the source and machine that the id was made for, if a later attempt marks it."""
    clouds = _clouds()
    goal = clouds[found.target]
    for reference, cloud in clouds.items():
        if not is_source(cloud):
            continue
        with suppress(ColdferryError):
            for vm, _ in cloud.marked():
                if f"-{pair_of(cloud, vm, goal)}-a" in found.migration:
                    found.source, found.vm = reference, vm
                    return


def _clouds() -> dict[str, Machines]:
    return _connected((name, access) for name, access, _ in sorted(blocks.saved(), key=_name))


def _connected(saved: Iterable[tuple[str, Access | BadInput]]) -> dict[str, Machines]:
    """By the blocks' full names, those that can be used at all."""
    found: dict[str, Machines] = {}
    for name, access in saved:
        with suppress(ColdferryError):
            if not isinstance(access, BadInput):
                found[f"{blocks.SLUG}/{name}"] = connect(access)
    return found


def _name(one: tuple[str, Any, str]) -> str:
    return one[0]


def _goals(found: Found, clouds: dict[str, Machines]) -> list[str]:
    """The blocks of the targets for which the id names exactly this machine."""
    named: list[str] = []
    if (origin := clouds.get(found.source)) is None:
        return named
    for reference, goal in clouds.items():
        with suppress(ColdferryError):  # one that does not even say which account it is
            if is_target(goal) and f"-{pair_of(origin, found.vm, goal)}-a" in found.migration:
                named.append(reference)
    return named


def _answers(cloud: Machines) -> bool:
    try:
        cloud.owned()
    except ColdferryError:
        return False
    return True


def _look(reference: str, access: Access | BadInput, silent: list[str]) -> list[Found]:
    seen: list[Found] = []
    try:
        if isinstance(access, BadInput):
            raise access
        cloud = connect(access)
        if is_source(cloud):
            seen += [
                Found(marks.migration, marks.state.value, source=reference, vm=vm)
                for vm, marks in cloud.marked()
            ]
        owned = cloud.owned()
    except ColdferryError as error:
        aside.print(f"{reference}: {plain(error, 1000)}")
        silent.append(reference)
        return seen
    for one in owned:
        migration = one.migration.removesuffix(early_of("")).removesuffix(trial_of(""))
        if not is_migration(migration):
            continue  # an inspection's or a doctor's: whoever made it removes it
        if is_target(cloud) and one.kind != FROZEN:  # it may be a source, too
            seen.append(Found(migration, target=reference, target_objects=[one]))
        else:
            seen.append(Found(migration, source=reference, source_objects=[one]))
    return seen


def _merged(migration: str, parts: Sequence[Found], clouds: dict[str, Machines]) -> Found:
    """What the blocks say of one migration, in their order.

    Once its machine is known, the target is the cloud that its id was made for: an object
    that bears our tag elsewhere may be a copy with copied tags.
    """
    into = Found(migration)
    by_machine = [seen for seen in parts if seen.vm]
    for seen in (*by_machine, *parts):
        into.source, into.vm = into.source or seen.source, into.vm or seen.vm
    if by_machine:
        into.state = by_machine[0].state
    goals: list[str] = []
    with suppress(ColdferryError):  # then the objects are all there is to go by
        goals = _goals(into, clouds)
    for seen in parts:
        at_target = not goals or seen.target in goals
        if at_target:
            into.target = into.target or seen.target
        # Two blocks may name one cloud.
        there = into.target_objects if at_target else into.source_objects
        there += [one for one in seen.target_objects if one not in there]
        into.source_objects += [o for o in seen.source_objects if o not in into.source_objects]
    return into
