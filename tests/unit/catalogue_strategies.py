"""Small catalogues of both targets: some of a few rows each, none of them needing to be there."""

from typing import Any

from hypothesis import strategies as st

from coldferry.offered import Subnet, Usage
from providers.aws.catalogue import Catalogue as AwsCatalogue
from providers.aws.catalogue import Image, InstanceType, Network
from providers.azure.catalogue import Catalogue as AzureCatalogue
from providers.azure.catalogue import DiskTier, Size, Snapshot, Vm
from providers.libvirt.catalogue import Catalogue as LibvirtCatalogue
from providers.libvirt.catalogue import Here, Kind, Place
from providers.libvirt.catalogue import Network as LibvirtNetwork
from providers.memory.world import World
from providers.ovf.catalogue import Catalogue as Folder

GIB = 1 << 30
MB = 1_000_000


def _subset(rows: Any) -> Any:
    """Most often some rows, sometimes all, sometimes none; in the order that they have here."""
    rows = tuple(rows)
    some = st.lists(st.sampled_from(rows), unique_by=id).map(
        lambda chosen: tuple(row for row in rows if any(row is one for one in chosen))
    )
    return st.just(rows) | some


def _subnet(name: str, network: str, cidr: str, **more: Any) -> Subnet:
    return Subnet(
        id=f"/nets/{network}/subnets/{name}", name=name, network=network,
        network_id=f"/nets/{network}", cidrs=(cidr,), **more,
    )  # fmt: skip


def _subnets(*zones: str) -> tuple[Subnet, ...]:
    """Two in one network and zone, one in another zone, one far away, a full one, a namesake."""
    near, other = zones
    used = {"10.0.1.50": "", "10.0.1.60": "somebody"}
    return (
        _subnet("apps", "main", "10.0.1.0/24", used=used, zone=near),
        _subnet("data", "main", "10.0.9.0/24", zone=near),
        _subnet("apps-b", "main", "10.0.2.0/24", zone=other),
        _subnet("apps", "far", "10.9.0.0/24", zone=near),
        _subnet("full", "main", "10.0.1.0/28", used=used, available=0, zone=near),
        Subnet(id="/x", name="apps", network="far", network_id="/far-2", cidrs=("10.9.0.0/24",)),
    )


def _size(name: str, vcpus: int, gib: float, **more: Any) -> Size:
    fields: dict[str, Any] = {
        "family": "five", "architecture": "x86_64", "generations": ("V1", "V2"),
        "max_data_disks": 4, "max_nics": 2, "premium_io": True, "controllers": ("SCSI",),
        "trusted_launch": True,
    }  # fmt: skip
    return Size(name=name, vcpus=vcpus, memory_bytes=round(gib * GIB), **fields | more)


SIZES = (
    _size("Standard_D2s_v5", 2, 8),
    _size("Standard_D2_v3", 2, 8, premium_io=False),
    _size("Standard_B2ms", 2, 8),
    _size("Standard_D4s_v5", 4, 16, max_data_disks=8, max_nics=4),
    _size("Standard_D2ps_v5", 2, 8, architecture="arm64", generations=("V2",)),
    _size("Standard_D2s_v6", 2, 8, controllers=("NVME",)),
    _size("Standard_NC4as_T4_v3", 4, 28, gpus=1, max_nics=4),
    _size("Standard_E96s_v5", 96, 672, max_data_disks=32, max_nics=8, family="e"),
    _size("Standard_M8ms", 8, 218.75, restricted="NotAvailableForSubscription"),
)
_TIERS = tuple(
    DiskTier(kind=kind, tier=tier, max_bytes=gib * GIB, iops=iops, throughput_bytes_s=rate * MB)
    for kind, tier, gib, iops, rate in (
        ("StandardSSD_LRS", "E10", 128, 500, 100), ("StandardSSD_LRS", "E80", 32767, 6000, 750),
        ("Premium_LRS", "P10", 128, 500, 100), ("Premium_LRS", "P80", 32767, 20000, 900),
        ("Standard_LRS", "S80", 32767, 2000, 500),
    )
)  # fmt: skip
_SNAPSHOTS = (
    Snapshot(id="/snap/1", name="golden", os="linux", generation="V2", size_bytes=GIB),
    Snapshot(id="/snap/2", name="old", os="windows", generation="V1", size_bytes=0),
)
_VMS = tuple(
    Vm(name=name, size="Standard_D2s_v5", origin="")
    for name in ("web-01", "web-01-2", "machine", "web-01-prod", "WEB-01-3")
)


def azure_catalogues() -> Any:
    """What the rules of Azure look at."""
    return st.builds(
        AzureCatalogue,
        location=st.just("westeurope"),
        sizes=_subset(SIZES),
        disk_tiers=_subset(_TIERS),
        subnets=_subset(_subnets("", "")),
        snapshots=_subset(_SNAPSHOTS),
        usages=st.sampled_from(({}, {"cores": Usage(limit=10, used=9)})),
        vms=_subset(_VMS),
    )


def whole_azure(**changes: Any) -> AzureCatalogue:
    """All rows that there are here, but for ``changes``."""
    rows: dict[str, Any] = {
        "sizes": SIZES, "disk_tiers": _TIERS, "subnets": _subnets("", ""),
        "snapshots": _SNAPSHOTS, "vms": _VMS,
    }  # fmt: skip
    return AzureCatalogue(location="westeurope", **rows | changes)


def _type(name: str, vcpus: int, gib: float, **more: Any) -> InstanceType:
    fields: dict[str, Any] = {
        "architectures": ("x86_64",), "firmwares": ("bios", "uefi"), "max_nics": 3,
        "max_disks": 27, "shared_attachments": True, "zones": ("a", "b"),
    }  # fmt: skip
    return InstanceType(name=name, vcpus=vcpus, memory_bytes=round(gib * GIB), **fields | more)


TYPES = (
    _type("m5.large", 2, 8),
    _type("t3.small", 2, 2, burstable=True),
    _type("m6g.large", 2, 8, architectures=("arm64",), firmwares=("uefi",)),
    _type("m5.xlarge", 4, 16, zones=("b",), max_nics=4),
    _type("m4.large", 2, 8, firmwares=("bios",), nitro=False),
    _type("g5.xlarge", 4, 16, accelerators=1, max_nics=4),
    _type("m5.metal", 96, 384, bare_metal=True, max_nics=15),
    _type("r7i.24xlarge", 96, 768, shared_attachments=False, max_disks=32, max_nics=15),
    _type("m1.small", 1, 1.7, virtualization=("paravirtual",), nitro=False),
)
_NETWORKS = (
    Network(id="/nets/main", name="main", servers=("10.0.0.2", "10.0.0.3"),
            search_domains=("corp.example",), time_servers=("169.254.169.253",)),
    Network(id="/nets/far", name="far", servers=("AmazonProvidedDNS",), search_domains=(),
            time_servers=()),
    Network(id="/far-2", name="far"),
)  # fmt: skip
_IMAGES = (
    Image(id="ami-1", name="golden", architecture="x86_64", firmware="bios", platform="Linux/UNIX",
          size_bytes=8 * GIB),
    Image(id="ami-2", name="arm", architecture="arm64", firmware="uefi", platform="unknown",
          size_bytes=0),
)  # fmt: skip


def aws_catalogues() -> Any:
    """What the rules of AWS look at."""
    return st.builds(
        AwsCatalogue,
        region=st.just("eu-west-1"),
        types=_subset(TYPES),
        networks=_subset(_NETWORKS),
        subnets=_subset(_subnets("a", "b")),
        key_pairs=st.sampled_from(((), ("ops", "other"))),
        images=_subset(_IMAGES),
        quotas=st.sampled_from(({}, {"standard": Usage(limit=5, used=4)})),
        encrypts=st.sampled_from((True, False, "unknown")),
    )


def whole_aws(**changes: Any) -> AwsCatalogue:
    """All rows that there are here, but for ``changes``."""
    rows: dict[str, Any] = {
        "types": TYPES, "networks": _NETWORKS, "subnets": _subnets("a", "b"), "images": _IMAGES,
    }  # fmt: skip
    return AwsCatalogue(region="eu-west-1", **rows | changes)


_KINDS = (
    Kind(architecture="x86_64", families=("pc", "q35"), firmwares=("bios", "uefi"), max_vcpus=16),
    Kind(architecture="arm64", families=("virt",), firmwares=("uefi",), max_vcpus=8),
)
_POOLS = (Place(name="main", available_bytes=GIB), Place(name="slow", available_bytes=0))
_HOST_NETWORKS = tuple(
    LibvirtNetwork(id=name, name=name, network=name, network_id=name, cidrs=cidrs)
    for name, cidrs in (("default", ("10.0.1.0/24",)), ("lan", ()), ("far", ("10.9.0.0/24",)))
)
MACHINES = (
    Here(name="web-01", origin="", macs=("02:00:00:00:00:01",)),
    Here(name="db", origin="aws x y"),
)


def libvirt_catalogues() -> Any:
    """What the rules of libvirt look at."""
    return st.builds(
        LibvirtCatalogue,
        host=st.just("host/system"),
        memory_bytes=st.sampled_from((GIB, 64 * GIB)),
        kinds=_subset(_KINDS),
        pools=_subset(_POOLS),
        networks=_subset(_HOST_NETWORKS),
        machines=_subset(MACHINES),
        pool=st.sampled_from(("", "main")),
    )


def whole_libvirt(machines: tuple[Here, ...] = ()) -> LibvirtCatalogue:
    """All rows that there are here, and the machines that are asked for."""
    return LibvirtCatalogue(
        host="host/system", memory_bytes=64 * GIB, kinds=_KINDS, pools=_POOLS,
        networks=_HOST_NETWORKS, machines=machines,
    )  # fmt: skip


def memory_catalogues() -> Any:
    """What the rules of the reference provider look at."""
    return st.sampled_from(
        (
            World("here", sizes={"small": (2, 8 * GIB), "large": (400, 4000 * GIB)}),
            World("there", sizes={"small": (1, 1)}),
        )
    )


def ovf_catalogues() -> Any:
    """What the rules of a folder of packages look at."""
    names = ("web-01", "web-01-2", "machine", "db")
    return st.builds(
        Folder,
        folder=st.just("/packages"),
        taken=st.sets(st.sampled_from(names)).map(lambda taken: dict.fromkeys(taken, "somebody")),
    )
