"""Descriptions for unit tests: a plain machine, and whatever a test wants otherwise."""

from typing import Any

from coldferry.machine import (
    Disk,
    Dns,
    EphemeralDisk,
    Licence,
    Machine,
    NetworkFilesystem,
    Nic,
    Origin,
    Relation,
    RootImage,
    SecurityGroup,
    Tag,
    UserData,
)

GIB = 1 << 30
MIB = 1 << 20


def a_disk(**changes: Any) -> Disk:
    """A root disk of 8 GiB; any field can be said otherwise."""
    fields: dict[str, Any] = {
        "id": "vol-1", "device": "/dev/sda1", "root": True, "size_bytes": 8 * GIB, "kind": "gp2",
        "medium": "ssd", "iops": 100, "throughput_bytes_s": 25 * MIB, "encrypted": False,
        "key_id": None, "shared": False, "deleted_with_machine": False,
    }  # fmt: skip
    return Disk(**fields | changes)


def a_nic(**changes: Any) -> Nic:
    """The primary interface at 10.0.1.20; any field can be said otherwise."""
    fields: dict[str, Any] = {
        "id": "eni-1", "device_index": 0, "primary": True, "mac": "02:00:00:00:00:01",
        "network_id": "vpc-1", "subnet_id": "subnet-1", "subnet_cidr": "10.0.1.0/24",
        "private_address": "10.0.1.20", "address_assignment": "static", "public_address": None,
        "public_address_kind": None, "forwards_packets": False,
    }  # fmt: skip
    return Nic(**fields | changes)


def a_machine(**changes: Any) -> Machine:
    """A small Linux web server that needs little said; any field can be said otherwise."""
    fields: dict[str, Any] = {
        "origin": Origin(provider="aws", scope="123456789012/eu-west-1", id="i-0123456789abcdef0"),
        "name": "web-01",
        "hostname": "ip-10-0-1-20",
        "instance_type": "m5.large",
        "vcpus": 2,
        "memory_bytes": 8 * GIB,
        "accelerators": 0,
        "burstable": False,
        "bare_metal": False,
        "architecture": "x86_64",
        "firmware": "bios",
        "secure_boot": False,
        "tpm": None,
        "os_family": "linux",
        "zone": "eu-west-1a",
        "tenancy": "default",
        "dns": Dns(servers=("AmazonProvidedDNS",), search_domains=(), time_servers=()),
        "nics": (a_nic(),),
        "disks": (a_disk(),),
        "licence": Licence(platform="Linux/UNIX"),
    }
    return Machine(**fields | changes)


def a_full_machine() -> Machine:
    """A machine that has something in every part of the description."""
    group = SecurityGroup(id="sg-1", name="web", rules=("inbound tcp 443 0.0.0.0/0",))
    nic = a_nic(
        security_groups=(group,), public_address="198.51.100.7", public_address_kind="reserved",
        more_private_addresses=("10.0.1.21",),
    )  # fmt: skip
    share = NetworkFilesystem(id="fs-1", kind="nfs", address="fs-1.example", mounted="unknown")
    return a_machine(
        nics=(nic,),
        disks=(a_disk(key_id="key-1", encrypted=True),),
        ephemeral_disks=(EphemeralDisk(device="/dev/nvme1n1", size_bytes=75 * GIB),),
        network_filesystems=(share,),
        tags=(Tag(key="team", value="shop"),),
        user_data=UserData(sha256="0" * 64, size_bytes=12),
        key_names=("ops",),
        profile="web-role",
        relations=(Relation(kind="load balancer", id="tg-web", detail="port 443"),),
        licence=Licence(platform="Windows", product_codes=("abc",)),
        root_image=RootImage(image="ami-1"),
        tpm="2.0",
        secure_boot=True,
        tenancy="dedicated",
        dns=Dns(servers=("10.0.0.2",), search_domains=("corp.example",), time_servers=("x",)),
    )
