"""What was copied of a disk before the halt, and whether that can be gone on with."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from prefect.logging import get_logger

from coldferry.abilities import Differing
from coldferry.copying import Allocation, Since
from coldferry.disk import Changes
from coldferry.errors import ColdferryError, Drifted, Finding, ProviderError, Transient
from coldferry.manifest import Manifest
from coldferry.migration import early_of
from coldferry.plan import Plan
from coldferry.ports import DiskWriter, FrozenDisk, Source, Target
from providers.manifests import open_folder
from tasks.clouds import Cloud
from tasks.steps import step


@contextmanager
def copied_before(frozen: FrozenDisk) -> Iterator[Manifest | None]:
    """The manifest of the device's copy before the halt, where that was a whole one."""
    if not frozen.follows:
        yield None
        return
    found = Manifest.found(open_folder().open(early_of(frozen.migration), frozen.device.name))
    if found is None:
        yield None
        return
    with found as manifest:
        good = manifest.complete and manifest.copy.source in frozen.follows
        yield manifest if good else None


def copied_from(frozen: FrozenDisk) -> frozenset[str]:
    """What the device was copied from before the halt, as that copy's manifest says, if it was.

    The frozen state itself may be gone: it is deleted once the machine has arrived.
    """
    found = Manifest.found(open_folder().open(early_of(frozen.migration), frozen.device.name))
    if found is None:
        return frozenset()
    with found as manifest:
        return frozenset({manifest.copy.source})


@step("release early")
def _release_early(source: Cloud, migration: str) -> None:
    source.source().release(early_of(migration))


def release_early(source: Cloud, vm: str, migration: str) -> list[Finding]:
    """Delete what was frozen before the halt: the machine has arrived, and it costs.

    A warning where that fails; a rollback and finalising delete it, too.
    """
    try:
        _release_early(source, migration)
    except ColdferryError as error:
        return [
            Finding(
                "warn", "early-left", vm,
                f"What was frozen of {vm} before its halt is still there, and costs: {error.what}",
                "Finalising the migration, or rolling it back, deletes it.",
            )
        ]  # fmt: skip
    return []


@contextmanager
def known_disk(
    target: Target, plan: Plan, frozen: FrozenDisk, earlier: Manifest | None
) -> Iterator[DiskWriter]:
    """The device's disk; begun before the halt only where it is known what it holds."""
    with target.open_disk(plan, frozen) as writer:
        if not frozen.follows or _is_known(frozen, writer, earlier):
            yield writer
            return
    with target.open_disk(plan, replace(frozen, follows=frozenset())) as writer:
        yield writer


def _is_known(frozen: FrozenDisk, writer: DiskWriter, earlier: Manifest | None) -> bool:
    """It holds the state before the halt, and of the one after it nothing or a part.

    A machine that was started and halted again is frozen anew. A disk to which an earlier halt's
    state was brought holds grains of a third one, and where it is committed, or the new machine's
    already, it would be taken for what it is not: the target alone cannot tell, as it was begun
    from the same state before the halt.
    """
    before = earlier is not None and earlier.copy.writer == writer.identity
    begun = Manifest.found(open_folder().open(frozen.migration, frozen.device.name))
    if begun is None:
        return before and not writer.sealed
    with begun as manifest:
        if manifest.copy.writer != writer.identity:
            return before and not writer.sealed
        return manifest.copy.source == frozen.ref and (before or manifest.complete)


@contextmanager
def gone_on_from(
    source: Source, frozen: FrozenDisk, writer: DiskWriter, earlier: Manifest | None
) -> Iterator[Since | None]:
    """What the device's copy goes on from."""
    if earlier is None or earlier.copy.writer != writer.identity or writer.sealed:
        yield None
        return
    if not isinstance(source, Differing):
        yield Since(earlier)
        return
    before = FrozenDisk(early_of(frozen.migration), frozen.device, earlier.copy.source)
    with source.changes(before, frozen) as changes:
        yield Since(earlier, _walked(changes, frozen))


def _walked(changes: Changes | None, frozen: FrozenDisk) -> Allocation | None:
    """All that changed; None where the source refuses to tell on its way: all is read again then.

    Raises Transient: that is worth another try.
    """
    if changes is None:
        return None
    try:
        return Allocation(changes)
    except Transient:
        raise
    except (ProviderError, Drifted) as refusal:
        get_logger("coldferry").warning(
            "What changed of %s cannot be told, and all of it is read again: %s",
            frozen.device.name, refusal.what,
        )  # fmt: skip
        return None
