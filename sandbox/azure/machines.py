"""Virtual machines made from specialised disks.

Sources: REST reference of Virtual Machines (2026-04-01), "States and billing
status of Azure Virtual Machines", DiskState and lastOwnershipUpdateTime of the
REST reference of Disks.
"""

import secrets
from collections.abc import Callable

from azure.mgmt.compute import models

from sandbox.azure import boot_diagnostics, checks, machine_rules
from sandbox.azure.errors import ArmError, change_refused, not_allowed
from sandbox.azure.kinds import Accepted, Call, Kind, Reply
from sandbox.azure.world import Json, Resource, new_guid, now_text

RUNNING, STOPPED, DEALLOCATED = "running", "stopped", "deallocated"
DISPLAYED = {RUNNING: "VM running", STOPPED: "VM stopped", DEALLOCATED: "VM deallocated"}
ACTIONS = {"start": RUNNING, "poweroff": STOPPED, "deallocate": DEALLOCATED, "restart": RUNNING}


class Machines(Kind):
    """``Microsoft.Compute/virtualMachines``."""

    arm_type = "Microsoft.Compute/virtualMachines"
    kind = "virtualMachines"
    model = models.VirtualMachine
    patch_model = models.VirtualMachineUpdate
    api_versions = frozenset({"2026-04-01"})
    name_rule = checks.MACHINE_NAME
    put_statuses = (201, 200)

    def put(self, call: Call, old: Resource | None) -> Callable[[], Json | None]:
        """Create a machine, which then runs, or change one."""
        body = call.body
        properties: Json = dict(body.get("properties") or {})
        disks, nics = self._checked_parts(call, body, properties)
        if old is not None:
            self._check_changes(body, old, nics)
        private = old.private if old is not None else {"power": None, "vm_id": new_guid()}
        created = old.properties["timeCreated"] if old is not None else now_text()
        properties["provisioningState"] = "Creating" if old is None else "Updating"
        properties |= {"vmId": private["vm_id"], "timeCreated": created}
        private["user_data"] = properties.pop("userData", None) or private.get("user_data")
        for entry, _ in machine_rules.disk_entries(properties):
            entry.setdefault("deleteOption", "Detach")
            entry.setdefault("caching", "None")
        made = {"location": body["location"], "tags": body.get("tags") or {}}
        made |= {"properties": properties}
        made |= {name: body[name] for name in ("zones", "identity", "plan") if body.get(name)}
        if old is not None:
            self._let_go(old, disks, nics)
        machine = self.new(call, made)
        machine.private = private
        self._take(machine, disks, nics)

        def finish() -> Json | None:
            machine.properties["provisioningState"] = "Succeeded"
            if old is None:
                self._power(machine, RUNNING)
            return None

        return finish

    def _checked_parts(
        self, call: Call, body: Json, properties: Json
    ) -> tuple[list[Resource], list[Resource]]:
        """The disks and interfaces of a machine that Azure would accept."""
        machine_id = self.world.resource_id(self.arm_type, call.target.name)
        size = machine_rules.machine_size(self.world, properties)
        machine_rules.check_profile(body, size)
        machine_rules.check_data_disks(properties, size)
        security = (properties.get("securityProfile") or {}).get("securityType", "Standard")
        disks: list[Resource] = []
        for entry, is_os in machine_rules.disk_entries(properties):
            disk = machine_rules.check_disk(
                self.world, entry, is_os=is_os, body=body, machine_id=machine_id
            )
            machine_rules.check_fit(size, disk, is_os, security)
            if disk in disks:
                raise ArmError(400, "BadRequest", f"Disk {disk.name} is given twice.")
            disks.append(disk)
        nics = machine_rules.check_interfaces(self.world, properties, size, machine_id)
        machine_rules.check_quota(self.world, size, machine_id)
        return disks, nics

    def _let_go(self, old: Resource, disks: list[Resource], nics: list[Resource]) -> None:
        for disk in self._disks(old):
            if disk not in disks:
                _release_disk(disk)
        for nic in self._interfaces(old):
            if nic not in nics:
                nic.properties.pop("virtualMachine", None)

    def _take(self, machine: Resource, disks: list[Resource], nics: list[Resource]) -> None:
        deallocated = machine.private["power"] == DEALLOCATED
        for disk in disks:
            if not disk.body.get("managedBy"):
                disk.body["managedBy"] = machine.id
                _set_ownership(disk, "Reserved" if deallocated else "Attached")
        for nic in nics:
            nic.properties["virtualMachine"] = {"id": machine.id}
            nic.properties["primary"] = len(nics) == 1 or _primary(machine.body, nic)

    def delete(self, resource: Resource) -> Callable[[], Json | None]:
        """Delete a machine; its disks and interfaces stay unless deleteOption says Delete."""

        def finish() -> Json | None:
            boot_diagnostics.forget(self.world, resource)
            self.world.remove(resource)
            for entry, _ in machine_rules.disk_entries(resource.properties):
                disk = self.world.find(entry["managedDisk"]["id"])
                if disk is None:
                    continue
                _release_disk(disk)
                if entry["deleteOption"] == "Delete":
                    self.world.remove(disk)
                    self.world.blobs.delete(disk.private["container"])
            for entry in resource.properties["networkProfile"]["networkInterfaces"]:
                nic = self.world.find(entry["id"])
                if nic is None:
                    continue
                nic.properties.pop("virtualMachine", None)
                if (entry.get("properties") or {}).get("deleteOption") == "Delete":
                    self.world.remove(nic)
            return None

        return finish

    def action(self, name: str, call: Call, resource: Resource) -> Reply | Accepted:
        """Change the power state, or read the instance view."""
        lowered = name.lower()
        if lowered == "instanceview" and call.method == "GET":
            return Reply(200, self.instance_view(resource))
        if lowered == "retrievebootdiagnosticsdata" and call.method == "POST":
            return Reply(200, boot_diagnostics.addresses(self.world, call, resource))
        if lowered not in ACTIONS or call.method != "POST":
            return super().action(name, call, resource)
        power = resource.private["power"]
        if lowered == "restart" and power != RUNNING:
            raise not_allowed(
                f"Cannot restart VM '{resource.name}' since it is not running. Start it first."
            )
        if lowered in ("start", "restart"):
            self._refuse_read_disks(resource)
        if lowered == "poweroff" and power == DEALLOCATED:
            # Nothing to power off; a deallocated machine stays deallocated.
            return Accepted(202, lambda: None)

        def finish() -> Json | None:
            self._power(resource, ACTIONS[lowered])
            if lowered == "restart":
                boot_diagnostics.follow(self.world, resource, self._disks(resource))
            return None

        return Accepted(202, finish)

    def show(self, resource: Resource, call: Call) -> Json:
        """The machine; user data and the instance view only where ``$expand`` asks for them."""
        expand = call.query.get("$expand")
        extra: Json = {}
        if expand == "instanceView":
            extra["instanceView"] = self.instance_view(resource)
        elif expand == "userData":
            extra["userData"] = resource.private["user_data"]
        return resource.body | {"properties": resource.properties | extra}

    def instance_view(self, machine: Resource) -> Json:
        """How the machine is doing."""
        state = str(machine.properties["provisioningState"])
        statuses = [{"code": f"ProvisioningState/{state.lower()}", "level": "Info"}]
        statuses[0] |= {"displayStatus": f"Provisioning {state.lower()}", "time": now_text()}
        power = machine.private["power"]
        if power is not None:
            displayed = {"level": "Info", "displayStatus": DISPLAYED[power]}
            statuses.append({"code": f"PowerState/{power}"} | displayed)
        disks = [
            {"name": disk.name, "statuses": [{"code": "ProvisioningState/succeeded"}]}
            for disk in self._disks(machine)
        ]
        os_disk = self._disks(machine)[0]
        generation = os_disk.properties.get("hyperVGeneration", "V1")
        return {"statuses": statuses, "disks": disks, "hyperVGeneration": generation}

    def _check_changes(self, body: Json, old: Resource, nics: list[Resource]) -> None:
        properties, before = body["properties"], old.properties
        for name in ("osDisk", "zones", "securityType"):
            if _fixed(name, body) != _fixed(name, old.body):
                raise change_refused(name)
        size_changes = properties["hardwareProfile"] != before["hardwareProfile"]
        allocated = old.private["power"] != DEALLOCATED
        if allocated and (nics != self._interfaces(old) or size_changes):
            raise not_allowed(
                f"The size and the network interfaces of VM '{old.name}' can change only while it "
                "is deallocated."
            )

    def _power(self, machine: Resource, power: str) -> None:
        was = machine.private["power"]
        was_allocated = was in (RUNNING, STOPPED)
        machine.private["power"] = power
        if power != was:
            boot_diagnostics.follow(self.world, machine, self._disks(machine))
        allocated = power != DEALLOCATED
        for disk in self._disks(machine):
            if allocated != was_allocated:
                _set_ownership(disk, "Attached" if allocated else "Reserved")
        for nic in self._interfaces(machine):
            if allocated and "macAddress" not in nic.properties:
                tail = "-".join(f"{byte:02X}" for byte in secrets.token_bytes(3))
                nic.properties["macAddress"] = f"00-0D-3A-{tail}"

    def _refuse_read_disks(self, machine: Resource) -> None:
        for disk in self._disks(machine):
            if disk.properties["diskState"] == "ActiveSAS":
                raise not_allowed(
                    f"VM '{machine.name}' cannot start: disk '{disk.name}' has an active shared "
                    "access signature. Call EndGetAccess first."
                )

    def _disks(self, machine: Resource) -> list[Resource]:
        entries = machine_rules.disk_entries(machine.properties)
        found = [self.world.find(entry["managedDisk"]["id"]) for entry, _ in entries]
        return [disk for disk in found if disk is not None]

    def _interfaces(self, machine: Resource) -> list[Resource]:
        entries = machine.properties["networkProfile"]["networkInterfaces"]
        found = [self.world.find(entry["id"]) for entry in entries]
        return [nic for nic in found if nic is not None]


def _fixed(name: str, body: Json) -> object:
    properties = body["properties"]
    if name == "osDisk":
        return str(properties["storageProfile"]["osDisk"]["managedDisk"]["id"]).lower()
    if name == "zones":
        return body.get("zones") or []
    return (properties.get("securityProfile") or {}).get("securityType", "Standard")


def _primary(body: Json, nic: Resource) -> bool:
    entries = body["properties"]["networkProfile"]["networkInterfaces"]
    return any(
        entry["id"].lower() == nic.id.lower()
        and bool((entry.get("properties") or {}).get("primary"))
        for entry in entries
    )


def _release_disk(disk: Resource) -> None:
    disk.body.pop("managedBy", None)
    if disk.properties["diskState"] == "ActiveSAS":
        disk.private["resting_state"] = "Unattached"
    else:
        _set_ownership(disk, "Unattached")


def _set_ownership(disk: Resource, state: str) -> None:
    disk.properties["diskState"] = state
    disk.properties["LastOwnershipUpdateTime"] = now_text()
