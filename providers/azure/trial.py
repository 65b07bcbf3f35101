"""A throwaway copy of the new VM: started behind deny-all, listened to, and removed.

Pages: "Copy a managed disk" (a disk of a deallocated VM is copied as it is), "Azure boot
diagnostics" (with managed storage the VM needs no account of its own; the serial log is renewed
about once a minute), "Virtual Machines - Retrieve Boot Diagnostics Data".
"""

from urllib.parse import urlsplit

from coldferry.boot_check import trial_of
from coldferry.errors import Conflict, Refused, Transient
from coldferry.migration import MIGRATION_TAG
from coldferry.plan import Plan
from coldferry.ports import Erased, PowerState
from providers.azure import network, ownership, power
from providers.azure.client import Arm
from providers.azure.disks import find_ours
from providers.azure.ids import Json, last, properties, tag
from providers.azure.kinds import DISK, NIC, NSG, VM
from providers.azure.pages import VERSION
from providers.keepalive import Connections

_BY_SNAPSHOT_ONLY = frozenset({"PremiumV2_LRS", "UltraSSD_LRS"})
""" "Copy a managed disk": there is no direct copy of these."""


def start(arm: Arm, plan: Plan) -> str:
    """See ``Trying.start_trial``."""
    end(arm, plan.migration)
    vm = _stopped(arm, plan)
    trial = plan.model_copy(update={"migration": trial_of(plan.migration)})
    storage = properties(vm)["storageProfile"]
    disks = [storage["osDisk"], *(storage.get("dataDisks") or [])]
    copies = [_copy(arm, trial, number, disk) for number, disk in enumerate(disks)]
    put = _put_in(arm, trial, properties(vm), copies)
    return str(network.ensure(arm, VM, trial, trial.object_name("vm"), put)["id"])


def console(arm: Arm, trial_id: str) -> str:
    """See ``Trying.trial_console``; empty until Azure has stored something."""
    address = arm.console_address(last(trial_id))
    if not address:
        return ""
    parts = urlsplit(address)
    storage = Connections(f"{parts.scheme}://{parts.netloc}", trust=arm.trust)
    try:
        answer = storage.ask(
            "GET", f"{parts.path}?{parts.query}", {"x-ms-version": VERSION},
            what="when the serial log was read",
        )  # fmt: skip
    finally:
        storage.close()
    if answer.status == 404:
        return ""
    if answer.status >= 300:
        raise Transient(f"Azure's storage answered {answer.status} when a serial log was read.")
    return answer.body.decode(errors="replace")


def end(arm: Arm, migration: str) -> list[Erased]:
    """See ``Trying.end_trial``."""
    return ownership.discard(arm, trial_of(migration))


def _stopped(arm: Arm, plan: Plan) -> Json:
    name = str(plan.value("name"))
    vm = arm.find(VM, name, expand="instanceView")
    if vm is None or tag(vm, MIGRATION_TAG) != plan.migration:
        raise Conflict(f"The VM '{name}' that {plan.migration} made is not in the resource group.")
    if power.state_of(vm) is not PowerState.STOPPED:
        raise Conflict(f"VM '{name}' is {power.power_word(vm)}: a copy is made once it is stopped.")
    return vm


def _copy(arm: Arm, trial: Plan, number: int, entry: Json) -> str:
    disk = arm.get(DISK, last(entry["managedDisk"]["id"]))
    sku = (disk.get("sku") or {}).get("name")
    if sku in _BY_SNAPSHOT_ONLY:
        raise Refused(f"A disk of type {sku} ('{disk['name']}') has no direct copy.")
    name = trial.object_name(f"disk{number}")
    if (there := find_ours(arm, trial.migration, name)) is None:
        there = arm.put(DISK, name, {
            "location": arm.access.location,
            "sku": {"name": sku},
            "tags": {MIGRATION_TAG: trial.migration},
            "properties": {
                "creationData": {"createOption": "Copy", "sourceResourceId": disk["id"]},
                "networkAccessPolicy": "DenyAll",
            },
        })  # fmt: skip
    return str(there["id"])


def _put_in(arm: Arm, trial: Plan, of: Json, copies: list[str]) -> Json:
    """The VM as it is, with copies of its disks, other interfaces, and its serial log kept."""
    tags = {MIGRATION_TAG: trial.migration}
    group = network.ensure(
        arm, NSG, trial, trial.object_name("nsg"), network.deny_all(arm, tags)
    )  # fmt: skip
    nics = [
        network.ensure(arm, NIC, trial, trial.object_name(f"nic{index}"), {
            "location": arm.access.location,
            "tags": tags,
            "properties": {
                "ipConfigurations": [{"name": "primary", "properties": {
                    "primary": True,
                    "subnet": {"id": trial.value(f"nics[{index}].subnet_id")},
                    "privateIPAllocationMethod": "Dynamic",
                }}],
                "networkSecurityGroup": {"id": group["id"]},
            },
        })
        for index in range(len(trial.machine.nics))
    ]  # fmt: skip
    ports = of["networkProfile"]["networkInterfaces"]
    storage = of["storageProfile"]
    first, *rest = (
        {
            **{key: entry[key] for key in ("osType", "lun", "caching") if key in entry},
            "createOption": "Attach", "deleteOption": "Detach", "managedDisk": {"id": copied},
        }
        for entry, copied in zip(
            [storage["osDisk"], *(storage.get("dataDisks") or [])], copies, strict=True
        )
    )  # fmt: skip
    return {
        "location": arm.access.location,
        "tags": tags,
        "properties": {
            "hardwareProfile": {"vmSize": of["hardwareProfile"]["vmSize"]},
            "securityProfile": {"securityType": "Standard"},
            "storageProfile": {"diskControllerType": "SCSI", "osDisk": first, "dataDisks": rest},
            "networkProfile": {
                "networkInterfaces": [
                    {"id": nic["id"], "properties": {
                        "primary": bool((port.get("properties") or {}).get("primary")),
                        "deleteOption": "Detach",
                    }}
                    for nic, port in zip(nics, ports, strict=True)
                ]
            },
            "diagnosticsProfile": {"bootDiagnostics": {"enabled": True}},
        },
    }  # fmt: skip
