"""What is going to be done with one machine: the thing that a person approves."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from coldferry.errors import Refused
from coldferry.machine import Disk, Machine, NetworkFilesystem
from coldferry.placement import OF_SHARES, disk_path, placement_of, remote_at, share_path
from coldferry.translation import FieldTranslation, Translation, Verdict, digest


class Plan(BaseModel):
    """One machine, its translation and the migration that carries it out."""

    model_config = ConfigDict(frozen=True)

    migration: str
    machine: Machine
    translation: Translation

    @property
    def digest(self) -> str:
        """See :func:`coldferry.translation.digest`."""
        return digest(self.machine, self.translation)

    @property
    def devices(self) -> list["Device"]:
        """The disks to copy, in the description's order: never filtered again, never reordered.

        What a person left behind is none of them; that follows from the plan alone, so it is
        the same each time, and the others keep their names.
        """
        left = {device.index for device in self.left_behind}
        return [device for device in devices_of(self.machine) if device.index not in left]

    @property
    def left_behind(self) -> list["Device"]:
        """The disks that are neither frozen, nor copied, nor made at the target."""
        verdicts = {field.path: field.verdict for field in self.translation.fields}
        return [
            device
            for device in devices_of(self.machine)
            if verdicts.get(disk_path(device.index)) is Verdict.DROPPED
        ]

    @property
    def shares(self) -> list["Share"]:
        """The file systems of the network, each with what becomes of it."""
        said = {field.path: field.target for field in self.translation.fields}
        return shares_of(self.machine, said)

    @property
    def refusal(self) -> Refused | None:
        """Why no answer can make this plan good, naming every such field; None when one can."""
        blocking = self.translation.blocking
        if not blocking:
            return None
        named = "; ".join(f"{field.path}: {field.reason}" for field in blocking)
        return Refused(
            f"{self.machine.name} cannot be moved to this target: {named}",
            f"Change the machine{self._or_leave(blocking)} or choose another target.",
        )

    def _or_leave(self, blocking: list[FieldTranslation]) -> str:
        """The way out where nothing but data disks stands in the way."""
        found = [re.match(r"disks\[(\d+)\]", field.path) for field in blocking]
        indexes = list(dict.fromkeys(int(match[1]) for match in found if match))
        if not all(found) or any(self.machine.disks[index].root for index in indexes):
            return ""
        options = " ".join(f"--placement disk{index}=drop" for index in indexes)
        return f", leave data disks behind ({options})"

    def value(self, path: str) -> Any:
        """What the new machine will have at ``path``."""
        return self.translation.target(path)

    def object_name(self, role: str) -> str:
        """A name at the target that follows from the migration: ``web-01-azure-…-a1-nic0``."""
        return re.sub(r"[^A-Za-z0-9._-]", "-", f"{self.migration}-{role}")


class Device(BaseModel):
    """A disk's place on the machine."""

    model_config = ConfigDict(frozen=True)

    index: int
    disk: Disk

    @property
    def name(self) -> str:
        """``disk0``: stable within a migration, safe in file and object names."""
        return f"disk{self.index}"


class Share(BaseModel):
    """A file system that the machine may mount from its network.

    ``placement`` is ``remote``, ``nofail`` or ``remove``, None where a person only
    acknowledged that its files are not copied. ``address`` is what the target reaches it
    by, ``port`` None where its protocol's own is meant.
    """

    model_config = ConfigDict(frozen=True)

    index: int
    filesystem: NetworkFilesystem
    placement: str | None
    address: str
    port: int | None = None


def shares_of(machine: Machine, said: Mapping[str, Any]) -> list[Share]:
    """Its file systems of the network, with the placements in ``said``, by path."""
    return [
        _share(index, one, said.get(share_path(index)))
        for index, one in enumerate(machine.network_filesystems)
    ]


def _share(index: int, filesystem: NetworkFilesystem, word: Any) -> Share:
    placement = placement_of(word) if word in OF_SHARES or remote_at(word) else None
    host, port = remote_at(word) or ("", None)
    return Share(
        index=index,
        filesystem=filesystem,
        placement=placement,
        address=host or str(filesystem.address),
        port=port,
    )


def devices_of(machine: Machine) -> list[Device]:
    """Its disks' places, in the description's order."""
    return [Device(index=index, disk=disk) for index, disk in enumerate(machine.disks)]
