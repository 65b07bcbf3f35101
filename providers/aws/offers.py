"""Reading the catalogue from AWS, now.

Pages: DescribeInstanceTypes, DescribeInstanceTypeOfferings, DescribeSubnets,
GetEbsEncryptionByDefault of the EC2 API reference; "Amazon EC2 On-Demand
Instances: quotas" (which quota a type counts against).
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from coldferry.errors import ColdferryError, Denied, ProviderError
from coldferry.machine import UNKNOWN, Unknown
from coldferry.migration import MIGRATION_TAG
from coldferry.offered import ORIGIN_TAG, Subnet, Usage
from providers.aws.catalogue import GIB, Catalogue, Image, Instance, InstanceType, Network
from providers.aws.client import speaking
from providers.aws.instances import tags_of
from providers.aws.networking import resolvers_of
from providers.aws.offers_types import instance_types
from providers.aws.session import Clients

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import ImageTypeDef, InstanceTypeDef, SubnetTypeDef

_QUOTAS = {
    "standard": "L-1216C47A",
    "dl": "L-6E869C2A",
    "f": "L-74FC7D96",
    "g": "L-DB2E81BA",
    "hpc": "L-F7808C92",
    "u": "L-43DA4232",
    "inf": "L-1945791B",
    "p": "L-417A185B",
    "trn": "L-2C3B7624",
    "x": "L-7295265B",
}
"""Codes of the quotas "Running On-Demand … instances", in vCPUs."""

_LIVING = ("pending", "running", "stopping", "stopped")
_COUNTED = ("pending", "running")


def read(clients: Clients) -> Catalogue:
    """Ask AWS for all of it, now."""
    types = tuple(instance_types(clients))
    networks = tuple(_networks(clients))
    rows = list(_pages(clients, "describe_instances", "Reservations", "the region's machines"))
    instances = [one for row in rows for one in row.get("Instances", [])]
    return Catalogue(
        region=clients.region,
        types=types,
        networks=networks,
        subnets=tuple(_subnets(clients, networks)),
        groups=tuple(
            row["GroupId"]
            for row in _pages(
                clients, "describe_security_groups", "SecurityGroups", "the security groups"
            )
        ),
        key_pairs=_key_pairs(clients),
        images=tuple(_images(clients)),
        instances=tuple(_instance(one) for one in instances if _state(one) in _LIVING),
        quotas=_quotas(clients, types, instances),
        encrypts=_encrypts(clients),
    )


def _pages(clients: Clients, call: Any, key: str, subject: str) -> Iterator[Any]:
    action = "".join(word.capitalize() for word in str(call).split("_"))
    with speaking(f"ec2:{action}", subject):
        for page in clients.ec2.get_paginator(call).paginate():
            yield from page.get(key, [])


def _state(instance: "InstanceTypeDef") -> str:
    return str(instance.get("State", {}).get("Name", ""))


def _instance(instance: "InstanceTypeDef") -> Instance:
    tags = tags_of(instance.get("Tags", []))
    return Instance(
        id=instance["InstanceId"],
        name=tags.get("Name", ""),
        kind=str(instance.get("InstanceType", "")),
        origin=tags.get(ORIGIN_TAG, ""),
    )


def _networks(clients: Clients) -> Iterator[Network]:
    options = {
        row["DhcpOptionsId"]: row.get("DhcpConfigurations", [])
        for row in _pages(clients, "describe_dhcp_options", "DhcpOptions", "the DHCP options")
    }
    options.setdefault("default", [])  # EC2's word for: no options are handed out
    for row in _pages(clients, "describe_vpcs", "Vpcs", "the networks"):
        name = tags_of(row.get("Tags", [])).get("Name") or row["VpcId"]
        handed = options.get(row.get("DhcpOptionsId", ""))
        if handed is None:
            yield Network(id=row["VpcId"], name=name)
            continue
        servers, search_domains, time_servers = resolvers_of(handed)
        yield Network(
            id=row["VpcId"],
            name=name,
            servers=servers,
            search_domains=search_domains,
            time_servers=time_servers,
        )


def _subnets(clients: Clients, networks: Iterable[Network]) -> Iterator[Subnet]:
    """Those that take an instance: there, with IPv4 addresses, and on no Outpost."""
    names = {network.id: network.name for network in networks}
    used = _used(clients)
    for row in _pages(clients, "describe_subnets", "Subnets", "the subnets"):
        if row.get("State") == "available" and row.get("CidrBlock") and not row.get("OutpostArn"):
            yield _subnet(row, names, used)


def _subnet(row: "SubnetTypeDef", names: dict[str, str], used: dict[str, dict[str, str]]) -> Subnet:
    own, network = row["SubnetId"], row.get("VpcId", "")
    return Subnet(
        id=own,
        name=tags_of(row.get("Tags", [])).get("Name") or own,
        network=names.get(network, network),
        network_id=network,
        cidrs=(row["CidrBlock"],),
        used=used.get(own, {}),
        zone=row.get("AvailabilityZone", ""),
        available=row.get("AvailableIpAddressCount"),
    )


def _used(clients: Clients) -> dict[str, dict[str, str]]:
    """By subnet: every address in use, and the origin tag of its interface."""
    found: dict[str, dict[str, str]] = {}
    for row in _pages(
        clients, "describe_network_interfaces", "NetworkInterfaces", "the network interfaces"
    ):
        owner = tags_of(row.get("TagSet", [])).get(ORIGIN_TAG, "")
        for entry in row.get("PrivateIpAddresses", []):
            if "PrivateIpAddress" in entry:
                found.setdefault(row.get("SubnetId", ""), {})[entry["PrivateIpAddress"]] = owner
    return found


def _key_pairs(clients: Clients) -> tuple[str, ...]:
    with speaking("ec2:DescribeKeyPairs", "the key pairs"):
        rows = clients.ec2.describe_key_pairs()["KeyPairs"]
    return tuple(sorted(row["KeyName"] for row in rows if "KeyName" in row))


def _images(clients: Clients) -> Iterator[Image]:
    """This account's own that a persistent root can be made from."""
    with speaking("ec2:DescribeImages", "the account's images"):
        pages = clients.ec2.get_paginator("describe_images").paginate(Owners=["self"])
        rows = [row for page in pages for row in page["Images"]]
    for row in sorted(rows, key=lambda row: (row.get("Name", ""), row["ImageId"])):
        passing = MIGRATION_TAG in tags_of(row.get("Tags", []))  # of a migration or a boot check
        if row.get("RootDeviceType") == "ebs" and row.get("State") == "available" and not passing:
            yield _image(row)


def _image(row: "ImageTypeDef") -> Image:
    architecture = str(row.get("Architecture", UNKNOWN))
    # "Boot modes": without one an image boots by BIOS on x86 and by UEFI on ARM.
    mode = row.get("BootMode") or ("uefi" if architecture == "arm64" else "legacy-bios")
    mapped = {
        place.get("DeviceName"): place.get("Ebs", {})
        for place in row.get("BlockDeviceMappings", [])
    }
    root: Any = mapped.get(row.get("RootDeviceName"), {})
    return Image(
        id=row["ImageId"],
        name=row.get("Name") or row["ImageId"],
        architecture=architecture,
        firmware="bios" if mode == "legacy-bios" else "uefi",
        platform=row.get("PlatformDetails") or UNKNOWN,
        size_bytes=root.get("VolumeSize", 0) * GIB,
    )


def _quotas(
    clients: Clients, types: Iterable[InstanceType], instances: "Iterable[InstanceTypeDef]"
) -> dict[str, Usage]:
    """What could be read; nothing where the quotas may not be asked for."""
    vcpus = {kind.name: kind for kind in types}
    used: Counter[str] = Counter()
    for one in instances:
        kind = vcpus.get(str(one.get("InstanceType", "")))
        if kind and _state(one) in _COUNTED and one.get("InstanceLifecycle") != "spot":
            used[kind.quota] += kind.vcpus
    found = {}
    for key, code in _QUOTAS.items():
        try:
            with speaking("servicequotas:GetServiceQuota", code):
                quota = clients.quotas.get_service_quota(ServiceCode="ec2", QuotaCode=code)
        except Denied:
            break
        except ColdferryError:
            continue
        found[key] = Usage(limit=int(quota["Quota"].get("Value", 0)), used=used[key])
    return found


def _encrypts(clients: Clients) -> bool | Unknown:
    try:
        with speaking("ec2:GetEbsEncryptionByDefault", "the region"):
            return bool(clients.ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"])
    except ProviderError:
        return UNKNOWN
