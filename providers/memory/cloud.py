"""Both sides of the seam over a :class:`World`: read this beside ``coldferry.ports``."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from coldferry.abilities import Removal
from coldferry.erasing import erased
from coldferry.errors import BadInput, Conflict, CorruptCopy, Finding, Gone, UnknownMachine
from coldferry.guest.needs import GuestNeeds
from coldferry.machine import Machine, Origin
from coldferry.migration import Marks
from coldferry.plan import Device, Plan
from coldferry.ports import (
    FOREIGN,
    FROZEN,
    KEPT_COPY,
    Arrived,
    Check,
    Erased,
    FrozenDisk,
    Owned,
    PowerState,
    Tagged,
    VerifiedDisk,
)
from coldferry.rations import Ration
from coldferry.rules import apply
from coldferry.translation import Answers, Translation
from providers.memory import removing
from providers.memory.disks import MemoryReader, MemoryWriter
from providers.memory.rules import RULES
from providers.memory.world import StoredDisk, StoredMachine, World


class MemoryCloud:
    """A cloud in a dictionary."""

    provider = "memory"
    guest = GuestNeeds(storage_drivers=("virtio_blk",), network_drivers=("virtio_net",))

    def __init__(self, world: World) -> None:
        self.world = world
        self.scope = world.name

    # -- machines -----------------------------------------------------------

    def machines(self) -> list[str]:
        return sorted(self.world.machines)

    def describe(self, vm: str) -> Machine:
        return self._stored(vm).machine

    def power(self, vm: str) -> PowerState:
        return self._stored(vm).power

    def start(self, vm: str) -> None:
        stored = self._stored(vm)
        if stored.power is not PowerState.RUNNING:
            stored.starts += 1
            stored.started_at = datetime.now(UTC)
            stored.power = PowerState.RUNNING

    def stop(self, vm: str, *, force: bool = False, timeout_s: float = 600) -> None:
        del force, timeout_s  # memory stops at once
        self._stored(vm).power = PowerState.STOPPED

    def reboot(self, vm: str) -> None:
        self._stored(vm).starts += 1

    def owned(self, migration: str | None = None) -> list[Owned]:
        with self.world.lock:
            found = [Owned(d.migration, self._word(d), d.id) for d in self.world.disks.values()]
            found += [Owned(m.migration, "machine", vm) for vm, m in self.world.machines.items()]
            found += [Owned(of, "group", name) for name, of in self.world.groups.items()]
        return [o for o in found if o.migration and migration in (None, o.migration)]

    def tagged(self) -> Iterator[Tagged]:
        for one in self.owned():
            disk, machine = self.world.disks.get(one.id), self.world.machines.get(one.id)
            yield Tagged(
                one.migration,
                "VM" if machine else one.kind,
                one.id,
                size_bytes=disk.size_bytes if disk else None,
                power=machine.power if machine else None,
            )

    def diagnose(self) -> Iterator[Check]:
        yield Check("identity", ok=True, what=f"The world {self.scope} is in this process.")

    # -- source -------------------------------------------------------------

    def unmovable(self, vm: str) -> list[Finding]:
        if self._stored(vm).machine.disks:
            return []
        return [Finding("refuse", "no-disk", vm, f"{vm} has no disk to move.")]

    def preflight_source(self, vm: str, plan: Plan) -> list[Finding]:
        self._stored(vm)
        keyless = [d.disk.id for d in plan.devices if d.disk.key_id in self.world.lost_keys]
        return [
            Finding("refuse", "key-unusable", disk, f"The key of {disk} cannot be used.")
            for disk in keyless
        ]

    def marks(self, vm: str) -> Marks | None:
        return self._stored(vm).marks

    def mark(self, vm: str, marks: Marks) -> None:
        self._stored(vm).marks = marks

    def marked(self) -> Iterator[tuple[str, Marks]]:
        for vm, stored in list(self.world.machines.items()):
            if stored.marks is not None:
                yield vm, stored.marks

    def freeze(self, vm: str, migration: str, devices: Sequence[Device]) -> list[FrozenDisk]:
        starts = self._stored(vm).starts
        frozen = []
        with self.world.lock:
            for device in devices:
                # One made before the machine ran again has another name, and is not found.
                ref = f"{migration}-{device.name}-frozen-{starts}"
                if ref not in self.world.frozen:
                    origin = self.world.disks[device.disk.id]
                    self.world.disks[ref] = StoredDisk(
                        ref,
                        origin.size_bytes,
                        migration,
                        chunks={at: bytearray(chunk) for at, chunk in origin.chunks.items()},
                    )
                    self.world.frozen[ref] = migration
                frozen.append(FrozenDisk(migration, device, ref))
        return frozen

    def started_since(self, vm: str, frozen: Sequence[FrozenDisk]) -> bool:
        starts = self._stored(vm).starts
        return any(not disk.ref.endswith(f"-frozen-{starts}") for disk in frozen)

    def ran_since(self, vm: str, migration: str) -> bool | None:
        refs = [ref for ref, of in self.world.frozen.items() if of == migration]
        starts = self._stored(vm).starts
        return not any(ref.endswith(f"-frozen-{starts}") for ref in refs) if refs else None

    @contextmanager
    def open_frozen(self, frozen: FrozenDisk) -> Iterator[MemoryReader]:
        disk = self.world.disks[frozen.ref]
        yield MemoryReader(disk, disk.size_bytes)

    def frozen(self, migration: str) -> list[Owned]:
        with self.world.lock:
            refs = [ref for ref, of in self.world.frozen.items() if of == migration]
            return [Owned(migration, FROZEN, ref) for ref in refs]

    def release(self, migration: str) -> list[Erased]:
        with self.world.lock:
            things = self.frozen(migration)
            for one in things:
                del self.world.frozen[one.id]
            return self._erase(things)

    def removal(self, vm: str, migration: str, copied: Collection[str]) -> Removal:
        self._stored(vm)
        return removing.removal(self.world, vm, migration, copied)

    def remove(self, vm: str, migration: str, copied: Collection[str]) -> list[Erased]:
        return removing.remove(self.world, vm, migration, copied)

    def remaining(self, things: Sequence[Owned]) -> list[Owned]:
        return removing.remaining(self.world, things)

    # -- target -------------------------------------------------------------

    def catalogue(self) -> World:
        return self.world

    def translate(self, machine: Machine, catalogue: Any, answers: Answers) -> Translation:
        return apply(RULES, machine, catalogue, answers)

    def preflight(self, plan: Plan) -> list[Finding]:
        found, name = [], plan.value("name")
        taken = self.world.machines.get(name)
        if taken is not None and taken.migration != plan.migration:
            found += [Finding("refuse", "name-taken", name, f"A machine {name} exists already.")]
        for index in range(len(plan.machine.nics)):
            subnet = plan.value(f"nics[{index}].subnet_id")
            if subnet is not None and subnet not in self.world.subnets:
                what = f"There is no subnet {subnet} any more."
                found += [Finding("refuse", "no-subnet", f"nics[{index}]", what)]
        return found

    def rations(self, plan: Plan, catalogue: World) -> list[Ration]:
        size = plan.value("instance_type")
        needed = catalogue.sizes[size][0] if size in catalogue.sizes else 0
        made = plan.value("name") in catalogue.machines
        left = catalogue.vcpus_left
        if left is None:
            return []
        return [Ration(place=self.scope, what="vCPUs", needed=0 if made else needed, left=left)]

    @contextmanager
    def open_disk(self, plan: Plan, frozen: FrozenDisk) -> Iterator[MemoryWriter]:
        name = plan.object_name(frozen.device.name)
        with self.world.lock:
            disk = self.world.disks.get(name)
            if disk is not None and disk.migration != plan.migration:
                raise Conflict(f"A disk {name} exists and is not ours.", "Rename or remove it.")
            other = disk is not None and disk.frozen_ref not in {frozen.ref, *frozen.follows}
            if disk is not None and other and disk.attached_to:
                raise Conflict(f"Disk {name} is attached to {disk.attached_to}.", "Detach it.")
            if disk is None or other:
                size = -(-frozen.device.disk.size_bytes // 512) * 512
                disk = StoredDisk(name, size, plan.migration, frozen.ref, sealed=False)
                self.world.disks[name] = disk
        yield MemoryWriter(disk)

    @contextmanager
    def open_written(self, plan: Plan, ref: str) -> Iterator[MemoryReader]:
        device = next(d for d in plan.devices if plan.object_name(d.name) == ref)
        yield MemoryReader(self.world.disks[ref], device.disk.size_bytes)

    def in_use(self, plan: Plan, ref: str) -> bool:
        vm = self.world.machines.get(self.world.disks[ref].attached_to or "")
        return vm is not None and vm.migration == plan.migration

    def discard_disk(self, plan: Plan, device: Device) -> None:
        with self.world.lock:
            disk = self.world.disks.get(plan.object_name(device.name))
            if disk is not None and disk.migration == plan.migration and not disk.attached_to:
                del self.world.disks[disk.id]

    def allocate(self, plan: Plan, disks: Sequence[VerifiedDisk]) -> str:
        if any(not disk.proof.equal for disk in disks):
            raise CorruptCopy("A disk is not proven.")
        vm = str(plan.value("name"))
        with self.world.lock:
            if vm not in self.world.machines:
                origin = Origin(provider=self.provider, scope=self.scope, id=vm)
                machine = plan.machine.model_copy(update={"origin": origin})
                deny_all = plan.object_name("deny-all")
                self.world.groups[deny_all] = plan.migration
                self.world.machines[vm] = StoredMachine(
                    machine,
                    PowerState.STOPPED,
                    migration=plan.migration,
                    groups=(deny_all,) * len(machine.nics),
                )
                for disk in disks:
                    self.world.disks[disk.ref].attached_to = vm
        return vm

    def compare(self, plan: Plan, vm: str) -> list[Finding]:
        del plan
        if self.power(vm) is PowerState.STOPPED:
            return []
        return [Finding("warn", "power", vm, f"{vm} is not stopped.")]

    def at_stake(self, migration: str, *, arrived: bool) -> list[Finding]:
        del arrived  # the proof cannot be lost here
        ours = {vm: m for vm, m in self.world.machines.items() if m.migration == migration}
        used = [
            Finding("warn", "used", vm, f"{vm} was started after its proof.")
            for vm, machine in ours.items()
            if machine.starts > machine.starts_at_proof
        ]
        held = [
            Finding("refuse", "held", disk.id, f"{disk.id} is attached to {disk.attached_to}.")
            for disk in self.world.disks.values()
            if disk.migration == migration and disk.attached_to and disk.attached_to not in ours
        ]
        beside = [
            Finding(
                "warn", FOREIGN, disk.id,
                f"{disk.id} at {disk.attached_to} is not this migration's: it stays.",
            )
            for disk in self.world.disks.values()
            if disk.attached_to in ours and disk.migration != migration
        ]  # fmt: skip
        return used + held + beside

    def arrived(self, migration: str) -> Arrived | None:
        found = self._arrived(migration)
        if found is None:
            return None
        vm, stored = found
        nics = stored.machine.nics
        return Arrived(
            vm=vm,
            power=stored.power,
            interfaces=tuple(nic.id for nic in nics),
            groups=stored.groups,
            offered=tuple(sorted(name for name, of in self.world.groups.items() if not of)),
            address=str(nics[0].private_address or "") if nics else "",
        )

    def open_up(self, migration: str, groups: Sequence[str]) -> None:
        with self.world.lock:
            found = self._arrived(migration)
            if found is None:
                raise Gone(f"The machine that {migration} made is gone.")
            for name in groups:
                if name and self.world.groups.get(name) != "":
                    raise BadInput(f"There is no security group {name}.")
            found[1].groups = tuple(groups)

    def keep(self, migration: str) -> list[Owned]:
        with self.world.lock:
            found = self._arrived(migration)
            if found is not None and found[1].power is not PowerState.STOPPED:
                raise Conflict(f"{found[0]} is not stopped.")
            for disk in self._attached(migration):
                name = f"{disk.id}-kept"
                chunks = {at: bytearray(chunk) for at, chunk in disk.chunks.items()}
                self.world.disks[name] = StoredDisk(
                    name, disk.size_bytes, migration, kept=True, chunks=chunks
                )
            return self.kept(migration)

    def kept(self, migration: str) -> list[Owned]:
        return [one for one in self.owned(migration) if one.kind == KEPT_COPY]

    def erase_kept(self, migration: str) -> list[Erased]:
        with self.world.lock:
            return self._erase(self.kept(migration))

    def temporary(self, migration: str) -> list[Owned]:
        return [one for one in self.owned(migration) if one.kind == "group"]

    def at_hand_over(self, migration: str) -> list[Finding]:
        taken = {name for m in self.world.machines.values() for name in m.groups}
        return [
            Finding("refuse", "denied", one.id, f"An interface is behind {one.id} yet.")
            for one in self.temporary(migration)
            if one.id in taken
        ]

    def hand_over(self, migration: str) -> list[Erased]:
        with self.world.lock:
            for one in self.at_hand_over(migration):
                raise Conflict(one.what, one.do)
            gone = self._erase(self.temporary(migration))
            for disk in self._attached(migration):
                disk.migration = ""
            if (found := self._arrived(migration)) is not None:
                found[1].migration = ""
            return gone

    def discard(self, migration: str) -> list[Erased]:
        with self.world.lock:
            ours = [o for o in self.owned(migration) if o.id not in self.world.frozen]
            leaving = {one.id for one in ours if one.kind == "machine"}
            for disk in self.world.disks.values():
                if disk.attached_to in leaving:
                    disk.attached_to = ""
            return self._erase([one for one in ours if one.kind != KEPT_COPY])

    def usd_per_day(self, things: Sequence[Owned]) -> float | None:
        price = self.world.disk_price
        return None if price is None else price * len(things)

    def _arrived(self, migration: str) -> tuple[str, StoredMachine] | None:
        found = self.world.machines.items()
        return next(((vm, one) for vm, one in found if one.migration == migration), None)

    def _attached(self, migration: str) -> list[StoredDisk]:
        return [d for d in self.world.disks.values() if d.migration == migration and d.attached_to]

    def _erase(self, things: Sequence[Owned]) -> list[Erased]:
        rooms: dict[str, dict[str, Any]] = {
            "machine": self.world.machines, "group": self.world.groups,
        }  # fmt: skip
        for one in things:
            rooms.get(one.kind, self.world.disks).pop(one.id)
        return [erased(one, "delete", "gone") for one in things]

    def _word(self, disk: StoredDisk) -> str:
        if disk.kept:
            return KEPT_COPY
        return FROZEN if disk.id in self.world.frozen else "disk"

    def _stored(self, vm: str) -> StoredMachine:
        try:
            return self.world.machines[vm]
        except KeyError:
            raise UnknownMachine(f"There is no machine {vm} in {self.scope}.") from None
