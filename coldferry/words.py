"""The description's fields in a team's words, for whoever shows them to people.

One row for each pattern of a leaf: where it belongs, and its title. A list's
name in braces stands for the item that the path names: ``{nics}`` becomes
``interface 1 (10.0.1.20)``. People count from 1, paths from 0.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

from coldferry.leaves import pattern_of
from coldferry.machine import UNKNOWN, Machine
from coldferry.plain import plain

MACHINE, NETWORK, DISKS, FILES, LABELS, ACCESS, LICENCE, AROUND = GROUPS = (
    "machine", "network", "disks", "shared files", "labels", "start-up and access", "licence",
    "surroundings",
)  # fmt: skip
"""In the order in which people are asked."""

WORDS: dict[str, tuple[str, str]] = {
    "schema_version": (MACHINE, "Version of the description"),
    "origin.provider": (MACHINE, "Cloud that it comes from"),
    "origin.scope": (MACHINE, "Account and region that it comes from"),
    "origin.id": (MACHINE, "Id at the source"),
    "name": (MACHINE, "Name of the machine"),
    "hostname": (MACHINE, "Host name inside the guest"),
    "instance_type": (MACHINE, "Size of the machine"),
    "vcpus": (MACHINE, "Number of vCPUs"),
    "memory_bytes": (MACHINE, "Memory"),
    "accelerators": (MACHINE, "GPUs and other accelerators"),
    "burstable": (MACHINE, "CPUs that are throttled or not"),
    "bare_metal": (MACHINE, "Bare metal or not"),
    "architecture": (MACHINE, "CPU architecture"),
    "firmware": (MACHINE, "Firmware that it boots by"),
    "secure_boot": (MACHINE, "Secure Boot"),
    "tpm": (MACHINE, "TPM"),
    "os_family": (MACHINE, "Family of the operating system"),
    "zone": (MACHINE, "Zone"),
    "tenancy": (MACHINE, "Shared or dedicated host"),
    "stoppable": (MACHINE, "Stopping before the copy"),
    "dns.servers": (NETWORK, "DNS resolvers"),
    "dns.search_domains": (NETWORK, "DNS search domains"),
    "dns.time_servers": (NETWORK, "Time servers"),
    "nics[].id": (NETWORK, "Id of {nics}"),
    "nics[].device_index": (NETWORK, "Position of {nics}"),
    "nics[].primary": (NETWORK, "Main interface or not: {nics}"),
    "nics[].mac": (NETWORK, "MAC address of {nics}"),
    "nics[].network_id": (NETWORK, "Virtual network of {nics}"),
    "nics[].subnet_id": (NETWORK, "Network for {nics}"),
    "nics[].subnet_cidr": (NETWORK, "Address range of {nics}"),
    "nics[].private_address": (NETWORK, "Private address of {nics}"),
    "nics[].more_private_addresses": (NETWORK, "More private addresses of {nics}"),
    "nics[].address_assignment": (NETWORK, "How {nics} gets its address"),
    "nics[].public_address": (NETWORK, "Public address of {nics}"),
    "nics[].public_address_kind": (NETWORK, "Kind of public address of {nics}"),
    "nics[].forwards_packets": (NETWORK, "Forwarding of others' packets by {nics}"),
    "nics[].security_groups[].id": (NETWORK, "Security group {security_groups} of {nics}"),
    "nics[].security_groups[].name": (
        NETWORK, "Name of security group {security_groups} of {nics}",
    ),
    "nics[].security_groups[].rules": (
        NETWORK, "Rules of security group {security_groups} of {nics}",
    ),
    "disks[].id": (DISKS, "Id of {disks}"),
    "disks[].device": (DISKS, "Device name of {disks}"),
    "disks[].root": (DISKS, "Root disk or not: {disks}"),
    "disks[].size_bytes": (DISKS, "Size of {disks}"),
    "disks[].kind": (DISKS, "Type of {disks}"),
    "disks[].medium": (DISKS, "Medium of {disks}"),
    "disks[].iops": (DISKS, "IOPS of {disks}"),
    "disks[].throughput_bytes_s": (DISKS, "Throughput of {disks}"),
    "disks[].encrypted": (DISKS, "Encryption of {disks}"),
    "disks[].key_id": (DISKS, "Encryption key of {disks}"),
    "disks[].shared": (DISKS, "Use of {disks} by several machines"),
    "disks[].deleted_with_machine": (DISKS, "Whether {disks} ends with the machine"),
    "ephemeral_disks[].device": (DISKS, "Content of {ephemeral_disks}"),
    "ephemeral_disks[].size_bytes": (DISKS, "Size of {ephemeral_disks}"),
    "root_image": (DISKS, "Image that the root is made from"),
    "root_image.image": (DISKS, "Image that the root is made from"),
    "network_filesystems[].id": (FILES, "{network_filesystems}"),
    "network_filesystems[].kind": (FILES, "Kind of {network_filesystems}"),
    "network_filesystems[].address": (FILES, "Address of {network_filesystems}"),
    "network_filesystems[].mounted": (FILES, "Whether {network_filesystems} is mounted"),
    "tags[].key": (LABELS, "Name of {tags}"),
    "tags[].value": (LABELS, "Value of {tags}"),
    "user_data": (ACCESS, "Start-up data"),
    "user_data.sha256": (ACCESS, "Start-up data (cloud-init, user data)"),
    "user_data.size_bytes": (ACCESS, "Size of the start-up data"),
    "key_names": (ACCESS, "SSH keys"),
    "profile": (ACCESS, "Rights that the machine has in the cloud"),
    "relations[].kind": (AROUND, "Kind of {relations}"),
    "relations[].id": (AROUND, "{relations}"),
    "relations[].detail": (AROUND, "What is known of {relations}"),
    "licence.platform": (LICENCE, "Licence that the hourly price pays for"),
    "licence.product_codes": (LICENCE, "Marketplace products"),
}  # fmt: skip

_GIB = 1 << 30
_SHORT = 40
_ITEM = re.compile(r"(\w+)\[(\d+)\]")


def group(path: str) -> str:
    """Which of :data:`GROUPS` a field belongs to."""
    return WORDS[pattern_of(path)][0]


def title(machine: Machine, *paths: str) -> str:
    """What a person calls the field, or those fields of one kind; one line of plain characters."""
    words = WORDS[pattern_of(paths[0])][1]
    named: dict[str, dict[str, None]] = {}
    for path in paths:
        for list_name, item in _items(machine, path):
            named.setdefault(list_name, {})[item] = None
    filled = words.format_map({name: _listed(list(items)) for name, items in named.items()})
    return filled[0].upper() + filled[1:]


def _items(machine: Machine, path: str) -> list[tuple[str, str]]:
    """Each list that the path goes through, with the words for its item there."""
    found, part = [], machine
    for list_name, index in _ITEM.findall(path):
        part = getattr(part, list_name)[int(index)]
        found.append((list_name, _NAMED[list_name](int(index) + 1, part)))
    return found


def _listed(items: Sequence[str]) -> str:
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def _nic(number: int, nic: Any) -> str:
    hint = nic.private_address or (nic.mac if nic.mac != UNKNOWN else nic.id)
    return f"interface {number} ({plain(hint, _SHORT)})"


def _disk(number: int, disk: Any) -> str:
    return f"disk {number} ({plain(disk.device, _SHORT)}, {disk.size_bytes / _GIB:g} GiB)"


_NAMED: dict[str, Callable[[int, Any], str]] = {
    "nics": _nic,
    "security_groups": lambda _, held: plain(held.name or held.id, _SHORT),
    "disks": _disk,
    "ephemeral_disks": lambda n, disk: f"temporary disk {n} ({plain(disk.device, _SHORT)})",
    "network_filesystems": lambda n, share: (
        f"shared file system {n} ({plain(share.kind, _SHORT)} {plain(share.id, _SHORT)})"
    ),
    "tags": lambda n, tag: f"tag {n} ({plain(tag.key, _SHORT)})",
    "relations": lambda _, known: f"{plain(known.kind)} {plain(known.id, 2 * _SHORT)}",
}
