"""A throwaway copy of the new machine: started behind deny-all, listened to, and terminated.

It is made of the snapshots that the machine's volumes were made from, which no guest has written
to since: nothing is copied for it.

Pages: GetConsoleOutput of the EC2 API reference (by default what was posted shortly after the last
start or stop; the latest 64 KB at any time of types that use the Nitro hypervisor only, so that of
others it cannot be told what goes on); RegisterImage and RunInstances, as in ``frame`` and
``launching``.
"""

from typing import Any

from coldferry.boot_check import trial_of
from coldferry.errors import Conflict, Refused
from coldferry.plan import Plan
from coldferry.ports import Erased, PowerState
from providers.aws import deny_all, frame, launching, new_volumes, ownership
from providers.aws.client import speaking
from providers.aws.instances import power_of
from providers.aws.listing import tagging
from providers.aws.offers_types import type_of
from providers.aws.session import Clients
from providers.aws.target_tags import PROVEN_TAG, moment, our_tags, tag_of
from providers.aws.volumes import attachment_to


def start(clients: Clients, plan: Plan) -> str:
    """See ``Trying.start_trial``."""
    end(clients, plan.migration)
    vm = _left_stopped(clients, plan)
    _refuse_mute(clients, str(vm["InstanceType"]))
    disks, root = _proven(clients, plan, vm), new_volumes.root_place(plan)
    if root not in disks:
        raise Refused(f"{vm['InstanceId']} has no volume at {root} to start from.")
    trial = plan.model_copy(update={"migration": trial_of(plan.migration)})
    subnet = deny_all.place_of(clients, plan)
    group = deny_all.ensure_group(clients, trial, subnet["VpcId"])
    image = frame.register(clients, trial, disks, root)
    request = _request(trial, str(vm["InstanceType"]), image, group)
    started = launching.launch(clients, trial.migration, request)
    launching.settle(clients, started)
    return started


def console(clients: Clients, trial_id: str) -> str:
    """See ``Trying.trial_console``; of a longer one the last 64 KB."""
    mute = {"UnsupportedOperation": _mute(trial_id)}
    with speaking("ec2:GetConsoleOutput", trial_id, mute):
        answer = clients.ec2.get_console_output(InstanceId=trial_id, Latest=True)
    return str(answer.get("Output") or "")


def end(clients: Clients, migration: str) -> list[Erased]:
    """See ``Trying.end_trial``."""
    return ownership.discard(clients, trial_of(migration))


def _left_stopped(clients: Clients, plan: Plan) -> Any:
    """The row of the migration's own machine, as its proof left it."""
    vm = launching.find_vm(clients, plan.migration)
    if vm is None:
        raise Conflict(f"The machine that {plan.migration} made is not in the region.")
    if (power := power_of(vm)) is not PowerState.STOPPED:
        raise Conflict(f"{vm['InstanceId']} is {power}: a copy is made once it is stopped.")
    if tag_of(vm, PROVEN_TAG) != moment(vm.get("LaunchTime")):
        raise Conflict(f"{vm['InstanceId']} was started since it was left stopped.")
    return vm


def _refuse_mute(clients: Clients, kind: str) -> None:
    with speaking("ec2:DescribeInstanceTypes", kind):
        answer = clients.ec2.describe_instance_types(InstanceTypes=[kind])  # type: ignore[list-item]
    if not any(type_of(row, ()).nitro for row in answer["InstanceTypes"]):
        raise _mute(kind)


def _mute(subject: str) -> Refused:
    return Refused(
        f"EC2 does not show what {subject} says while it runs: it is not of the Nitro hypervisor."
    )


def _proven(clients: Clients, plan: Plan, vm: Any) -> dict[str, str]:
    """The snapshot of each volume at the machine, by its place."""
    found = {}
    for volume in new_volumes.ours(clients, plan.migration).values():
        hold = attachment_to(volume, vm["InstanceId"])
        if hold is not None:
            found[str(hold["Device"])] = str(volume.get("SnapshotId") or "")
    if not all(found.values()):
        raise Refused(f"A volume of {vm['InstanceId']} was made from no snapshot.")
    return found


def _request(trial: Plan, kind: str, image: str, group: str) -> dict[str, Any]:
    """The same type, place and number of interfaces; its addresses are the machine's own."""
    tags = our_tags(trial)
    asked: dict[str, Any] = {
        "ImageId": image,
        "InstanceType": kind,
        "MinCount": 1,
        "MaxCount": 1,
        "InstanceInitiatedShutdownBehavior": "stop",
        "NetworkInterfaces": [
            launching.interface(trial, index, place, group)
            for place, index in enumerate(deny_all.nic_order(trial))
        ],
        "TagSpecifications": [
            *tagging("instance", tags | {"Name": trial.object_name("vm")}),
            *tagging("volume", tags),
            *tagging("network-interface", tags),
        ],
    }
    if trial.value("tenancy") == "dedicated":
        asked["Placement"] = {"Tenancy": "dedicated"}
    return asked
