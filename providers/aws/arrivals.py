"""The migration's own VM at the cutover: how it is, and its real security groups.

Pages: ModifyNetworkInterfaceAttribute of the EC2 API reference; "Default security groups for
your VPCs": an interface is behind a group always, and behind its VPC's default one when nobody
names any. So that is what "no group" means here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from coldferry.errors import BadInput, Gone
from coldferry.migration import MIGRATION_TAG
from coldferry.ports import Arrived
from providers.aws.client import speaking
from providers.aws.instances import power_of
from providers.aws.launching import find_vm, interfaces
from providers.aws.listing import made_by, rows
from providers.aws.session import Clients
from providers.aws.target_tags import tag_of

_DEFAULT = "default"


def arrived(clients: Clients, migration: str) -> Arrived | None:
    """See ``Target.arrived``."""
    row = find_vm(clients, migration)
    if row is None:
        return None
    nics, groups = _own(clients, row, migration), _groups(clients, row)
    names = {one["GroupId"]: _word(one) for one in groups}
    return Arrived(
        vm=row["InstanceId"],
        power=power_of(row),
        interfaces=tuple(nic["NetworkInterfaceId"] for nic in nics),
        groups=tuple(_behind(nic, names) for nic in nics),
        offered=tuple(_offered(groups)),
        address=str(nics[0].get("PrivateIpAddress") or "") if nics else "",
    )


def open_up(clients: Clients, migration: str, groups: Sequence[str]) -> None:
    """See ``Target.open_up``."""
    row = find_vm(clients, migration)
    if row is None:
        raise Gone(f"The machine that {migration} made is not in the region any more.")
    found = _groups(clients, row)
    offered = _offered(found)
    if wrong := sorted({name for name in groups if name and name not in offered}):
        raise BadInput(
            f"There is no security group {', '.join(wrong)} in {row.get('VpcId')}.",
            f"Name one of {', '.join(offered) or 'none: there is no other'}.",
        )
    usual = next((one["GroupId"] for one in found if one["GroupName"] == _DEFAULT), "")
    for nic, name in zip(_own(clients, row, migration), groups, strict=True):
        wanted, own = offered[name] if name else usual, nic["NetworkInterfaceId"]
        if [one.get("GroupId") for one in nic.get("Groups", [])] != [wanted]:
            with speaking("ec2:ModifyNetworkInterfaceAttribute", own):
                clients.ec2.modify_network_interface_attribute(
                    NetworkInterfaceId=own, Groups=[wanted]
                )


def _own(clients: Clients, row: Any, migration: str) -> list[Any]:
    """Those that the migration made, in the VM's order: others are not ours to change."""
    made = rows(clients, "describe_network_interfaces", migration, made_by(migration))
    ours = {nic["NetworkInterfaceId"] for nic in made}
    return [nic for nic in interfaces(row) if nic["NetworkInterfaceId"] in ours]


def _groups(clients: Clients, row: Any) -> list[Any]:
    """Every security group of the VM's network."""
    vpc = str(row.get("VpcId", ""))
    return rows(clients, "describe_security_groups", vpc, {"vpc-id": vpc})


def _word(group: Any) -> str:
    """What a person calls a group: its name, which is unique in a VPC; "" for the default one."""
    name = str(group["GroupName"])
    return "" if name == _DEFAULT else name


def _behind(nic: Any, names: Mapping[str, str]) -> str:
    ids = [one.get("GroupId", "") for one in nic.get("Groups", [])]
    return ", ".join(word for one in ids if (word := names.get(one, one)))


def _offered(groups: Sequence[Any]) -> dict[str, str]:
    """The id of every group that no migration made, by its name; the default one is "no group"."""
    found = [one for one in groups if tag_of(one, MIGRATION_TAG) is None and _word(one)]
    return {_word(one): one["GroupId"] for one in sorted(found, key=_word)}
