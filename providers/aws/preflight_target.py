"""Everything that would make the target refuse, found before anything is created.

Pages: "Quotas for Amazon EBS" (storage by volume type, snapshots in progress), "Amazon EC2
On-Demand Instances: quotas", "Subnet CIDR blocks", "Key states of AWS KMS keys".
"""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from coldferry.errors import ColdferryError, Denied, Finding, ProviderError, Unreachable, in_order
from coldferry.migration import MIGRATION_TAG
from coldferry.offered import Subnet, origin_mark
from coldferry.plan import Plan
from providers.aws import deny_all, frame, new_volumes, offers, rights_target
from providers.aws.catalogue import GIB, Catalogue
from providers.aws.client import speaking
from providers.aws.launching import wanted_address
from providers.aws.listing import rows
from providers.aws.session import Clients
from providers.aws.target_disks import written
from providers.aws.target_tags import tag_of

_AT_ONCE = 8

_STORAGE = {
    "gp2": "L-D18FCD1D", "gp3": "L-7A658B76", "io1": "L-FD252861", "io2": "L-09BD8365",
    "sc1": "L-17AF77E8", "st1": "L-82ACEF56", "standard": "L-9CF3C2EB",
}  # fmt: skip
"""Codes of the quotas "Storage for … volumes, in TiB"."""

_PENDING = "L-94D7AB7D"
_USABLE_KEY = "Enabled"


def findings(clients: Clients, plan: Plan) -> list[Finding]:
    """All faults at once. Raises what the provider says when it cannot be asked at all."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        asked = pool.submit(offers.read, clients)
        volumes = pool.submit(_volume_quotas, clients, plan)
        pending = pool.submit(_pending, clients, plan)
        names = pool.submit(_names, clients, plan)
        key = pool.submit(_key, clients, plan)
        catalogue = asked.result()
        questions = rights_target.asked_of(clients, plan, catalogue)
        lacking = [pool.submit(question) for question in questions]
        found = [
            *_permissions(plan, [action for one in lacking if (action := one.result())]),
            *_type(plan, catalogue),
            *_subnets(plan, catalogue),
            *_chosen(plan, catalogue),
            *names.result(),
            *volumes.result(),
            *pending.result(),
            *key.result(),
        ]
    return in_order(found)


def _refuse(code: str, subject: str, what: str, do: str) -> Finding:
    return Finding("refuse", code, subject, what, do)


def _permissions(plan: Plan, actions: list[str]) -> Iterator[Finding]:
    if actions:
        yield _refuse(
            "permissions", plan.machine.name,
            f"The credentials lack {', '.join(actions)}.",
            "Allow them in the policy of the role or user.",
        )  # fmt: skip


def _type(plan: Plan, catalogue: Catalogue) -> Iterator[Finding]:
    if not plan.machine.nics:
        yield _refuse(
            "no-interface", plan.machine.name,
            f"{plan.machine.name} has no network interface, and EC2 has no machine without one.",
            "Give it one at the source, then plan it again.",
        )  # fmt: skip
    if plan.value("instance_type") is None:
        return
    name, zone = str(plan.value("instance_type")), plan.value("zone")
    kind = catalogue.type(name)
    if kind is None or (zone and zone not in kind.zones):
        yield _refuse(
            "size-not-offered", name,
            f"The type {name} is not offered in {zone or catalogue.region}.",
            "Plan again: another type is chosen or asked for.",
        )  # fmt: skip
        return
    disks, nics = len(new_volumes.places(plan)), len(plan.machine.nics)
    if not kind.takes(disks, nics):
        yield _refuse(
            "size-too-small", name,
            f"{name} does not take {disks} volumes and {nics} interfaces together.",
            "Plan again and answer another type.",
        )  # fmt: skip
    left = catalogue.vcpus_left(kind, origin_mark(plan.machine))
    if left is not None and left < kind.vcpus:
        yield _refuse(
            "quota-cores", name, f"{name} needs {kind.vcpus} vCPUs, the quota leaves {left}.",
            "Ask AWS for more On-Demand vCPUs of its family, or answer another type.",
        )  # fmt: skip


def _subnets(plan: Plan, catalogue: Catalogue) -> Iterator[Finding]:
    """Of each interface the subnet that was chosen, and the address that was decided on."""
    mine, joining = origin_mark(plan.machine), Counter[str]()
    there = {subnet.id: subnet for subnet in catalogue.subnets}
    for index in range(len(plan.machine.nics)):
        path = f"nics[{index}]"
        said = plan.value(f"{path}.subnet_id")
        if said is not None and (subnet := there.get(str(said))) is None:
            yield _refuse(
                "no-subnet", path, f"There is no subnet {said} any more.",
                "Plan again and answer another subnet.",
            )  # fmt: skip
        elif said is not None and subnet is not None:
            joining[subnet.id] += 1
            yield from _address(plan, index, subnet, mine)
    for id_, count in joining.items():
        subnet = there[id_]
        needed = count - sum(owner == mine for owner in subnet.used.values())
        if needed > subnet.free():
            yield _refuse(
                "subnet-full", id_,
                f"Subnet {subnet.short} has {subnet.free()} free addresses, {needed} are needed.",
                "Answer another subnet, or free addresses.",
            )  # fmt: skip


def _address(plan: Plan, index: int, subnet: Subnet, mine: str) -> Iterator[Finding]:
    address, path = wanted_address(plan, index), f"nics[{index}]"
    if address is None:
        return
    if not subnet.holds(address) or subnet.reserved(address):
        yield _refuse(
            "address-not-offered", path,
            f"{subnet.short} ({', '.join(subnet.cidrs)}) does not give {address} any more.",
            f"Plan again and answer another {path}.private_address.",
        )  # fmt: skip
    elif subnet.used.get(address, mine) != mine:
        yield _refuse(
            "address-in-use", path, f"{address} in {subnet.short} is in use by now.",
            f"Free it, or answer another {path}.private_address.",
        )  # fmt: skip


def _chosen(plan: Plan, catalogue: Catalogue) -> Iterator[Finding]:
    """What a person named may be gone by now."""
    key = plan.value("key_names")
    image = plan.value("root_image.image") if plan.machine.root_image is not None else None
    if key and key not in catalogue.key_pairs:
        yield _refuse(
            "no-key-pair", str(key), f"There is no key pair {key} any more.",
            "Plan again and answer another one, or none.",
        )  # fmt: skip
    if image and image not in [one.id for one in catalogue.images]:
        yield _refuse(
            "no-image", str(image), f"There is no image {image} in the account any more.",
            "Plan again and answer another one.",
        )  # fmt: skip


def _names(clients: Clients, plan: Plan) -> list[Finding]:
    """Names that are taken by what this migration did not make; instances need none."""
    group, image = deny_all.group_name(plan), frame.image_name(plan)
    found = [
        (f"security group '{group}'", group, row)
        for row in rows(clients, "describe_security_groups", group, {"group-name": group})
    ]
    found += [
        (f"image '{image}'", image, row)
        for row in rows(clients, "describe_images", image, {"name": image})
    ]
    return [
        _refuse(
            "name-taken", name, f"The {thing} is there, and this migration did not make it.",
            "Rename or remove it.",
        )
        for thing, name, row in found
        if tag_of(row, MIGRATION_TAG) != plan.migration
    ]  # fmt: skip


def _volume_quotas(clients: Clients, plan: Plan) -> list[Finding]:
    """Whether each type's storage has room for the volumes that are not there yet."""
    there = new_volumes.ours(clients, plan.migration)
    needed = Counter[str]()
    for device in plan.devices:
        kind, size = (
            plan.value(f"disks[{device.index}].{what}") for what in ("kind", "size_bytes")
        )
        if kind is not None and size is not None and device.name not in there:
            needed[str(kind)] += -(-int(size) // GIB)
    found = []
    for kind, size_gib in needed.items():
        quota_tib = _quota(clients, _STORAGE.get(kind, ""))
        if quota_tib is None:
            continue
        listed = rows(clients, "describe_volumes", "the volumes", {"volume-type": kind})
        left = int(quota_tib * 1024) - sum(row.get("Size", 0) for row in listed)
        if size_gib > left:
            found.append(_refuse(
                "quota-disks", kind,
                f"{size_gib} GiB of {kind} volumes are needed, the quota leaves {max(0, left)}.",
                "Ask AWS to raise the quota, or remove volumes.",
            ))  # fmt: skip
    return found


def _pending(clients: Clients, plan: Plan) -> list[Finding]:
    """Each disk is a snapshot in progress until it is committed."""
    most = _quota(clients, _PENDING)
    if most is None:
        return []
    ours = {row["SnapshotId"] for row in written(clients, plan.migration)}
    listed = rows(clients, "describe_snapshots", "the snapshots", {"status": "pending"})
    used = sum(row["SnapshotId"] not in ours for row in listed)
    needed = len(plan.devices)
    if used + needed <= most:
        return []
    return [_refuse(
        "pending-snapshots", "snapshots in progress",
        f"{needed} snapshots are written at once, and of {most:.0f} in progress {used} are taken.",
        "Wait until they are completed, or ask AWS to raise the quota.",
    )]  # fmt: skip


def _quota(clients: Clients, code: str) -> float | None:
    try:
        with speaking("servicequotas:GetServiceQuota", code):
            answer: Any = clients.quotas.get_service_quota(ServiceCode="ebs", QuotaCode=code)
    except Unreachable:
        raise
    except ColdferryError:
        return None  # then EC2 tells when it refuses
    value = answer["Quota"].get("Value")
    return None if value is None else float(value)


def _key(clients: Clients, plan: Plan) -> list[Finding]:
    """The key that encrypted disks get: the account's default one for EBS."""
    if not any(plan.value(f"disks[{device.index}].encrypted") for device in plan.devices):
        return []
    try:
        with speaking("ec2:GetEbsDefaultKmsKeyId", "the region"):
            key = clients.ec2.get_ebs_default_kms_key_id()["KmsKeyId"]
        with speaking("kms:DescribeKey", key):
            state = clients.service("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"]
    except Unreachable:
        raise
    except Denied:
        return [Finding(
            "inform", "key-unread", clients.region,
            "Nobody let us look at the default key for EBS: whether it can be used shows when it "
            "is.",
        )]  # fmt: skip
    except ProviderError:
        return []  # EC2 makes its own key when it is first used
    if state == _USABLE_KEY:
        return []
    return [_refuse(
        "key-unusable", key, f"The disks cannot be encrypted: the KMS key {key} is {state}.",
        "Enable the key, or make another one the default for EBS.",
    )]  # fmt: skip
