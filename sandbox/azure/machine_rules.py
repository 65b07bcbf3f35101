"""What Azure checks before it accepts a machine.

Sources: REST reference of Virtual Machines; "Support for generation 2 VMs";
"Trusted Launch"; the size series pages (limits per size); "vCPU quotas" (cores
count whether allocated or not); error words as public reports quote them.
"""

import base64
import binascii
from collections.abc import Iterator

from sandbox.azure.errors import ArmError, bad_request, invalid_parameter, not_allowed
from sandbox.azure.sizes import ZONES
from sandbox.azure.world import Json, Resource, World

MAX_USER_DATA_BYTES = 64 * 1024
PREMIUM_SKUS = frozenset({"Premium_LRS", "Premium_ZRS", "PremiumV2_LRS", "UltraSSD_LRS"})
DATA_ONLY_SKUS = frozenset({"PremiumV2_LRS", "UltraSSD_LRS"})


def machine_size(world: World, properties: Json) -> Json:
    """The size asked for; refuses unknown and restricted ones."""
    name = (properties.get("hardwareProfile") or {}).get("vmSize")
    if not name:
        raise invalid_parameter(
            "vmSize", "Required parameter 'hardwareProfile.vmSize' is missing (null)."
        )
    size = world.catalogue.size(name)
    if size is None:
        raise invalid_parameter(
            "vmSize", f"The value {name} provided for the VM size is not valid."
        )
    if size.get("restricted"):
        raise ArmError(
            409,
            "SkuNotAvailable",
            f"The requested VM size '{name}' is currently not available in location "
            f"'{world.location}' for this subscription.",
        )
    return size


def check_quota(world: World, size: Json, machine_id: str) -> None:
    """Refuse a machine that takes the subscription past its cores."""
    used, used_of_family, count = size["vcpus"], size["vcpus"], 1
    for machine in world.of_kind("virtualMachines"):
        other = world.catalogue.size(machine.properties["hardwareProfile"]["vmSize"])
        if other is None or machine.id.lower() == machine_id.lower():
            continue
        count += 1
        used += other["vcpus"]
        used_of_family += other["vcpus"] if other["family"] == size["family"] else 0
    limits = (
        ("Virtual Machines", count, world.settings.machine_limit),
        ("Total Regional Cores", used, world.settings.core_limit),
        (f"{size['family']} Cores", used_of_family, world.settings.family_core_limit),
    )
    for what, needed, limit in limits:
        if needed > limit:
            raise not_allowed(
                f"Operation could not be completed as it results in exceeding approved {what} "
                f"quota. Location: {world.location}, Current Limit: {limit}, Minimum New Limit "
                f"Required: {needed}.",
                ("QuotaExceeded",),
            )


def check_profile(body: Json, size: Json) -> None:
    """Refuse what does not go with a specialised OS disk, a size or a security type."""
    properties = body.get("properties") or {}
    storage = properties.get("storageProfile") or {}
    os_disk = storage.get("osDisk")
    if not os_disk or os_disk.get("createOption") != "Attach":
        raise bad_request("This sandbox makes machines only from an attached OS disk.")
    if storage.get("imageReference"):
        raise invalid_parameter("imageReference", "Parameter 'imageReference' is not allowed.")
    if properties.get("osProfile") is not None:
        raise invalid_parameter("osProfile", "Parameter 'osProfile' is not allowed.")
    if not os_disk.get("osType"):
        raise invalid_parameter("osDisk.osType", "Required parameter 'osDisk.osType' is missing.")
    zones = body.get("zones") or []
    if len(zones) > 1 or not set(zones) <= set(ZONES):
        raise invalid_parameter("zones", f"The zone(s) {zones} are not available for a VM.")
    controller = storage.get("diskControllerType")
    if controller and controller not in size["controllers"].split(","):
        raise bad_request(
            f"The VM size '{size['name']}' cannot boot with disk controller type '{controller}'."
        )
    _check_user_data(properties.get("userData"))
    security = (properties.get("securityProfile") or {}).get("securityType")
    if security == "TrustedLaunch" and not size["trusted_launch"]:
        raise bad_request(
            f"The VM size '{size['name']}' is not supported for creation of VMs with TrustedLaunch."
        )


def _check_user_data(user_data: str | None) -> None:
    if user_data is None:
        return
    try:
        decoded = base64.b64decode(user_data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid_parameter("userData", "User data must be in Base64.") from error
    if len(decoded) > MAX_USER_DATA_BYTES:
        raise invalid_parameter("userData", "User data exceeds 64 KiB.")


def disk_entries(properties: Json) -> Iterator[tuple[Json, bool]]:
    """Each disk of a machine's body, and whether it is the OS disk."""
    storage = properties["storageProfile"]
    yield storage["osDisk"], True
    for entry in storage.get("dataDisks") or []:
        yield entry, False


def check_disk(world: World, entry: Json, *, is_os: bool, body: Json, machine_id: str) -> Resource:
    """The disk an entry names; refuses one that can not be attached to this machine."""
    target = "osDisk" if is_os else "dataDisks"
    if entry.get("createOption") != "Attach":
        raise bad_request(f"This sandbox attaches disks, it knows no {entry.get('createOption')}.")
    disk_id = (entry.get("managedDisk") or {}).get("id")
    disk = world.referenced(disk_id, "disks", f"{target}.managedDisk.id")
    owner = disk.body.get("managedBy")
    if owner and owner.lower() != machine_id.lower():
        raise ArmError(
            409,
            "ConflictingUserInput",
            f"Disk '{disk.id}' cannot be attached as the disk is already owned by VM '{owner}'.",
        )
    state = disk.properties["diskState"]
    if not owner and state != "Unattached":
        raise not_allowed(f"Disk '{disk.name}' cannot be attached: it is in state {state}.")
    disk_zones, zones = disk.body.get("zones", []), body.get("zones") or []
    sku = disk.body["sku"]["name"]
    if disk_zones != zones and not sku.endswith("_ZRS"):
        raise bad_request(
            f"Disk '{disk.name}' in zone {disk_zones or 'none'} cannot be attached to a VM in zone "
            f"{zones or 'none'}."
        )
    if sku in DATA_ONLY_SKUS and (is_os or entry.get("caching", "None") != "None"):
        raise bad_request(f"A {sku} disk can be neither an OS disk nor cached by the host.")
    return disk


def check_fit(size: Json, disk: Resource, is_os: bool, security: str) -> None:
    """Refuse a disk whose type, generation or architecture the size does not take."""
    sku = disk.body["sku"]["name"]
    if sku in PREMIUM_SKUS and not size["premium_io"]:
        raise invalid_parameter(
            "storageAccountType",
            "Requested operation cannot be performed because the VM size "
            f"{size['name']} does not support the storage account type {sku} of disk "
            f"'{disk.name}'.",
        )
    if not is_os:
        return
    generation = disk.properties.get("hyperVGeneration", "V1")
    if generation not in size["generations"].split(","):
        raise bad_request(
            f"The selected VM size '{size['name']}' cannot boot Hypervisor Generation "
            f"'{generation.removeprefix('V')}'."
        )
    capabilities = disk.properties.get("supportedCapabilities") or {}
    architecture = capabilities.get("architecture") or "x64"
    if architecture != size["architecture"]:
        raise bad_request(
            f"Cannot create a VM of size '{size['name']}' because this VM size only supports a CPU "
            f"Architecture of '{size['architecture']}', but the disk given supports a CPU "
            f"Architecture of '{architecture}'."
        )
    controllers = (capabilities.get("diskControllerTypes") or "SCSI").replace(" ", "").split(",")
    if not set(controllers) & set(size["controllers"].split(",")):
        raise bad_request(
            f"The VM size '{size['name']}' cannot boot with the disk controller types "
            f"{controllers} of the OS disk."
        )
    if security == "TrustedLaunch" and generation != "V2":
        raise bad_request("Trusted Launch needs a disk of Hypervisor Generation 2.")
    disk_security = (disk.properties.get("securityProfile") or {}).get("securityType", "Standard")
    if security != disk_security:
        raise bad_request(
            "Security type of VM is not compatible with the security type of attached OS Disk."
        )


def check_interfaces(world: World, properties: Json, size: Json, machine_id: str) -> list[Resource]:
    """The interfaces a machine names; refuses the wrong number, owner or network."""
    profile = properties.get("networkProfile") or {}
    entries = profile.get("networkInterfaces") or []
    if not entries:
        raise invalid_parameter("networkProfile", "A VM needs at least one network interface.")
    if len(entries) > size["max_nics"]:
        raise bad_request(
            f"The number of network interfaces for the VM exceeds the maximum {size['max_nics']} "
            f"allowed for the size {size['name']}."
        )
    primaries = sum(bool((item.get("properties") or {}).get("primary")) for item in entries)
    if primaries != 1 and (len(entries) > 1 or primaries > 1):
        raise invalid_parameter(
            "networkProfile", "Exactly one network interface of a VM must be primary."
        )
    found, networks = [], set()
    for item in entries:
        nic = world.referenced(item.get("id"), "networkInterfaces", "networkInterfaces.id")
        owner = (nic.properties.get("virtualMachine") or {}).get("id", machine_id)
        if owner.lower() != machine_id.lower():
            raise ArmError(
                400, "NicInUse", f"Network Interface {nic.id} is used by existing VM {owner}."
            )
        if nic.properties["enableAcceleratedNetworking"] and not size["accelerated_networking"]:
            raise bad_request(
                f"VM size {size['name']} is not compatible with accelerated networking of {nic.id}."
            )
        if nic in found:
            raise invalid_parameter("networkProfile", f"Interface {nic.name} is given twice.")
        found.append(nic)
        subnet_id = nic.properties["ipConfigurations"][0]["properties"]["subnet"]["id"]
        networks.add(subnet_id.lower().rsplit("/subnets/", 1)[0])
    if len(networks) > 1:
        raise ArmError(
            400,
            "SubnetsNotInSameVnet",
            "All network interfaces of a VM must be in the same virtual network.",
        )
    return found


def check_data_disks(properties: Json, size: Json) -> None:
    """Refuse too many data disks and a logical unit number used twice."""
    entries = properties["storageProfile"].get("dataDisks") or []
    if len(entries) > size["max_data_disks"]:
        raise not_allowed(
            "The maximum number of data disks allowed to be attached to a VM of this size is "
            f"{size['max_data_disks']}."
        )
    luns = [item["lun"] for item in entries]
    if len(set(luns)) != len(luns) or any(not 0 <= lun <= 63 for lun in luns):
        raise invalid_parameter("dataDisks.lun", f"Each data disk needs its own lun: {luns}.")
