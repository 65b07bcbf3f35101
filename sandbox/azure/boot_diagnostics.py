"""Managed boot diagnostics of a machine: its serial log, behind an address with a signature.

Sources: "Azure boot diagnostics" (a container ``bootdiagnostics-…`` a machine; no storage account
of one's own is named), "Virtual Machines - Retrieve Boot Diagnostics Data" (the addresses are
good for 120 minutes unless less is asked for). What it answers where diagnostics are off is not
documented word for word.

Only a machine that has them on is started by QEMU, when it is started here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from azure.core.exceptions import AzureError

from sandbox.azure.blobs import Blobs
from sandbox.azure.errors import invalid_parameter, not_allowed
from sandbox.azure.kinds import Call
from sandbox.azure.world import Json, Resource, World
from sandbox.consoles import Removed

_MINUTES = 120
_MOST_MINUTES = 24 * 60


@dataclass(frozen=True)
class _Stored:
    """Where a managed disk's bytes are."""

    blobs: Blobs
    container: str
    size_bytes: int

    def save(self, image: Path) -> None:
        """See ``StoredDisk.save``."""
        try:
            self.blobs.save(self.container, self.size_bytes, image)
        except AzureError:
            raise Removed from None


def follow(world: World, machine: Resource, disks: Sequence[Resource]) -> None:
    """Start its screen when the machine runs now, and cut it when it does not."""
    if machine.private["power"] != "running":
        world.consoles.stop(machine.id.lower())
    elif _enabled(machine):
        stored = [
            _Stored(world.blobs, disk.private["container"], disk.properties["diskSizeBytes"])
            for disk in disks
        ]
        uefi = disks[0].properties.get("hyperVGeneration", "V1") == "V2"
        world.consoles.start(machine.id.lower(), stored, "uefi" if uefi else "bios")


def addresses(world: World, call: Call, machine: Resource) -> Json:
    """Where the log is that the machine has written so far."""
    if not _enabled(machine):
        raise not_allowed(
            f"Boot diagnostics is not enabled on VM '{machine.name}' with managed storage."
        )
    asked = {name.lower(): value for name, value in call.query.items()}
    minutes = asked.get("sasuriexpirationtimeinminutes", str(_MINUTES))
    if not minutes.isdecimal() or not 1 <= int(minutes) <= _MOST_MINUTES:
        raise invalid_parameter(
            "sasUriExpirationTimeInMinutes", f"'{minutes}' is not from 1 to {_MOST_MINUTES}."
        )
    text = world.consoles.text(machine.id.lower())
    container = _container(machine)
    world.blobs.put_text(container, text)
    address = world.blobs.grant(
        container, "r", int(minutes) * 60, len(text.encode()), False, machine.name
    )
    return {"serialConsoleLogBlobUri": address}


def forget(world: World, machine: Resource) -> None:
    """The log goes with its machine."""
    world.consoles.forget(machine.id.lower())
    if _enabled(machine):
        world.blobs.put_text(_container(machine), "")
        world.blobs.delete(_container(machine))


def _enabled(machine: Resource) -> bool:
    profile = (machine.properties.get("diagnosticsProfile") or {}).get("bootDiagnostics") or {}
    return bool(profile.get("enabled")) and not profile.get("storageUri")


def _container(machine: Resource) -> str:
    short = "".join(c for c in machine.name.lower() if c.isalnum())[:9]
    return f"bootdiagnostics-{short}-{machine.private['vm_id']}"
