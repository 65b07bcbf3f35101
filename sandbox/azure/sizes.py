"""The catalogue of machine sizes and disk types, in the shape of the Resource SKUs API.

Source of the numbers in ``sizes.json``: the size series pages of the Azure
virtual machines documentation (bv1, dsv3, dsv5, esv5, fsv2, dasv5, dpsv5,
dsv6); a test compares them with what was read from those pages. Not every
capability of the real answer is there. The Trusted Launch column is from
general knowledge.
"""

import json
from pathlib import Path
from typing import Any

Json = dict[str, Any]
ZONES = ["1", "2", "3"]
DATA = Path(__file__).with_name("sizes.json")


class Catalogue:
    """Sizes and disk types offered in one location."""

    def __init__(self, location: str) -> None:
        data = json.loads(DATA.read_text())
        self._sizes: dict[str, Json] = {row["name"].lower(): row for row in data["sizes"]}
        self.skus = [_machine_sku(row, location) for row in data["sizes"]]
        self.skus += [_disk_sku(row, location) for row in data["disks"]]

    def size(self, name: str) -> Json | None:
        """One row of the data file, by size name."""
        return self._sizes.get(name.lower())

    def families(self) -> list[str]:
        """The quota families, each once."""
        return sorted({str(row["family"]) for row in self._sizes.values()})


def _capabilities(found: dict[str, Any]) -> list[Json]:
    # The API gives every value as a string, booleans as True and False.
    return [{"name": name, "value": str(value)} for name, value in found.items()]


def _machine_sku(row: Json, location: str) -> Json:
    capabilities = {
        "MaxResourceVolumeMB": row["temp_disk_mb"],
        "OSVhdSizeMB": 1047552,
        "vCPUs": row["vcpus"],
        "MemoryPreservingMaintenanceSupported": True,
        "HyperVGenerations": row["generations"],
        "DiskControllerTypes": row["controllers"],
        "MemoryGB": row["memory_gb"],
        "MaxDataDiskCount": row["max_data_disks"],
        "CpuArchitectureType": row["architecture"],
        "LowPriorityCapable": not row["name"].startswith("Standard_B"),
        "PremiumIO": row["premium_io"],
        "VMDeploymentTypes": "IaaS",
        "vCPUsAvailable": row["vcpus"],
        "vCPUsPerCore": row["vcpus_per_core"],
        "EphemeralOSDiskSupported": row["temp_disk_mb"] > 0,
        "AcceleratedNetworkingEnabled": row["accelerated_networking"],
        "RdmaEnabled": False,
        "MaxNetworkInterfaces": row["max_nics"],
    }
    if not row["trusted_launch"]:
        capabilities["TrustedLaunchDisabled"] = True
    restrictions = []
    if row.get("restricted"):
        restrictions = [
            {
                "type": "Location",
                "values": [location],
                "restrictionInfo": {"locations": [location]},
                "reasonCode": "NotAvailableForSubscription",
            }
        ]
    return {
        "resourceType": "virtualMachines",
        "name": row["name"],
        "tier": "Standard",
        "size": row["name"].removeprefix("Standard_"),
        "family": row["family"],
        "locations": [location],
        "locationInfo": [{"location": location, "zones": ZONES, "zoneDetails": []}],
        "capabilities": _capabilities(capabilities),
        "restrictions": restrictions,
    }


def _disk_sku(row: Json, location: str) -> Json:
    return {
        "resourceType": "disks",
        "name": row["name"],
        "tier": row["tier"],
        "size": row["size"],
        "locations": [location],
        "locationInfo": [{"location": location, "zones": ZONES, "zoneDetails": []}],
        "capabilities": _capabilities(row["capabilities"]),
        "restrictions": [],
    }
