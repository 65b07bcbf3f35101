"""From a virtual system to the neutral description.

What OVF says counts. What it has no words for comes from our own section where the
package has one, and is unknown otherwise.
"""

from coldferry.errors import ColdferryError
from coldferry.machine import (
    UNKNOWN,
    Disk,
    Dns,
    EphemeralDisk,
    Licence,
    Machine,
    Nic,
    Origin,
    RootImage,
)
from providers.ovf import guest_system
from providers.ovf.disks import opened
from providers.ovf.extension import filled
from providers.ovf.hardware import Kind, memory_bytes, vcpus
from providers.ovf.machine_disks import PackagedDisk
from providers.ovf.selected import Selected


def describe(selected: Selected, scope: str) -> tuple[Machine, list[str]]:
    """The description, and the fields in which our own section says something else.

    Raises BadInput or NotMovable for a descriptor that cannot be described.
    """
    system, items = selected.system, selected.items
    name = selected.package.name
    firmware = system.settings.get("firmware", "").lower()
    secure = system.settings.get("bootOptions.efiSecureBootEnabled", "").lower()
    machine = Machine(
        origin=Origin(provider="ovf", scope=scope, id=selected.vm),
        name=system.name or selected.package.path.stem,
        hostname=UNKNOWN,
        instance_type=selected.configuration or system.hardware_type or "custom",
        vcpus=vcpus(items, name),
        memory_bytes=memory_bytes(items, name),
        architecture=guest_system.architecture(system),
        firmware="uefi" if firmware == "efi" else "bios" if firmware == "bios" else UNKNOWN,
        secure_boot=secure == "true" if secure in ("true", "false") else UNKNOWN,
        tpm=UNKNOWN,
        os_family=guest_system.family(system),
        zone=UNKNOWN,
        tenancy=UNKNOWN,
        dns=Dns(),
        nics=_nics(selected),
        disks=tuple(
            _disk(selected, index, one)
            for index, one in enumerate(selected.disks)
            if not one.forgets
        ),
        ephemeral_disks=tuple(
            EphemeralDisk(device=one.device, size_bytes=one.size_bytes)
            for one in selected.disks[1:]
            if one.forgets
        ),
        root_image=_root_image(selected),
        licence=Licence(platform=UNKNOWN),
    )
    return filled(machine, system.extension)


def _nics(selected: Selected) -> tuple[Nic, ...]:
    found = [item for item in selected.items if item.kind == Kind.ETHERNET]
    return tuple(
        Nic(
            id=f"nic{index}",
            device_index=index,
            primary=index == 0,
            mac=item.mac or UNKNOWN,
            network_id=UNKNOWN,
            subnet_id=item.connection,
            subnet_cidr=UNKNOWN,
            private_address=None,
            address_assignment=UNKNOWN,
            public_address=None,
            public_address_kind=None,
            forwards_packets=UNKNOWN,
        )
        for index, item in enumerate(found)
    )


def _root_image(selected: Selected) -> RootImage | None:
    """The file of a root disk that forgets: a person says what it becomes."""
    root = next(iter(selected.disks), None)
    if root is None or not root.forgets:
        return None
    return RootImage(image=root.file.href if root.file else UNKNOWN)


def _disk(selected: Selected, index: int, disk: PackagedDisk) -> Disk:
    return Disk(
        id=disk.id,
        device=disk.device,
        root=index == 0,
        size_bytes=_size_bytes(selected, disk),
        kind="file" if disk.file else "empty",
        iops=UNKNOWN,
        throughput_bytes_s=UNKNOWN,
        encrypted=False,  # by whatever stores the package: the bytes in it are in clear
        key_id=None,
        shared=False,
        deleted_with_machine=UNKNOWN,
    )


def _size_bytes(selected: Selected, disk: PackagedDisk) -> int:
    """As its image has it, where a unit has rounded it up; a faulty image is told of elsewhere."""
    if disk.rounding_bytes == 1 or disk.file is None or disk.file.compression:
        return disk.size_bytes
    try:
        with opened(selected.package, disk) as reader:
            return reader.size_bytes
    except ColdferryError:
        return disk.size_bytes
