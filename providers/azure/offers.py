"""Reading the catalogue from Azure, now.

Pages: "Resource Skus - List" (capabilities are strings), "Usage - List",
"Virtual Networks - List All", "Network Interfaces - List All".
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from coldferry.migration import MIGRATION_TAG
from coldferry.offered import ORIGIN_TAG, Subnet, Usage
from providers.azure.catalogue import GIB, Catalogue, DiskTier, Size, Snapshot, Vm
from providers.azure.client import Arm
from providers.azure.ids import Json, last, plain_location, properties, tag
from providers.azure.kinds import NIC, NSG, SNAPSHOT, VM, VNET

_AT_ONCE = 4
"""Of the 25 reads a second that a subscription has for one caller."""

_ARCHITECTURES = {"x64": "x86_64", "arm64": "arm64"}


def read(arm: Arm) -> Catalogue:
    """Ask Azure for all of it, now, several questions at the same time."""
    location = plain_location(arm.access.location)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        asked_skus = pool.submit(arm.skus)
        vnets = pool.submit(arm.in_subscription, VNET)
        nics = pool.submit(arm.in_subscription, NIC)
        nsgs = pool.submit(arm.in_group, NSG)
        snapshots = pool.submit(arm.in_group, SNAPSHOT)
        usages = pool.submit(arm.usages)
        network_usages = pool.submit(arm.network_usages)
        vms = pool.submit(arm.in_group, VM)
        skus = asked_skus.result()
        here = [v for v in vnets.result() if plain_location(v["location"]) == location]
        return Catalogue(
            location=arm.access.location,
            sizes=tuple(_sizes(skus, location)),
            disk_tiers=tuple(_disk_tiers(skus)),
            subnets=tuple(_subnets(here, nics.result())),
            nsgs=tuple(nsg["id"] for nsg in nsgs.result()),
            snapshots=tuple(_snapshots(snapshots.result())),
            usages=_usages(usages.result()),
            network_usages=_usages(network_usages.result()),
            vms=tuple(_vms(vms.result())),
        )


def sizes(arm: Arm) -> tuple[Size, ...]:
    """Only the sizes."""
    return tuple(_sizes(arm.skus(), plain_location(arm.access.location)))


def _sizes(skus: Iterable[Json], location: str) -> Iterator[Size]:
    for sku in skus:
        if sku.get("resourceType") != "virtualMachines":
            continue
        has = {item["name"]: item["value"] for item in sku.get("capabilities") or ()}
        if "vCPUs" not in has or "MemoryGB" not in has:
            continue
        yield Size(
            name=sku["name"],
            family=sku.get("family") or "",
            vcpus=int(has.get("vCPUsAvailable") or has["vCPUs"]),
            # The API says GB and means GiB, as the size pages do: Dsv5's page gives the same
            # figures as GB in its table and as GiB in its specification. Some are fractions.
            memory_bytes=round(float(has["MemoryGB"]) * GIB),
            architecture=_ARCHITECTURES.get(has.get("CpuArchitectureType", "x64").lower(), ""),
            generations=_words(has.get("HyperVGenerations", "V1")),
            max_data_disks=int(has.get("MaxDataDiskCount", 0)),
            max_nics=int(has.get("MaxNetworkInterfaces", 1)),
            premium_io=_true(has.get("PremiumIO")),
            # Sizes from before NVMe do not name their controller; it is SCSI.
            controllers=_words(has.get("DiskControllerTypes", "SCSI")),
            trusted_launch=not _true(has.get("TrustedLaunchDisabled")),
            temp_disk_bytes=int(has.get("MaxResourceVolumeMB", 0)) << 20,
            gpus=int(has.get("GPUs", 0)),
            zones=tuple(
                zone for info in sku.get("locationInfo") or () for zone in info.get("zones") or ()
            ),
            restricted=_restriction(sku, location),
        )


def _restriction(sku: Json, location: str) -> str:
    # A restriction of type Zone still leaves the size to machines without a zone.
    for restriction in sku.get("restrictions") or ():
        places = [plain_location(value) for value in restriction.get("values") or ()]
        if restriction.get("type") == "Location" and location in places:
            return str(restriction.get("reasonCode") or "restricted")
    return ""


def _disk_tiers(skus: Iterable[Json]) -> Iterator[DiskTier]:
    for sku in skus:
        has = {item["name"]: item["value"] for item in sku.get("capabilities") or ()}
        if sku.get("resourceType") != "disks" or "MaxSizeGiB" not in has:
            continue
        if any(item.get("type") == "Location" for item in sku.get("restrictions") or ()):
            continue
        yield DiskTier(
            kind=sku["name"],
            tier=sku.get("size") or "",
            max_bytes=int(has["MaxSizeGiB"]) * GIB,
            iops=int(has.get("MaxIOps") or has.get("MaxIOpsReadWrite") or 0),
            # Disk pages count in decimal megabytes ("Select a disk type for Azure IaaS VMs").
            throughput_bytes_s=int(
                has.get("MaxBandwidthMBps") or has.get("MaxBandwidthMBpsReadWrite") or 0
            )
            * 1_000_000,
        )


def _subnets(vnets: Iterable[Json], nics: Iterable[Json]) -> Iterator[Subnet]:
    used: dict[str, dict[str, str]] = {}
    for nic in nics:
        for configuration in properties(nic).get("ipConfigurations") or ():
            said = properties(configuration)
            subnet_id = ((said.get("subnet") or {}).get("id") or "").lower()
            if said.get("privateIPAddress"):
                owner = tag(nic, ORIGIN_TAG) or ""
                used.setdefault(subnet_id, {})[said["privateIPAddress"]] = owner
    for vnet in vnets:
        for subnet in properties(vnet).get("subnets") or ():
            said = properties(subnet)
            cidrs = said.get("addressPrefixes") or [said.get("addressPrefix")]
            yield Subnet(
                id=subnet["id"],
                name=subnet.get("name") or last(subnet["id"]),
                network=vnet.get("name") or last(vnet["id"]),
                network_id=vnet["id"],
                cidrs=tuple(cidr for cidr in cidrs if cidr),
                used=used.get(subnet["id"].lower(), {}),
            )


def _snapshots(found: Iterable[Json]) -> Iterator[Snapshot]:
    for snapshot in found:
        said = properties(snapshot)
        # Ours are of one migration, and go with it.
        if said.get("osType") and not tag(snapshot, MIGRATION_TAG):
            yield Snapshot(
                id=snapshot["id"],
                name=snapshot["name"],
                os=said["osType"].lower(),
                generation=said.get("hyperVGeneration") or "V1",
                size_bytes=int(said.get("diskSizeBytes") or 0),
            )


def _usages(found: Iterable[Json]) -> dict[str, Usage]:
    return {
        usage["name"]["value"].lower(): Usage(
            limit=int(usage["limit"]), used=int(usage["currentValue"])
        )
        for usage in found
    }


def _vms(found: Iterable[Json]) -> Iterator[Vm]:
    for vm in found:
        hardware = properties(vm).get("hardwareProfile") or {}
        yield Vm(
            name=vm["name"],
            size=hardware.get("vmSize") or "",
            origin=tag(vm, ORIGIN_TAG) or "",
        )


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip().upper() for word in text.split(",") if word.strip())


def _true(text: str | None) -> bool:
    return (text or "").lower() == "true"
