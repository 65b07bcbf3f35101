"""The disks of a migration while they are written, and read back."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from coldferry.disk import DiskReader
from coldferry.errors import Conflict, Gone
from coldferry.plan import Device, Plan
from coldferry.ports import FrozenDisk
from providers.ovf.writing.inflating import StreamReader
from providers.ovf.writing.package import place_of
from providers.ovf.writing.raw import RawReader, RawWriter, no_room
from providers.ovf.writing.records import DiskRecord
from providers.ovf.writing.staging import Staging

_SECTOR_BYTES = 512


@contextmanager
def open_disk(staging: Staging, frozen: FrozenDisk) -> Iterator[RawWriter]:
    """See :meth:`coldferry.ports.Target.open_disk`."""
    record = _begun(staging, frozen)
    path = staging.raw(record.device)

    def seal() -> None:
        staging.put_disk(replace(record, sealed=True))

    identity = f"{path}@{record.generation}"
    writer = RawWriter(path, identity, record.size_bytes, seal, sealed=record.sealed)
    try:
        yield writer
    finally:
        writer.close()


def _begun(staging: Staging, frozen: FrozenDisk) -> DiskRecord:
    """The record of the disk; it is begun where there is none, or one of a state not followed."""
    device = frozen.device.name
    record = staging.disk(device)
    if record is not None and record.frozen not in {frozen.ref, *frozen.follows}:
        record = None
    path = staging.raw(device)
    made = staging.package()
    if made is not None and device in made.devices:
        if record is not None:
            return record
        raise Conflict(
            f"{device} is in the package {made.package} already.",
            "Roll the migration back before it is copied anew.",
        )
    if record is not None and path.exists():
        return record
    staging.make()
    staging.remove_disk(device)
    size_bytes = -(-frozen.device.disk.size_bytes // _SECTOR_BYTES) * _SECTOR_BYTES
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(file, size_bytes)
        finally:
            os.close(file)
    except OSError as error:
        raise no_room(path, error) from None
    begun = DiskRecord(device, frozen.ref, secrets.token_hex(8), size_bytes)
    staging.put_disk(begun)
    return begun


@contextmanager
def open_written(staging: Staging, plan: Plan, ref: str) -> Iterator[DiskReader]:
    """The raw file while it is there, and what is in the package from then on."""
    device = next((d for d in plan.devices if str(staging.raw(d.name)) == ref), None)
    if device is None:
        raise Gone(f"{ref} is no disk of {staging.migration}.")
    if staging.raw(device.name).exists():
        raw = RawReader(staging.raw(device.name), device.disk.size_bytes)
        try:
            yield raw
        finally:
            raw.close()
        return
    with opened_member(staging, device) as reader:
        reader.size_bytes = device.disk.size_bytes
        yield reader


@contextmanager
def opened_member(staging: Staging, device: Device) -> Iterator[StreamReader]:
    """The device's disk in the migration's own package. Raises Gone where that is not there."""
    made, packed = staging.package(), staging.packed(device.name)
    record = staging.disk(device.name)
    if made is None or packed is None or record is None:
        raise Gone(f"{device.name} of {staging.migration} is gone.")
    path = staging.folder / made.package
    place = place_of(path, packed)
    with path.open("rb") as file:
        yield StreamReader(file.fileno(), place.start, place.size_bytes, record.size_bytes)
