"""Memory clouds with something in them, for tests."""

import random

from coldferry.machine import Disk, Dns, Licence, Machine, Nic, Origin
from providers.memory.cloud import MemoryCloud
from providers.memory.world import StoredDisk, StoredMachine, World

MIB = 1024 * 1024


def a_disk(name: str, *, root: bool = False, size_bytes: int = 20 * MIB) -> Disk:
    """A description of a disk, of the least size that every target takes."""
    return Disk(
        id=name,
        device=f"/dev/{name}",
        root=root,
        size_bytes=size_bytes,
        kind="fast",
        iops=None,
        throughput_bytes_s=None,
        encrypted=False,
        key_id=None,
        shared=False,
        deleted_with_machine=True,
    )


def a_nic(index: int = 0) -> Nic:
    """A description of a network interface."""
    return Nic(
        id=f"nic{index}",
        device_index=index,
        primary=index == 0,
        mac="02:00:00:00:00:01",
        network_id="net",
        subnet_id="subnet",
        subnet_cidr="10.0.1.0/24",
        private_address=f"10.0.1.{10 + index}",
        address_assignment="static",
        public_address=None,
        public_address_kind=None,
        forwards_packets=False,
    )


def a_machine(name: str = "web-01", disks: int = 2, scope: str = "here") -> Machine:
    """A description of a small machine."""
    return Machine(
        origin=Origin(provider="memory", scope=scope, id=name),
        name=name,
        hostname=name,
        instance_type="small",
        vcpus=2,
        memory_bytes=4 << 30,
        architecture="x86_64",
        firmware="uefi",
        secure_boot=False,
        tpm=None,
        os_family="linux",
        zone="a",
        tenancy="default",
        dns=Dns(),
        nics=(a_nic(),),
        disks=tuple(a_disk(f"{name}-d{i}", root=i == 0) for i in range(disks)),
        licence=Licence(platform="Linux/UNIX"),
    )


def a_source(name: str = "web-01", disks: int = 2, scope: str = "here") -> MemoryCloud:
    """A cloud with one running machine whose disks hold scattered bytes."""
    cloud = MemoryCloud(World(scope, sizes={"small": (2, 4 << 30)}))
    add_machine(cloud, name, disks)
    return cloud


def add_machine(cloud: MemoryCloud, name: str, disks: int = 2) -> None:
    """One more running machine in a cloud."""
    world = cloud.world
    machine = a_machine(name, disks, world.name)
    dice = random.Random(name)
    for disk in machine.disks:
        stored = StoredDisk(disk.id, disk.size_bytes)
        for _ in range(4):
            at = dice.randrange(0, disk.size_bytes - 4096, 512)
            stored.write(at, memoryview(dice.randbytes(4096)))
        world.disks[disk.id] = stored
    world.machines[name] = StoredMachine(machine)


def a_target() -> MemoryCloud:
    """An empty cloud that has sizes and subnets to offer."""
    return MemoryCloud(World("there", sizes={"s2": (2, 4 << 30), "s4": (4, 16 << 30)}))


ANSWERS = {"nics[0].subnet_id": "net/one"}
