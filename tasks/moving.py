"""Disks: frozen, copied, committed and read back."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from prefect import Task
from prefect.logging import get_run_logger

from coldferry.copying import copy_disk, ever_put
from coldferry.errors import CorruptCopy, Failed, Finding
from coldferry.manifest import Copy, Manifest
from coldferry.migration import early_of
from coldferry.plan import Plan
from coldferry.ports import (
    CountingReader,
    DiskReader,
    DiskWriter,
    FrozenDisk,
    ManifestCommitter,
    PowerState,
    Proof,
    Source,
    VerifiedDisk,
)
from coldferry.progress import announcing, check_one
from coldferry.verifying import EARLIER, read_back
from providers.manifests import open_folder
from tasks.clouds import Cloud
from tasks.earlier import copied_before, copied_from, gone_on_from, known_disk
from tasks.go_ahead import GoAhead
from tasks.limiting import limits
from tasks.steps import step

R = TypeVar("R")

_sent: Counter[tuple[str, str]] = Counter()
_read: Counter[tuple[str, str]] = Counter()
"""Bytes by migration and device since the freeze: a step tried again has new ends."""


@dataclass(frozen=True)
class CopiedDevice:
    """What one device's copy says of itself; the parent asserts device and migration."""

    migration: str
    device: str
    data_bytes: int
    manifest_root: str
    counted: bool = False
    """The source's reader counts what it fetches."""
    compared: bool = False
    """All was read again after the halt: nobody could tell what had changed."""

    @property
    def read_bytes(self) -> int | None:
        """Fetched from the source by this run so far, failed tries included; None: not counted."""
        return _read[self.migration, self.device] if self.counted else None

    @property
    def sent_bytes(self) -> int:
        """Bodies of all write requests of this run so far, failed tries and commit included.

        What was sent while the machine ran, :attr:`early_sent_bytes`, comes on top.
        """
        return _sent[self.migration, self.device]

    @property
    def early_sent_bytes(self) -> int:
        """Sent by this run before the halt."""
        return _sent[early_of(self.migration), self.device]

    @property
    def early_read_bytes(self) -> int:
        """Fetched from the source by this run before the halt, where it is counted."""
        return _read[early_of(self.migration), self.device]


def check_settings() -> None:
    """Raise BadInput where this worker's limits or place for manifests are none.

    Asked before the halt: what a person has to correct must not leave a machine stopped.
    """
    limits()
    open_folder()


@step("freeze early")
def freeze_early(source: Cloud, vm: str, plan: Plan) -> list[FrozenDisk]:
    """The running machine's devices as they are now, under a word of their own."""
    word = early_of(plan.migration)
    for device in plan.devices:
        _sent[word, device.name] = _read[word, device.name] = 0
    return source.source().freeze(vm, word, plan.devices)


@step("freeze")
def freeze(source: Cloud, vm: str, plan: Plan, *, follow: bool = False) -> list[FrozenDisk]:
    """An immutable point in time of all devices together, in the plan's order.

    ``follow``: the machine's disks may have been copied before the halt, by this run or another.
    """
    count_anew(plan)
    cloud = source.source()
    _confirm_off(cloud, vm, plan)
    frozen = cloud.freeze(vm, plan.migration, plan.devices)
    try:
        _confirm_off(cloud, vm, plan)
    except Failed:
        cloud.release(plan.migration)  # or a rerun would find them, and take them for good
        raise
    if not follow:
        return frozen
    early = frozenset(one.id for one in cloud.frozen(early_of(plan.migration)))
    return [replace(disk, follows=early | copied_from(disk)) for disk in frozen]


def count_anew(plan: Plan) -> None:
    """What is sent and read from now on is this run's."""
    for device in plan.devices:
        _sent[plan.migration, device.name] = _read[plan.migration, device.name] = 0


def _confirm_off(cloud: Source, vm: str, plan: Plan) -> None:
    """Raise Failed when somebody started the source: what is frozen of it could be torn."""
    if plan.machine.stoppable is not False and cloud.power(vm) is not PowerState.STOPPED:
        raise Failed(
            f"{vm} was started before its disks were frozen.",
            "Find out who starts it (a scheduler?), then run the same command again: it is halted "
            "anew.",
        )


@step("copy")
def copy(
    source: Cloud,
    target: Cloud,
    plan: Plan,
    frozen: FrozenDisk,
    go_ahead: GoAhead | None = None,
) -> CopiedDevice:
    """Bring one device's bytes to the target, going on where an earlier run ended.

    Where they were copied before the halt, only what changed since is brought. With a
    ``go_ahead`` it ends once that is taken away.
    """
    cloud = source.source()
    told = announcing(plan.migration)
    with (
        cloud.open_frozen(frozen) as reader,
        copied_before(frozen) as earlier,
        known_disk(target.target(), plan, frozen, earlier) as writer,
        gone_on_from(cloud, frozen, writer, earlier) as since,
        _counted(frozen, writer),
        _fetched(frozen, reader),
        _manifest(frozen, writer) as manifest,
    ):
        copy_disk(
            reader,
            writer,
            manifest,
            device=frozen.device.name,
            on_progress=told if go_ahead is None else go_ahead.telling(told),
            reads=[limits().cloud(source.provider)],
            writes=[limits().migration(plan.migration), limits().cloud(target.provider)],
            since=since,
        )
        return CopiedDevice(
            migration=frozen.migration,
            device=frozen.device.name,
            data_bytes=manifest.data_bytes,
            manifest_root=manifest.root,
            counted=isinstance(reader, CountingReader),
            compared=since is not None and since.changed is None,
        )


@step("commit")
def commit(target: Cloud, plan: Plan, frozen: FrozenDisk) -> str:
    """End writing to the device's disk; its full id at the target."""
    with target.target().open_disk(plan, frozen) as writer, _counted(frozen, writer):
        if not isinstance(writer, ManifestCommitter):
            return writer.commit()
        with _manifest(frozen, writer) as manifest, copied_before(frozen) as earlier:
            writer.rely_on(lambda: ever_put(manifest, earlier))
            return writer.commit()


@step("prove")
def prove(
    target: Cloud, plan: Plan, frozen: FrozenDisk, ref: str, last: bool = True
) -> VerifiedDisk | None:
    """Read the committed disk back and compare it with what was read from the source.

    A disk that differs is removed, so that it can be copied anew: the answer
    is None, or the error when this is the ``last`` try. One that an earlier
    run made the machine of was proven then, and cannot be again.
    """
    cloud = target.target()
    reader_name = f"{cloud.provider} read access"
    if cloud.in_use(plan, ref):
        with cloud.open_disk(plan, frozen) as writer, _manifest(frozen, writer) as manifest:
            proof = Proof(EARLIER, reader_name, equal=True)
            return VerifiedDisk(frozen.device, ref, manifest.root, proof)
    try:
        with (
            cloud.open_disk(plan, frozen) as writer,
            cloud.open_written(plan, ref) as reader,
            _manifest(frozen, writer) as manifest,
        ):
            found, proof = read_back(
                reader,
                manifest,
                reader_name,
                device=frozen.device.name,
                on_progress=partial(_go_on, plan.migration),
                reads=[limits().cloud(target.provider)],
            )
    except CorruptCopy as altered:
        cloud.discard_disk(plan, frozen.device)
        if last:
            raise
        get_run_logger().warning(f"{altered.what} It is copied again.")
        return None
    return VerifiedDisk(frozen.device, ref, found, proof)


def copied_again(frozen: FrozenDisk) -> Finding:
    """What the report says of a disk that arrived altered the first time."""
    return Finding(
        "warn",
        "copied-again",
        frozen.device.disk.id,
        f"{frozen.device.name} was altered on its way: its read-back differed. It was removed, "
        "and copied again.",
        "The second copy is proven. Where this happens again, look at the network between the "
        "worker and the target.",
    )


def read_again(frozen: FrozenDisk) -> Finding:
    """What the report says of a disk of which nobody could tell what had changed."""
    return Finding(
        "warn",
        "read-again",
        frozen.device.disk.id,
        f"{frozen.device.name} was copied while the machine ran, and all of it was read again "
        "after the halt: the source could not tell what had changed. What differed was sent.",
        "The downtime was longer for it. Where the source has a right to list what changed, give "
        "it to the credentials.",
    )


@step("allocate")
def allocate(target: Cloud, plan: Plan, disks: Sequence[VerifiedDisk]) -> str:
    """Make the new machine from proven disks, behind deny-all, left stopped; its full id."""
    return target.target().allocate(plan, disks)


async def each(task: Task[..., R], calls: Iterable[tuple[Any, ...]]) -> list[R]:
    """Run ``task`` once for each tuple of arguments, all at the same time; results in order."""
    return await together(asyncio.to_thread(task, *call) for call in calls)


async def together(running: Iterable[Awaitable[R]]) -> list[R]:
    """Wait for all of them, also when one fails; then raise the first failure, if any.

    What a sibling has copied by then is in its manifest, and is not copied again.
    """
    ended = await asyncio.gather(*running, return_exceptions=True)
    for result in ended:
        if isinstance(result, BaseException):
            raise result
    return [result for result in ended if not isinstance(result, BaseException)]


def own(copies: Sequence[CopiedDevice], frozen: Sequence[FrozenDisk]) -> None:
    """Assert that each subflow answered for its own device.

    A retried parent is handed its subflows' results by the order of the calls;
    one that is a sibling's must never be taken.
    """
    for copied, disk in zip(copies, frozen, strict=True):
        if (copied.migration, copied.device) != (disk.migration, disk.device.name):
            raise CorruptCopy(
                f"The copy of {disk.device.name} of {disk.migration} answered for "
                f"{copied.device} of {copied.migration}.",
                "Run the same command again.",
            )


def _go_on(migration: str, _device: str, _done_bytes: int, _total_bytes: int) -> None:
    """A read-back is no copy to be shown, but it ends like one."""
    check_one(migration)


@contextmanager
def _counted(frozen: FrozenDisk, writer: DiskWriter) -> Iterator[None]:
    """Add what ``writer`` sends inside, also when it fails."""
    before = writer.sent_bytes
    try:
        yield
    finally:
        # Steps of one device run one after the other: nobody else adds to its count.
        _sent[frozen.migration, frozen.device.name] += writer.sent_bytes - before


@contextmanager
def _fetched(frozen: FrozenDisk, reader: DiskReader) -> Iterator[None]:
    """Add what ``reader`` fetches inside, where it counts it."""
    try:
        yield
    finally:
        if isinstance(reader, CountingReader):
            _read[frozen.migration, frozen.device.name] += reader.fetched_bytes


def _manifest(frozen: FrozenDisk, writer: DiskWriter) -> Manifest:
    copied = Copy(frozen.ref, writer.identity, frozen.device.disk.size_bytes)
    return Manifest(open_folder().open(frozen.migration, frozen.device.name), copied)
