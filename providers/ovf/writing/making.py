"""A package is made of proven disks: deflated, assembled, proven again, and given its name.

Each step finds what an earlier run left: a disk that was deflated is not deflated again. The
name is given last, to a package that is whole and was read back.
"""

import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from coldferry.errors import Conflict, CorruptCopy
from coldferry.machine import Machine, Origin
from coldferry.offered import origin_mark
from coldferry.plan import Plan
from coldferry.ports import VerifiedDisk
from providers.ovf.writing import package, records
from providers.ovf.writing.arriving import arriving
from providers.ovf.writing.deflating import deflate
from providers.ovf.writing.envelope import DiskFile, envelope
from providers.ovf.writing.package import Head, PackedDisk
from providers.ovf.writing.raw import RawReader, no_room
from providers.ovf.writing.records import PackageRecord, PackedRecord
from providers.ovf.writing.staging import Staging


def make(staging: Staging, plan: Plan, disks: Sequence[VerifiedDisk], origin: Origin) -> str:
    """See :meth:`coldferry.ports.Target.allocate`; the package's file name."""
    for disk in disks:
        if not disk.proof.equal:
            raise CorruptCopy(f"{disk.device.name} is not proven: no package is made of it.")
    if [disk.device.name for disk in disks] != [device.name for device in plan.devices]:
        raise Conflict("The proven disks are not those of the plan.", "Run the migration again.")
    with staging.alone():
        made = staging.package()
        if made is None:
            made = _make(staging, plan, disks, origin)
        if not made.named:
            staging.put_package(replace(made, named=True))
        staging.assembling.unlink(missing_ok=True)
        for disk in disks:
            staging.raw(disk.device.name).unlink(missing_ok=True)
            staging.vmdk(disk.device.name).unlink(missing_ok=True)
    return made.package


def descriptor(plan: Plan, origin: Origin, disks: Sequence[PackedRecord]) -> tuple[Machine, bytes]:
    """The machine that a package is of, and its text."""
    machine = arriving(plan, origin)
    files = [DiskFile(disk.name, disk.size_bytes, disk.data_bytes) for disk in disks]
    return machine, envelope(machine, files)


def standing(path: Path) -> str:
    """What changes when anybody writes to the file."""
    found = path.stat()
    return f"{found.st_size} at {found.st_mtime_ns}"


def packed_disks(staging: Staging, packed: Sequence[PackedRecord]) -> list[PackedDisk]:
    """The same records, each with where its VMDK lies."""
    return [PackedDisk(one, staging.vmdk(one.device)) for one in packed]


def _make(
    staging: Staging, plan: Plan, disks: Sequence[VerifiedDisk], origin: Origin
) -> PackageRecord:
    stem = str(plan.value("name"))
    name = f"{stem}.ova"
    goal = staging.folder / name
    if os.path.lexists(goal):
        raise Conflict(
            f"{goal} exists, and this migration did not make it.",
            "Move it away, then run the same command again.",
        )
    try:
        packed = [_deflated(staging, disk, f"{stem}-{disk.device.name}.vmdk")
                  for disk in disks]  # fmt: skip
        machine, text = descriptor(plan, origin, packed)
        members = packed_disks(staging, packed)
        places = package.assemble(staging.assembling, stem, text, members)
    except OSError as error:
        raise no_room(staging.path, error) from None
    try:
        package.prove(staging.assembling, places, packed)
    except CorruptCopy:
        for disk in packed:
            staging.forget_packed(disk.device)  # or the next run would take it for good
        raise
    head = package.prove_head(staging.assembling, stem, text, packed)
    devices = [disk.device.name for disk in disks]
    record = _record(staging, plan, machine, name, head, devices)
    staging.put_package(record)
    _give_name(staging.assembling, goal)
    return record


def _record(
    staging: Staging, plan: Plan, machine: Machine, name: str, head: Head, devices: Sequence[str]
) -> PackageRecord:
    nics, made_for = machine.nics, origin_mark(plan.machine)
    return PackageRecord(
        migration=staging.migration,
        package=name,
        head=head.digest,
        made_for=made_for,
        stood=standing(staging.assembling),
        devices=tuple(devices),
        interfaces=tuple(nic.id for nic in nics),
        networks=tuple(sorted({nic.subnet_id for nic in nics})),
        groups=(f"{staging.migration}-not-given-out",) * len(nics),
        address=str(nics[0].private_address or "") if nics else "",
        named=False,
    )


def _deflated(staging: Staging, disk: VerifiedDisk, name: str) -> PackedRecord:
    """The disk's VMDK, made now or by an earlier run; of exactly what was proven."""
    device = disk.device.name
    begun, found = staging.disk(device), staging.packed(device)
    path = staging.vmdk(device)
    if begun is None or not begun.sealed:
        raise Conflict(f"{device} was not committed.", "Run the same command again.")
    if (
        not path.exists()
        or found is None
        or (found.generation, found.name) != (begun.generation, name)
    ):
        found = _deflate(staging, disk, name)
    if disk.manifest_root and found.root != disk.manifest_root:
        raise CorruptCopy(
            f"{device} changed in {staging.path} since it was proven.",
            "Keep others away from the folder; roll the migration back and run it again.",
        )
    return found


def _deflate(staging: Staging, disk: VerifiedDisk, name: str) -> PackedRecord:
    device, path = disk.device.name, staging.vmdk(disk.device.name)
    begun = staging.disk(device)
    assert begun is not None
    staging.forget_packed(device)
    reader = RawReader(staging.raw(device), begun.size_bytes)
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        told = disk.manifest_root or f"{staging.migration} {device}"
        made = deflate(reader, file, name, told)
    finally:
        os.close(file)
        reader.close()
    packed = PackedRecord(
        device=device, name=name, generation=begun.generation, capacity_bytes=begun.size_bytes,
        **asdict(made),
    )  # fmt: skip
    staging.put_packed(packed)
    return packed


def _give_name(path: Path, goal: Path) -> None:
    """At once, and never over what somebody put there meanwhile.

    A link is refused where the name is taken. A file system without links gets a rename, over an
    empty file that was made for it: a plain rename would replace whatever has the name. A run that
    is killed between the two leaves that empty file, which the next run says is in the way.
    """
    try:
        os.link(path, goal, follow_symlinks=False)
    except FileExistsError:
        raise _appeared(goal) from None
    except OSError:
        _rename(path, goal)
    records.sync_folder(goal.parent)


def _rename(path: Path, goal: Path) -> None:
    try:
        os.close(os.open(goal, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        raise _appeared(goal) from None
    except OSError as error:
        raise no_room(goal, error) from None
    try:
        path.rename(goal)
    except OSError as error:
        goal.unlink(missing_ok=True)
        raise no_room(goal, error) from None


def _appeared(goal: Path) -> Conflict:
    return Conflict(
        f"{goal} appeared meanwhile, and is not ours.",
        "Move it away, then run the same command again.",
    )
